package identity

import (
	"bytes"
	"crypto/hmac"
	"crypto/sha1"
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"regexp"
	"slices"
)

// Space is an identity space over cells of one writer. It belongs to one goroutine; what
// it keeps beside the cells is of the call at hand, or the same for ever.
type Space struct {
	cfg    Config
	codes  []string
	byCode map[string]int
	cache  map[uint64]cached

	blockCell []byte // as blocks were read last
	blocks    []block

	key    []byte
	items  []item
	result Result
}

// block is a pattern that an operator blocked; typ -1 is every type.
type block struct {
	typ int
	re  *regexp.Regexp
}

// New makes a space.
func New(cfg Config) (*Space, error) {
	s := &Space{cfg: cfg, byCode: map[string]int{}, cache: map[uint64]cached{}}
	if len(cfg.Types) == 0 {
		return nil, fmt.Errorf("identity %s: it has no identifiers", cfg.Name)
	}
	for i, t := range cfg.Types {
		if t.Name == "" || len(t.Name) > 255 {
			return nil, fmt.Errorf("identity %s: %q is no name of an identifier", cfg.Name, t.Name)
		}
		code := string(typeCode(t.Name))
		if _, ok := s.byCode[code]; ok {
			return nil, fmt.Errorf("identity %s: %s stands twice", cfg.Name, t.Name)
		}
		s.byCode[code] = i
		s.codes = append(s.codes, code)
	}
	return s, nil
}

// Type finds a type by its name; -1 for none.
func (s *Space) Type(name string) int {
	return slices.IndexFunc(s.cfg.Types, func(t Type) bool { return t.Name == name })
}

func (s *Space) typeOf(code string) int {
	if i, ok := s.byCode[code]; ok {
		return i
	}
	return -1
}

// node is the key of an identifier's cell, in a buffer that stands until the next.
func (s *Space) at(kind byte, code, value string) []byte {
	s.key = append(append(append(s.key[:0], kind), code...), value...)
	return s.key
}

func (s *Space) pairKey(num uint64, code, value string) []byte {
	s.key = binary.BigEndian.AppendUint64(append(s.key[:0], unlinkKind), num)
	s.key = append(append(s.key, code...), value...)
	return s.key
}

// owner reads whose an identifier is: 0 nobody's. A shared device is nobody's for ever.
// again tells that it was forgotten and came back.
func (s *Space) owner(c Cells, code, value string) (num uint64, shared, again bool) {
	val, ok := c.Get(s.at(nodeKind, code, value))
	if !ok || len(val) == 0 {
		return 0, false, false
	}
	num, n := binary.Uvarint(val)
	if n <= 0 {
		return 0, false, false
	}
	return num, num == 0, len(val) > n
}

func (s *Space) setOwner(c Cells, code, value string, num uint64, again bool) {
	val := binary.AppendUvarint(make([]byte, 0, 9), num)
	if again {
		val = append(val, 1)
	}
	c.Put(s.at(nodeKind, code, value), val)
}

// gone reads what is kept of an identifier that was forgotten: up to when records that
// name it are of before, and how many persons it began until then.
func (s *Space) gone(c Cells, code, value string) (until int64, generation uint64, ok bool) {
	if len(s.cfg.Secret) == 0 {
		return 0, 0, false
	}
	val, found := c.Get(s.goneKey(code, value))
	if !found {
		return 0, 0, false
	}
	r := reader{b: val}
	until, generation = r.int(), r.uint()
	return until, generation, !r.bad
}

func (s *Space) goneKey(code, value string) []byte {
	m := hmac.New(sha256.New, s.cfg.Secret)
	for _, p := range []string{s.cfg.Name, code, value} {
		m.Write(binary.AppendUvarint(nil, uint64(len(p))))
		m.Write([]byte(p))
	}
	s.key = m.Sum(append(s.key[:0], goneKind))
	return s.key
}

// blocked tells whether an operator blocked a value.
func (s *Space) blocked(c Cells, typ int, value string) bool {
	val, ok := c.Get([]byte{blockKind})
	if !ok {
		return false
	}
	if !bytes.Equal(val, s.blockCell) {
		s.blockCell, s.blocks = bytes.Clone(val), nil
		r := reader{b: val}
		for len(r.b) > 0 {
			code, text := r.text(), r.text()
			re, err := regexp.Compile(text)
			if r.bad || err != nil {
				break
			}
			b := block{typ: -1, re: re}
			if code != "" {
				if b.typ = s.typeOf(code); b.typ < 0 {
					continue
				}
			}
			s.blocks = append(s.blocks, b)
		}
	}
	return slices.ContainsFunc(s.blocks, func(b block) bool { return (b.typ < 0 || b.typ == typ) && b.re.MatchString(value) })
}

// Block makes values that a pattern matches name nobody from here on; typ -1 is every
// type. What they named before stays.
func (s *Space) Block(c Cells, typ int, pattern string) error {
	if _, err := regexp.Compile(pattern); err != nil {
		return err
	}
	val, _ := c.Get([]byte{blockKind})
	code := ""
	if typ >= 0 {
		code = s.codes[typ]
	}
	c.Put([]byte{blockKind}, appendText(appendText(bytes.Clone(val), code), pattern))
	return nil
}

// next gives the number of the next person.
func (s *Space) next(c Cells) uint64 {
	n := uint64(1)
	if val, ok := c.Get([]byte{seqKind}); ok {
		if k, l := binary.Uvarint(val); l > 0 {
			n = k
		}
	}
	c.Put([]byte{seqKind}, binary.AppendUvarint(nil, n+1))
	return n
}

func uuidKey(dst []byte, u [16]byte) []byte { return append(append(dst[:0], uuidKind), u[:]...) }

// create makes a person whose id is made of the identifier that began them.
func (s *Space) create(c Cells, code, value string) *record {
	r := &record{num: s.next(c)}
	_, generation, _ := s.gone(c, code, value)
	for ; ; generation++ {
		r.uuid = uuidOf("sluice person", s.cfg.Name, code, value, fmt.Sprint(generation))
		if _, used := c.Get(uuidKey(s.key, r.uuid)); !used {
			break
		}
	}
	c.Put(uuidKey(nil, r.uuid), binary.AppendUvarint(nil, r.num))
	return r
}

// uuidOf is a UUID of version 5: nothing but the texts decides it.
func uuidOf(texts ...string) (u [16]byte) {
	h := sha1.New()
	for _, t := range texts {
		h.Write(binary.AppendUvarint(nil, uint64(len(t))))
		h.Write([]byte(t))
	}
	copy(u[:], h.Sum(nil))
	u[6] = u[6]&0x0f | 0x50
	u[8] = u[8]&0x3f | 0x80
	return u
}

func parseUUID(text string) (u [16]byte, ok bool) {
	if text, ok = uuidForm(text, 'a'); !ok {
		return u, false
	}
	j := 0
	for i := 0; i < len(text); i++ {
		if text[i] == '-' {
			continue
		}
		u[j] = unhex(text[i])<<4 | unhex(text[i+1])
		i++
		j++
	}
	return u, true
}

func unhex(b byte) byte {
	if b >= 'a' {
		return b - 'a' + 10
	}
	return b - '0'
}

// Person finds a person by their id, or whom they became.
func (s *Space) Person(c Cells, pid string) (*Person, bool) {
	if r := s.byID(c, pid); r != nil {
		return r.person(s), true
	}
	return nil, false
}

func (s *Space) byID(c Cells, pid string) *record {
	u, ok := parseUUID(pid)
	if !ok {
		return nil
	}
	val, ok := c.Get(uuidKey(s.key, u))
	if !ok {
		return nil
	}
	num, n := binary.Uvarint(val)
	if n <= 0 {
		return nil
	}
	return s.follow(c, num)
}

// PersonKey gives the id of a person of whom a cell's key tells: each has, or had, one
// such cell.
func PersonKey(key []byte) (pid string, ok bool) {
	if len(key) != 17 || key[0] != uuidKind {
		return "", false
	}
	return uuidText([16]byte(key[1:])), true
}
