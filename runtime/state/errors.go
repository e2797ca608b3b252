package state

import "errors"

// ErrDamaged is a store that holds what nobody wrote: it is refused, never deleted.
var ErrDamaged = errors.New("the store is damaged")

// ErrNewer is a store that a newer version of Sluice wrote: what is in it is not
// guessed at.
var ErrNewer = errors.New("use the version of Sluice that wrote it")
