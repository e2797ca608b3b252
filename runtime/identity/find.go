package identity

// Find looks up whose the identifiers are, the best first; ambiguous where another of
// them is somebody else's.
func (s *Space) Find(c Cells, ids []Given) (p *Person, ambiguous bool) {
	s.begin(c)
	r, ambiguous := s.whose(c, ids)
	if r == nil {
		return nil, false
	}
	return s.view(r, &s.other), ambiguous
}

// whose finds the person whom identifiers name. s.items are then those that are usable.
func (s *Space) whose(c Cells, ids []Given) (found *record, ambiguous bool) {
	var room [16]Given
	rest := room[:0]
	for _, g := range ids {
		if g.Type >= 0 {
			rest = append(rest, g)
			continue
		}
		switch r := s.byID(c, g.Value); {
		case r == nil || r == found:
		case found == nil:
			found = r
		default:
			ambiguous = true
		}
	}
	s.items, s.packed = s.items[:0], s.packed[:0]
	s.gather(c, rest)
	s.owners(c)
	for i := range s.items {
		switch r := s.items[i].who; {
		case r == nil || s.items[i].shared || r == found:
		case found == nil:
			found = r
		default:
			ambiguous = true
		}
	}
	return found, ambiguous
}

// owners finds whose the identifiers at hand are today.
func (s *Space) owners(c Cells) {
	for i := range s.items {
		if it := &s.items[i]; it.there && it.owner != (half{}) {
			it.who = s.live(c, it.owner)
		}
	}
}
