package state

import "bytes"

// Look is the cells of one state of a program that is stopped. What is written there
// stands in memory, and only this Look sees it.
type Look struct {
	store  Store
	prefix []byte
	over   map[string][]byte // nil: deleted
	err    error
}

// NewLook looks at a state.
func NewLook(store Store, e *Entry) *Look {
	return &Look{store: store, prefix: stateKey('c', e.Number), over: map[string][]byte{}}
}

// Err is the first error of the store: what was read since is not to be trusted.
func (l *Look) Err() error { return l.err }

// Get gives a cell.
func (l *Look) Get(key []byte) (val []byte, ok bool) {
	if val, ok := l.over[string(key)]; ok {
		return val, val != nil
	}
	val, ok, err := l.store.Get(append(bytes.Clone(l.prefix), key...))
	if err != nil {
		l.fail(err)
		return nil, false
	}
	return val, ok
}

// Put writes a cell in memory.
func (l *Look) Put(key, val []byte) { l.over[string(key)] = append([]byte{}, val...) }

// Delete removes a cell in memory.
func (l *Look) Delete(key []byte) { l.over[string(key)] = nil }

// Stored visits the cells that are in the store, in the order of their keys, until
// visit gives false.
func (l *Look) Stored(visit func(key, val []byte) bool) {
	if err := l.store.Scan(l.prefix, nil, func(key, val []byte) bool { return visit(key[len(l.prefix):], val) }); err != nil {
		l.fail(err)
	}
}

func (l *Look) fail(err error) {
	if l.err == nil {
		l.err = err
	}
}
