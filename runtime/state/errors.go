package state

import "errors"

// ErrDamaged is a store that holds what nobody wrote: it is refused, never deleted.
var ErrDamaged = errors.New("the store is damaged")
