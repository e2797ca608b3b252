package identity

import (
	"bytes"
	"cmp"
	"encoding/binary"
	"encoding/hex"
	"slices"
)

// record is a person as a cell holds them.
type record struct {
	num      uint64
	uuid     [16]byte
	anon     string // their anonymous id where it is fixed; "": the derived one
	ids      []held
	absorbed []uint64 // the numbers of those who became this one
	to       uint64   // who they went to; 0: they are there

	pid, derived string // texts, made once
	view         Person
	viewed       bool
}

// held is an identifier of a record; typ is -1 where the declaration has its type no
// more: it is kept, and names nobody.
type held struct {
	typ         int
	code        string
	value       string
	first, last int64
}

const recordFormat = 1

func personKey(dst []byte, num uint64) []byte {
	return binary.BigEndian.AppendUint64(append(dst[:0], personKind), num)
}

func appendText(dst []byte, s string) []byte {
	return append(binary.AppendUvarint(dst, uint64(len(s))), s...)
}

func (r *record) encode() []byte {
	dst := []byte{recordFormat}
	dst = binary.AppendUvarint(dst, r.to)
	dst = append(dst, r.uuid[:]...)
	if r.to != 0 {
		return dst
	}
	dst = appendText(dst, r.anon)
	dst = binary.AppendUvarint(dst, uint64(len(r.absorbed)))
	for _, n := range r.absorbed {
		dst = binary.AppendUvarint(dst, n)
	}
	dst = binary.AppendUvarint(dst, uint64(len(r.ids)))
	for i := range r.ids {
		h := &r.ids[i]
		dst = append(dst, h.code...)
		dst = appendText(dst, h.value)
		dst = binary.AppendVarint(dst, h.first)
		dst = binary.AppendVarint(dst, h.last)
	}
	return dst
}

// reader reads what encode wrote; bad is set where it does not hold what it should.
type reader struct {
	b   []byte
	bad bool
}

func (r *reader) uint() uint64 {
	n, k := binary.Uvarint(r.b)
	if k <= 0 {
		r.bad, r.b = true, nil
		return 0
	}
	r.b = r.b[k:]
	return n
}

func (r *reader) int() int64 {
	n, k := binary.Varint(r.b)
	if k <= 0 {
		r.bad, r.b = true, nil
		return 0
	}
	r.b = r.b[k:]
	return n
}

func (r *reader) take(n int) []byte {
	if n < 0 || n > len(r.b) {
		r.bad, r.b = true, nil
		return nil
	}
	out := r.b[:n]
	r.b = r.b[n:]
	return out
}

func (r *reader) text() string { return string(r.take(r.count())) }

// count reads a number of things of at least a byte each.
func (r *reader) count() int {
	n := r.uint()
	if n > uint64(len(r.b)) {
		r.bad = true
		return 0
	}
	return int(n)
}

func (r *reader) code() string {
	head := r.take(1)
	if len(head) == 0 || head[0] != 0 {
		return string(head)
	}
	n := r.take(1)
	if len(n) == 0 {
		return ""
	}
	return string(append([]byte{0, n[0]}, r.take(int(n[0]))...))
}

func (s *Space) decode(num uint64, val []byte) (*record, bool) {
	r := reader{b: val}
	out := &record{num: num}
	if f := r.take(1); len(f) == 0 || f[0] != recordFormat {
		return nil, false
	}
	out.to = r.uint()
	copy(out.uuid[:], r.take(16))
	if out.to != 0 {
		return out, !r.bad && len(r.b) == 0
	}
	out.anon = r.text()
	for range r.count() {
		out.absorbed = append(out.absorbed, r.uint())
	}
	n := r.count()
	out.ids = make([]held, 0, n)
	for range n {
		h := held{code: r.code(), value: r.text(), first: r.int(), last: r.int()}
		h.typ = s.typeOf(h.code)
		out.ids = append(out.ids, h)
	}
	if r.bad || len(r.b) > 0 {
		return nil, false
	}
	out.order()
	return out, true
}

// order puts the identifiers by rank; of one rank they stay as they were linked.
func (r *record) order() {
	slices.SortStableFunc(r.ids, func(a, b held) int { return cmp.Compare(uint(a.typ), uint(b.typ)) })
}

// clone is a copy that may be changed.
func (r *record) clone() *record {
	c := *r
	c.ids, c.absorbed, c.viewed, c.view = slices.Clone(r.ids), slices.Clone(r.absorbed), false, Person{}
	return &c
}

func (r *record) id() string {
	if r.pid == "" {
		r.pid = uuidText(r.uuid)
	}
	return r.pid
}

// anonymous is the anonymous id that Segment calls about this person bear.
func (r *record) anonymous(s *Space) string {
	if r.anon != "" {
		return r.anon
	}
	if r.derived == "" {
		r.derived = uuidText(uuidOf("sluice anonymous", s.cfg.Name, r.id()))
	}
	return r.derived
}

func (r *record) has(typ int) bool {
	return slices.ContainsFunc(r.ids, func(h held) bool { return h.typ == typ })
}

func (r *record) known(s *Space) bool {
	return slices.ContainsFunc(r.ids, func(h held) bool { return h.typ >= 0 && s.cfg.Types[h.typ].Person })
}

// person is the record as others see it.
func (r *record) person(s *Space) *Person {
	if !r.viewed {
		r.viewed = true
		r.view = Person{ID: r.id(), Anonymous: r.anonymous(s), Known: r.known(s), Merges: len(r.absorbed), Created: r.num}
		r.view.IDs = make([]ID, 0, len(r.ids))
		for _, h := range r.ids {
			if h.typ >= 0 {
				r.view.IDs = append(r.view.IDs, ID{Type: h.typ, Value: h.value, First: h.first, Last: h.last})
			}
		}
	}
	return &r.view
}

// cached is a record with the bytes that it was read from.
type cached struct {
	val []byte
	r   *record
}

// maxCached bounds the records that a Space keeps decoded.
const maxCached = 1 << 14

// load reads a record, without following where it went.
func (s *Space) load(c Cells, num uint64) *record {
	s.key = personKey(s.key, num)
	val, ok := c.Get(s.key)
	if !ok {
		return nil
	}
	if k, ok := s.cache[num]; ok && bytes.Equal(k.val, val) {
		return k.r
	}
	r, ok := s.decode(num, val)
	if !ok {
		return nil
	}
	if len(s.cache) >= maxCached {
		clear(s.cache)
	}
	s.cache[num] = cached{bytes.Clone(val), r}
	return r
}

// follow reads who a number is today, and shortens the way there.
func (s *Space) follow(c Cells, num uint64) *record {
	r := s.load(c, num)
	if r == nil || r.to == 0 {
		return r
	}
	end := r
	for end != nil && end.to != 0 {
		end = s.load(c, end.to)
	}
	if end != nil && r.to != end.num {
		short := *r
		short.to = end.num
		s.store(c, &short)
	}
	return end
}

func (s *Space) store(c Cells, r *record) {
	s.key = personKey(s.key, r.num)
	c.Put(s.key, r.encode())
}

func uuidText(u [16]byte) string {
	var b [36]byte
	hex.Encode(b[0:8], u[0:4])
	b[8] = '-'
	hex.Encode(b[9:13], u[4:6])
	b[13] = '-'
	hex.Encode(b[14:18], u[6:8])
	b[18] = '-'
	hex.Encode(b[19:23], u[8:10])
	b[23] = '-'
	hex.Encode(b[24:36], u[10:16])
	return string(b[:])
}
