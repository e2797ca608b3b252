package json

// The scanners of single tokens. All work on the whole text and an index, and
// return the index just past the token; where the text is no JSON they return
// ^i, which is negative, with i the offset of the fault.

// space steps over white space.
func space(d []byte, i int) int {
	for i < len(d) && d[i] <= ' ' {
		switch d[i] {
		case ' ', '\t', '\n', '\r':
			i++
		default:
			return i
		}
	}
	return i
}

// literal steps over true, false or null.
func literal(d []byte, i int, s string) int {
	if i+len(s) <= len(d) && string(d[i:i+len(s)]) == s {
		return i + len(s)
	}
	return ^i
}

// number steps over a number.
func number(d []byte, i int) int {
	if i < len(d) && d[i] == '-' {
		i++
	}
	if i >= len(d) {
		return ^i
	}
	if d[i] == '0' {
		i++
	} else if d[i]-'1' < 9 {
		i++
		for i < len(d) && d[i]-'0' < 10 {
			i++
		}
	} else {
		return ^i
	}
	if i < len(d) && d[i] == '.' {
		i++
		j := i
		for i < len(d) && d[i]-'0' < 10 {
			i++
		}
		if i == j {
			return ^i
		}
	}
	if i < len(d) && d[i]|0x20 == 'e' {
		i++
		if i < len(d) && (d[i] == '+' || d[i] == '-') {
			i++
		}
		j := i
		for i < len(d) && d[i]-'0' < 10 {
			i++
		}
		if i == j {
			return ^i
		}
	}
	return i
}

// scalar steps over a literal or a number.
func scalar(d []byte, i int) int {
	switch d[i] {
	case 't':
		return literal(d, i, "true")
	case 'f':
		return literal(d, i, "false")
	case 'n':
		return literal(d, i, "null")
	}
	return number(d, i)
}

// short turns an index at which a byte was wanted into a fault: i itself if it
// is one, else the end of the text.
func short(i int, d []byte) int {
	if i < 0 {
		return i
	}
	return ^len(d)
}
