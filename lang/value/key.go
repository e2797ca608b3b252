package value

import (
	"encoding/binary"
	"slices"
	"strings"
	"time"
)

// AppendKey appends bytes that are the same for two values exactly when Equal
// says that they are: what a map or a store is keyed by. The number 1 and the text
// "1" are two keys, 1 and 1.0 are one. The form is stable: stores keep it.
func AppendKey(dst []byte, v Value) []byte {
	switch v := v.(type) {
	case nil:
		return append(dst, 'n')
	case bool:
		if v {
			return append(dst, 't')
		}
		return append(dst, 'f')
	case Number:
		return append(v.AppendPlain(append(dst, '#')), ';')
	case string:
		return appendSized(append(dst, 's'), v)
	case time.Time:
		dst = binary.BigEndian.AppendUint64(append(dst, '@'), uint64(v.Unix()))
		return binary.BigEndian.AppendUint32(dst, uint32(v.Nanosecond()))
	case time.Duration:
		return binary.BigEndian.AppendUint64(append(dst, 'd'), uint64(v))
	case Bytes:
		return appendSized(append(dst, 'b'), string(v))
	case List:
		dst = binary.AppendUvarint(append(dst, '['), uint64(len(v)))
		for _, e := range v {
			dst = AppendKey(dst, e)
		}
		return dst
	case *Object:
		fields := slices.Clone(v.fields)
		slices.SortFunc(fields, func(a, b Field) int { return strings.Compare(a.Key, b.Key) })
		dst = binary.AppendUvarint(append(dst, '{'), uint64(len(fields)))
		for _, f := range fields {
			dst = AppendKey(appendSized(dst, f.Key), f.Value)
		}
		return dst
	case Secret:
		return appendSized(append(dst, 'x'), string(v))
	}
	panic("value: not a value")
}

func appendSized(dst []byte, s string) []byte {
	return append(binary.AppendUvarint(dst, uint64(len(s))), s...)
}
