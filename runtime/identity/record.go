package identity

import (
	"bytes"
	"cmp"
	"encoding/binary"
	"slices"
)

// record is a person as a cell holds them. Bytes in it are those of the cell.
type record struct {
	key      half // the first half of the id
	rest     half // the second
	created  uint64
	ids      []held
	former   []half // who became them
	unlinked []mark // identifiers that an operator took from them

	to half // they went there, and have only an id; zero: they are there
}

// held is an identifier of a record.
type held struct {
	typ    int    // -1 where the declaration has its type no more: it is kept, and names nobody
	number uint64 // of the type, in the head
	form   byte
	raw    []byte // packed
	first  int64  // noTime: no record that named it had a time
	last   int64  // day of the latest sight
	adopted,
	shared bool
}

// mark is a keyed hash of an identifier.
type mark [12]byte

const noTime = -1 << 63

// dayOf is the day of a time, counted from 1970.
const day = 24 * 3600 * int64(1e6)

func dayOf(at int64) int64 {
	d := at / day
	if at%day < 0 {
		d--
	}
	return d
}

// The first byte of a person's cell.
const (
	isPerson   = 1
	isRedirect = 2
)

// Of an identifier's first byte: two bits are the form, three the number of the type.
const (
	heldForm    = 3
	heldAdopted = 4
	heldShared  = 8
	heldNoTime  = 16
	heldNumber  = 5 // bits to the left
	heldMore    = 7 // the number follows
)

func (r *record) encode() []byte {
	size := 32 + 8*len(r.former) + len(mark{})*len(r.unlinked)
	for i := range r.ids {
		size += 16 + len(r.ids[i].raw)
	}
	dst := make([]byte, 0, size)
	if r.to != (half{}) {
		return append(append(append(dst, isRedirect), r.rest[:]...), r.to[:]...)
	}
	dst = append(append(dst, isPerson), r.rest[:]...)
	dst = binary.AppendUvarint(dst, r.created)
	dst = binary.AppendUvarint(dst, uint64(len(r.ids)))
	prev := int64(0)
	for i := range r.ids {
		dst = r.ids[i].encode(dst, &prev)
	}
	if len(r.former) == 0 && len(r.unlinked) == 0 {
		return dst
	}
	dst = binary.AppendUvarint(dst, uint64(len(r.former)))
	for i := range r.former {
		dst = append(dst, r.former[i][:]...)
	}
	dst = binary.AppendUvarint(dst, uint64(len(r.unlinked)))
	for i := range r.unlinked {
		dst = append(dst, r.unlinked[i][:]...)
	}
	return dst
}

// encode appends an identifier. Times are told by how far they are from the time before:
// most people are met in one moment.
func (h *held) encode(dst []byte, prev *int64) []byte {
	head := h.form | byte(min(h.number, heldMore))<<heldNumber
	if h.adopted {
		head |= heldAdopted
	}
	if h.shared {
		head |= heldShared
	}
	if h.first == noTime {
		head |= heldNoTime
	}
	dst = append(dst, head)
	if h.number >= heldMore {
		dst = binary.AppendUvarint(dst, h.number)
	}
	if h.first != noTime {
		dst = binary.AppendVarint(dst, h.first-*prev)
		dst = binary.AppendVarint(dst, h.last-dayOf(h.first))
		*prev = h.first
	}
	if h.form == asText || h.form == asHex {
		dst = binary.AppendUvarint(dst, uint64(len(h.raw)))
	}
	return append(dst, h.raw...)
}

// decode reads what encode wrote; false for anything else. Memory of r is used again.
func (r *record) decode(key half, val []byte, types []int) bool {
	*r = record{key: key, ids: r.ids[:0], former: r.former[:0], unlinked: r.unlinked[:0]}
	in := reader{b: val}
	kind := in.take(1)
	copy(r.rest[:], in.take(8))
	if in.bad {
		return false
	}
	if kind[0] == isRedirect {
		copy(r.to[:], in.take(8))
		return !in.bad && len(in.b) == 0 && r.to != half{}
	}
	r.created = in.uint()
	n := in.count(2)
	prev := int64(0)
	for range n {
		var h held
		h.decode(&in, &prev)
		if h.typ = -1; h.number < uint64(len(types)) {
			h.typ = types[h.number]
		}
		r.ids = append(r.ids, h)
	}
	if len(in.b) > 0 {
		for range in.count(len(half{})) {
			r.former = append(r.former, half(in.take(8)))
		}
		for range in.count(len(mark{})) {
			r.unlinked = append(r.unlinked, mark(in.take(len(mark{}))))
		}
	}
	r.order()
	return kind[0] == isPerson && !in.bad && len(in.b) == 0
}

func (h *held) decode(in *reader, prev *int64) {
	b := in.take(1)
	if in.bad {
		return
	}
	h.form, h.adopted, h.shared = b[0]&heldForm, b[0]&heldAdopted != 0, b[0]&heldShared != 0
	if h.number = uint64(b[0] >> heldNumber); h.number == heldMore {
		if h.number = in.uint(); h.number < heldMore {
			in.bad = true
		}
	}
	if h.first = noTime; b[0]&heldNoTime == 0 {
		h.first = *prev + in.int()
		h.last = dayOf(h.first) + in.int()
		*prev = h.first
		in.bad = in.bad || h.first == noTime
	}
	size := 16
	if h.form == asText || h.form == asHex {
		size = in.count(1)
	}
	h.raw = in.take(size)
}

// order puts the identifiers by rank; of one rank they stay as they were linked.
func (r *record) order() {
	by := func(a, b held) int {
		if a.typ == b.typ {
			return 0
		}
		return cmp.Compare(uint(a.typ), uint(b.typ)) // -1 is the last
	}
	if !slices.IsSortedFunc(r.ids, by) {
		slices.SortStableFunc(r.ids, by)
	}
}

// index finds an identifier; -1 for none.
func (r *record) index(typ int, form byte, raw []byte) int {
	for i := range r.ids {
		if h := &r.ids[i]; h.typ == typ && h.form == form && bytes.Equal(h.raw, raw) {
			return i
		}
	}
	return -1
}

// has tells whether they have an identifier of a type.
func (r *record) has(typ int) bool {
	return typ >= 0 && slices.ContainsFunc(r.ids, func(h held) bool { return h.typ == typ && !h.shared })
}

func (r *record) known(s *Space) bool {
	return slices.ContainsFunc(r.ids, func(h held) bool { return h.typ >= 0 && !h.shared && s.cfg.Types[h.typ].Person })
}

// saw notes that an identifier was seen; false where that is nothing new.
func (h *held) saw(at int64) bool {
	switch {
	case at == noTime:
		return false
	case h.first == noTime:
		h.first, h.last = at, dayOf(at)
		return true
	case at >= h.first && dayOf(at) <= h.last:
		return false
	}
	h.first, h.last = min(h.first, at), max(h.last, dayOf(at))
	return true
}

// uuid is the person's id.
func (r *record) uuid() (u [16]byte) {
	copy(u[:8], r.key[:])
	copy(u[8:], r.rest[:])
	return u
}

// view makes what others see of a record. All its texts are one piece of memory.
func (s *Space) view(r *record, p *Person) *Person {
	ids, shared := p.IDs[:0], p.Shared[:0]
	u := r.uuid()
	text := appendUUID(s.text[:0], u[:], lowerDigits)
	own := -1
	for i := range r.ids {
		h := &r.ids[i]
		if h.typ < 0 {
			continue
		}
		if own < 0 && h.typ == s.anonymous && !h.adopted && !h.shared {
			own = i
		}
		text = unpack(text, h.form, h.raw)
	}
	if own < 0 {
		d := uuidOf(s.namespace, text[:36], "anonymous")
		text = appendUUID(text, d[:], lowerDigits)
	}
	s.text = text
	all := string(text)
	*p = Person{ID: all[:36], Merges: len(r.former), Created: r.created}
	if own < 0 {
		p.Anonymous = all[len(all)-36:]
	}
	at := 36
	for i := range r.ids {
		h := &r.ids[i]
		if h.typ < 0 {
			continue
		}
		n := len(h.raw)
		switch h.form {
		case asLower, asUpper:
			n = 36
		case asHex:
			n *= 2
		}
		id := ID{Type: h.typ, Value: all[at : at+n], First: h.first, Last: noTime}
		at += n
		if h.first != noTime {
			id.Last = max(h.first, h.last*day)
		}
		if i == own {
			p.Anonymous = id.Value
		}
		if h.shared {
			shared = append(shared, id)
			continue
		}
		p.Known = p.Known || s.cfg.Types[h.typ].Person
		ids = append(ids, id)
	}
	p.IDs, p.Shared = ids, shared
	return p
}
