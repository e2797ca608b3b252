package identity

import (
	"encoding/binary"
	"slices"
)

// Forget erases whom the identifiers name, as of a request at a time; nil where nobody
// is known by them. Of who asked stays a keyed hash of each identifier: a record of
// before the request does not bring it back, and a newer one begins another person.
func (s *Space) Forget(c Cells, ids []Given, at int64) (p *Person, why Reason) {
	r, ambiguous := s.whose(c, ids)
	if ambiguous {
		return nil, Ambiguous
	}
	for _, it := range slices.Clone(s.items) {
		s.suppress(c, s.codes[it.typ], it.value, at)
	}
	if r == nil {
		return nil, ""
	}
	who := *r.clone().person(s)
	who.Former = s.former(c, r)
	for _, h := range r.ids {
		c.Delete(s.at(nodeKind, h.code, h.value))
		c.Delete(s.at(deviceKind, h.code, h.value))
		c.Delete(s.pairKey(r.num, h.code, h.value))
		s.suppress(c, h.code, h.value, at)
	}
	for _, n := range append([]uint64{r.num}, r.absorbed...) {
		if l := s.load(c, n); l != nil {
			c.Delete(uuidKey(s.key, l.uuid))
		}
		c.Delete(personKey(s.key, n))
		delete(s.cache, n)
	}
	return &who, ""
}

// suppress keeps that an identifier was forgotten.
func (s *Space) suppress(c Cells, code, value string, at int64) {
	if len(s.cfg.Secret) == 0 {
		return
	}
	until, generation, was := s.gone(c, code, value)
	if was && until == at {
		return // named and owned
	}
	val := binary.AppendVarint(nil, max(until, at))
	if !was {
		val = binary.AppendVarint(nil, at)
	}
	c.Put(s.goneKey(code, value), binary.AppendUvarint(val, generation+1))
}

// Merge makes one person of two by an operator's word: from becomes into. Two users
// become one only by force.
func (s *Space) Merge(c Cells, into, from []Given, force bool, at int64) (Result, Reason) {
	w, wrong := s.whose(c, into)
	l, wrong2 := s.whose(c, from)
	s.result = Result{Rejected: s.result.Rejected[:0]}
	switch {
	case wrong || wrong2:
		return Result{}, Ambiguous
	case w == nil || l == nil:
		return Result{}, NoIdea
	case w.num == l.num:
		return Result{}, SamePerson
	case !force && w.has(0) && l.has(0):
		return Result{}, OtherUser
	case len(w.ids)+len(l.ids) > maxIDs || len(w.absorbed)+len(l.absorbed)+1 > maxMerges:
		return Result{}, TooMany
	}
	w = w.clone()
	w.anon = w.anonymous(s)
	s.absorb(c, w, l)
	w.order()
	s.store(c, w)
	s.result.Kind, s.result.Person = Merged, w.person(s)
	return s.result, ""
}

// Unlink takes an identifier from its person, for good: they do not get it back.
func (s *Space) Unlink(c Cells, id Given, at int64) (*Person, Reason) {
	r, _ := s.whose(c, []Given{id})
	if r == nil || len(s.items) == 0 {
		return nil, NoIdea
	}
	it := s.items[0]
	r = r.clone()
	s.takeOut(c, r, it.typ, it.value)
	c.Delete(s.at(nodeKind, s.codes[it.typ], it.value))
	s.store(c, r)
	return r.person(s), ""
}

// takeOut removes an identifier from a record that may be changed.
func (s *Space) takeOut(c Cells, r *record, typ int, value string) (h held) {
	i := slices.IndexFunc(r.ids, func(h held) bool { return h.typ == typ && h.value == value })
	h = r.ids[i]
	r.ids = slices.Delete(r.ids, i, i+1)
	c.Put(s.pairKey(r.num, h.code, h.value), []byte{1})
	return h
}

// Split makes another person of some identifiers of one.
func (s *Space) Split(c Cells, ids []Given, at int64) (from, made *Person, why Reason) {
	r, ambiguous := s.whose(c, ids)
	switch {
	case ambiguous:
		return nil, nil, Ambiguous
	case r == nil:
		return nil, nil, NoIdea
	}
	items := slices.DeleteFunc(slices.Clone(s.items), func(it item) bool { return it.num != r.num })
	if len(items) == 0 || len(items) == len(r.ids) {
		return nil, nil, NotApart
	}
	r = r.clone()
	n := s.create(c, s.codes[items[0].typ], items[0].value)
	for _, it := range items {
		h := s.takeOut(c, r, it.typ, it.value)
		n.ids = append(n.ids, h)
		s.setOwner(c, h.code, h.value, n.num, it.again)
		if n.anon == "" && s.cfg.Types[it.typ].Name == "anonymous_id" {
			n.anon = it.value
		}
	}
	n.order()
	s.store(c, r)
	s.store(c, n)
	return r.person(s), n.person(s), ""
}
