package event

// Wait is what a record waits for: the answer of its call or, where it has none, those
// that are parked under its ordering key.
type Wait struct {
	// Lane is that of the ordering key in force at the stage, as Output.Lane has it;
	// without Ordered the record has none, and nothing waits behind it.
	Lane    uint64
	Ordered bool
	Call    *Call
}

// Call is a request whose answer a record needs.
type Call struct {
	// ID names it for ever within its record: the element path, the stage's key and the
	// round, "/0 call http POST /summary 2".
	ID    string
	Index int32 // into plan.Route.Calls
	// Out is what is sent, in an arena of its own; Out.NotBefore is when a further round
	// is due. Out.ID names the call and its round for ever, wherever.
	Out *Output
	// RetryMS is how long it is tried again; 0: as long as its connection says.
	RetryMS int64
	// Spent is the ID of the round before: of its answer only the time is read again. Over
	// is that of the one before that, whose answer is read no more; "" for the first round,
	// whose time says how long the call has been repeated.
	Spent, Over string
}

// Answer is what became of a call, as the group's own log holds it. One that is spent has
// nothing but its time.
type Answer struct {
	Status  int // 0: there was no answer
	Headers []Header
	Body    []byte
	// Fault says why there is no answer that can be used: "timeout", "refused: 503",
	// "larger than 4 MiB"; "" where there is one, whatever its status.
	Fault string
	At    int64 // clock when it came, microseconds since 1970
	// Sum is Out.Group of the call, which is of all that was sent: when the answer comes
	// the record may ask for something else, so that it is kept (`cache:`) only for what
	// was asked.
	Sum uint64
}

// Calls is what a record asks of those of its route that are parked. A task gives it to
// records of routes that call.
type Calls interface {
	// Parked tells whether a record of the route other than this one is parked in the lane
	// of an ordering key, so that this one must wait behind it.
	Parked(lane uint64) bool
	// Answer gives the answer of a call of this record by its ID; nil: it has not come.
	Answer(id string) *Answer
	// Rounds tells how many rounds of a call of this record have been answered: one more
	// than the last of those whose ID is this name, a blank and a number.
	Rounds(call string) int
}
