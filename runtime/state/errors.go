package state

import (
	"errors"
	"fmt"
)

// Why a store is refused, to be asked for with errors.Is.
var (
	// ErrDamaged is a store that holds what nobody wrote, or lacks what was written: it
	// is refused, never deleted.
	ErrDamaged = errors.New("the store is damaged")
	// ErrNewer is a store that a newer version of Sluice wrote: what is in it is not
	// guessed at.
	ErrNewer = errors.New("use the version of Sluice that wrote it")
	// ErrForeign is the store of another program, or of another state directory.
	ErrForeign = errors.New("the store is another's")
	// ErrLoss is an edit of the program that would lose state.
	ErrLoss = errors.New("state would be lost")
	// ErrChanged is an edit of the program under which stored state cannot be read.
	ErrChanged = errors.New("the state was made as something else")
)

// RefusedError is a store that is not used as it is. It is left as it was found.
type RefusedError struct {
	Dir string // the store's; "" where it has none
	Msg string // what is wrong
	Do  string // what to do about it
	Err error  // one of the reasons above
}

// Error says which store, what is wrong and what to do.
func (e *RefusedError) Error() string {
	where := ""
	if e.Dir != "" {
		where = "store " + e.Dir + ": "
	}
	return where + e.Msg + "; nothing was changed: " + e.Do
}

// Unwrap gives the reason.
func (e *RefusedError) Unwrap() error { return e.Err }

// damaged refuses a store because of one of its files.
func damaged(dir, file, format string, args ...any) error {
	msg := fmt.Sprintf(format, args...)
	if file != "" {
		msg = file + ": " + msg
	}
	return &RefusedError{
		Dir: dir, Msg: "damaged: " + msg, Err: ErrDamaged,
		Do: "restore the state directory from a copy, or `sluice state import` what `sluice state export` has written into an empty one",
	}
}
