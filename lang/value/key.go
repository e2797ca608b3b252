package value

import (
	"bytes"
	"encoding/binary"
	"errors"
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
		return AppendNumberKey(dst, v)
	case string:
		return AppendTextKey(dst, v)
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

// AppendNumberKey is AppendKey of a number.
func AppendNumberKey(dst []byte, n Number) []byte {
	return append(n.AppendPlain(append(dst, '#')), ';')
}

// AppendTextKey is AppendKey of a text.
func AppendTextKey[T string | []byte](dst []byte, s T) []byte {
	return append(binary.AppendUvarint(append(dst, 's'), uint64(len(s))), s...)
}

func appendSized(dst []byte, s string) []byte {
	return append(binary.AppendUvarint(dst, uint64(len(s))), s...)
}

// DecodeKey reads values that AppendKey wrote one behind the other. They are equal
// to what was written; a number comes back in its plain form.
func DecodeKey(b []byte) (List, error) {
	d := keyDecoder{b: b}
	var out List
	for len(d.b) > 0 && !d.bad {
		out = append(out, d.value(0))
	}
	if d.bad {
		return nil, ErrKey
	}
	return out, nil
}

// ErrKey is of bytes that AppendKey did not write.
var ErrKey = errors.New("not a key")

type keyDecoder struct {
	b   []byte
	bad bool
}

func (d *keyDecoder) take(n uint64) []byte {
	if d.bad = d.bad || n > uint64(len(d.b)); d.bad {
		return nil
	}
	out := d.b[:n]
	d.b = d.b[n:]
	return out
}

func (d *keyDecoder) count() uint64 {
	n, size := binary.Uvarint(d.b)
	if d.bad = d.bad || size <= 0; d.bad {
		return 0
	}
	d.b = d.b[size:]
	return n
}

func (d *keyDecoder) value(depth int) Value {
	kind := d.take(1)
	if d.bad = d.bad || depth > MaxDepth; d.bad {
		return nil
	}
	switch kind[0] {
	case 'n':
		return nil
	case 't':
		return true
	case 'f':
		return false
	case '#':
		end := bytes.IndexByte(d.b, ';')
		n, ok := ParseNumber(string(d.take(uint64(max(end, 0)))))
		d.bad = d.bad || end < 0 || !ok
		d.take(1)
		return n
	case 's':
		return string(d.take(d.count()))
	case 'b':
		return Bytes(bytes.Clone(d.take(d.count())))
	case 'x':
		return Secret(d.take(d.count()))
	case '@':
		b := d.take(12)
		if d.bad {
			return nil
		}
		return time.Unix(int64(binary.BigEndian.Uint64(b)), int64(binary.BigEndian.Uint32(b[8:]))).UTC()
	case 'd':
		b := d.take(8)
		if d.bad {
			return nil
		}
		return time.Duration(binary.BigEndian.Uint64(b))
	case '[':
		l := List{}
		for n := d.count(); n > 0 && !d.bad; n-- {
			l = append(l, d.value(depth+1))
		}
		return l
	case '{':
		o := NewObject()
		for n := d.count(); n > 0 && !d.bad; n-- {
			k := string(d.take(d.count()))
			o.Set(k, d.value(depth+1))
		}
		return o
	}
	d.bad = true
	return nil
}
