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
}

// OutcomeKind is the class of an outcome.
type OutcomeKind uint8

// The outcomes.
const (
	Completed OutcomeKind = iota
	Dropped
	Failed
)
