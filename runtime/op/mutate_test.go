package op_test

import (
	"math/rand"
	"testing"

	"github.com/sluice-dev/sluice/runtime/event"
)

// Broken and odd records of the tasks end alike on both ways.
func TestEvaluatorsAgreeOnOddRecords(t *testing.T) {
	for _, k := range tasks {
		t.Run(k.name, func(t *testing.T) {
			r := rand.New(rand.NewSource(7))
			p := newPair(task(t, k.name))
			recs := k.records()
			kinds := map[event.OutcomeKind]int{}
			for i := range 3000 {
				v := mutate(string(recs[i%pool]), r.Intn)
				o := p.mustAgree(t, &event.Record{Topic: k.topic, Offset: int64(i), Key: []byte("k"), Value: []byte(v), Timestamp: now.UnixMilli()})
				kinds[o.Kind]++
				if t.Failed() {
					return
				}
				p.out.Reset()
				p.rout.Reset()
			}
			t.Log(kinds)
		})
	}
}
