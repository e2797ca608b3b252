package ir

import "github.com/sluice-dev/sluice/lang/diag"

// Failures lists the codes that evaluating x may fail with, each once. What a
// `catch` takes does not come out of it.
func Failures(x Expr) []*diag.Code {
	var out []*diag.Code
	seen := map[*diag.Code]bool{}
	var add func(Expr)
	add = func(x Expr) {
		for _, f := range x.Fails() {
			if !seen[f] {
				seen[f] = true
				out = append(out, f)
			}
		}
		if c, ok := x.(*Catch); ok {
			add(c.Y)
			return
		}
		for _, c := range Children(x) {
			add(c)
		}
	}
	add(x)
	return out
}
