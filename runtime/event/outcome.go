package event

import "github.com/sluice-dev/sluice/lang/diag"

// Outcome is how a record ended (I2): every one ends in exactly one of these.
type Outcome struct {
	Kind   OutcomeKind
	Reason string        // Dropped: filtered sampled tombstone loop, or the script's own
	Fail   *diag.Failure // Failed: why
	// Stage is the keyword of the innermost stage at which it ended, Node its id in
	// the plan ("from" and the source for what fails on arrival).
	Stage string
	Node  string
	// Path is the element path where an element of `each` failed the record.
	Path string
	// Arrived is @time on arrival and Timed the one that the last `time by` set, in
	// microseconds since 1970; NoMicros where there is none. Watermarks go by them.
	// A time that is too far ahead (max_future) is in neither.
	Arrived, Timed int64
	// People is what the record has to do with people; nil: nothing. See Who.
	People *People
	// Wait is why the record waits, which has Kind Waits.
	Wait *Wait
	// Children are the records that a `split` made of this one, which has Kind Split.
	Children []Record
}

// People is what a record did to people, or whom it named before it failed. It stands
// apart from the outcome: most records have none, and each is given back by value.
type People struct {
	// Merges are pairs of lanes of this record's group: what is sent in Into from this
	// record on waits for what was sent in From before it.
	Merges []LaneMerge
	// Erased are the keys of a person whom the record forgot, their id and identifiers:
	// the other groups of the program erase what they keep under one of them.
	Erased []string
	// Persons are the ids of those whom the record named before it ended, each once: its
	// letter bears them, and is found by them when they are forgotten.
	Persons []string
	// Named are, of a record that failed, the identifiers that it gave `resolve`, `find`
	// or `forget`, in their canonical forms: nothing of it was linked.
	Named []string
}

// Who gives what the record has to do with people.
func (o *Outcome) Who() People {
	if o.People == nil {
		return People{}
	}
	return *o.People
}

// NoMicros is a time that is not there.
const NoMicros = -1 << 63

// OutcomeKind is the class of an outcome.
type OutcomeKind uint8

// The outcomes.
const (
	Completed OutcomeKind = iota
	Dropped
	Failed
	Split // it became its Children; what it did above the split takes effect
	Waits // it is parked, and everything that it did is undone
)

// LaneMerge says that two ordering keys of a route have become one.
type LaneMerge struct {
	Route      int // index in the group
	From, Into uint64
}
