package diag

// The mistakes that are found when a program is compiled. Wrong gives exactly its
// code, Right none; a test compiles both.
var (
	UnknownName = &Code{ID: "E0101", Title: "unknown name",
		Doc:   "No `let`, `as`, parameter or constant of this name is in force here. Fields of the event begin with a point: `.total`.",
		Wrong: "app \"a\"\nfrom topic \"t\" as { id: string, n: number, s: string?, tags: [string] }\nemit log { a: totl }\n",
		Right: "app \"a\"\nfrom topic \"t\" as { id: string, n: number, s: string?, tags: [string] }\nlet totl = .n\nemit log { a: totl }\n"}
	Duplicate = &Code{ID: "E0102", Title: "declared twice",
		Doc:   "One name stands for one thing: types, functions, constants and connections of a program are seen in all its files.",
		Wrong: "app \"a\"\ntype A = int\ntype A = string\nfrom topic \"t\" as { id: string, n: number, s: string?, tags: [string] }\nemit log\n",
		Right: "app \"a\"\ntype A = int\nfrom topic \"t\" as { id: string, n: number, s: string?, tags: [string] }\nemit log\n"}
	UnknownType = &Code{ID: "E0103", Title: "unknown type",
		Doc:   "Types are `null bool number int string time duration bytes any object`, lists `[T]`, objects `{ f: T }`, maps `{string: T}`, unions, and what the program declares with `type`.",
		Wrong: "app \"a\"\nfrom topic \"t\" as { n: strng }\nemit log\n",
		Right: "app \"a\"\nfrom topic \"t\" as { n: string }\nemit log\n"}
	TypeCycle = &Code{ID: "E0104", Title: "a type that holds itself",
		Doc:   "A type may not be part of itself: values are read to a bounded depth, and so are their types. Say `any` where it would go on.",
		Wrong: "app \"a\"\ntype T = { sub: [T] }\nfrom topic \"t\" as T\nemit log\n",
		Right: "app \"a\"\ntype T = { sub: [any] }\nfrom topic \"t\" as T\nemit log\n"}
	DefCycle = &Code{ID: "E0105", Title: "a function that calls itself",
		Doc:   "Functions are put in where they are called, so none may lead back to itself. The message shows the way round.",
		Wrong: "app \"a\"\ndef f(n: int) = g(n)\ndef g(n: int) = f(n)\nfrom topic \"t\" as { id: string, n: number, s: string?, tags: [string] }\nemit log\n",
		Right: "app \"a\"\ndef f(n: int) = n\ndef g(n: int) = f(n)\nfrom topic \"t\" as { id: string, n: number, s: string?, tags: [string] }\nemit log { a: g(1) }\n"}
	NoApp = &Code{ID: "E0106", Title: "the program has no name",
		Doc:   "`app \"shop\"` names the program once. The name is part of every consumer group and message id, so that they never follow the name of a folder.",
		Wrong: "from topic \"t\" as { id: string, n: number, s: string?, tags: [string] }\nemit log\n",
		Right: "app \"a\"\nfrom topic \"t\" as { id: string, n: number, s: string?, tags: [string] }\nemit log\n"}
	AppTwice = &Code{ID: "E0107", Title: "the program is named twice",
		Doc:   "`app` stands once in all files of a program.",
		Wrong: "app \"a\"\napp \"b\"\nfrom topic \"t\" as { id: string, n: number, s: string?, tags: [string] }\nemit log\n",
		Right: "app \"a\"\nfrom topic \"t\" as { id: string, n: number, s: string?, tags: [string] }\nemit log\n"}
	RouteTwice = &Code{ID: "E0108", Title: "two routes of one name",
		Doc:   "A route's name is part of its consumer group and its message ids. A route without a `route NAME` line takes the name of its file.",
		Wrong: "app \"a\"\nroute x\nfrom topic \"t\" as { id: string, n: number, s: string?, tags: [string] }\nemit log\nroute x\nfrom topic \"t\" as { id: string, n: number, s: string?, tags: [string] }\nemit log\n",
		Right: "app \"a\"\nroute x\nfrom topic \"t\" as { id: string, n: number, s: string?, tags: [string] }\nemit log\nroute y\nfrom topic \"t\" as { id: string, n: number, s: string?, tags: [string] }\nemit log\n"}
	UnknownConnection = &Code{ID: "E0109", Title: "unknown connection",
		Doc:   "A stage uses the connection `main` of its kind unless it says `via NAME`; both are declared with `connection KIND NAME { … }`. Only `kafka main` may be missing: an embedded broker stands in for it.",
		Wrong: "app \"a\"\nfrom topic \"t\" as { id: string, n: number, s: string?, tags: [string] }\nemit track \"Song Played\" { userId: .id }\n",
		Right: "app \"a\"\nconnection segment main { write_key: secret(\"KEY\") }\nfrom topic \"t\" as { id: string, n: number, s: string?, tags: [string] }\nemit track \"Song Played\" { userId: .id }\n"}
	ConnectionCycle = &Code{ID: "E0110", Title: "a connection that inherits from itself",
		Doc:   "`connection KIND NAME = PARENT` takes over the options of PARENT; the way up must end.",
		Wrong: "app \"a\"\nconnection segment a = b { batch: 1 }\nconnection segment b = a { batch: 1 }\nfrom topic \"t\" as { id: string, n: number, s: string?, tags: [string] }\nemit log\n",
		Right: "app \"a\"\nconnection segment b { write_key: secret(\"KEY\") }\nconnection segment a = b { batch: 1 }\nfrom topic \"t\" as { id: string, n: number, s: string?, tags: [string] }\nemit log\n"}
	UnknownModule = &Code{ID: "E0111", Title: "unknown module",
		Doc:   "`use NAME` takes a module that comes with Sluice.",
		Wrong: "app \"a\"\nuse kochave\nfrom topic \"t\" as { id: string, n: number, s: string?, tags: [string] }\nemit log\n",
		Right: "app \"a\"\nuse kochava\nfrom topic \"t\" as { id: string, n: number, s: string?, tags: [string] }\nemit log\n"}
	UnknownOption = &Code{ID: "E0112", Title: "unknown option",
		Doc:   "What stands in the braces of a source, a route or a connection is taken from a fixed list.",
		Wrong: "app \"a\"\nfrom topic \"t\" as { id: string } { strat: latest }\nemit log\n",
		Right: "app \"a\"\nfrom topic \"t\" as { id: string } { start: latest }\nemit log\n"}
	BadOption = &Code{ID: "E0113", Title: "not a value of this option",
		Doc:   "The option takes another kind of value, or another choice.",
		Wrong: "app \"a\"\nfrom topic \"t\" as { id: string } { start: newest }\nemit log\n",
		Right: "app \"a\"\nfrom topic \"t\" as { id: string } { start: latest }\nemit log\n"}
	MissingOption = &Code{ID: "E0114", Title: "an option is missing",
		Doc:   "This connection cannot work without the option.",
		Wrong: "app \"a\"\nconnection segment main { region: eu }\nfrom topic \"t\" as { id: string, n: number, s: string?, tags: [string] }\nemit log\n",
		Right: "app \"a\"\nconnection segment main { write_key: secret(\"KEY\"), region: eu }\nfrom topic \"t\" as { id: string, n: number, s: string?, tags: [string] }\nemit log\n"}
	NotConstant = &Code{ID: "E0115", Title: "not a constant",
		Doc:   "Here stands what is known before any event: constants and what is computed of them. A `let` above the first route of its file, a default of a field and a topic of a source are such places.",
		Wrong: "app \"a\"\nlet a = .id\nfrom topic \"t\" as { id: string, n: number, s: string?, tags: [string] }\nemit log\n",
		Right: "app \"a\"\nlet a = \"x\"\nfrom topic \"t\" as { id: string, n: number, s: string?, tags: [string] }\nemit log { a }\n"}
	BadPattern = &Code{ID: "E0116", Title: "not a pattern",
		Doc:   "Patterns are regular expressions in the syntax of RE2 (no look-around, no back references).",
		Wrong: "app \"a\"\nfrom topic \"t\" as { id: string, n: number, s: string?, tags: [string] }\nwhere .id matches `a(`\nemit log\n",
		Right: "app \"a\"\nfrom topic \"t\" as { id: string, n: number, s: string?, tags: [string] }\nwhere .id matches `a\\(`\nemit log\n"}
	NameClash = &Code{ID: "E0117", Title: "two names that become one",
		Doc:   "Names of routes become part of topic names, where only a-z, 0-9 and - stand: other characters turn into -, capitals into small letters.",
		Wrong: "app \"a\"\nroute a_b\nfrom topic \"t\" as { id: string, n: number, s: string?, tags: [string] }\nemit log\nroute \"a b\"\nfrom topic \"t\" as { id: string, n: number, s: string?, tags: [string] }\nemit log\n",
		Right: "app \"a\"\nroute a_b\nfrom topic \"t\" as { id: string, n: number, s: string?, tags: [string] }\nemit log\nroute a_c\nfrom topic \"t\" as { id: string, n: number, s: string?, tags: [string] }\nemit log\n"}
	Loop = &Code{ID: "E0118", Title: "a route that feeds itself",
		Doc:   "What the route emits leads back to it, so one record would go round for ever. The message shows the way. A route of `from table` may not write the table whose rows it reads, nor may what they cause.",
		Wrong: "app \"a\"\nroute a\nfrom topic \"x\"\nemit topic \"y\"\nroute b\nfrom topic \"y\"\nemit topic \"x\"\n",
		Right: "app \"a\"\nroute a\nfrom topic \"x\"\nemit topic \"y\"\nroute b\nfrom topic \"y\"\nemit topic \"z\"\n"}
	TooBig = &Code{ID: "E0119", Title: "too much code",
		Doc: "Functions are put in where they are called; put together, a program may have 100,000 operations."}
	SecretHere = &Code{ID: "E0120", Title: "settings stand in connections only",
		Doc:   "`env()`, `secret()` and their kin are read once at start, and stand only in the options of connections and sources: so no secret reaches an event.",
		Wrong: "app \"a\"\nfrom topic \"t\" as { id: string, n: number, s: string?, tags: [string] }\nemit log { k: secret(\"KEY\") }\n",
		Right: "app \"a\"\nconnection segment main { write_key: secret(\"KEY\") }\nfrom topic \"t\" as { id: string, n: number, s: string?, tags: [string] }\nemit log\n"}
	Disjoint = &Code{ID: "E0201", Title: "never equal",
		Doc:   "The two sides have no value in common, so the comparison has one answer for ever. Mostly one of them is misspelt or of another kind.",
		Wrong: "app \"a\"\nfrom topic \"t\" as { st: \"paid\" | \"open\" }\nwhere .st == \"payed\"\nemit log\n",
		Right: "app \"a\"\nfrom topic \"t\" as { st: \"paid\" | \"open\" }\nwhere .st == \"paid\"\nemit log\n"}
	WrongType = &Code{ID: "E0202", Title: "another type is needed",
		Doc:   "The value is of another type than this place takes.",
		Wrong: "app \"a\"\nfrom topic \"t\" as { id: string, n: number, s: string?, tags: [string] }\nlet x = .id * 2\nemit log { x }\n",
		Right: "app \"a\"\nfrom topic \"t\" as { id: string, n: number, s: string?, tags: [string] }\nlet x = .n * 2\nemit log { x }\n"}
	UnknownField = &Code{ID: "E0203", Title: "unknown field",
		Doc:   "The type of the value does not declare the field. A type says which others there are with `...: any`.",
		Wrong: "app \"a\"\nfrom topic \"t\" as { id: string, n: number, s: string?, tags: [string] }\nwhere .nn > 10\nemit log\n",
		Right: "app \"a\"\nfrom topic \"t\" as { id: string, n: number, s: string?, tags: [string] }\nwhere .n > 10\nemit log\n"}
	NeedsCast = &Code{ID: "E0204", Title: "may be anything",
		Doc:   "The value is of type `any`, and this place needs a certain one. Declare it where the event comes in (`as { n: number }`), or judge it here: `.n | as number`.",
		Wrong: "app \"a\"\nfrom topic \"t\" as { n: any }\nwhere .n > 1\nemit log\n",
		Right: "app \"a\"\nfrom topic \"t\" as { n: any }\nwhere .n is number and .n > 1\nemit log\n"}
	NotCondition = &Code{ID: "E0205", Title: "not a condition",
		Doc:   "A condition is true or false. There is no truthiness: say what is compared.",
		Wrong: "app \"a\"\nfrom topic \"t\" as { id: string, n: number, s: string?, tags: [string] }\nwhere .n\nemit log\n",
		Right: "app \"a\"\nfrom topic \"t\" as { id: string, n: number, s: string?, tags: [string] }\nwhere .n > 0\nemit log\n"}
	NotExhaustive = &Code{ID: "E0206", Title: "a case is missing",
		Doc:   "`match` has an arm for every value of its subject, or `else`.",
		Wrong: "app \"a\"\nfrom topic \"t\" as { st: \"paid\" | \"open\" }\nmatch .st {\n  \"paid\" => emit log\n}\n",
		Right: "app \"a\"\nfrom topic \"t\" as { st: \"paid\" | \"open\" }\nmatch .st {\n  \"paid\" => emit log\n  \"open\" => drop \"open\"\n}\n"}
	NotComparable = &Code{ID: "E0207", Title: "no order between these",
		Doc:   "`<` and its kin compare two numbers, two texts, two times or two durations.",
		Wrong: "app \"a\"\nfrom topic \"t\" as { id: string, n: number, s: string?, tags: [string] }\nwhere .n < .id\nemit log\n",
		Right: "app \"a\"\nfrom topic \"t\" as { id: string, n: number, s: string?, tags: [string] }\nwhere .n < 3\nemit log\n"}
	NotAList = &Code{ID: "E0208", Title: "not a list",
		Doc:   "`for`, `each`, `in` and `...` in a list go through a list.",
		Wrong: "app \"a\"\nfrom topic \"t\" as { id: string, n: number, s: string?, tags: [string] }\neach .id as x { emit log }\n",
		Right: "app \"a\"\nfrom topic \"t\" as { id: string, n: number, s: string?, tags: [string] }\neach .tags as x { emit log { x } }\n"}
	FieldTwice = &Code{ID: "E0209", Title: "a field stands twice",
		Doc:   "Of two fields of one name in the same braces only the last could be meant.",
		Wrong: "app \"a\"\nfrom topic \"t\" as { id: string, n: number, s: string?, tags: [string] }\nmap { a: 1, a: 2 }\nemit log\n",
		Right: "app \"a\"\nfrom topic \"t\" as { id: string, n: number, s: string?, tags: [string] }\nmap { a: 1, b: 2 }\nemit log\n"}
	BadDefault = &Code{ID: "E0210", Title: "not a default of this type",
		Doc:   "The default of a field is a constant of the field's type.",
		Wrong: "app \"a\"\nfrom topic \"t\" as { n: int = \"a\" }\nemit log\n",
		Right: "app \"a\"\nfrom topic \"t\" as { n: int = 0 }\nemit log\n"}
	BadIndex = &Code{ID: "E0211", Title: "not an index",
		Doc:   "Lists are indexed by an int, objects by a text.",
		Wrong: "app \"a\"\nfrom topic \"t\" as { id: string, n: number, s: string?, tags: [string] }\nlet x = .tags[\"a\"]\nemit log { x }\n",
		Right: "app \"a\"\nfrom topic \"t\" as { id: string, n: number, s: string?, tags: [string] }\nlet x = .tags[0]\nemit log { x }\n"}
	NotInAll = &Code{ID: "E0212", Title: "a field of some only",
		Doc:   "The value is one of several types and not all of them have the field. Find out first which it is: `match @topic`, `match .type`, `is`.",
		Wrong: "app \"a\"\nfrom topic \"a\" as { id: string }, \"b\" as { name: string }\nwhere .name == \"x\"\nemit log\n",
		Right: "app \"a\"\nfrom topic \"a\" as { id: string }, \"b\" as { name: string }\nmatch @topic {\n  \"a\" => drop \"a\"\n  \"b\" => emit log { name: .name }\n}\n"}
	BadArgument = &Code{ID: "E0301", Title: "not an argument of this function",
		Doc:   "The function takes another type here.",
		Wrong: "app \"a\"\nfrom topic \"t\" as { id: string, n: number, s: string?, tags: [string] }\nemit log { a: upper(.n) }\n",
		Right: "app \"a\"\nfrom topic \"t\" as { id: string, n: number, s: string?, tags: [string] }\nemit log { a: upper(.id) }\n"}
	UnknownFunc = &Code{ID: "E0302", Title: "unknown function",
		Doc:   "Neither the library nor the program nor a module in use has this function.",
		Wrong: "app \"a\"\nfrom topic \"t\" as { id: string, n: number, s: string?, tags: [string] }\nemit log { a: uper(.id) }\n",
		Right: "app \"a\"\nfrom topic \"t\" as { id: string, n: number, s: string?, tags: [string] }\nemit log { a: upper(.id) }\n"}
	ArgCount = &Code{ID: "E0303", Title: "too few or too many arguments",
		Doc:   "The signature says what the function takes.",
		Wrong: "app \"a\"\nfrom topic \"t\" as { id: string, n: number, s: string?, tags: [string] }\nemit log { a: upper(.id, 1) }\n",
		Right: "app \"a\"\nfrom topic \"t\" as { id: string, n: number, s: string?, tags: [string] }\nemit log { a: upper(.id) }\n"}
	ConstArgument = &Code{ID: "E0304", Title: "this argument is a constant",
		Doc:   "The function is prepared with it before any event comes: patterns, paths and the like stand in the script.",
		Wrong: "app \"a\"\nfrom topic \"t\" as { id: string, n: number, s: string?, tags: [string] }\nemit log { a: pick(., .id) }\n",
		Right: "app \"a\"\nfrom topic \"t\" as { id: string, n: number, s: string?, tags: [string] }\nemit log { a: pick(., \"id\") }\n"}
	NeverNull = &Code{ID: "E0305", Title: "never null",
		Doc:   "`??` stands for a value that may be null; the left side never is. Often parentheses are meant: `a ?? (b * c)`.",
		Wrong: "app \"a\"\nfrom topic \"t\" as { id: string, n: number, s: string?, tags: [string] }\nemit log { a: .n ?? 0 }\n",
		Right: "app \"a\"\nfrom topic \"t\" as { id: string, n: number, s: string?, tags: [string] }\nemit log { a: .s ?? \"\" }\n"}
	CannotFail = &Code{ID: "E0306", Title: "cannot fail",
		Doc:   "`catch` stands behind what may fail; the left side cannot.",
		Wrong: "app \"a\"\nfrom topic \"t\" as { id: string, n: number, s: string?, tags: [string] }\nemit log { a: .n catch 0 }\n",
		Right: "app \"a\"\nfrom topic \"t\" as { id: string, n: number, s: string?, tags: [string] }\nemit log { a: number(.id) catch 0 }\n"}
	UnknownMeta = &Code{ID: "E0307", Title: "unknown `@` value",
		Doc:   "Each source says what stands behind `@`: of a topic it is `@topic @partition @offset @key @headers @timestamp`, everywhere `@time`, and `@sample_rate` below `sample`.",
		Wrong: "app \"a\"\nfrom topic \"t\" as { id: string, n: number, s: string?, tags: [string] }\nemit log { a: @tpoic }\n",
		Right: "app \"a\"\nfrom topic \"t\" as { id: string, n: number, s: string?, tags: [string] }\nemit log { a: @topic }\n"}
	NotHere = &Code{ID: "E0308", Title: "not at hand here",
		Doc:   "A `def` and a constant see no event: what they need of it is given to them as a parameter.",
		Wrong: "app \"a\"\ndef f(n: int) = n + .m\nfrom topic \"t\" as { id: string, n: number, s: string?, tags: [string] }\nemit log { a: f(1) }\n",
		Right: "app \"a\"\ndef f(n: int, m: int) = n + m\nfrom topic \"t\" as { id: string, n: number, s: string?, tags: [string] }\nemit log { a: f(1, 2) }\n"}
	NoText = &Code{ID: "E0309", Title: "not text",
		Doc:   "In a text stand texts, numbers, bools, times and durations. A list or an object is written with `json.encode`.",
		Wrong: "app \"a\"\nfrom topic \"t\" as { id: string, n: number, s: string?, tags: [string] }\nemit log { a: \"x ${.tags}\" }\n",
		Right: "app \"a\"\nfrom topic \"t\" as { id: string, n: number, s: string?, tags: [string] }\nemit log { a: \"x ${.n}\" }\n"}
	UnknownCallField = &Code{ID: "E0501", Title: "no field of this call",
		Doc:   "The fields of a call are Segment's own. What is yours stands in `properties` or `traits`.",
		Wrong: "app \"a\"\nconnection segment main { write_key: secret(\"KEY\") }\nfrom topic \"t\" as { id: string, n: number, s: string?, tags: [string] }\nemit track \"Song Played\" { userId: .id, song: .id }\n",
		Right: "app \"a\"\nconnection segment main { write_key: secret(\"KEY\") }\nfrom topic \"t\" as { id: string, n: number, s: string?, tags: [string] }\nemit track \"Song Played\" { userId: .id, properties: { song: .id } }\n"}
	CallFieldType = &Code{ID: "E0502", Title: "a field of the call has another type",
		Doc:   "Segment's specification gives every field of a call its type.",
		Wrong: "app \"a\"\nconnection segment main { write_key: secret(\"KEY\") }\nfrom topic \"t\" as { id: string, n: number, s: string?, tags: [string] }\nemit track \"Song Played\" { userId: .n }\n",
		Right: "app \"a\"\nconnection segment main { write_key: secret(\"KEY\") }\nfrom topic \"t\" as { id: string, n: number, s: string?, tags: [string] }\nemit track \"Song Played\" { userId: string(.n) }\n"}
	MissingField = &Code{ID: "E0503", Title: "a field of the call is missing",
		Doc:   "The call is worth nothing without the field.",
		Wrong: "app \"a\"\nconnection segment main { write_key: secret(\"KEY\") }\nfrom topic \"t\" as { id: string, n: number, s: string?, tags: [string] }\nemit group { userId: .id }\n",
		Right: "app \"a\"\nconnection segment main { write_key: secret(\"KEY\") }\nfrom topic \"t\" as { id: string, n: number, s: string?, tags: [string] }\nemit group { userId: .id, groupId: .id, traits: {} }\n"}
	ReservedType = &Code{ID: "E0504", Title: "reserved for another type",
		Doc:   "Segment's specification reserves this trait or property, and what reads it expects another type.",
		Wrong: "app \"a\"\nconnection segment main { write_key: secret(\"KEY\") }\nfrom topic \"t\" as { id: string, n: number, s: string?, tags: [string] }\nemit track \"Order Completed\" { userId: .id, properties: { revenue: .id } }\n",
		Right: "app \"a\"\nconnection segment main { write_key: secret(\"KEY\") }\nfrom topic \"t\" as { id: string, n: number, s: string?, tags: [string] }\nemit track \"Order Completed\" { userId: .id, properties: { revenue: .n } }\n"}
	UnknownCurrency = &Code{ID: "E0505", Title: "unknown currency",
		Doc:   "Currencies are codes of ISO 4217, as \"EUR\".",
		Wrong: "app \"a\"\nconnection segment main { write_key: secret(\"KEY\") }\nfrom topic \"t\" as { id: string, n: number, s: string?, tags: [string] }\nemit track \"Order Completed\" { userId: .id, properties: { currency: \"EURO\" } }\n",
		Right: "app \"a\"\nconnection segment main { write_key: secret(\"KEY\") }\nfrom topic \"t\" as { id: string, n: number, s: string?, tags: [string] }\nemit track \"Order Completed\" { userId: .id, properties: { currency: \"EUR\" } }\n"}
	NoScripts = &Code{ID: "E0601", Title: "no scripts",
		Doc: "A program is one directory of `*.route` files, without sub-directories."}
	Unreadable = &Code{ID: "E0602", Title: "a file cannot be read",
		Doc: "The file is there and cannot be read, or is no UTF-8 text."}
	LookupFile = &Code{ID: "E0603", Title: "a file does not fit its table",
		Doc: "`table … from file` is read whole before anything runs: every row is of the declared type and has a key of its own. The message names the file, the line and what was expected there; the file's name is relative to the program's directory."}
	NearLiteral = &Code{ID: "W0201", Title: "nearly a known value",
		Doc:   "The type names certain values and admits others; this one nearly is one of them.",
		Wrong: "app \"a\"\nfrom topic \"t\" as { st: \"processed\" | \"failed\" | string }\nwhere .st == \"procesed\"\nemit log\n",
		Right: "app \"a\"\nfrom topic \"t\" as { st: \"processed\" | \"failed\" | string }\nwhere .st == \"processed\"\nemit log\n"}
	NearEvent = &Code{ID: "W0501", Title: "nearly a known event",
		Doc:   "The name is nearly that of an event of Segment's specification, which destinations know under its exact name only.",
		Wrong: "app \"a\"\nconnection segment main { write_key: secret(\"KEY\") }\nfrom topic \"t\" as { id: string, n: number, s: string?, tags: [string] }\nemit track \"Completed Order\" { userId: .id, properties: {} }\n",
		Right: "app \"a\"\nconnection segment main { write_key: secret(\"KEY\") }\nfrom topic \"t\" as { id: string, n: number, s: string?, tags: [string] }\nemit track \"Order Completed\" { userId: .id, properties: {} }\n"}
	NearProperty = &Code{ID: "W0502", Title: "nearly a known property",
		Doc:   "The name is nearly that of a property or trait of Segment's specification, or a text is none of those that the property may be.",
		Wrong: "app \"a\"\nconnection segment main { write_key: secret(\"KEY\") }\nfrom topic \"t\" as { id: string, n: number, s: string?, tags: [string] }\nemit track \"Order Completed\" { userId: .id, properties: { revenu: .n } }\n",
		Right: "app \"a\"\nconnection segment main { write_key: secret(\"KEY\") }\nfrom topic \"t\" as { id: string, n: number, s: string?, tags: [string] }\nemit track \"Order Completed\" { userId: .id, properties: { revenue: .n } }\n"}
	NullTrait = &Code{ID: "W0503", Title: "a trait that may be null",
		Doc:   "A null erases the trait of the profile; `name?:` leaves it out instead. Both can be meant, so say which: `name?: .name`, or `name: .name ?? …`.",
		Wrong: "app \"a\"\nconnection segment main { write_key: secret(\"KEY\") }\nfrom topic \"t\" as { id: string, n: number, s: string?, tags: [string] }\nemit identify { userId: .id, traits: { name: .s } }\n",
		Right: "app \"a\"\nconnection segment main { write_key: secret(\"KEY\") }\nfrom topic \"t\" as { id: string, n: number, s: string?, tags: [string] }\nemit identify { userId: .id, traits: { name?: .s } }\n"}
	AfterEmit = &Code{ID: "W0504", Title: "does not take back what was emitted",
		Doc:   "`where`, `drop`, `sample`, `dedupe`, `changed by` and `throttle` below an `emit` end the event, but what was emitted above them is sent. To send nothing, put them above, or `require`.",
		Wrong: "app \"a\"\nfrom topic \"t\" as { id: string, n: number, s: string?, tags: [string] }\nemit log\nwhere .n > 1\nemit log as second\n",
		Right: "app \"a\"\nfrom topic \"t\" as { id: string, n: number, s: string?, tags: [string] }\nwhere .n > 1\nemit log\nemit log as second\n"}
	EqualEmits = &Code{ID: "W0505", Title: "two emits that only their order tells apart",
		Doc:   "Message ids hold the name of their emit; of equal emits the second gets #2, and they change places when one is put between. `as NAME` keeps them apart for ever.",
		Wrong: "app \"a\"\nfrom topic \"t\" as { id: string, n: number, s: string?, tags: [string] }\nemit log\nemit log\n",
		Right: "app \"a\"\nfrom topic \"t\" as { id: string, n: number, s: string?, tags: [string] }\nemit log\nemit log as again\n"}
	Unreachable = &Code{ID: "W0506", Title: "never reached",
		Doc:   "All ways end above.",
		Wrong: "app \"a\"\nfrom topic \"t\" as { id: string, n: number, s: string?, tags: [string] }\ndrop \"all\"\nemit log\n",
		Right: "app \"a\"\nfrom topic \"t\" as { id: string, n: number, s: string?, tags: [string] }\nemit log\n"}
	PlainSecret = &Code{ID: "W0507", Title: "a secret in the text of a script",
		Doc:   "Whoever reads the script reads the key. `secret(\"NAME\")` takes it from the environment or from a file.",
		Wrong: "app \"a\"\nconnection segment main { write_key: \"abc\" }\nfrom topic \"t\" as { id: string, n: number, s: string?, tags: [string] }\nemit log\n",
		Right: "app \"a\"\nconnection segment main { write_key: secret(\"KEY\") }\nfrom topic \"t\" as { id: string, n: number, s: string?, tags: [string] }\nemit log\n"}
)

// checkCodes lists the mistakes found at compile time, in order.
func checkCodes() []*Code {
	return []*Code{
		UnknownName, Duplicate, UnknownType, TypeCycle, DefCycle, NoApp, AppTwice, RouteTwice, UnknownConnection, ConnectionCycle,
		UnknownModule, UnknownOption, BadOption, MissingOption, NotConstant, BadPattern, NameClash, Loop, TooBig, SecretHere,
		Disjoint, WrongType, UnknownField, NeedsCast, NotCondition, NotExhaustive, NotComparable, NotAList, FieldTwice,
		BadDefault, BadIndex, NotInAll, BadArgument, UnknownFunc, ArgCount, ConstArgument, NeverNull, CannotFail, UnknownMeta,
		NotHere, NoText, UnknownCallField, CallFieldType, MissingField, ReservedType, UnknownCurrency, NoScripts, Unreadable, LookupFile,
	}
}

// warningCodes lists the warnings, in order.
func warningCodes() []*Code {
	return []*Code{
		NearLiteral, NearEvent, NearProperty, NullTrait, AfterEmit, EqualEmits, Unreachable, PlainSecret,
	}
}
