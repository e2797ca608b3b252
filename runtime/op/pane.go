package op

import (
	"encoding/binary"

	"github.com/sluice-dev/sluice/lang/diag"
	"github.com/sluice-dev/sluice/lang/token"
	"github.com/sluice-dev/sluice/lang/value"
	"github.com/sluice-dev/sluice/runtime/state"
)

// How a pane lies in cells. KEY are the bytes of the window's key (value.AppendKey),
// which no other key begins with; OWN names the pane under it: start and end, eight
// bytes each, and p, or of a session its number in eight, and s.
//
//	KEY                   the sessions of the key (session.go)
//	KEY OWN               the pane: form, number of aggregates, and of each
//	                      its id (8), its kind (1), the length of its state, its state
//	KEY OWN ID(8) PART…   what an aggregate keeps beside it
//
// An aggregate is found by its id, so that one that an edit adds begins empty, and
// one that it takes out is forgotten with all that it kept.
const paneForm = 1

// pane is an open pane, decoded; states are by the window's aggregates.
type pane struct{ states []aggregate }

// paneStore reads and writes the cells of one pane.
type paneStore struct {
	cells *state.Cells
	state int
	key   []byte
	own   string
	at    token.Span
	agg   *aggregation
	id    uint64 // of the aggregate at hand
	buf   []byte
}

// of is the store as an aggregate sees it.
func (st *paneStore) of(a *aggregation) *paneStore {
	st.agg, st.id = a, a.id
	return st
}

// pane is the key of the pane's own cell.
func (st *paneStore) pane() []byte { return append(st.key[:len(st.key):len(st.key)], st.own...) }

// part is the key of a cell that the aggregate at hand keeps beside a pane; own is
// the name of the pane, "" for the one at hand.
func (st *paneStore) part(own string, kind byte, n int) []byte {
	if own == "" {
		own = st.own
	}
	st.buf = append(append(st.buf[:0], st.key...), own...)
	st.buf = binary.BigEndian.AppendUint64(st.buf, st.id)
	return append(st.buf, kind, byte(n>>8), byte(n))
}

func (st *paneStore) get(own string, kind byte, n int) ([]byte, bool) {
	return st.cells.Get(st.state, st.part(own, kind, n))
}

func (st *paneStore) put(own string, kind byte, n int, val []byte) {
	st.cells.Put(st.state, st.part(own, kind, n), val)
}

func (st *paneStore) delete(own string, kind byte, n int) {
	st.cells.Delete(st.state, st.part(own, kind, n))
}

func (st *paneStore) damaged(what string) *diag.Failure {
	return diag.Failf(diag.StoredType, st.at, "what is stored of %s cannot be read", what)
}

// load reads the pane at hand, or gives an empty one.
func (st *paneStore) load(aggs []aggregation) (*pane, bool, *diag.Failure) {
	p := &pane{states: make([]aggregate, len(aggs))}
	b, there := st.cells.Get(st.state, st.pane())
	if there {
		if fail := st.decode(p, b, aggs); fail != nil {
			return nil, true, fail
		}
	}
	for i := range aggs {
		if p.states[i] == nil {
			p.states[i] = newAggregate(aggs[i].kind)
		}
	}
	return p, there, nil
}

func (st *paneStore) decode(p *pane, b []byte, aggs []aggregation) *diag.Failure {
	r := reader{b: b}
	if r.form(paneForm) {
		for n := r.count(10); n > 0 && !r.bad; n-- {
			id, kind := r.fixed(), r.byte()
			body := reader{b: r.bytes()}
			a := newAggregate(kindName(kind))
			if r.bad || a == nil {
				r.bad = true
				break
			}
			if a.read(&body); !body.done() {
				r.bad = true
				break
			}
			if i := st.find(aggs, id, kind); i >= 0 {
				p.states[i] = a
				continue
			}
			st.id = id
			a.drop(st)
		}
	}
	if !r.done() {
		return st.damaged("the pane")
	}
	return nil
}

func (st *paneStore) find(aggs []aggregation, id uint64, kind byte) int {
	for i := range aggs {
		if aggs[i].id == id && kindNumber(aggs[i].kind) == kind {
			return i
		}
	}
	return -1
}

// save writes the pane at hand. It takes the aggregations of the last load.
func (st *paneStore) save(p *pane, aggs []aggregation) {
	b := binary.AppendUvarint([]byte{paneForm}, uint64(len(p.states)))
	for i, a := range p.states {
		b = binary.BigEndian.AppendUint64(b, aggs[i].id)
		b = append(b, kindNumber(aggs[i].kind))
		st.buf = a.append(st.buf[:0])
		b = append(binary.AppendUvarint(b, uint64(len(st.buf))), st.buf...)
	}
	st.cells.Put(st.state, st.pane(), b)
}

// reader reads what was written to a cell. After the first fault everything is
// nothing.
type reader struct {
	b   []byte
	bad bool
}

// done tells whether all was read, and read well.
func (r *reader) done() bool { return !r.bad && len(r.b) == 0 }

func (r *reader) form(known byte) bool {
	if r.byte() != known {
		r.bad = true
	}
	return !r.bad
}

func (r *reader) take(n int) []byte {
	if r.bad || n < 0 || n > len(r.b) {
		r.bad = true
		return nil
	}
	out := r.b[:n:n]
	r.b = r.b[n:]
	return out
}

func (r *reader) byte() byte {
	if b := r.take(1); b != nil {
		return b[0]
	}
	return 0
}

func (r *reader) fixed() uint64 {
	if b := r.take(8); b != nil {
		return binary.BigEndian.Uint64(b)
	}
	return 0
}

func (r *reader) uvarint() uint64 {
	n, size := binary.Uvarint(r.b)
	if r.bad = r.bad || size <= 0; r.bad {
		return 0
	}
	r.b = r.b[size:]
	return n
}

func (r *reader) varint() int64 {
	n, size := binary.Varint(r.b)
	if r.bad = r.bad || size <= 0; r.bad {
		return 0
	}
	r.b = r.b[size:]
	return n
}

// count reads how many parts follow, each of at least so many bytes.
func (r *reader) count(least int) int {
	n := r.uvarint()
	if n > uint64(len(r.b)/least) {
		r.bad = true
		return 0
	}
	return int(n)
}

// bytes reads what appendSized wrote.
func (r *reader) bytes() []byte { return r.take(r.count(1)) }

func (r *reader) value() value.Value {
	b := r.bytes()
	if r.bad {
		return nil
	}
	v, err := state.DecodeValue(b)
	r.bad = err != nil
	return v
}

func (r *reader) number() value.Number {
	n, ok := r.value().(value.Number)
	r.bad = r.bad || !ok
	return n
}

func appendSized(dst []byte, b []byte) []byte {
	return append(binary.AppendUvarint(dst, uint64(len(b))), b...)
}

func appendSizedValue(dst []byte, v value.Value) []byte {
	return appendSized(dst, state.AppendValue(nil, v))
}
