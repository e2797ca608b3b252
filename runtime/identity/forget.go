package identity

import (
	"encoding/binary"
	"slices"
)

// Forget erases whom the identifiers name, as of a request at a time; nil where nobody
// is known by them. What stays of each identifier is a keyed hash and the time of the
// request: a record older than that does not bring it back, and a newer one begins
// another person. That holds for identifiers that nobody is known by, too.
func (s *Space) Forget(c Cells, ids []Given, at int64) (p *Person, why Reason) {
	if len(s.cfg.Secret) == 0 {
		return nil, NoSecret
	}
	s.begin(c)
	r, ambiguous := s.whose(c, ids)
	if ambiguous {
		return nil, Ambiguous
	}
	if !s.head.gone {
		s.head.gone = true
		s.writeHead(c)
	}
	if at == noTime && r != nil { // as of the day after they were seen last
		for i := range r.ids {
			if h := &r.ids[i]; h.first != noTime {
				at = max(at, (h.last+1)*day)
			}
		}
	}
	for i := range s.items {
		if it := &s.items[i]; it.who == nil && !it.shared {
			s.suppress(c, s.cfg.Types[it.typ].Name, it.value, at)
			if it.there {
				c.Delete(it.key[:])
			}
		}
	}
	if r == nil {
		return nil, ""
	}
	p = s.view(r, &Person{})
	p.Former = s.formerOf(c, r)
	for i := range r.ids {
		h := &r.ids[i]
		name, value := s.named(h)
		s.suppress(c, name, value, at)
		key := s.node(name, value)
		if h.shared { // a device that is nobody's stays nobody's
			n := node{shared: true}
			c.Put(key[:], n.encode())
			continue
		}
		c.Delete(key[:])
	}
	for _, k := range append([]half{r.key}, r.former...) {
		c.Delete(s.personKey(k))
		c.Put(s.goneID(k), nil)
	}
	return p, ""
}

// suppress keeps that an identifier was forgotten.
func (s *Space) suppress(c Cells, name, value string, at int64) {
	if until, ok := s.erased(c, name, value); ok && until >= at {
		return
	}
	c.Put(s.goneValue(name, value), binary.AppendVarint(nil, at))
}

// Merge makes one person of two by an operator's word: from becomes into. What would
// break a limit, as two users in one person, needs force. What an operator took from one
// of them before may be theirs again.
func (s *Space) Merge(c Cells, into, from []Given, force bool, at int64) (Result, Reason) {
	s.begin(c)
	r, unclear := s.whose(c, into)
	l, unclear2 := s.whose(c, from)
	switch {
	case unclear || unclear2:
		return Result{}, Ambiguous
	case r == nil || l == nil:
		return Result{}, NoIdea
	case r == l:
		return Result{}, SamePerson
	}
	st := &s.stand
	st.begin(at)
	st.add(s, r)
	why := s.tooMany(st, l)
	if why == "" && !force {
		why = s.mayMerge(st, l)
	}
	if why != "" {
		return Result{}, why
	}
	out := Result{Kind: Merged, Merged: []*Person{s.view(l, &Person{})}}
	s.reunite(r, l)
	s.reunite(l, r)
	s.absorb(c, r, l)
	r.order()
	s.write(c, r)
	s.shorten(c)
	out.Person = s.view(r, &s.person)
	return out, ""
}

// reunite forgets that identifiers of b were taken from a.
func (s *Space) reunite(a, b *record) {
	for i := range b.ids {
		if len(a.unlinked) == 0 {
			return
		}
		name, value := s.named(&b.ids[i])
		m := s.markOf(name, value)
		a.unlinked = slices.DeleteFunc(a.unlinked, func(o mark) bool { return o == m })
	}
}

// Unlink takes an identifier from its person, who never gets it back by a record. A
// shared device is no longer so.
func (s *Space) Unlink(c Cells, id Given, at int64) (*Person, Reason) {
	if id.Type < 0 {
		return nil, NoIdea
	}
	s.begin(c)
	s.whose(c, []Given{id})
	if len(s.items) == 0 || s.items[0].who == nil {
		return nil, NoIdea
	}
	it := &s.items[0]
	r := it.who
	n := r.index(it.typ, it.form, it.raw)
	switch {
	case n < 0:
		return nil, NoIdea
	case len(r.ids) == 1:
		return nil, NotApart
	case len(r.unlinked) >= maxIDs:
		return nil, TooMany
	}
	s.take(r, n)
	s.write(c, r)
	c.Delete(it.key[:])
	s.shorten(c)
	return s.view(r, &s.person), ""
}

// take removes an identifier from a person.
func (s *Space) take(r *record, n int) held {
	h := r.ids[n]
	r.ids = slices.Delete(r.ids, n, n+1)
	if m := s.markOf(s.named(&h)); !slices.Contains(r.unlinked, m) {
		r.unlinked = append(r.unlinked, m)
	}
	return h
}

// Split makes another person of some identifiers of one, who never gets them back by a
// record.
func (s *Space) Split(c Cells, ids []Given, at int64) (from, made *Person, why Reason) {
	s.begin(c)
	r, unclear := s.whose(c, ids)
	switch {
	case unclear:
		return nil, nil, Ambiguous
	case r == nil:
		return nil, nil, NoIdea
	}
	items := slices.DeleteFunc(s.items, func(it item) bool { return it.who != r || it.shared || r.index(it.typ, it.form, it.raw) < 0 })
	switch {
	case len(items) == 0:
		return nil, nil, NoIdea
	case len(items) == len(r.ids):
		return nil, nil, NotApart
	case len(r.unlinked)+len(items) > maxIDs:
		return nil, nil, TooMany
	}
	s.numbered(c)
	n := s.create(c, s.cfg.Types[items[0].typ].Name, items[0].value)
	for i := range items {
		it := &items[i]
		h := s.take(r, r.index(it.typ, it.form, it.raw))
		h.adopted = false
		n.ids = append(n.ids, h)
		it.owner, it.users = n.key, nil
		c.Put(it.key[:], it.node.encode())
	}
	n.order()
	s.write(c, r)
	s.write(c, n)
	s.shorten(c)
	return s.view(r, &s.person), s.view(n, &s.other), ""
}
