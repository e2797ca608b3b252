package identity

import (
	"cmp"
	"encoding/binary"
	"slices"

	"github.com/zeebo/xxh3"
)

// Limits of a person, whatever the declaration says.
const (
	maxIDs     = 1000 // identifiers
	maxMerges  = 100  // persons who became one
	maxPersons = 8    // persons at once
	maxUsers   = 5    // users other than its owner's on one device
)

const (
	noTime = -1 << 63
	day    = int64(24 * 3600 * 1e6)
)

// item is an identifier of the record at hand.
type item struct {
	typ   int
	value string
	num   uint64 // whose it is; 0: nobody's
	again bool   // it was forgotten once
}

// gather puts the usable identifiers of a record in their order, each once.
func (s *Space) gather(c Cells, ids []Given, at int64) []item {
	s.items, s.result = s.items[:0], Result{Rejected: s.result.Rejected[:0]}
	for _, g := range ids {
		v, why := s.Canon(g.Type, g.Value)
		if why == "" && s.blocked(c, g.Type, v) {
			why = Blocked
		}
		if why != "" {
			s.reject(g.Type, g.Value, why)
			continue
		}
		s.items = append(s.items, item{typ: g.Type, value: v})
	}
	if len(s.items) > 1 {
		slices.SortFunc(s.items, func(a, b item) int { return cmp.Or(cmp.Compare(a.typ, b.typ), cmp.Compare(a.value, b.value)) })
		s.items = slices.CompactFunc(s.items, func(a, b item) bool { return a.typ == b.typ && a.value == b.value })
	}
	kept := s.items[:0]
	for _, it := range s.items {
		code := s.codes[it.typ]
		var shared bool
		it.num, shared, it.again = s.owner(c, code, it.value)
		if shared {
			s.reject(it.typ, it.value, SharedID)
			continue
		}
		if it.num == 0 || it.again {
			if until, _, ok := s.gone(c, code, it.value); ok {
				if it.again = true; at != noTime && at <= until {
					s.reject(it.typ, it.value, WasErased)
					continue
				}
			}
		}
		kept = append(kept, it)
	}
	s.items = kept
	return kept
}

func (s *Space) reject(typ int, value string, why Reason) {
	s.result.Rejected = append(s.result.Rejected, Rejected{Given{typ, value}, why})
}

// standing is what the identifiers of a record have come to so far.
type standing struct {
	persons []*record
	fresh   []item
	counts  []int // by type, of those that count at the time of the record
	total   int
	merges  int
	known   bool
	user    string // of the best type
}

// Resolve links the identifiers of a record at a time, and gives whose they are. The
// better ones come first: each joins what stands so far if that breaks no rule.
func (s *Space) Resolve(c Cells, ids []Given, at int64) Result {
	items := s.gather(c, ids, at)
	if len(items) == 0 {
		return s.result
	}
	if r := s.usual(c, items, at); r != nil {
		s.result.Person = r.person(s)
		return s.result
	}
	st := standing{counts: make([]int, len(s.cfg.Types))}
	for i := range items {
		s.join(c, &st, &items[i], at)
	}
	if len(st.persons) == 0 && len(st.fresh) == 0 {
		return s.result
	}
	r := s.settle(c, &st, at)
	s.result.Person = r.person(s)
	return s.result
}

// usual is the record that teaches nothing: all its identifiers are one person's. It
// writes only where a new day has seen one of them; nil where there is more to do.
func (s *Space) usual(c Cells, items []item, at int64) *record {
	num := items[0].num
	for i := range items {
		if items[i].num != num || num == 0 {
			return nil
		}
	}
	r := s.load(c, num)
	if r == nil || r.to != 0 {
		return nil
	}
	return s.saw(c, r, items, at)
}

// saw keeps the day on which identifiers were seen last.
func (s *Space) saw(c Cells, r *record, items []item, at int64) *record {
	if at == noTime {
		return r
	}
	changed := false
	for i := range items {
		for j := range r.ids {
			h := &r.ids[j]
			if h.typ != items[i].typ || h.value != items[i].value || at >= h.first && at/day <= h.last/day {
				continue
			}
			if !changed {
				changed, r = true, r.clone()
				h = &r.ids[j]
			}
			h.first, h.last = min(h.first, at), max(h.last, at/day*day)
		}
	}
	if changed {
		s.store(c, r)
	}
	return r
}

// join adds one identifier to what stands, or rejects it.
func (s *Space) join(c Cells, st *standing, it *item, at int64) {
	if it.num == 0 {
		if why := s.mayAdd(c, st, it); why != "" {
			s.reject(it.typ, it.value, why)
			return
		}
		st.fresh = append(st.fresh, *it)
		st.counts[it.typ]++
		st.total++
		s.stands(st, it.typ, it.value)
		return
	}
	if slices.ContainsFunc(st.persons, func(r *record) bool { return r.num == it.num }) {
		return
	}
	r := s.load(c, it.num)
	if r == nil || r.to != 0 {
		return // a cell that cannot be read names nobody
	}
	if why := s.mayMerge(c, st, r, it, at); why != "" {
		s.reject(it.typ, it.value, why)
		if why == OwnedDevice || why == OtherUser {
			s.foreign(c, st, r, it)
		}
		return
	}
	st.persons = append(st.persons, r)
	st.total += len(r.ids)
	st.merges += len(r.absorbed)
	for _, h := range r.ids {
		if h.typ < 0 {
			continue
		}
		if s.counts(h, at) {
			st.counts[h.typ]++
		}
		s.stands(st, h.typ, h.value)
	}
}

func (s *Space) stands(st *standing, typ int, value string) {
	st.known = st.known || s.cfg.Types[typ].Person
	if typ == 0 && st.user == "" {
		st.user = value
	}
}

// counts tells whether an identifier counts against its limit at a time.
func (s *Space) counts(h held, at int64) bool {
	per := s.cfg.Types[h.typ].Per
	if per == 0 || at == noTime || h.first == noTime {
		return true
	}
	return h.first > at-per && h.first < at+per
}

// mayAdd tells why an identifier that is nobody's cannot join; "": it can.
func (s *Space) mayAdd(c Cells, st *standing, it *item) Reason {
	t := &s.cfg.Types[it.typ]
	switch {
	case t.Limit > 0 && st.counts[it.typ] >= t.Limit:
		return OverLimit
	case st.total >= maxIDs:
		return TooMany
	}
	for _, r := range st.persons {
		if _, taken := c.Get(s.pairKey(r.num, s.codes[it.typ], it.value)); taken {
			return Unlinked
		}
	}
	return ""
}

// mayMerge tells why a person cannot join; "": they can.
func (s *Space) mayMerge(c Cells, st *standing, r *record, it *item, at int64) Reason {
	if len(st.persons) == 0 && len(st.fresh) == 0 {
		return ""
	}
	counts := make([]int, len(s.cfg.Types))
	for _, h := range r.ids {
		if h.typ >= 0 && s.counts(h, at) {
			counts[h.typ]++
		}
	}
	for typ, n := range counts {
		limit := s.cfg.Types[typ].Limit
		if n == 0 || limit == 0 || st.counts[typ] == 0 || st.counts[typ]+n <= limit {
			continue
		}
		if typ == 0 {
			return OtherUser
		}
		return OverLimit
	}
	if !s.cfg.Types[it.typ].Person && st.known && r.known(s) {
		return OwnedDevice
	}
	merges := st.merges + len(r.absorbed) + len(st.persons)
	if st.total+len(r.ids) > maxIDs || merges > maxMerges || len(st.persons) >= maxPersons {
		return TooMany
	}
	for _, f := range st.fresh {
		if _, taken := c.Get(s.pairKey(r.num, s.codes[f.typ], f.value)); taken {
			return Unlinked
		}
	}
	return ""
}

// foreign counts a user on a device that is another's. The fifth makes it shared: it
// leaves its owner, and names nobody any more.
func (s *Space) foreign(c Cells, st *standing, r *record, it *item) {
	if s.cfg.Types[it.typ].Person || st.user == "" {
		return
	}
	for _, h := range r.ids {
		if h.typ == 0 && h.value == st.user {
			return
		}
	}
	code := s.codes[it.typ]
	old, _ := c.Get(s.at(deviceKind, code, it.value))
	user := binary.BigEndian.AppendUint64(nil, xxh3.HashString(st.user))
	for i := 0; i+8 <= len(old); i += 8 {
		if string(old[i:i+8]) == string(user) {
			return
		}
	}
	seen := append(slices.Clone(old), user...)
	if len(seen)/8 < maxUsers {
		c.Put(s.at(deviceKind, code, it.value), seen)
		return
	}
	c.Delete(s.at(deviceKind, code, it.value))
	s.setOwner(c, code, it.value, 0, false)
	left := r.clone()
	left.ids = slices.DeleteFunc(left.ids, func(h held) bool { return h.typ == it.typ && h.value == it.value })
	s.store(c, left)
}

// settle makes one person of what stands.
func (s *Space) settle(c Cells, st *standing, at int64) *record {
	var w *record
	made := len(st.persons) == 0
	known, user := false, false
	if made {
		f := &st.fresh[0]
		w = s.create(c, s.codes[f.typ], f.value)
	} else {
		w = slices.MinFunc(st.persons, s.better).clone()
		known, user = w.known(s), w.has(0)
	}
	if len(st.persons) > 1 {
		w.anon = w.anonymous(s)
		for _, l := range st.persons {
			if l.num != w.num {
				s.absorb(c, w, l)
			}
		}
	}
	for i := range st.fresh {
		f := &st.fresh[i]
		s.add(c, w, f, at)
	}
	w.order()
	s.store(c, w)
	w = s.saw(c, w, s.items, at)
	switch {
	case len(s.result.Merged) > 0:
		s.result.Kind = Merged
	case w.known(s) && !known || w.has(0) && !user:
		s.result.Kind = Known
	case made:
		s.result.Kind = Created
	case len(st.fresh) > 0:
		s.result.Kind = Linked
	}
	return w
}

// better orders persons: who has a user id, then who has the next best identifier of a
// person, then who came first, then the smaller id.
func (s *Space) better(a, b *record) int {
	for typ := range s.cfg.Types {
		if !s.cfg.Types[typ].Person {
			continue
		}
		if x, y := a.has(typ), b.has(typ); x != y {
			if x {
				return -1
			}
			return 1
		}
		if typ >= 1 {
			break
		}
	}
	return cmp.Or(cmp.Compare(a.num, b.num), cmp.Compare(a.id(), b.id()))
}

// absorb makes a person another: their identifiers go over, and who they were leads there
// for ever.
func (s *Space) absorb(c Cells, w, l *record) {
	was := *l.clone().person(s)
	s.result.Merged = append(s.result.Merged, &was)
	for _, h := range l.ids {
		_, _, again := s.owner(c, h.code, h.value)
		s.setOwner(c, h.code, h.value, w.num, again)
		w.ids = append(w.ids, h)
	}
	w.absorbed = append(append(w.absorbed, l.num), l.absorbed...)
	s.store(c, &record{num: l.num, uuid: l.uuid, to: w.num})
}

func (s *Space) add(c Cells, w *record, f *item, at int64) {
	code := s.codes[f.typ]
	h := held{typ: f.typ, code: code, value: f.value, first: at, last: at}
	if at != noTime {
		h.last = at / day * day
	}
	w.ids = append(w.ids, h)
	s.setOwner(c, code, f.value, w.num, f.again)
	if w.anon == "" && s.cfg.Types[f.typ].Name == "anonymous_id" {
		w.anon = f.value
	}
}

// Find looks up whose the identifiers are, the best first; ambiguous where another of
// them is somebody else's.
func (s *Space) Find(c Cells, ids []Given) (p *Person, ambiguous bool) {
	r, ambiguous := s.whose(c, ids)
	if r == nil {
		return nil, false
	}
	return r.person(s), ambiguous
}

func (s *Space) whose(c Cells, ids []Given) (found *record, ambiguous bool) {
	var first *record
	for _, g := range ids {
		if g.Type < 0 { // a person's own id
			if r := s.byID(c, g.Value); r != nil {
				if first != nil && first.num != r.num {
					return first, true
				}
				first = r
			}
		}
	}
	rest := slices.DeleteFunc(slices.Clone(ids), func(g Given) bool { return g.Type < 0 })
	for _, it := range s.gather(c, rest, noTime) {
		if it.num == 0 {
			continue
		}
		r := s.load(c, it.num)
		switch {
		case r == nil || r.to != 0:
		case first == nil:
			first = r
		case first.num != r.num:
			ambiguous = true
		}
	}
	return first, ambiguous
}
