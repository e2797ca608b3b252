package op

import (
	"github.com/sluice-dev/sluice/lang/diag"
	"github.com/sluice-dev/sluice/runtime/edge/request"
	"github.com/sluice-dev/sluice/runtime/eval"
	"github.com/sluice-dev/sluice/runtime/event"
)

// request reads a record that came by a webhook: `.` is query and body in one object.
// False when it has ended.
func (a *arrival) request(fr *Frame, t *topic) bool {
	r, err := request.Parse(fr.rec.Value)
	if err != nil {
		fr.fail(&a.place, diag.Failf(diag.BadJSON, a.at, "%v", err))
		return false
	}
	fr.eval.Request = &event.Request{Method: r.Method, Path: r.Path, RemoteIP: r.RemoteIP, Headers: r.Headers, Element: r.Element}
	if r.Empty() {
		fr.drop(&a.place, "empty", ended)
		return false
	}
	if a.segment != "" {
		return a.call(fr, t, r)
	}
	v, fault := r.View(t.typ, t.strict)
	fail := a.refused(fault)
	if fail == nil && !fr.eval.Fits(v) {
		fail = diag.Failf(diag.TooLarge, a.at, "the value is larger than 4 MiB")
	}
	if fail == nil {
		fr.eval.Cur, fr.eval.Event = v, v
		fail = a.meta(fr)
	}
	if fail != nil {
		fr.fail(&a.place, fail)
		return false
	}
	return true
}

// refused is the failure of a request that the route cannot read; nil of none.
func (a *arrival) refused(f *request.Fault) *diag.Failure {
	switch {
	case f == nil:
		return nil
	case f.Syntax != nil:
		return a.undecodable(f.Syntax)
	case f.Broken != nil:
		return a.discarded(f.Broken)
	}
	return eval.Mismatched(a.at, f.Mismatch)
}
