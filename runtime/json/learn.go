package json

// Learned key order. Streams repeat a few record shapes, so after a member the
// next key is predicted from last time and compared as the whole literal
// `"key":` in two masked loads. A hit saves scanning the key, finding its node
// and checking the colon, also inside containers the plan does not read. A
// miss costs one compare and takes the ordinary way. Nothing is assumed about
// the data: what is learned decides only how fast an answer comes.

// Bounds on what one scanner learns, so that a stream whose keys are data
// (maps by user id) costs time but no memory (I7).
const (
	maxEntries  = 64      // keys at one place
	maxLearned  = 4096    // keys and places of a scanner, about 1 MiB
	forgetAfter = 1 << 16 // keys met that there was no room to learn: begin anew
)

// place is one position in the records: the record, the value of one key at
// one place, or the elements of a list at a place. It always goes with the
// same node of the plan, or with none.
type place struct {
	obj  shape  // the value as an object
	elem *place // its elements, when it was a list
}

// shape is what is known of the objects at one place.
type shape struct {
	first   links
	entries []*entry
	sigs    []uint64 // of each entry, to search without touching it
	full    bool     // learns nothing: the place past a bound
}

// links are the predictions of what follows: the last key that did, and the
// one before it that was another, for members that are there only at times.
type links struct {
	next, other *entry
}

// entry is one key seen at a place.
type entry struct {
	w0, w1, m0, m1 uint64 // the first 16 bytes of lit, and which of them count
	n              int    // len(lit)
	child          *Node  // what the plan has there; nil: nothing
	follow         links
	val            place
	lit            string // `"key":` as it stands in the text
}

func newEntry(lit string, child *Node) *entry {
	e := &entry{n: len(lit), child: child, lit: lit}
	var b [16]byte
	copy(b[:], lit)
	e.w0, e.w1 = word(b[:], 0), word(b[:], 8)
	e.m0, e.m1 = ^uint64(0), ^uint64(0)
	if e.n < 8 {
		e.m0, e.m1 = 1<<(uint(e.n)*8)-1, 0
	} else if e.n < 16 {
		e.m1 = 1<<(uint(e.n-8)*8) - 1
	}
	return e
}

// at reports whether the entry's literal stands at d[i].
func (e *entry) at(d []byte, i int) bool {
	return i+e.n <= len(d) && string(d[i:i+e.n]) == e.lit
}

// signature tells most literals apart in one compare.
func signature(lit []byte) uint64 {
	var x uint64
	if len(lit) >= 9 {
		// From the second byte: the first is a quote in all of them.
		x = word(lit, 1) ^ word(lit, len(lit)-8)<<1
	} else {
		for _, c := range lit {
			x = x<<8 | uint64(c)
		}
	}
	return x ^ uint64(len(lit))<<56
}

// key steps over the key and colon at d[i] where the first prediction e (nil:
// none) has failed, and gives its entry. It links that entry as the prediction
// after prev. Keys that cannot be learned give s.loose.
func (s *Scanner) key(i int, n *Node, sh *shape, prev *links, e *entry) (*entry, int) {
	d := s.d
	// The caller compares 16 bytes; at the end of the record there are fewer.
	if e != nil && i+16 > len(d) && e.at(d, i) {
		return e, i + e.n
	}
	if o := prev.other; o != nil && o.at(d, i) {
		return o, i + o.n
	}
	if i >= len(d) || d[i] != '"' {
		return nil, ^i
	}
	start := i + 1
	end, saw := str(d, start)
	if end < 0 {
		return nil, end
	}
	s.saw |= saw
	i = end + 1
	tight := i < len(d) && d[i] == ':'
	if !tight {
		if i = space(d, i); i >= len(d) || d[i] != ':' {
			return nil, ^i
		}
	}
	i++
	if !tight || saw != 0 {
		return s.looseKey(n, d[start:end], saw), i
	}
	lit := d[start-1 : i]
	sig := signature(lit)
	for j, x := range sh.sigs {
		if x == sig && sh.entries[j].lit == string(lit) {
			s.link(prev, sh.entries[j])
			return sh.entries[j], i
		}
	}
	if sh.full || len(sh.entries) == maxEntries || s.learned >= maxLearned {
		s.unlearned++
		return s.looseKey(n, d[start:end], 0), i
	}
	s.learned++
	var c *Node
	if n != nil {
		c = n.kid(d[start:end])
	}
	e = newEntry(string(lit), c)
	sh.entries = append(sh.entries, e)
	sh.sigs = append(sh.sigs, sig)
	s.link(prev, e)
	return e, i
}

// looseKey is the entry of a key that is not learned. It is shared: its child
// must be taken before the value is scanned.
func (s *Scanner) looseKey(n *Node, key []byte, saw Flags) *entry {
	s.loose.child = nil
	if n != nil {
		if saw != 0 {
			var buf [64]byte
			key = Unescape(buf[:0], key)
		}
		s.loose.child = n.kid(key)
	}
	return &s.loose
}

// link makes e the prediction after prev.
func (s *Scanner) link(prev *links, e *entry) {
	// Nothing may be predicted after the shared entry: it stands for other
	// keys, at other places, each time.
	if prev == &s.loose.follow || prev.next == e {
		return
	}
	prev.next, prev.other = e, prev.next
}

// element is the place of the elements of the list at p.
func (s *Scanner) element(p *place) *place {
	if p.elem == nil {
		if s.learned >= maxLearned {
			return &s.past
		}
		s.learned++
		p.elem = &place{}
	}
	return p.elem
}

// forget begins to learn anew.
func (s *Scanner) forget() {
	s.start, s.learned, s.unlearned = &place{}, 0, 0
}
