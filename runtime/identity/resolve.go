package identity

import (
	"bytes"
	"cmp"
	"slices"
)

// item is an identifier of the record at hand, in its canonical form.
type item struct {
	typ   int
	value string
	form  byte
	raw   []byte // packed
	key   [1 + hashSize]byte
	there bool // it has a cell
	node
	who  *record // whose it is today; nil: nobody's
	n    int     // where it is with them
	fate fate
}

type fate uint8

const (
	dropped fate = iota
	stands       // of one of the persons who stand
	fresh        // nobody's so far: it joins
)

// Resolve links the identifiers of a record at a time, and gives whose they are.
//
// They come in order, the best first, and each joins what stands so far if that breaks
// no rule: so the record belongs to the best identifier it names, and a new device is
// not lost to a foreign e-mail. What stands at the end becomes one person.
func (s *Space) Resolve(c Cells, ids []Given, at int64) Result {
	s.begin(c)
	s.gather(c, ids)
	s.admit(c, at)
	if len(s.items) == 0 {
		return Result{Rejected: s.rejected}
	}
	if r := s.usual(c, at); r != nil {
		return Result{Person: s.view(r, &s.person), Rejected: s.rejected}
	}
	s.owners(c)
	st := &s.stand
	st.begin(at)
	for i := range s.items {
		s.join(st, &s.items[i])
	}
	return s.settle(c, st)
}

// gather puts the usable identifiers in order, each once, and reads their cells.
func (s *Space) gather(c Cells, ids []Given) {
	for i := range ids {
		g := &ids[i]
		v, why := s.Canon(g.Type, g.Value)
		if why == "" && s.blocked(g.Type, v) {
			why = Blocked
		}
		if why != "" {
			s.rejected = append(s.rejected, Rejected{*g, why})
			continue
		}
		s.items = append(s.items, item{typ: g.Type, value: v})
	}
	by := func(a, b item) int { return cmp.Or(cmp.Compare(a.typ, b.typ), cmp.Compare(a.value, b.value)) }
	if !slices.IsSortedFunc(s.items, by) {
		slices.SortFunc(s.items, by)
	}
	s.items = slices.CompactFunc(s.items, func(a, b item) bool { return a.typ == b.typ && a.value == b.value })
	for i := range s.items {
		it := &s.items[i]
		from := len(s.packed)
		it.form, s.packed = pack(s.packed, it.value)
		it.raw = s.packed[from:len(s.packed):len(s.packed)]
		it.key = s.node(s.cfg.Types[it.typ].Name, it.value)
		val, ok := c.Get(it.key[:])
		if it.there = ok; ok && !it.node.decode(val) {
			panic("identity: a cell of the space " + s.cfg.Name + " is damaged")
		}
	}
}

// admit leaves out what names nobody in this record: shared devices, and what was
// forgotten by a request that is younger than the record.
func (s *Space) admit(c Cells, at int64) {
	kept := s.items[:0]
	for i := range s.items {
		it := s.items[i]
		if !it.there {
			it.until, it.erased = s.erased(c, s.cfg.Types[it.typ].Name, it.value)
		}
		switch {
		case it.shared:
			s.reject(&it, SharedID)
		case it.erased && at != noTime && at < it.until:
			s.reject(&it, WasErased)
		default:
			kept = append(kept, it)
		}
	}
	s.items = kept
}

func (s *Space) reject(it *item, why Reason) {
	s.rejected = append(s.rejected, Rejected{Given{it.typ, it.value}, why})
}

// usual is the record that teaches nothing new about who is who: all its identifiers are
// one person's already. It writes where one of them was not seen on this day before. nil
// where there is more to do.
func (s *Space) usual(c Cells, at int64) *record {
	owner := s.items[0].owner
	for i := range s.items {
		if it := &s.items[i]; !it.there || it.owner != owner {
			return nil
		}
	}
	r := s.read(c, owner)
	if r == nil || r.to != (half{}) {
		return nil
	}
	for i := range s.items {
		it := &s.items[i]
		if it.n = r.index(it.typ, it.form, it.raw); it.n < 0 {
			return nil
		}
	}
	news := false
	for i := range s.items {
		news = r.ids[s.items[i].n].saw(at) || news
	}
	if news {
		s.write(c, r)
	}
	return r
}

// settle makes one person of what stands, and writes.
func (s *Space) settle(c Cells, st *standing) (out Result) {
	if len(st.persons) == 0 && len(st.fresh) == 0 {
		return Result{Rejected: s.rejected}
	}
	s.numbered(c)
	s.after(st)
	var r *record
	known, user := false, false
	if len(st.persons) == 0 {
		it := st.fresh[0]
		r = s.create(c, s.cfg.Types[it.typ].Name, it.value)
		out.Kind = Created
	} else {
		r = slices.MinFunc(st.persons, s.better)
		known, user = r.known(s), r.has(s.user)
	}
	for _, l := range st.persons {
		if l != r {
			out.Merged = append(out.Merged, s.view(l, &Person{}))
			s.absorb(c, r, l)
		}
	}
	news := len(out.Merged) > 0
	for i := range s.items {
		if it := &s.items[i]; it.fate == stands {
			if n := r.index(it.typ, it.form, it.raw); n >= 0 && r.ids[n].saw(st.at) {
				news = true
			}
		}
	}
	for _, it := range st.fresh {
		h := held{typ: it.typ, number: uint64(s.head.number[it.typ]), form: it.form, raw: it.raw, first: noTime}
		h.saw(st.at)
		r.ids = append(r.ids, h)
		news = true
	}
	if news {
		r.order()
		s.write(c, r)
	}
	for i := range s.items {
		s.point(c, &s.items[i], r)
	}
	s.foreign(c, st, r)
	s.shorten(c)
	switch {
	case len(out.Merged) > 0:
		out.Kind = Merged
	case r.known(s) && !known || r.has(s.user) && !user:
		out.Kind = Known
	case len(st.fresh) > 0 && out.Kind == Nothing:
		out.Kind = Linked
	}
	out.Person, out.Rejected = s.view(r, &s.person), s.rejected
	return out
}

// after looks again at identifiers that were rejected because of whose they are: a later
// one may have brought that person.
func (s *Space) after(st *standing) {
	for i := range s.items {
		it := &s.items[i]
		if it.fate == dropped && it.who != nil && slices.Contains(st.persons, it.who) {
			it.fate = stands
			s.rejected = slices.DeleteFunc(s.rejected, func(r Rejected) bool { return r.Type == it.typ && r.Value == it.value })
		}
	}
}

// point makes the cell of an identifier lead to whose it is, without a way round.
func (s *Space) point(c Cells, it *item, r *record) {
	if it.fate == dropped {
		if r = it.who; r == nil {
			return
		}
	}
	if it.there && it.owner == r.key {
		return
	}
	it.owner, it.there = r.key, true
	c.Put(it.key[:], it.node.encode())
}

// absorb makes a person another: their identifiers go over, and who they were leads there
// for ever. What they kept in cells of identifiers is set right when one is met next.
func (s *Space) absorb(c Cells, r, l *record) {
	for _, h := range l.ids {
		h.adopted = true
		r.ids = append(r.ids, h)
	}
	r.former = append(append(r.former, l.key), l.former...)
	for _, m := range l.unlinked {
		if !slices.Contains(r.unlinked, m) {
			r.unlinked = append(r.unlinked, m)
		}
	}
	l.to = r.key
	s.write(c, l)
}

// better orders persons: who has a user id, then who has an e-mail, then who came first,
// then the smaller id.
func (s *Space) better(a, b *record) int {
	for _, typ := range [...]int{s.user, s.email} {
		if x, y := a.has(typ), b.has(typ); x != y {
			if x {
				return -1
			}
			return 1
		}
	}
	ua, ub := a.uuid(), b.uuid()
	return cmp.Or(cmp.Compare(a.created, b.created), slices.Compare(ua[:], ub[:]))
}

// foreign counts users on devices of others that the record names. The fifth makes a
// device shared: its owner keeps it, but it names nobody any more.
func (s *Space) foreign(c Cells, st *standing, r *record) {
	for i := range s.items {
		it := &s.items[i]
		if it.fate != dropped || it.who == nil || s.cfg.Types[it.typ].Person {
			continue
		}
		old := it.users
		for j := range s.items {
			if u := &s.items[j]; u.typ == s.user && u.fate != dropped {
				it.users = s.withUser(it.users, it.who, u)
			}
		}
		if bytes.Equal(it.users, old) {
			continue
		}
		if len(it.users) >= maxUsers*sizeOfUser {
			it.shared, it.users = true, nil
			if n := it.who.index(it.typ, it.form, it.raw); n >= 0 {
				it.who.ids[n].shared = true
				s.write(c, it.who)
			}
		}
		c.Put(it.key[:], it.node.encode())
	}
}

// withUser adds a user to those whom a device of another has seen, once. Who has become
// one with the owner since is none of them.
func (s *Space) withUser(users []byte, owner *record, u *item) []byte {
	sum := s.keyed("user", s.cfg.Types[u.typ].Name, u.value)
	if hasUser(users, sum[:sizeOfUser]) {
		return users
	}
	out := make([]byte, 0, len(users)+sizeOfUser)
	own := s.usersOf(owner)
	for i := 0; i < len(users); i += sizeOfUser {
		if x := users[i : i+sizeOfUser]; !hasUser(own, x) {
			out = append(out, x...)
		}
	}
	return append(out, sum[:sizeOfUser]...)
}

func hasUser(users, u []byte) bool {
	for i := 0; i < len(users); i += sizeOfUser {
		if string(users[i:i+sizeOfUser]) == string(u) {
			return true
		}
	}
	return false
}

// usersOf gives the hashes of a person's user ids.
func (s *Space) usersOf(r *record) (out []byte) {
	for i := range r.ids {
		if r.ids[i].typ == s.user {
			sum := s.keyed("user", s.cfg.Types[s.user].Name, string(unpack(nil, r.ids[i].form, r.ids[i].raw)))
			out = append(out, sum[:sizeOfUser]...)
		}
	}
	return out
}
