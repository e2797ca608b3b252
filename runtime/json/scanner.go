package json

import (
	"errors"
	"fmt"
	"math"
)

// Scanner scans records by one plan. It belongs to one goroutine. Once it has
// seen the shapes of a stream it allocates nothing.
type Scanner struct {
	plan *Plan
	d    []byte // the record
	fr   []Span // the frame in which the nodes at hand have their slots

	root   []Span
	elems  [][]Span // by frame id: the element frames of the record, one behind the other
	lists  []list   // by Span.ref
	slots  int      // given out to elements so far
	depth  int
	saw    Flags // escapes met since the innermost container began
	unfit  bool  // something is not as the plan's masks want it
	tooBig bool

	start     *place
	loose     entry // stands for every key that is not learned
	past      place // stands for every place past a bound
	learned   int
	unlearned int
}

// list is one list of the record with element frames.
type list struct {
	frame, base, count int
}

const (
	// maxSlots bounds the element frames of one record: 1 M slots are
	// 16 MiB, and a record of `[0,0,0,…` would take a hundred times its
	// size without (I7).
	maxSlots = 1 << 20
	// keepSlots is what a scanner keeps of one frame's memory from a record
	// to the next.
	keepSlots = 1 << 14
)

// ErrTooBig says that a record cannot be scanned by slots: its lists have too
// many elements (their frames would take more than 16 MiB) or it is of 2 GiB
// and more. It may be valid or not.
var ErrTooBig = errors.New("record too big for slots")

// SyntaxError says that a record is not what Scan accepts. What is wrong with
// it is for a slower reader to explain.
type SyntaxError struct {
	// Offset of the byte at which reading could not go on; the length of the
	// record when it ends too early.
	Offset int
}

func (e *SyntaxError) Error() string {
	return fmt.Sprintf("invalid JSON at byte %d", e.Offset)
}

// NewScanner returns a scanner for a sealed plan.
func NewScanner(p *Plan) *Scanner {
	if !p.sealed {
		panic("json: a plan must be sealed before it is scanned by")
	}
	s := &Scanner{plan: p, elems: make([][]Span, len(p.frames)), root: make([]Span, p.frames[0].size)}
	s.past.obj.full = true
	s.past.elem = &s.past
	s.loose.val = s.past
	s.forget()
	return s
}

// Scan reads one record. Its results hold until the next call, and their spans
// are of d. The error is a *SyntaxError or ErrTooBig, and then there are no
// results.
func (s *Scanner) Scan(d []byte) error {
	if len(d) > math.MaxInt32 {
		return ErrTooBig
	}
	s.reset(d)
	i := 0
	if len(d) >= 3 && d[0] == 0xef && d[1] == 0xbb && d[2] == 0xbf {
		i = 3
	}
	i = space(d, i)
	if i < len(d) {
		i = s.value(i, s.plan.root, s.start)
	} else {
		i = ^i
	}
	if i >= 0 && i < len(d) {
		if i = space(d, i); i < len(d) {
			i = ^i
		}
	}
	if i < 0 {
		if s.tooBig {
			return ErrTooBig
		}
		return &SyntaxError{Offset: ^i}
	}
	return nil
}

func (s *Scanner) reset(d []byte) {
	s.d = d
	clear(s.root)
	s.fr = s.root
	for k := range s.elems {
		if cap(s.elems[k]) > keepSlots {
			s.elems[k] = nil
		}
		s.elems[k] = s.elems[k][:0]
	}
	if cap(s.lists) > keepSlots {
		s.lists = nil
	}
	s.lists = append(s.lists[:0], list{}) // ref 0 is no list
	s.slots, s.depth, s.saw, s.unfit, s.tooBig = 0, s.plan.reserved, 0, false, false
	if s.unlearned > forgetAfter {
		s.forget()
	}
}

// Frame is the record's own frame, to be indexed with the slots of nodes that
// are not below an Each.
func (s *Scanner) Frame() []Span { return s.root }

// Shape reports whether the record certainly is what Allow, OneOf and Require
// say. False may also mean that only the reference path can tell.
func (s *Scanner) Shape() bool { return !s.unfit }

// Elems are the element frames of the list in sp, a slot of a node with an
// Each. For anything but a list there are none.
func (s *Scanner) Elems(sp Span) Elems {
	l := s.lists[sp.ref]
	size := s.plan.frames[l.frame].size
	return Elems{slots: s.elems[l.frame][l.base : l.base+l.count*size], size: size, count: l.count}
}

// value steps over the value at d[i], which stands at node n and place p, and
// notes it.
func (s *Scanner) value(i int, n *Node, p *place) int {
	d := s.d
	begin, start := i, i
	var (
		end   int
		ref   uint32
		kind  Kind
		flags Flags
	)
	switch d[i] {
	case '"':
		start++
		end, flags = str(d, start)
		if end < 0 {
			return end
		}
		kind = Str
		if flags != 0 {
			kind = StrEsc
			s.saw |= flags
		}
		i = end + 1
	case '{':
		before := s.saw
		s.saw = 0
		i = s.object(i, n, &p.obj)
		end, kind, flags = i, Obj, s.saw
		s.saw |= before
	case '[':
		before := s.saw
		s.saw = 0
		if n.each != nil {
			i, ref = s.list(i, n.each, p)
		} else {
			i = s.skipList(i, s.element(p))
		}
		end, kind, flags = i, Arr, s.saw
		s.saw |= before
	case 't':
		i = literal(d, i, "true")
		end, kind = i, True
	case 'f':
		i = literal(d, i, "false")
		end, kind = i, False
	case 'n':
		i = literal(d, i, "null")
		end, kind = i, Null
	default:
		i = number(d, i)
		end, kind = i, Num
	}
	if i < 0 {
		return i
	}
	if n.slot >= 0 {
		// Field by field: a Span put together elsewhere and copied here
		// stalls on reading what has just been written in smaller pieces.
		sp := &s.fr[n.slot]
		sp.Start, sp.End, sp.ref, sp.Kind, sp.Flags = uint32(start), uint32(end), ref, kind, flags
	}
	if n.watch>>kind&1 != 0 {
		s.judge(n, kind, begin, start, end)
	}
	return i
}

// judge does what a value of a watched kind asks for.
func (s *Scanner) judge(n *Node, kind Kind, begin, start, end int) {
	if n.mask>>kind&1 == 0 && !n.fits(s.d[start:end], kind) {
		s.unfit = true
	}
	if kind == Obj || kind == Null {
		return
	}
	// E4: no path leads through it. The span has the quotes of a text.
	for _, k := range n.below {
		s.fr[k] = Span{Start: uint32(begin), End: uint32(end + start - begin), Kind: PathErr}
	}
}

// object steps over the object at d[i]. A nil n is an object the plan does not
// read.
func (s *Scanner) object(i int, n *Node, sh *shape) int {
	d := s.d
	if s.depth >= MaxDepth {
		return ^i
	}
	i++
	if i < len(d) && d[i] <= ' ' {
		i = space(d, i)
	}
	seen := crowd
	if i < len(d) && d[i] == '}' {
		if n != nil && n.required {
			s.members(n, seen)
		}
		return i + 1
	}
	s.depth++
	prev := &sh.first
	e := prev.next
	for {
		if e != nil && i+16 <= len(d) && (word(d, i)^e.w0)&e.m0|(word(d, i+8)^e.w1)&e.m1 == 0 &&
			(e.n <= 16 || i+e.n <= len(d) && string(d[i+16:i+e.n]) == e.lit[16:]) {
			i += e.n
		} else if e, i = s.key(i, n, sh, prev, e); i < 0 {
			return i
		}
		if i >= len(d) {
			return ^i
		}
		if d[i] <= ' ' {
			if i = space(d, i); i >= len(d) {
				return ^i
			}
		}
		c := e.child
		if d[i] == '"' { // value and skip would do it too: most values are texts
			end, saw := str(d, i+1)
			if end < 0 {
				return end
			}
			s.saw |= saw
			if c != nil {
				kind := Str
				if saw != 0 {
					kind = StrEsc
				}
				if seen&c.bit != 0 {
					s.wipe(c)
				}
				seen |= c.bit
				if c.slot >= 0 {
					sp := &s.fr[c.slot]
					sp.Start, sp.End, sp.ref, sp.Kind, sp.Flags = uint32(i+1), uint32(end), 0, kind, saw
				}
				if c.watch>>kind&1 != 0 {
					s.judge(c, kind, i, i+1, end)
				}
			}
			i = end + 1
		} else if c != nil {
			if seen&c.bit != 0 {
				s.wipe(c)
			}
			seen |= c.bit
			i = s.value(i, c, &e.val)
		} else {
			i = s.skip(i, &e.val)
		}
		if uint(i) >= uint(len(d)) {
			return short(i, d)
		}
		if d[i] <= ' ' {
			if i = space(d, i); i >= len(d) {
				return ^i
			}
		}
		if d[i] == '}' {
			if n != nil && n.required {
				s.members(n, seen)
			}
			s.depth--
			return i + 1
		}
		if d[i] != ',' {
			return ^i
		}
		i++
		if i < len(d) && d[i] <= ' ' {
			i = space(d, i)
		}
		prev, e = &e.follow, e.follow.next
	}
}

// members judges an object by the members it had.
func (s *Scanner) members(n *Node, seen uint64) {
	if seen&n.need != n.need {
		s.unfit = true
	}
	for _, k := range n.needMore {
		if s.fr[k].Kind == Missing {
			s.unfit = true
		}
	}
}

// wipe takes back what an earlier duplicate of n has left. E3: the last one
// wins with its whole subtree.
func (s *Scanner) wipe(n *Node) {
	if n.slot >= 0 {
		s.fr[n.slot] = Span{}
	}
	for _, k := range n.below {
		s.fr[k] = Span{}
	}
}

// list steps over the list at d[i] with a frame for each element.
func (s *Scanner) list(i int, f *frame, p *place) (end int, ref uint32) {
	d := s.d
	l := list{frame: f.id, base: len(s.elems[f.id])}
	if s.depth >= MaxDepth {
		return ^i, 0
	}
	i = space(d, i+1)
	if i < len(d) && d[i] == ']' {
		s.lists = append(s.lists, l)
		return i + 1, uint32(len(s.lists) - 1)
	}
	s.depth++
	p = s.element(p)
	outer := s.fr
	for i < len(d) {
		if s.slots += f.size; s.slots > maxSlots {
			s.tooBig = true
			return ^i, 0
		}
		a := s.elems[f.id]
		b := len(a)
		if b+f.size <= cap(a) {
			a = a[:b+f.size]
			clear(a[b:])
		} else {
			a = append(a, make([]Span, f.size)...)
		}
		s.elems[f.id] = a
		s.fr = a[b:]
		l.count++
		if i = s.value(i, f.root, p); i < 0 {
			return i, 0
		}
		if i = space(d, i); i >= len(d) {
			return ^i, 0
		}
		if d[i] == ']' {
			s.fr = outer
			s.depth--
			s.lists = append(s.lists, l)
			return i + 1, uint32(len(s.lists) - 1)
		}
		if d[i] != ',' {
			return ^i, 0
		}
		i = space(d, i+1)
	}
	return ^i, 0
}

// skip steps over a value the plan does not read.
func (s *Scanner) skip(i int, p *place) int {
	switch s.d[i] {
	case '"':
		q, saw := str(s.d, i+1)
		if q < 0 {
			return q
		}
		s.saw |= saw
		return q + 1
	case '{':
		return s.object(i, nil, &p.obj)
	case '[':
		return s.skipList(i, s.element(p))
	}
	return scalar(s.d, i)
}

// skipList steps over a list the plan does not read; p is the place of its
// elements.
func (s *Scanner) skipList(i int, p *place) int {
	d := s.d
	if s.depth >= MaxDepth {
		return ^i
	}
	i = space(d, i+1)
	if i < len(d) && d[i] == ']' {
		return i + 1
	}
	s.depth++
	for i < len(d) {
		if i = s.skip(i, p); i < 0 {
			return i
		}
		if i = space(d, i); i >= len(d) {
			return ^i
		}
		if d[i] == ']' {
			s.depth--
			return i + 1
		}
		if d[i] != ',' {
			return ^i
		}
		i = space(d, i+1)
	}
	return ^i
}
