package identity

// Former lists the ids of those who became a person: each of them leads to the person
// for ever.
func (s *Space) Former(c Cells, pid string) []string {
	r := s.byID(c, pid)
	if r == nil {
		return nil
	}
	return s.former(c, r)
}

func (s *Space) former(c Cells, r *record) (out []string) {
	for _, n := range r.absorbed {
		if l := s.load(c, n); l != nil {
			out = append(out, l.id())
		}
	}
	return out
}
