// Package state is what a group remembers: cells of bytes under a state and a key,
// the store that keeps them, and what lies between: the writes of epochs that have
// not ended yet.
//
// It takes what records read and write, and gives the writes of ended epochs as
// one batch, which the store takes whole or not at all (I1, I5). It must not know
// what a stage is, when an output was accepted, or what time it is.
//
// # Keys
//
// Everything lies in one ordered space of bytes. The first byte says what it is:
//
//	d NAME                      the number of a state, and what it was made as
//	c STATE(4) KEY              a cell
//	t STATE(4) DUE(8) KEY       a timer; DUE ordered as signed microseconds
//	l STATE(4) NO(8)            a segment of claims of a dedupe memory
//	g GROUP \x00 a              where a group stands: positions, marks, account
//	g GROUP \x00 i NO(8)        an intent
//	g GROUP \x00 h NO(8)        a held output
//	m NAME                      about the store: format, app, id, who was forgotten (Erased)
//	v KEY NO(4)                 a part of a large value (Badger's; Scan leaves it out)
package state

// Store keeps keys and values, in the order of the keys' bytes.
type Store interface {
	// Get gives the value of a key, a copy; nil and false where there is none.
	Get(key []byte) (val []byte, ok bool, err error)
	// Scan visits all keys with a prefix from `from` on (nil: from the prefix), in
	// order, until visit gives false. What it is given is good until it returns.
	Scan(prefix, from []byte, visit func(key, val []byte) bool) error
	// Commit makes writes durable against the end of the process, all or none; of two
	// of one key the later counts.
	Commit(ws []Write) error
	// Sync makes everything committed durable against the loss of power.
	Sync() error
	Close() error
}

// Write is one change of a store: Val is put under Key, or with Delete the key is
// removed. Neither is changed after it was given away.
type Write struct {
	Key, Val []byte
	Delete   bool
}
