package state

import (
	"bytes"
	"slices"
	"sort"
	"strings"
)

// Memory is a store in memory, for tests and for cases that run on sim. It may be
// used by one goroutine at a time.
type Memory struct {
	cells map[string][]byte
	keys  []string // in order
}

// NewMemory makes an empty one.
func NewMemory() *Memory { return &Memory{cells: map[string][]byte{}} }

// Get gives the value of a key.
func (m *Memory) Get(key []byte) ([]byte, bool, error) {
	v, ok := m.cells[string(key)]
	return bytes.Clone(v), ok, nil
}

// Scan visits keys in order.
func (m *Memory) Scan(prefix, from []byte, visit func(key, val []byte) bool) error {
	if bytes.Compare(from, prefix) < 0 {
		from = prefix
	}
	keys := slices.Clone(m.keys[sort.SearchStrings(m.keys, string(from)):])
	for _, k := range keys {
		if !strings.HasPrefix(k, string(prefix)) {
			break
		}
		if !visit([]byte(k), m.cells[k]) {
			break
		}
	}
	return nil
}

// Commit applies writes.
func (m *Memory) Commit(ws []Write) error {
	for _, w := range ws {
		k := string(w.Key)
		i, known := slices.BinarySearch(m.keys, k)
		switch {
		case w.Delete && known:
			delete(m.cells, k)
			m.keys = slices.Delete(m.keys, i, i+1)
		case w.Delete:
		default:
			if !known {
				m.keys = slices.Insert(m.keys, i, k)
			}
			m.cells[k] = bytes.Clone(w.Val)
		}
	}
	return nil
}

// Sync does nothing: memory does not outlive the process.
func (m *Memory) Sync() error { return nil }

// Close does nothing.
func (m *Memory) Close() error { return nil }

// Clone is a copy: what a crash leaves, to be compared.
func (m *Memory) Clone() *Memory {
	c := &Memory{cells: make(map[string][]byte, len(m.cells)), keys: slices.Clone(m.keys)}
	for k, v := range m.cells {
		c.cells[k] = v
	}
	return c
}
