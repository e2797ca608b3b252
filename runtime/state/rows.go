package state

import (
	"bytes"
	"slices"
	"strings"
)

// RowCell is one cell: its key within the state, and its value.
type RowCell struct{ Key, Val []byte }

// How much Rows reads at once: of the store, whose keys are put together with those
// that epochs in flight have written each time.
const (
	rowsRead  = 1000
	rowsBytes = 1 << 20
)

// Rows gives the next cells of a state behind a key (nil: from the first), in the
// order of their keys, as a record would see them now. None are left where it gives
// none. They are not to be changed.
func (c *Cells) Rows(s int, behind []byte) []RowCell {
	prefix := stateKey('c', c.states[s].number)
	from := bytes.Clone(prefix)
	if behind != nil {
		from = append(append(from, behind...), 0)
	}
	for {
		rows, next := c.rows(prefix, from)
		if len(rows) > 0 || next == nil || c.err != nil {
			return rows
		}
		from = next // everything read was deleted since
	}
}

// rows reads a piece of the store and what is written over it; next is where the rest
// begins, nil where there is none.
func (c *Cells) rows(prefix, from []byte) (out []RowCell, next []byte) {
	n, size := 0, 0
	err := c.store.Scan(prefix, from, func(key, val []byte) bool {
		if n == rowsRead || size >= rowsBytes {
			next = bytes.Clone(key)
			return false
		}
		n, size = n+1, size+len(key)+len(val)
		if c.over[string(key)] == nil {
			out = append(out, RowCell{bytes.Clone(key), bytes.Clone(val)})
		}
		return true
	})
	if err != nil {
		c.fail(err)
		return nil, nil
	}
	for k, cl := range c.over {
		if v := cl.last(); !v.gone && strings.HasPrefix(k, string(prefix)) && k >= string(from) && (next == nil || k < string(next)) {
			out = append(out, RowCell{[]byte(k), v.val})
		}
	}
	slices.SortFunc(out, func(a, b RowCell) int { return bytes.Compare(a.Key, b.Key) })
	for i := range out {
		out[i].Key = out[i].Key[len(prefix):]
	}
	return out, next
}
