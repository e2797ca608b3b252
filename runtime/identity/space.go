package identity

import (
	"bytes"
	"crypto/hmac"
	"crypto/sha1"
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"hash"
	"regexp"
	"slices"
)

// Space is an identity space over cells of one writer. It belongs to one goroutine; what
// it keeps beside the cells is of the call at hand, or can be made again.
type Space struct {
	cfg       Config
	user      int // the best type of a person; -1: none
	email     int
	anonymous int
	namespace [16]byte
	mac       hash.Hash

	head head

	// Of the call at hand.
	key      []byte
	hashed   []byte
	packed   []byte
	text     []byte
	items    []item
	records  []*record // read so far; those from loaded on are spare
	loaded   int
	hops     []half // redirects to others who went on
	stand    standing
	times    []sight
	rejected []Rejected
	person   Person
	other    Person
}

// head is what is the same for all people, as its cell says.
type head struct {
	val    []byte
	names  []string // of types, by number: as they were met, whatever their rank is now
	gone   bool     // somebody was forgotten
	number []int    // of the declared types; -1: has none yet
	types  []int    // declared, by number; -1: is declared no more
	blocks []block
}

// block is a pattern that an operator blocked.
type block struct {
	all     bool // of every type
	typ     int
	number  uint64
	pattern string
	re      *regexp.Regexp
}

// New makes a space.
func New(cfg Config) (*Space, error) {
	s := &Space{cfg: cfg, user: -1, email: -1, anonymous: -1, mac: hmac.New(sha256.New, cfg.Secret)}
	if len(cfg.Types) == 0 {
		return nil, fmt.Errorf("identity %s: it has no identifiers", cfg.Name)
	}
	for i := range cfg.Types {
		t := &cfg.Types[i]
		switch {
		case t.Name == "":
			return nil, fmt.Errorf("identity %s: an identifier has no name", cfg.Name)
		case s.Type(t.Name) != i:
			return nil, fmt.Errorf("identity %s: %s stands twice", cfg.Name, t.Name)
		case t.Canon == EmailText && cfg.Email == nil, t.Canon == PhoneText && cfg.Phone == nil:
			return nil, fmt.Errorf("identity %s: %s has no canonical form", cfg.Name, t.Name)
		}
		if t.Person && s.user < 0 {
			s.user = i
		}
		if t.Canon == EmailText && s.email < 0 {
			s.email = i
		}
		if t.Name == "anonymous_id" {
			s.anonymous = i
		}
	}
	s.namespace = uuidOf([16]byte{}, nil, "sluice identity", cfg.Name)
	return s, nil
}

// Type finds a type by its name; -1 for none.
func (s *Space) Type(name string) int {
	return slices.IndexFunc(s.cfg.Types, func(t Type) bool { return t.Name == name })
}

// uuidOf is a UUID of version 5: the namespace and the texts decide it, nothing else.
func uuidOf(namespace [16]byte, text []byte, more ...string) (u [16]byte) {
	var room [512]byte
	b := append(append(room[:0], namespace[:]...), text...)
	for _, m := range more {
		b = append(append(b, 0), m...)
	}
	sum := sha1.Sum(b)
	copy(u[:], sum[:])
	u[6], u[8] = u[6]&0x0f|0x50, u[8]&0x3f|0x80
	return u
}

// begin begins a call: what the last one read is forgotten, and the head read anew
// where it is another.
func (s *Space) begin(c Cells) {
	s.loaded, s.packed, s.items, s.hops, s.rejected = 0, s.packed[:0], s.items[:0], s.hops[:0], s.rejected[:0]
	val, _ := c.Get(headKey)
	if s.head.number != nil && bytes.Equal(val, s.head.val) {
		return
	}
	if !s.readHead(val) {
		panic("identity: the head of the space " + s.cfg.Name + " is damaged")
	}
}

func (s *Space) readHead(val []byte) bool {
	h := head{val: bytes.Clone(val), number: make([]int, len(s.cfg.Types))}
	for i := range h.number {
		h.number[i] = -1
	}
	in := reader{b: val}
	if len(val) > 0 {
		for range in.count(1) {
			name := in.text()
			typ := s.Type(name)
			if typ >= 0 {
				h.number[typ] = len(h.names)
			}
			h.names, h.types = append(h.names, name), append(h.types, typ)
		}
		h.gone = in.uint() == 1
		for range in.count(2) {
			b := block{number: in.uint(), pattern: in.text(), typ: -1}
			if b.all = b.number == 0; !b.all && b.number <= uint64(len(h.types)) {
				b.typ = h.types[b.number-1]
			}
			var err error
			if b.re, err = regexp.Compile(b.pattern); err != nil {
				return false
			}
			h.blocks = append(h.blocks, b)
		}
	}
	s.head = h
	return !in.bad && len(in.b) == 0
}

func (s *Space) writeHead(c Cells) {
	h := &s.head
	val := binary.AppendUvarint(nil, uint64(len(h.names)))
	for _, n := range h.names {
		val = appendText(val, n)
	}
	gone := uint64(0)
	if h.gone {
		gone = 1
	}
	val = binary.AppendUvarint(val, gone)
	val = binary.AppendUvarint(val, uint64(len(h.blocks)))
	for i := range h.blocks {
		val = appendText(binary.AppendUvarint(val, h.blocks[i].number), h.blocks[i].pattern)
	}
	c.Put(headKey, val)
	h.val = val
}

// numbered gives types that have no number yet one, before something of theirs is
// written.
func (s *Space) numbered(c Cells) {
	if !slices.Contains(s.head.number, -1) {
		return
	}
	h := &s.head
	for typ := range h.number {
		if h.number[typ] < 0 {
			h.number[typ] = len(h.names)
			h.names, h.types = append(h.names, s.cfg.Types[typ].Name), append(h.types, typ)
		}
	}
	s.writeHead(c)
}

// Block makes values that a pattern matches name nobody from here on; typ -1 is every
// type. Who has one keeps it.
func (s *Space) Block(c Cells, typ int, pattern string) error {
	re, err := regexp.Compile(pattern)
	if err != nil {
		return err
	}
	s.begin(c)
	s.numbered(c)
	b := block{all: typ < 0, typ: typ, pattern: pattern, re: re}
	if typ >= 0 {
		b.number = uint64(s.head.number[typ]) + 1
	}
	for i := range s.head.blocks {
		if o := &s.head.blocks[i]; o.number == b.number && o.pattern == pattern {
			return nil
		}
	}
	s.head.blocks = append(s.head.blocks, b)
	s.writeHead(c)
	return nil
}

// blocked tells whether an operator blocked a value.
func (s *Space) blocked(typ int, value string) bool {
	for i := range s.head.blocks {
		if b := &s.head.blocks[i]; (b.all || b.typ == typ) && b.re.MatchString(value) {
			return true
		}
	}
	return false
}

// keyed is a hash that nobody can make who has not the secret.
func (s *Space) keyed(what, name, value string) (sum [sha256.Size]byte) {
	s.mac.Reset()
	s.hashed = appendText(appendText(appendText(s.hashed[:0], s.cfg.Name), what), name)
	s.mac.Write(append(s.hashed, value...))
	s.mac.Sum(sum[:0])
	return sum
}

// node gives the key of an identifier's cell.
func (s *Space) node(name, value string) (key [1 + hashSize]byte) {
	s.hashed = append(append(append(s.hashed[:0], name...), 0), value...)
	sum := sha256.Sum256(s.hashed)
	key[0] = nodeKind
	copy(key[1:], sum[:])
	return key
}

func (s *Space) personKey(k half) []byte {
	s.key = append(append(s.key[:0], personKind), k[:]...)
	return s.key
}

// read reads the cell of a person; nil where there is none.
func (s *Space) read(c Cells, k half) *record {
	for _, r := range s.records[:s.loaded] {
		if r.key == k {
			return r
		}
	}
	val, ok := c.Get(s.personKey(k))
	if !ok {
		return nil
	}
	r := s.spare()
	if !r.decode(k, val, s.head.types) {
		panic("identity: a cell of the space " + s.cfg.Name + " is damaged")
	}
	return r
}

// spare gives a record of the call at hand.
func (s *Space) spare() *record {
	if s.loaded == len(s.records) {
		s.records = append(s.records, &record{})
	}
	s.loaded++
	return s.records[s.loaded-1]
}

// live finds who somebody is today. Redirects on the way that could be shorter are
// noted: who writes makes them so.
func (s *Space) live(c Cells, k half) *record {
	r := s.read(c, k)
	if r == nil || r.to == (half{}) {
		return r
	}
	from := len(s.hops)
	for r != nil && r.to != (half{}) {
		s.hops = append(s.hops, r.key)
		r = s.read(c, r.to)
	}
	s.hops = s.hops[:max(from, len(s.hops)-1)] // the last leads there already
	if r == nil {
		s.hops = s.hops[:from]
	}
	return r
}

// shorten makes redirects lead to their end.
func (s *Space) shorten(c Cells) {
	for _, k := range s.hops {
		r := s.read(c, k)
		end := r
		for end.to != (half{}) {
			end = s.read(c, end.to)
		}
		if r.to != end.key {
			short := record{key: r.key, rest: r.rest, to: end.key}
			s.write(c, &short)
		}
	}
	s.hops = s.hops[:0]
}

func (s *Space) write(c Cells, r *record) { c.Put(s.personKey(r.key), r.encode()) }

// create begins a person with an identifier. Their id was never another's: a generation
// counts up while it was.
func (s *Space) create(c Cells, name, value string) *record {
	count, _ := c.Get(countKey)
	n, _ := binary.Uvarint(count)
	n++
	c.Put(countKey, binary.AppendUvarint(nil, n))
	text := append(append([]byte(name), 0), value...)
	for generation := 0; ; generation++ {
		u := uuidOf(s.namespace, text)
		if generation > 0 {
			u = uuidOf(s.namespace, text, fmt.Sprint(generation))
		}
		if k := half(u[:8]); !s.used(c, k) {
			r := s.spare()
			*r = record{key: k, rest: half(u[8:]), created: n, ids: r.ids[:0], former: r.former[:0], unlinked: r.unlinked[:0]}
			return r
		}
	}
}

// used tells whether somebody has, or had, an id.
func (s *Space) used(c Cells, k half) bool {
	if k == (half{}) {
		return true
	}
	if _, ok := c.Get(s.personKey(k)); ok {
		return true
	}
	if !s.head.gone {
		return false
	}
	_, ok := c.Get(s.goneID(k))
	return ok
}

// goneID is the key of a forgotten person's id, and goneValue of an identifier.
func (s *Space) goneID(k half) []byte { return s.gone("id", "", string(k[:])) }

func (s *Space) goneValue(name, value string) []byte { return s.gone("value", name, value) }

func (s *Space) gone(what, name, value string) []byte {
	sum := s.keyed(what, name, value)
	s.key = append(append(s.key[:0], goneKind), sum[:16]...)
	return s.key
}

// erased reads up to when records that name an identifier are of before it was
// forgotten.
func (s *Space) erased(c Cells, name, value string) (until int64, ok bool) {
	if !s.head.gone {
		return 0, false
	}
	val, ok := c.Get(s.goneValue(name, value))
	if !ok {
		return 0, false
	}
	until, _ = binary.Varint(val)
	return until, true
}

// Person finds a person by their id, or whom they became.
func (s *Space) Person(c Cells, pid string) (*Person, bool) {
	s.begin(c)
	if r := s.byID(c, pid); r != nil {
		return s.view(r, &s.other), true
	}
	return nil, false
}

func (s *Space) byID(c Cells, pid string) *record {
	var room [16]byte
	if !isUUID(pid, lowerDigits) {
		return nil
	}
	u, _ := packUUID(room[:0], pid, lowerDigits)
	r := s.read(c, half(u[:8]))
	if r == nil || r.rest != half(u[8:]) {
		return nil
	}
	return s.live(c, r.key)
}

// Former lists the ids of those who became a person: each of them leads to the person
// for ever.
func (s *Space) Former(c Cells, pid string) []string {
	s.begin(c)
	r := s.byID(c, pid)
	if r == nil {
		return nil
	}
	return s.formerOf(c, r)
}

func (s *Space) formerOf(c Cells, r *record) (out []string) {
	for _, k := range r.former {
		if l := s.read(c, k); l != nil {
			u := l.uuid()
			out = append(out, string(appendUUID(nil, u[:], lowerDigits)))
		}
	}
	return out
}

// PersonKey gives the id of the person whom a cell holds, also of one who became another;
// false for cells that hold none.
func PersonKey(key, val []byte) (pid string, ok bool) {
	if len(key) != 9 || key[0] != personKind || len(val) < 9 {
		return "", false
	}
	return string(appendUUID(nil, append(bytes.Clone(key[1:]), val[1:9]...), lowerDigits)), true
}
