package value

// AppendPart writes text as a part of an address: a segment of its path, or a name or
// a value of its query. All bytes but letters, digits and - . _ ~ are percent-encoded,
// so a part never ends where it stands, whatever is in it.
func AppendPart(dst []byte, s string) []byte {
	for i := range len(s) {
		if b := s[i]; unreserved(b) {
			dst = append(dst, b)
		} else {
			dst = AppendPercent(dst, b)
		}
	}
	return dst
}

// AppendPercent writes one byte percent-encoded.
func AppendPercent(dst []byte, b byte) []byte {
	const hex = "0123456789ABCDEF"
	return append(dst, '%', hex[b>>4], hex[b&15])
}

func unreserved(b byte) bool {
	return b >= 'a' && b <= 'z' || b >= 'A' && b <= 'Z' || b >= '0' && b <= '9' || b == '-' || b == '.' || b == '_' || b == '~'
}
