package identity

import "encoding/binary"

// How people lie in cells. The first byte of a key is its kind:
//
//	n hash     whose an identifier is: the first half of their id; behind it more, of
//	           the few that need it (node). The hash is of the type's name and the value.
//	p half id  a person, or to whom they went
//	f hash     of who was forgotten, keyed with the secret: of an identifier the time of
//	           the request, of an id nothing
//	h          what is the same for all people: the numbers of types, blocked patterns
//	c          how many persons there were
//
// A person's key is half of their id, which no other person has: ids are made so.
const (
	nodeKind   = 'n'
	personKind = 'p'
	goneKind   = 'f'
	headKind   = 'h'
	countKind  = 'c'
)

var (
	headKey  = []byte{headKind}
	countKey = []byte{countKind}
)

// hashSize is that of a node's hash: of 96 bits no two identifiers have the same, and
// nobody can make two.
const hashSize = 12

// half is the first half of a person's id. All zeros is nobody.
type half [8]byte

// node is what is kept of one identifier beside its value.
type node struct {
	owner  half
	shared bool  // too many users share it: it names nobody, though the owner still has it
	erased bool  // it was forgotten once: records older than until do not name it
	until  int64 // microseconds
	users  []byte
}

// sizeOfUser is that of the hash of a user who is not the owner of the device.
const sizeOfUser = 8

const (
	nodeShared = 1 << iota
	nodeErased
	nodeFlags = nodeShared | nodeErased
)

func (n *node) encode() []byte {
	out := append(make([]byte, 0, len(n.owner)+len(n.users)+12), n.owner[:]...)
	var flags byte
	if n.shared {
		flags |= nodeShared
	}
	if n.erased {
		flags |= nodeErased
	}
	if flags == 0 && len(n.users) == 0 {
		return out
	}
	out = append(out, flags)
	if n.erased {
		out = binary.AppendVarint(out, n.until)
	}
	return append(out, n.users...)
}

// decode reads what encode wrote; false for anything else.
func (n *node) decode(val []byte) bool {
	*n = node{}
	if len(val) < len(n.owner) {
		return false
	}
	copy(n.owner[:], val)
	if val = val[len(n.owner):]; len(val) == 0 {
		return true
	}
	flags := val[0]
	val = val[1:]
	n.shared, n.erased = flags&nodeShared != 0, flags&nodeErased != 0
	if n.erased {
		until, k := binary.Varint(val)
		if k <= 0 {
			return false
		}
		n.until, val = until, val[k:]
	}
	n.users = val
	return flags&^nodeFlags == 0 && len(val)%sizeOfUser == 0
}

// reader reads a cell; bad is set where it does not hold what it should.
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
	out := r.b[:n:n]
	r.b = r.b[n:]
	return out
}

// count reads a number of things of at least size bytes each.
func (r *reader) count(size int) int {
	n := r.uint()
	if n > uint64(len(r.b)/size) {
		r.bad, r.b = true, nil
		return 0
	}
	return int(n)
}

func (r *reader) text() string { return string(r.take(r.count(1))) }

func appendText(dst []byte, s string) []byte {
	return append(binary.AppendUvarint(dst, uint64(len(s))), s...)
}
