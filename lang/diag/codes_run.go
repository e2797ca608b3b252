package diag

// Failures of run time: the reason of a dead letter, or what `catch` takes.
// Where the checker can prove one beforehand it reports it under the same code.
var (
	BadJSON = &Code{ID: "E0401", Title: "not JSON",
		Doc: "The record's value is not JSON. The message names the byte and what is wrong there; the value must be mended where it is made."}
	NotUTF8 = &Code{ID: "E0402", Title: "not UTF-8",
		Doc: "The record's bytes are not UTF-8 text. Sluice never guesses an encoding: convert it where the record is made."}
	TooDeep = &Code{ID: "E0403", Title: "nested too deep",
		Doc: "Lists and objects of the value nest more than 512 deep."}

	BadLine = &Code{ID: "E0404", Title: "a line of a file that cannot be read",
		Doc: "A line of a CSV file has another number of columns than the header, or a quote that does not end; or it is longer than 4 MiB. The message names the line. It is a dead letter like any other, and the lines around it go on."}

	NullValue = &Code{ID: "E0410", Title: "null where a value is needed",
		Doc:   "A null subject (first argument) gives null; a null anywhere else, in an operator, a condition, a key or another argument, is a failure. Where the types show it, it is an error of the program: `require` the value above, or give another with `??`.",
		Wrong: "app \"a\"\nfrom topic \"t\" as { n: number? }\nwhere .n > 1\nemit log\n", Right: "app \"a\"\nfrom topic \"t\" as { n: number? }\nwhere .n != null and .n > 1\nemit log\n"}
	NotAnObject = &Code{ID: "E0411", Title: "a field of what has no fields",
		Doc:   "A field was read of a text, a number or another value that has none. (A missing field, and a field of null, reads as null.)",
		Wrong: "app \"a\"\nfrom topic \"t\" as { id: string }\nlet x = .id.part\nemit log { x }\n", Right: "app \"a\"\nfrom topic \"t\" as { id: string }\nlet x = .id\nemit log { x }\n"}
	Mismatch = &Code{ID: "E0412", Title: "not of the declared type",
		Doc: "A value does not belong to the type that `as T` declares. The path names the first field, in the order of the type, that does not."}
	RequireFailed = &Code{ID: "E0413", Title: "a requirement does not hold",
		Doc: "The condition of a `require` was false; the message is the script's own."}
	FailStage = &Code{ID: "E0414", Title: "failed on purpose",
		Doc: "A `fail` was reached; the message is the script's own."}

	Decimal = &Code{ID: "E0420", Title: "beyond the limits of numbers",
		Doc: "Numbers are exact decimals of at most 38 significant digits and an exponent of at most 6,144. The result, or a number that takes part in the arithmetic, is beyond that."}
	DivZero = &Code{ID: "E0421", Title: "division by zero",
		Doc: "The divisor of `/` or `%` is 0. Test it, or say what is meant instead: `.a / .b catch 0`."}
	FuncFailed = &Code{ID: "E0422", Title: "a function failed",
		Doc: "A function that may fail on bad input did. Write `catch` to go on with another value."}
	Collision = &Code{ID: "E0423", Title: "names collide",
		Doc: "Two fields of a computed object got the same name. Nothing is overwritten in silence."}
	TooLarge = &Code{ID: "E0424", Title: "value too large",
		Doc: "A value is larger than 4 MiB."}
	TooMuch = &Code{ID: "E0425", Title: "too much work for one record",
		Doc: "A record takes at most 1,000,000 steps, makes at most 10,000 outputs, 8 MiB of output and 10,000 children of a `split`, and writes at most 4,000 rows or other cells of state, and 2 MiB of them."}

	NoID = &Code{ID: "E0430", Title: "nobody to send it for",
		Doc:   "A Segment call needs a userId or an anonymousId that is not null.",
		Wrong: "app \"a\"\nconnection segment main { write_key: secret(\"KEY\") }\nfrom topic \"t\" as { id: string }\nemit track \"Song Played\"\n", Right: "app \"a\"\nconnection segment main { write_key: secret(\"KEY\") }\nfrom topic \"t\" as { id: string }\nemit track \"Song Played\" { userId: .id }\n"}
	BadID = &Code{ID: "E0431", Title: "not usable as an id",
		Doc:   "A userId or anonymousId is \"\", or a messageId has more than 100 characters.",
		Wrong: "app \"a\"\nconnection segment main { write_key: secret(\"KEY\") }\nfrom topic \"t\" as { id: string }\nemit track \"Song Played\" { userId: \"\" }\n", Right: "app \"a\"\nconnection segment main { write_key: secret(\"KEY\") }\nfrom topic \"t\" as { id: string }\nemit track \"Song Played\" { userId: .id }\n"}
	EventTooLarge = &Code{ID: "E0432", Title: "event over 32 KB",
		Doc: "Segment takes no event of more than 32 KB. Leave out what nobody reads."}
	BadName = &Code{ID: "E0433", Title: "not usable as an event name",
		Doc:   "The name of an event is empty or not text.",
		Wrong: "app \"a\"\nconnection segment main { write_key: secret(\"KEY\") }\nfrom topic \"t\" as { id: string }\nemit track \"\" { userId: .id }\n", Right: "app \"a\"\nconnection segment main { write_key: secret(\"KEY\") }\nfrom topic \"t\" as { id: string }\nemit track \"Song Played\" { userId: .id }\n"}
	NoKey = &Code{ID: "E0434", Title: "a tombstone without a key",
		Doc: "`value: null` removes what a key stands for; without a key there is nothing to remove."}
	HeaderText = &Code{ID: "E0435", Title: "not usable as a header",
		Doc: "A header's value is text without line breaks and NUL; null, lists and objects are none."}
	CallField = &Code{ID: "E0436", Title: "a field of a call does not fit Segment",
		Doc: "A call's field, trait or property has a type that Segment's specification reserves otherwise. Dynamic names and values are judged when the record runs, by the same rules as constant ones."}

	BadIdentifier = &Code{ID: "E0437", Title: "not usable as an identifier",
		Doc: "An identifier of a person is text, or a whole number of which the digits are taken. An object, a list, a bool or a time is none. Null leaves the identifier out."}
	NoIdentifier = &Code{ID: "E0438", Title: "nobody to resolve",
		Doc: "None of the identifiers that `resolve` was given names anybody: they are null, blocked, or have no canonical form. Write `as p?` to go on with null."}
	SeveralPeople = &Code{ID: "E0439", Title: "several people match",
		Doc: "`forget` was given identifiers of more than one person. Nobody is forgotten by mistake: give identifiers of one person only."}

	FutureTime = &Code{ID: "E0440", Title: "time too far ahead",
		Doc: "A time is more than `max_future` (10 minutes) ahead of the clock. Such a record would drag all that depends on time with it."}
	NoTimestamp = &Code{ID: "E0441", Title: "the record has no timestamp",
		Doc: "`@timestamp` was read of a record that carries none. Write `time by .at`, or `@timestamp catch …`. Stages that go by event time (`dedupe`, `throttle`, `changed by … within`, `window`, an `update` of a table with a `ttl`) need one, too."}
	BadMeta = &Code{ID: "E0442", Title: "key or header is not text",
		Doc: "`@key` or a header was read whose bytes are not UTF-8."}

	Late = &Code{ID: "E0443", Title: "late for its window",
		Doc: "Every pane that the record belongs to has been told. Write `late { … }` behind the window to say what becomes of such records, or give it more `grace`."}
	Throttled = &Code{ID: "E0444", Title: "over the rate",
		Doc: "A `throttle … else fail` had no room for the record, or an `else wait` would have had it wait for longer than it allows."}
	KeyTooLarge = &Code{ID: "E0445", Title: "key too large",
		Doc: "The key of a table, of `changed by`, `throttle` or `window` takes at most 32 KiB. Take a hash of it where it really is one: `hash.sha256(.text)`."}
	StoredType = &Code{ID: "E0446", Title: "stored as another type",
		Doc: "What the state holds under the key was written when the program declared another type, and does not fit the one of today. Declare a type that takes both, or write the row anew with `delete` and `update`."}
	BadCommand = &Code{ID: "E0447", Title: "an operator's command was refused",
		Doc: "A command to an identity space could not be carried out as it was given: it would join two users, names nobody or several people, or cannot be read. Nothing was changed."}
	NoWayOn = &Code{ID: "E0448", Title: "the record cannot go on where it waited",
		Doc: "The record waited for the answer of a `call`, and the program was changed meanwhile so that the place where it stood is gone. Replay the letter: it begins anew."}

	Refused = &Code{ID: "E0450", Title: "refused by the sink",
		Doc: "The receiver refused the output and would refuse it again. The original stands in the letter as it was sent."}
	GaveUp = &Code{ID: "E0451", Title: "not delivered in time",
		Doc: "The receiver could not be reached, or asked to wait, for longer than `retry:` allows."}
)

// runCodes lists the failures of run time in order.
func runCodes() []*Code {
	return []*Code{BadJSON, NotUTF8, TooDeep, BadLine, NullValue, NotAnObject, Mismatch, RequireFailed, FailStage,
		Decimal, DivZero, FuncFailed, Collision, TooLarge, TooMuch,
		NoID, BadID, EventTooLarge, BadName, NoKey, HeaderText, CallField, BadIdentifier, NoIdentifier, SeveralPeople,
		FutureTime, NoTimestamp, BadMeta, Late, Throttled, KeyTooLarge, StoredType, BadCommand, NoWayOn, Refused, GaveUp}
}
