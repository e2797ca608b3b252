package op_test

import (
	"math/rand"
	"testing"

	"github.com/sluice-dev/sluice/runtime/event"
)

// runGenerated runs the program of a seed on some records both ways.
func runGenerated(t *testing.T, seed int64) (st stats) {
	g := &gen{Rand: rand.New(rand.NewSource(seed))}
	src, topics := g.program()
	r, errs := tryCompile("generated.route", src)
	if errs != "" {
		st.refused = 1
		st.errs = errs
		return st
	}
	st.taken = 1
	if why := r.NotFused("in"); why == "" {
		st.fused = 1
	} else {
		st.why = why
	}
	p := newPair(r)
	for i := range 24 {
		tp := topics[g.Intn(len(topics))]
		v := g.record(tp.t)
		if i%4 == 3 {
			v = mutate(v, g.Intn)
		}
		rec := &event.Record{Topic: tp.name, Partition: 1, Offset: int64(i), Key: []byte("k"), Value: []byte(v), Timestamp: now.UnixMilli()}
		switch g.Intn(8) {
		case 0:
			rec.Key = nil
		case 1:
			rec.Timestamp = event.NoTime
		case 2:
			rec.Key = []byte("\xff")
			rec.Headers = []event.Header{{Key: "h", Value: []byte("v")}}
		}
		st.records++
		if _, d := p.run(rec, now); d != "" {
			t.Fatalf("seed %d: the evaluators differ on\n%s\nof\n%s\n%s", seed, v, src, d)
		}
	}
	st.slow = p.fr.Slow
	return st
}

type stats struct {
	taken, refused, fused, records, slow int
	errs, why                            string
}

func (s *stats) add(o stats) {
	s.taken += o.taken
	s.refused += o.refused
	s.fused += o.fused
	s.records += o.records
	s.slow += o.slow
}

// The evaluators agree on generated programs; and the test is worth something:
// most of these check, are fused, and run fused.
func TestEvaluatorsAgree(t *testing.T) {
	n := int64(800)
	if testing.Short() {
		n = 300
	}
	var all stats
	for seed := range n {
		all.add(runGenerated(t, seed))
	}
	t.Logf("%+v", all)
	if all.taken < int(n)/2 || all.fused < all.taken/2 || all.slow > all.records*3/4 {
		t.Errorf("the generator makes too little that is run fused: %+v", all)
	}
}

func FuzzEvaluators(f *testing.F) {
	for seed := range int64(40) {
		f.Add(seed)
	}
	// Each of these found a fault once.
	for _, seed := range []int64{-235, -205, 337, 692, 1389, 2002319, 2003374, 2012165, 3000141, 3010795, 5028586} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, seed int64) { runGenerated(t, seed) })
}
