package eval

import (
	"github.com/sluice-dev/sluice/lang/diag"
	"github.com/sluice-dev/sluice/lang/ir"
	"github.com/sluice-dev/sluice/lang/token"
	"github.com/sluice-dev/sluice/lang/value"
)

// Tables has the rows of tables as the record at hand sees them: with what it
// wrote itself, without what is past at its @time (Frame.Time).
type Tables interface {
	// Row gives the row under a key as value.AppendKey writes it. ok is false where
	// there is none; at is the place of the script that reads it, for failures.
	Row(t *ir.Table, key []byte, at token.Span) (row value.Value, ok bool, fail *diag.Failure)
}

func (f *Frame) tableGet(x *ir.TableGet) (value.Value, *diag.Failure) {
	key, fail := f.Key(x.Keys)
	if fail != nil {
		return nil, fail
	}
	row, ok, fail := f.Tables.Row(x.Table, key, x.Span())
	switch {
	case fail != nil:
		return nil, fail
	case !ok:
		return x.Table.Default, nil
	}
	return row, f.charge(f.Weight(row), x)
}

// Key gives the key that expressions make, each behind the other as value.AppendKey
// writes it; a null among them fails (E0410). It is good until the next one.
func (f *Frame) Key(xs []ir.Expr) ([]byte, *diag.Failure) {
	// Keys stand in one another (T[U[.k]]), so the buffer is a stack.
	start := len(f.keys)
	defer func() { f.keys = f.keys[:start] }()
	for _, x := range xs {
		v, fail := Expr(x, f)
		if fail != nil {
			return nil, fail
		}
		if v == nil {
			return nil, Unfit(x, nil, "a key")
		}
		f.keys = value.AppendKey(f.keys, v)
	}
	return f.keys[start:], nil
}
