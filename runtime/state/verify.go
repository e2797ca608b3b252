package state

import (
	"bytes"
	"encoding/binary"
	"fmt"

	"github.com/sluice-dev/sluice/lang/value"
)

// Summary is what a state holds.
type Summary struct {
	Entry
	Rows   int // cells; of a dedupe memory none
	Claims int
	Timers int
	Bytes  int64 // of keys and values
}

// GroupSummary is where a group stands.
type GroupSummary struct {
	Name                  string
	Inputs, Intents, Held int
	Bytes                 int64 // of keys and values
}

// Verify reads everything in a store, tells each thing that cannot be read, and
// sums up the rest: states by number, groups by name.
func Verify(store Store, tell func(problem error)) (states []Summary, groups []GroupSummary, err error) {
	entries, err := ReadDirectory(store)
	if err != nil {
		return nil, nil, err
	}
	v := verifying{tell: tell, byNumber: map[uint32]*Entry{}, sums: map[uint32]*Summary{}, groups: map[string]*GroupSummary{}}
	states = make([]Summary, len(entries))
	for i := range entries {
		states[i].Entry = entries[i]
		v.byNumber[entries[i].Number] = &entries[i]
		if v.sums[entries[i].Number] != nil {
			tell(fmt.Errorf("%w: %s and %s have one number", ErrDamaged, v.sums[entries[i].Number].Name, entries[i].Name))
		}
		v.sums[entries[i].Number] = &states[i]
	}
	if err := store.Scan(nil, nil, func(key, val []byte) bool { v.one(key, val); return true }); err != nil {
		return nil, nil, err
	}
	for _, name := range sorted(v.groups) {
		if err := v.group(store, v.groups[name]); err != nil {
			tell(err)
		}
		groups = append(groups, *v.groups[name])
	}
	return states, groups, nil
}

type verifying struct {
	tell     func(error)
	byNumber map[uint32]*Entry
	sums     map[uint32]*Summary
	groups   map[string]*GroupSummary
}

func (v *verifying) one(key, val []byte) {
	switch key[0] {
	case 'd':
		return
	case 'm':
		if bytes.HasPrefix(key, erasedPrefix) {
			if _, err := decodeErased(val); err != nil {
				v.tell(err)
			}
		}
		return
	case 'g':
		l, err := groupLine(key, val, false)
		if err != nil {
			v.tell(err)
			return
		}
		g := v.groups[l.Group]
		if g == nil {
			g = &GroupSummary{Name: l.Group}
			v.groups[l.Group] = g
		}
		g.Bytes += int64(len(key) + len(val))
		return
	case 'c', 'l', timerKind:
	default:
		v.tell(fmt.Errorf("%w: the key %x is of no kind", ErrDamaged, key))
		return
	}
	// What an export needs to read is all there is to be read.
	if _, err := lineOf(v.byNumber, key, val, false); err != nil {
		v.tell(err)
		return
	}
	number := binary.BigEndian.Uint32(key[1:])
	s := v.sums[number]
	s.Bytes += int64(len(key) + len(val))
	switch key[0] {
	case 'c':
		s.Rows++
		if s.hasRows() {
			if _, err := value.DecodeKey(key[cellHead:]); err != nil {
				v.tell(fmt.Errorf("%w: %s: a row under the key %x, which is none", ErrDamaged, s.Name, key[cellHead:]))
			}
		}
	case 'l':
		s.Claims += (len(val) - sumSize) / claimSize
	case timerKind:
		s.Timers++
	}
}

func (v *verifying) group(store Store, g *GroupSummary) error {
	p, err := ReadProgress(store, g.Name)
	if err != nil {
		return err
	}
	if p != nil {
		g.Inputs = len(p.Inputs)
	}
	intents, err := ReadIntents(store, g.Name)
	if err != nil {
		return err
	}
	held, err := ReadHeld(store, g.Name)
	g.Intents, g.Held = len(intents), len(held)
	return err
}

// Lookup finds a state by its name, or by that of its table, audience or identity
// space.
func Lookup(entries []Entry, name string) (*Entry, bool) {
	for _, full := range []string{name, "table " + name, "audience " + name, "identity " + name} {
		for i := range entries {
			if entries[i].Name == full {
				return &entries[i], true
			}
		}
	}
	return nil, false
}

// ReadRow reads a row by the parts of its key.
func ReadRow(store Store, e *Entry, key value.List) (row Row, ok bool, err error) {
	k := stateKey('c', e.Number)
	for _, p := range key {
		k = value.AppendKey(k, p)
	}
	val, ok, err := store.Get(k)
	if err != nil || !ok {
		return Row{}, false, err
	}
	row.Key = key
	row.At, row.Row, err = DecodeRow(val)
	return row, err == nil, err
}
