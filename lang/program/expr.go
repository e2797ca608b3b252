package program

import (
	"github.com/sluice-dev/sluice/lang/check"
	"github.com/sluice-dev/sluice/lang/diag"
	"github.com/sluice-dev/sluice/lang/ir"
	"github.com/sluice-dev/sluice/lang/syntax"
	"github.com/sluice-dev/sluice/lang/token"
	"github.com/sluice-dev/sluice/lang/types"
)

// Expression is one expression over an event.
type Expression struct {
	X     ir.Expr // nil where Diags holds an error
	Slots int     // size of the frame
	Diags []*diag.Diagnostic
}

// Expr compiles one expression over `.` of a type, for `sluice eval`. Where the
// type says nothing (any), a value is judged where it is used, and fails there.
func Expr(src string, env check.Env, input *types.Type) *Expression {
	var bag diag.Bag
	out := &Expression{}
	x, diags := syntax.ParseExpr(token.NewFile("expression", src))
	bag.Add(diags...)
	if x != nil {
		out.X, out.Slots = check.Expr(x, env, input, &bag)
	}
	out.Diags = bag.Sorted()
	if bag.HasErrors() {
		out.X = nil
	}
	return out
}
