// Package eval computes the value of a checked expression. It is the reference:
// what it says an expression means is what the expression means, and the fused
// code of package op is right where it agrees.
//
// It takes an ir.Expr and a Frame (the current value, the event, the slots, the
// record they came from) and gives a value or the failure that a dead letter
// reports. It must not know what a stage, a sink or a plan is, and has no clock:
// the time of now() comes with the frame.
package eval

import (
	"fmt"

	"github.com/sluice-dev/sluice/lang/diag"
	"github.com/sluice-dev/sluice/lang/ir"
	"github.com/sluice-dev/sluice/lang/types"
	"github.com/sluice-dev/sluice/lang/value"
	"github.com/sluice-dev/sluice/runtime/event"
)

// MaxSteps is how many nodes one record may evaluate. Beyond it the record
// fails with E0425, which no `catch` takes: the budget is the record's, and what
// stands behind the `catch` would have none left either.
const MaxSteps = 1_000_000

// Frame is what expressions read. It belongs to one goroutine and is used for
// one record after the other: Begin makes it ready for the next.
type Frame struct {
	Cur   value.Value   // `.`
	Event value.Value   // `$`
	Slots []value.Value // of the route, by ir.Slot
	// Rec is the record behind @topic and its kin; nil where there is none
	// (options of connections).
	Rec *event.Record
	// Request is, of a record that came by a webhook, what stands behind @method and its
	// kin; nil of others.
	Request *event.Request
	// Dead is `@dead` of a dead letter; nil of other records.
	Dead *value.Object
	// Time is @time: a time.Time, or nil where the record has none.
	Time value.Value
	// SampleRate is @sample_rate, 1 unless a `sample` stands above.
	SampleRate value.Number
	// Ctx is for functions that are not pure.
	Ctx *types.Context
	// Tables has the rows that T[k] reads; nil where a route reads none.
	Tables Tables

	steps int
	meter meter
	keys  []byte
}

// Begin empties the frame for a record of a route with that many slots.
func (f *Frame) Begin(rec *event.Record, slots int) {
	f.Cur, f.Event, f.Rec, f.Time, f.Request, f.Dead = nil, nil, rec, nil, nil, nil
	f.SampleRate = one
	f.steps = 0
	f.meter.forget()
	if cap(f.Slots) < slots {
		f.Slots = make([]value.Value, slots)
	}
	f.Slots = f.Slots[:slots]
	clear(f.Slots)
}

// Renew begins a record whose expressions are mostly computed elsewhere: `.`, `$`,
// slots and sample rate are set by whoever has something evaluated here.
func (f *Frame) Renew(rec *event.Record) {
	f.Rec, f.steps = rec, 0
	f.meter.forget()
}

var one = value.FromInt(1)

// Expr evaluates x. The value is a member of x's type (the law of types).
func Expr(x ir.Expr, f *Frame) (value.Value, *diag.Failure) {
	if fail := f.Step(x); fail != nil {
		return nil, fail
	}
	switch x := x.(type) {
	case *ir.Const:
		return x.Value, nil
	case *ir.Current:
		return f.Cur, nil
	case *ir.Event:
		return f.Event, nil
	case *ir.Meta:
		return f.meta(x)
	case *ir.Var:
		return f.Slots[x.Slot], nil
	case *ir.Field:
		return f.field(x)
	case *ir.Index:
		return f.index(x)
	case *ir.TableGet:
		return f.tableGet(x)
	case *ir.Call:
		return f.call(x)
	case *ir.Let:
		return f.let(x)
	case *ir.Neg:
		return f.neg(x)
	case *ir.Not:
		return f.not(x)
	case *ir.Arith:
		return f.arith(x)
	case *ir.Compare:
		return f.compare(x)
	case *ir.And:
		return f.and(x)
	case *ir.Or:
		return f.or(x)
	case *ir.In:
		return f.in(x)
	case *ir.Matches:
		return f.matches(x)
	case *ir.Is:
		return f.is(x)
	case *ir.Cast:
		return f.cast(x)
	case *ir.Coalesce:
		return f.coalesce(x)
	case *ir.Catch:
		return f.catch(x)
	case *ir.If:
		return f.ifThen(x)
	case *ir.Match:
		return f.match(x)
	case *ir.List:
		return f.list(x)
	case *ir.ListFor:
		return f.listFor(x)
	case *ir.Object:
		return f.object(x)
	case *ir.ObjectFor:
		return f.objectFor(x)
	case *ir.Text:
		return f.text(x)
	}
	panic(fmt.Sprintf("eval: no meaning for %T", x))
}

// Bool evaluates a condition. Null is a failure, as the checker says where types
// show it.
func Bool(x ir.Expr, f *Frame) (bool, *diag.Failure) {
	v, fail := Expr(x, f)
	if fail != nil {
		return false, fail
	}
	b, ok := v.(bool)
	if !ok {
		return false, Unfit(x, v, "a condition")
	}
	return b, nil
}

// Step counts one step of the record.
func (f *Frame) Step(x ir.Expr) *diag.Failure { return f.charge(1, x) }

// Charge adds to the record's steps, false beyond MaxSteps: for evaluators that
// count without a node at hand.
func (f *Frame) Charge(n int) bool {
	f.steps += n
	return f.steps <= MaxSteps
}

// Steps are those that were counted since Begin or Renew.
func (f *Frame) Steps() int { return f.steps }

// charge adds to the record's steps what one node costs beyond its own.
func (f *Frame) charge(n int, x ir.Expr) *diag.Failure {
	if f.steps += n; f.steps > MaxSteps {
		return diag.Failf(diag.TooMuch, x.Span(), "the record takes more than %d steps", MaxSteps)
	}
	return nil
}
