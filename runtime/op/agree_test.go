package op_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/sluice-dev/sluice/lang/ir"
	"github.com/sluice-dev/sluice/lang/value"
	"github.com/sluice-dev/sluice/runtime/event"
	"github.com/sluice-dev/sluice/runtime/op"
)

// pair is one route run by the fused steps and by the reference evaluator.
type pair struct {
	fused, reference *op.Route
	fr, rfr          *op.Frame
	out, rout        event.Arena
}

func newPair(r *op.Route) *pair {
	ref := r.Reference()
	p := &pair{fused: r, reference: ref, fr: r.NewFrame(), rfr: ref.NewFrame()}
	p.fr.Lookup, p.rfr.Lookup = loaded{}, loaded{}
	return p
}

// loaded are the rows of loaded tables, by table and key.
type loaded map[string]value.Value

func (l loaded) Row(t *ir.Table, key []byte) (value.Value, bool) {
	v, ok := l[t.Name+" "+string(key)]
	return v, ok
}

// run runs a record both ways and tells where they differ; "" when they agree.
func (p *pair) run(rec *event.Record, now time.Time) (event.Outcome, string) {
	m, rm := p.out.Mark(), p.rout.Mark()
	n, rn := len(p.out.Outs), len(p.rout.Outs)
	a, b := p.fused.Run(p.fr, rec, now, &p.out), p.reference.Run(p.rfr, rec, now, &p.rout)
	if x, y := showAll(a), showAll(b); x != y {
		return b, fmt.Sprintf("fused: %s\nreference: %s", x, y)
	}
	if x, y := p.out.Since(m), p.rout.Since(rm); x != y {
		return b, fmt.Sprintf("fused makes %d outputs, reference %d", x, y)
	}
	for i := range p.out.Since(m) {
		if d := differ(&p.out.Outs[n+i], &p.rout.Outs[rn+i]); d != "" {
			return b, fmt.Sprintf("output %d: %s", i, d)
		}
	}
	return b, ""
}

func showAll(o event.Outcome) string {
	s := fmt.Sprintf("%s node=%s path=%s merges=%v erased=%v persons=%v named=%v", show(o), o.Node, o.Path, o.Who().Merges, o.Who().Erased, o.Who().Persons, o.Who().Named)
	if o.Fail != nil {
		s += " " + o.Fail.Message + " " + o.Fail.Excerpt
	}
	return s
}

// differ compares two outputs; bodies as JSON, the last of equal keys counting, with
// the order of fields and the digits of numbers.
func differ(a, b *event.Output) string {
	for _, f := range []struct {
		name string
		x, y any
	}{
		{"emit", a.Emit, b.Emit}, {"lane", a.Lane, b.Lane}, {"ordered", a.Ordered, b.Ordered}, {"tombstone", a.Tombstone, b.Tombstone},
		{"time", a.Time, b.Time}, {"not before", a.NotBefore, b.NotBefore}, {"nokey", a.NoKey, b.NoKey}, {"group", a.Group, b.Group},
		{"id", string(a.ID.Of(a.Arena)), string(b.ID.Of(b.Arena))},
		{"target", string(a.Target.Of(a.Arena)), string(b.Target.Of(b.Arena))},
		{"key", string(a.Key.Of(a.Arena)), string(b.Key.Of(b.Arena))},
		{"headers", string(a.Headers.Of(a.Arena)), string(b.Headers.Of(b.Arena))},
		{"person", string(a.Person.Of(a.Arena)), string(b.Person.Of(b.Arena))},
	} {
		if f.x != f.y {
			return fmt.Sprintf("%s: fused %v, reference %v", f.name, f.x, f.y)
		}
	}
	x, y := a.Body.Of(a.Arena), b.Body.Of(b.Arena)
	if len(x) == 0 && len(y) == 0 {
		return ""
	}
	v, err := value.DecodeJSON(x)
	if err != nil {
		return fmt.Sprintf("fused body %q: %v", x, err)
	}
	w, err := value.DecodeJSON(y)
	if err != nil {
		return fmt.Sprintf("reference body %q: %v", y, err)
	}
	if string(value.AppendJSON(nil, v)) != string(value.AppendJSON(nil, w)) {
		return fmt.Sprintf("body: fused\n%s\nreference\n%s", x, y)
	}
	return ""
}

// mutate gives a record a fault, or just another form.
func mutate(v string, pick func(n int) int) string {
	const alphabet = `{}[]",:\tfn0123-.eEu ` + "\n\x01\x80abc"
	for range 1 + pick(3) {
		if len(v) < 2 {
			return v
		}
		i := pick(len(v))
		switch pick(6) {
		case 0:
			v = v[:i] + string(alphabet[pick(len(alphabet))]) + v[i+1:]
		case 1:
			v = v[:i] + v[i+1:]
		case 2:
			v = v[:i] + string(alphabet[pick(len(alphabet))]) + v[i:]
		case 3:
			v = strings.Replace(v, ":", " : ", 1+pick(3))
		case 4:
			v = strings.Replace(v, `":"`, `":null,"x":"`, 1)
		case 5:
			v = strings.Replace(v, "a", `\u0061`, 1+pick(2))
		}
	}
	return v
}

func (p *pair) mustAgree(t *testing.T, rec *event.Record) event.Outcome {
	t.Helper()
	o, d := p.run(rec, now)
	if d != "" {
		t.Errorf("the evaluators differ on %s:\n%s", rec.Value, d)
	}
	return o
}
