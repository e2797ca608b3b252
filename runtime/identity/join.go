package identity

import (
	"cmp"
	"slices"
)

// Limits of a person, whatever the declaration says.
const (
	maxIDs     = 1000 // identifiers
	maxMerges  = 100  // persons who became one
	maxPersons = 8    // persons whom one record makes one
	maxUsers   = 5    // users other than its owner's on one device
)

// standing is what the identifiers of a record have come to so far.
type standing struct {
	at      int64
	persons []*record
	fresh   []*item
	ids     int // of all of them
	merges  int // that they were already
	known   bool
}

func (st *standing) begin(at int64) {
	*st = standing{at: at, persons: st.persons[:0], fresh: st.fresh[:0]}
}

func (st *standing) empty() bool { return len(st.persons) == 0 && len(st.fresh) == 0 }

func (st *standing) add(s *Space, r *record) {
	st.persons = append(st.persons, r)
	st.ids += len(r.ids)
	st.merges += len(r.former)
	st.known = st.known || r.known(s)
}

// join adds an identifier, and whose it is, to what stands, or rejects it.
func (s *Space) join(st *standing, it *item) {
	if it.who == nil {
		if why := s.mayAdd(st, it); why != "" {
			s.reject(it, why)
			return
		}
		it.fate = fresh
		st.fresh = append(st.fresh, it)
		st.ids++
		st.known = st.known || s.cfg.Types[it.typ].Person
		return
	}
	if !slices.Contains(st.persons, it.who) {
		if why := s.mayJoin(st, it); why != "" {
			s.reject(it, why)
			return
		}
		st.add(s, it.who)
	}
	it.fate = stands
}

// mayAdd tells why an identifier that is nobody's cannot join; "": it can.
func (s *Space) mayAdd(st *standing, it *item) Reason {
	if why := s.crowded(st, it.typ, nil); why != "" {
		return why
	}
	if st.ids >= maxIDs {
		return TooMany
	}
	for _, r := range st.persons {
		if s.tookFrom(r, s.cfg.Types[it.typ].Name, it.value) {
			return Unlinked
		}
	}
	return ""
}

// mayJoin tells why the person of an identifier cannot join; "": they can.
func (s *Space) mayJoin(st *standing, it *item) Reason {
	if st.empty() {
		return ""
	}
	r := it.who
	if !s.cfg.Types[it.typ].Person && st.known && r.known(s) {
		return OwnedDevice // it stays with the first
	}
	if why := s.mayMerge(st, r); why != "" {
		return why
	}
	if len(st.persons) >= maxPersons {
		return TooMany
	}
	for _, f := range st.fresh {
		if s.tookFrom(r, s.cfg.Types[f.typ].Name, f.value) {
			return Unlinked
		}
	}
	for _, p := range st.persons {
		if s.apart(p, r) || s.apart(r, p) {
			return Unlinked
		}
	}
	return ""
}

// mayMerge tells which limit keeps a person from what stands; "": none.
func (s *Space) mayMerge(st *standing, r *record) Reason {
	for typ := range s.cfg.Types {
		if r.has(typ) {
			if why := s.crowded(st, typ, r); why != "" {
				return why
			}
		}
	}
	return s.tooMany(st, r)
}

func (s *Space) tooMany(st *standing, r *record) Reason {
	if st.ids+len(r.ids) > maxIDs || st.merges+len(r.former)+len(st.persons) > maxMerges {
		return TooMany
	}
	return ""
}

// sight is when an identifier was seen first.
type sight struct {
	at    int64
	added bool // with what is to join
}

// crowded tells whether there were too many identifiers of a type if those of r, or
// without r one of the record, joined what stands: in the span of the limit that holds
// one of those that join and most others, by event time. What has no time counts in every
// span; a record without one counts as of the latest sight of the type.
func (s *Space) crowded(st *standing, typ int, r *record) Reason {
	t := &s.cfg.Types[typ]
	if t.Limit <= 0 {
		return ""
	}
	s.times = s.times[:0]
	for _, p := range st.persons {
		s.sights(p, typ, false)
	}
	for _, f := range st.fresh {
		if f.typ == typ {
			s.times = append(s.times, sight{at: st.at})
		}
	}
	there := len(s.times)
	if r == nil {
		s.times = append(s.times, sight{st.at, true})
	} else {
		s.sights(r, typ, true)
	}
	if len(s.times) <= t.Limit || r != nil && there == 0 {
		return ""
	}
	if t.Per > 0 && !s.crowd(t.Limit, t.Per) {
		return ""
	}
	if typ == s.user && t.Limit == 1 {
		return OtherUser
	}
	return OverLimit
}

func (s *Space) sights(r *record, typ int, added bool) {
	for i := range r.ids {
		if h := &r.ids[i]; h.typ == typ && !h.shared {
			s.times = append(s.times, sight{h.first, added})
		}
	}
}

// crowd tells whether a span of s.times holds one that is added and more than limit.
func (s *Space) crowd(limit int, per int64) bool {
	latest := int64(noTime)
	for _, x := range s.times {
		latest = max(latest, x.at)
	}
	always := 0
	timed := s.times[:0]
	for _, x := range s.times {
		switch {
		case x.at != noTime:
			timed = append(timed, x)
		case x.added && latest != noTime:
			timed = append(timed, sight{latest, true})
		default:
			always++
		}
	}
	if latest == noTime {
		return always > limit
	}
	slices.SortFunc(timed, func(a, b sight) int { return cmp.Compare(a.at, b.at) })
	end, added := 0, 0 // of the span that begins with timed[i]
	for i := range timed {
		for end < len(timed) && uint64(timed[end].at)-uint64(timed[i].at) < uint64(per) {
			if timed[end].added {
				added++
			}
			end++
		}
		if added > 0 && end-i+always > limit {
			return true
		}
		if timed[i].added {
			added--
		}
	}
	return false
}

// markOf is what is kept with a person of an identifier that was taken from them.
func (s *Space) markOf(name, value string) mark {
	sum := s.keyed("taken", name, value)
	return mark(sum[:len(mark{})])
}

// tookFrom tells whether an operator took an identifier from a person.
func (s *Space) tookFrom(r *record, name, value string) bool {
	return len(r.unlinked) > 0 && slices.Contains(r.unlinked, s.markOf(name, value))
}

// apart tells whether b has an identifier that an operator took from a.
func (s *Space) apart(a, b *record) bool {
	if len(a.unlinked) == 0 {
		return false
	}
	for i := range b.ids {
		if name, value := s.named(&b.ids[i]); s.tookFrom(a, name, value) {
			return true
		}
	}
	return false
}

// named gives the name of an identifier's type, and its value.
func (s *Space) named(h *held) (name, value string) {
	if h.number < uint64(len(s.head.names)) {
		name = s.head.names[h.number]
	}
	return name, string(unpack(nil, h.form, h.raw))
}
