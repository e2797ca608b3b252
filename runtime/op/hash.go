package op

import (
	"encoding/binary"
	"math/bits"
	"slices"
	"time"

	"github.com/zeebo/xxh3"

	"github.com/sluice-dev/sluice/lang/value"
)

// appendCanonical writes a value so that two values are written alike exactly
// where `==` holds of them: 1 and 1.0 are one, the number 1 and the text "1" are
// two, and the order of an object's fields says nothing. It is hashed, and what
// is hashed decides who is in a sample: it may never change.
func appendCanonical(dst []byte, v value.Value) []byte {
	dst = append(dst, byte(value.KindOf(v)))
	switch v := v.(type) {
	case bool:
		if v {
			return append(dst, 1)
		}
		return append(dst, 0)
	case value.Number:
		return appendText(dst, v.Plain())
	case string:
		return appendText(dst, v)
	case time.Time:
		dst = binary.BigEndian.AppendUint64(dst, uint64(v.Unix()))
		return binary.BigEndian.AppendUint32(dst, uint32(v.Nanosecond()))
	case time.Duration:
		return binary.BigEndian.AppendUint64(dst, uint64(v))
	case value.Bytes:
		return appendText(dst, string(v))
	case value.List:
		dst = binary.BigEndian.AppendUint32(dst, uint32(len(v)))
		for _, e := range v {
			dst = appendCanonical(dst, e)
		}
	case *value.Object:
		keys := make([]string, v.Len())
		for i := range keys {
			keys[i] = v.At(i).Key
		}
		slices.Sort(keys)
		dst = binary.BigEndian.AppendUint32(dst, uint32(len(keys)))
		for _, k := range keys {
			e, _ := v.Get(k)
			dst = appendCanonical(appendText(dst, k), e)
		}
	}
	return dst
}

// bucket puts hashed text into one of a million buckets.
func bucket(b []byte) uint64 {
	hi, _ := bits.Mul64(xxh3.Hash(b), 1_000_000)
	return hi
}
