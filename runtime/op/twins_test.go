package op_test

import (
	"fmt"
	"math/rand"
	"strings"
	"testing"
	"time"

	"github.com/sluice-dev/sluice/lang/plan"
	"github.com/sluice-dev/sluice/runtime/event"
	"github.com/sluice-dev/sluice/runtime/op"
)

// twins are one group run by the fused steps and by the reference evaluator, each
// over cells of its own.
type twins struct {
	fused, reference *player
	known            map[string]string // people whom the test has met
}

func newTwins(t testing.TB, src string) (*twins, string) {
	p, g, errs := tryGroup(src)
	if errs != "" {
		return nil, errs
	}
	return twinsOf(t, p, g), ""
}

func twinsOf(t testing.TB, p *plan.Group, g *op.Group) *twins {
	return &twins{fused: newPlayer(t, p, g, loaded{}), reference: newPlayer(t, p, g.Reference(), loaded{})}
}

// both does the same with both and tells where they differ; "" when they agree.
func (w *twins) both(do func(*player)) string {
	for _, p := range []*player{w.fused, w.reference} {
		p.log, p.shown = nil, true
		p.out.Reset()
		do(p)
	}
	a, b := w.fused, w.reference
	if x, y := strings.Join(a.log, "\n"), strings.Join(b.log, "\n"); x != y {
		return fmt.Sprintf("fused: %s\nreference: %s", x, y)
	}
	if x, y := len(a.out.Outs), len(b.out.Outs); x != y {
		return fmt.Sprintf("fused makes %d outputs, reference %d", x, y)
	}
	for i := range a.out.Outs {
		if d := differ(&a.out.Outs[i], &b.out.Outs[i]); d != "" {
			return fmt.Sprintf("output %d: %s", i, d)
		}
	}
	return ""
}

// runStateful runs the program of a seed with state on some records both ways.
func runStateful(t *testing.T, seed int64) (st stats) {
	g := &gen{Rand: rand.New(rand.NewSource(seed)), state: true, people: seed%3 == 2}
	src, topics := g.program()
	w, errs := newTwins(t, src)
	if errs != "" {
		st.refused, st.errs = 1, errs
		return st
	}
	route := -1
	for i, r := range w.fused.plan.Routes {
		if r.Name == "g" {
			route = i
		}
	}
	if route < 0 {
		st.refused = 1 // it has no state
		return st
	}
	st.taken = 1
	if st.why = w.fused.group.Route(route).NotFused("in"); st.why == "" {
		st.fused = 1
	}
	for i := range 24 {
		tp := topics[g.Intn(len(topics))]
		v := g.record(tp.t)
		if i%4 == 3 {
			v = mutate(v, g.Intn)
		}
		rec := &event.Record{Topic: tp.name, Partition: 1, Offset: int64(i), Key: []byte("k"), Value: []byte(v),
			Timestamp: now.Add(-time.Duration(g.Intn(7200)) * time.Second).UnixMilli()}
		switch g.Intn(12) {
		case 0:
			rec.Key = nil
		case 1:
			rec.Timestamp = event.NoTime
		}
		st.records++
		d := w.both(func(p *player) { p.now = now.Add(time.Duration(i) * time.Second); p.record(route, rec) })
		if d == "" && i%8 == 7 {
			d = w.both(func(p *player) { p.due(i*400 - 7200) })
			if x, y := w.fused.stored(), w.reference.stored(); d == "" && x != y {
				d = fmt.Sprintf("cells, fused:\n%s\nreference:\n%s", x, y)
			}
		}
		if d != "" {
			t.Fatalf("seed %d: the evaluators differ on\n%s\nof\n%s\n%s", seed, v, src, d)
		}
	}
	st.slow = w.fused.run.Frame(route).Slow
	return st
}

// The evaluators agree on generated programs with state, to the last byte of their
// cells; and most of these check, are fused and run fused.
func TestEvaluatorsAgreeOnState(t *testing.T) {
	n := int64(800)
	if testing.Short() {
		n = 300
	}
	var all stats
	whys := map[string]int{}
	for seed := range n {
		st := runStateful(t, seed)
		all.add(st)
		whys[st.why]++
	}
	t.Logf("%+v %v", all, whys)
	if all.taken < int(n)/3 || all.fused < all.taken/3 || all.slow > all.records*3/4 {
		t.Errorf("the generator makes too little that is run fused: %+v", all)
	}
}

func FuzzState(f *testing.F) {
	for seed := range int64(8) {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, seed int64) { runStateful(t, seed) })
}

// What was read of a table above an `update` is what it was there.
func TestReadAboveUpdate(t *testing.T) {
	w, errs := newTwins(t, `table sums: number = 0 keyed by string
from topic "t" as { id: string, xs: [number] }
let one = sums[.id]
let list = [sums[.id], 7]
let all = [sums[$.id] + x for x in .xs]
map { id: .id, o: { n: sums[.id] }, list: [sums[.id]] }
update sums[.id] = it + 1 as after was before
emit log { one, list, first: list[0], last: list[-1], all, sum: sum(list), n: .o.n, dot: ., length: length(all), after, before, now: sums[.id] }
`)
	if errs != "" {
		t.Fatal(errs)
	}
	if why := w.fused.group.Route(0).NotFused("t"); why != "" {
		t.Fatal(why)
	}
	for i := range 3 {
		if d := w.both(func(p *player) { p.send(0, 0, `{"id":"a","xs":[1,2]}`) }); d != "" {
			t.Fatal(d)
		}
		w.fused.want("output", w.fused.outs(), strings.NewReplacer("<i>", fmt.Sprint(i), "<i1>", fmt.Sprint(i+1), "<i2>", fmt.Sprint(i+2), "<i7>", fmt.Sprint(i+7)).Replace(
			`{"one":<i>,"list":[<i>,7],"first":<i>,"last":7,"all":[<i1>,<i2>],"sum":<i7>,"n":<i>,"dot":{"id":"a","o":{"n":<i>},"list":[<i>]},"length":2,"after":<i1>,"before":<i>,"now":<i1>}`))
	}
	if w.fused.run.Frame(0).Slow != 0 {
		t.Error("it does not run fused")
	}
}
