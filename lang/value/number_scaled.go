package value

// Scaled gives mant × 10^exp as a computed number; false where that is beyond
// the limits.
func Scaled(mant int64, exp int32) (Number, bool) {
	neg := mant < 0
	lo := uint64(mant)
	if neg {
		lo = -lo
	}
	n, err := computed(neg, 0, lo, int64(exp))
	return n, err == nil
}
