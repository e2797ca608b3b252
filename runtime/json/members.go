package json

// Members walks the members of an object that was scanned, in the order they
// are written, duplicates included.
//
//	for m := json.MembersOf(record, fr[slot]); m.Next(); {
//		… m.Key, m.Val …
//	}
type Members struct {
	Key Span // Str or StrEsc
	Val Span

	d     []byte
	i     int
	flags Flags // of the object: what its parts can have at most
}

// MembersOf begins a walk over the object sp of the scanned record d. There
// are no members if sp is no object.
func MembersOf(d []byte, sp Span) Members {
	if sp.Kind != Obj {
		return Members{}
	}
	return Members{d: d[:sp.End], i: int(sp.Start), flags: sp.Flags}
}

// Next goes to the next member and reports whether there is one. Key and Val
// are spans of the record.
func (m *Members) Next() bool {
	d := m.d
	if m.i >= len(d) {
		return false
	}
	// At the opening brace or at a comma.
	i := space(d, m.i+1)
	if d[i] == '}' {
		m.i = len(d)
		return false
	}
	m.Key, i = m.walk(i)
	i = space(d, i)      // at the colon
	i = space(d, i+1)    // at the value
	m.Val, i = m.walk(i) // past it
	if i = space(d, i); d[i] == '}' {
		i = len(d)
	}
	m.i = i
	return true
}

// walk steps over a value of which it is known that it is valid.
func (m *Members) walk(i int) (Span, int) {
	d := m.d
	sp := Span{Start: uint32(i)}
	switch d[i] {
	case '"':
		q, saw := str(d, i+1)
		sp.Start, sp.End, sp.Kind, sp.Flags = uint32(i+1), uint32(q), Str, saw
		if saw != 0 {
			sp.Kind = StrEsc
		}
		return sp, q + 1
	case '{':
		sp.Kind = Obj
	case '[':
		sp.Kind = Arr
	case 't':
		sp.Kind = True
	case 'f':
		sp.Kind = False
	case 'n':
		sp.Kind = Null
	default:
		sp.Kind = Num
	}
	if sp.Kind >= Obj {
		// Flags of an inner container are not looked up: with those of the
		// outer one AppendRaw does more than it need, never less.
		i, sp.Flags = container(d, i), m.flags
	} else {
		i = scalar(d, i)
	}
	sp.End = uint32(i)
	return sp, i
}

// container steps over a valid object or list.
func container(d []byte, i int) int {
	for depth := 0; ; i++ {
		switch d[i] {
		case '"':
			i, _ = str(d, i+1)
		case '{', '[':
			depth++
		case '}', ']':
			if depth--; depth == 0 {
				return i + 1
			}
		}
	}
}
