package syntax

import (
	"reflect"

	"github.com/sluice-dev/sluice/lang/diag"
	"github.com/sluice-dev/sluice/lang/token"
)

// ParseExpr reads a text that is one expression, as `sluice eval` takes it. The
// expression is nil where the text has a mistake.
func ParseExpr(f *token.File) (Expr, []*diag.Diagnostic) {
	p := &fileParser{src: f, out: &File{Source: f}}
	p.lex()
	x, err := parseExpr(p.pl)
	t := p.pl.Peek()
	switch {
	case err != nil:
		if fa := asFault(err); fa != nil {
			p.faults = append(p.faults, fa)
		} else {
			p.faults = append(p.faults, &fault{start: 0, end: max(1, len(f.Src)), msg: "expected an expression"})
		}
	case !t.EOF():
		end := t.Pos.Offset + max(1, len(t.Value))
		p.faults = append(p.faults, &fault{start: t.Pos.Offset, end: end, msg: "expected the end of the expression, found " + show(t),
			bad: t.Type == kindBad})
	}
	p.settle(reflect.ValueOf(&x))
	p.finish()
	if len(p.out.Diags) > 0 {
		return nil, p.out.Diags
	}
	return x, nil
}
