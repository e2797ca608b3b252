package op

import (
	"strconv"

	"github.com/sluice-dev/sluice/lang/diag"
	"github.com/sluice-dev/sluice/lang/ir"
	"github.com/sluice-dev/sluice/lang/value"
	"github.com/sluice-dev/sluice/runtime/eval"
)

// keyBy sets the ordering key of what is below.
type keyBy struct {
	place
	keys []ir.Expr
	ids  *ids
}

func (s *keyBy) run(fr *Frame) int {
	if fr.behind(&s.place, s.ids, fr.key) {
		return ended
	}
	key, fail := fr.plainKey(s.keys)
	if fail != nil {
		return fr.fail(&s.place, fail)
	}
	fr.key = key
	return goOn
}

// plainKey makes an ordering key: the text of its one part, or of several each
// behind its length, `2:DE3:abc`.
func (fr *Frame) plainKey(xs []ir.Expr) ([]byte, *diag.Failure) {
	key := []byte{} // "" is a key
	for _, x := range xs {
		v, fail := eval.Expr(x, &fr.eval)
		if fail != nil {
			return nil, fail
		}
		s, fail := eval.Plain(x, v, "a key")
		if fail != nil {
			return nil, fail
		}
		key = appendPart(key, s, len(xs) > 1)
	}
	return key, nil
}

func appendPart(key []byte, s string, several bool) []byte {
	if several {
		key = append(strconv.AppendInt(key, int64(len(s)), 10), ':')
	}
	return append(key, s...)
}

// orderOf is the ordering key that a key of a table or a window makes.
func orderOf(key value.Value) []byte {
	if parts, ok := key.(value.List); ok {
		out := []byte{}
		for _, p := range parts {
			out = appendPart(out, plainPart(p), true)
		}
		return out
	}
	return append([]byte{}, plainPart(key)...)
}

// plainPart is the text of one part; of what has none its JSON.
func plainPart(v value.Value) string {
	if s, err := value.Plain(v); err == nil {
		return s
	}
	return string(value.AppendJSON(nil, v))
}
