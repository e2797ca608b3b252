package json

// Mask is a set of kinds that may stand at a node.
type Mask uint16

// The masks. MaskInt and MaskTime are narrower than what the language takes
// for an int or a time (`1.0` is an int, a time may carry an offset): they are
// the forms that can be told without decoding.
const (
	MaskNull  = Mask(1) << Null
	MaskFalse = Mask(1) << False
	MaskTrue  = Mask(1) << True
	MaskBool  = MaskFalse | MaskTrue
	// MaskNum takes every number.
	MaskNum = Mask(1) << Num
	// MaskStr takes every text.
	MaskStr = Mask(1)<<Str | Mask(1)<<StrEsc
	MaskObj = Mask(1) << Obj
	MaskArr = Mask(1) << Arr
	// MaskAny takes every value; it is what a node has until Allow.
	MaskAny = MaskNull | MaskBool | MaskNum | MaskStr | MaskObj | MaskArr
	// MaskInt takes numbers written without fraction and exponent, of at
	// most 18 digits.
	MaskInt = Mask(1) << 14
	// MaskTime takes texts in the canonical form of a time, see ParseTime.
	MaskTime = Mask(1) << 15
)

// Allow says what may stand at n when something stands there at all: m, and
// what OneOf adds. For a member that may be null m must hold MaskNull. Only
// the last call counts.
func (n *Node) Allow(m Mask) {
	n.plan.building()
	n.mask = m
}

// OneOf adds texts to what may stand at n beside its mask: after
// Allow(MaskNull), OneOf("a", "b") takes null, "a" and "b". A text written
// with escapes is not recognised (Shape is then false).
func (n *Node) OneOf(texts ...string) {
	n.plan.building()
	n.oneOf = append(n.oneOf, texts...)
}

// Require says that an object must have this member. Whether the object must
// be there is said of the object.
func (n *Node) Require() {
	n.plan.building()
	n.require = true
}

// fits judges a value whose kind the mask does not take as a whole.
func (n *Node) fits(text []byte, kind Kind) bool {
	switch kind {
	case Num:
		return n.mask&MaskInt != 0 && isShortInt(text)
	case Str:
		if n.mask&MaskTime != 0 {
			if _, ok := ParseTime(text); ok {
				return true
			}
		}
		for _, t := range n.oneOf {
			if t == string(text) {
				return true
			}
		}
	}
	return false
}

// isShortInt reports whether number text is digits only, at most 18 of them.
func isShortInt(num []byte) bool {
	if len(num) > 0 && num[0] == '-' {
		num = num[1:]
	}
	if len(num) > 18 {
		return false
	}
	for _, c := range num {
		if c-'0' > 9 {
			return false
		}
	}
	return true
}
