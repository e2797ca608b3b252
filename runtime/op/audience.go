package op

import (
	"time"

	"github.com/sluice-dev/sluice/lang/diag"
	"github.com/sluice-dev/sluice/lang/ir"
	"github.com/sluice-dev/sluice/lang/value"
	"github.com/sluice-dev/sluice/runtime/eval"
	"github.com/sluice-dev/sluice/runtime/event"
	"github.com/sluice-dev/sluice/runtime/state"
)

// audience is one on a table. A cell is there for each member. Members are judged
// whenever a row of the table changes, in the record that changes it, so that the
// record sees it.
type audience struct {
	*ir.Audience
	on    *ir.Table
	state int
	told  bool
}

// member tells whether who was a member (or not) is one with that row: none enters
// but where Enter holds, and none leaves but where Leave does. A row that is not there
// is the default; without one there is no member.
func (a *audience) member(fr *Frame, was bool, r row) (bool, *diag.Failure) {
	v := r.v
	if !r.there {
		if v = a.on.Default; v == nil {
			return false, nil
		}
	}
	cond := a.Enter
	if was {
		cond = a.Leave
	}
	holds, fail := fr.judged(a, cond, v)
	return holds != was, fail
}

// judged evaluates a condition of an audience on a row.
func (fr *Frame) judged(a *audience, cond ir.Expr, v value.Value) (bool, *diag.Failure) {
	f := &fr.judge
	f.Begin(fr.rec, a.Slots)
	f.Ctx, f.Tables = &fr.ctx, (*tables)(fr)
	f.Slots[a.It] = v
	b, fail := eval.Bool(cond, f)
	if fail == nil && !fr.eval.Charge(f.Steps()) {
		fail = diag.Failf(diag.TooMuch, cond.Span(), "the record takes more than 1,000,000 steps")
	}
	return b, fail
}

// has tells whether a key is a member.
func (a *audience) has(fr *Frame, key []byte) bool {
	_, ok := fr.cells.Get(a.state, key)
	return ok
}

// set makes a key a member, or none.
func (a *audience) set(fr *Frame, key []byte, was, is bool, at int64) {
	switch {
	case is && !was:
		fr.cells.Put(a.state, key, state.AppendRow(nil, at, true))
	case was && !is:
		fr.cells.Delete(a.state, key)
	}
}

// follow judges all audiences on a table after the row of a key became r. about is
// whom it is about where they are no more.
func (t *table) follow(fr *Frame, key []byte, r row, cause string, at int64, about value.Value) *diag.Failure {
	for _, a := range t.audiences {
		was := a.has(fr, key)
		is, fail := a.member(fr, was, r)
		if fail != nil {
			return fail
		}
		if is == was {
			continue
		}
		a.set(fr, key, was, is, at)
		a.tell(fr, key, is, cause, nil, at, about)
	}
	return nil
}

// leave takes a key out of all audiences on a table, whatever its default.
func (t *table) leave(fr *Frame, key []byte, cause string, at int64, about value.Value) {
	for _, a := range t.audiences {
		if a.has(fr, key) {
			a.set(fr, key, true, false, at)
			a.tell(fr, key, false, cause, nil, at, about)
		}
	}
}

// tell notes the change of a member.
func (a *audience) tell(fr *Frame, key []byte, is bool, cause string, other value.Value, at int64, about value.Value) {
	if !a.told {
		return
	}
	fr.change(a.state, at, about, value.NewObject(
		value.Field{Key: "key", Value: keyValue(key)}, value.Field{Key: "member", Value: is},
		value.Field{Key: "cause", Value: cause}, value.Field{Key: "other", Value: other}))
}

// change notes a change of a state at a time in microseconds, or at none.
func (fr *Frame) change(s int, at int64, about, v value.Value) {
	ch := state.Change{State: s, Value: v, Person: about}
	if at != event.NoMicros {
		ch.Time = time.UnixMicro(at).UTC()
	}
	fr.cells.Tell(ch)
}
