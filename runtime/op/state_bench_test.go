package op_test

import (
	"encoding/hex"
	"testing"
	"time"

	"github.com/sluice-dev/sluice/runtime/event"
)

const orderType = `type Order = {
  event_id: string, customer: { id: string, email: string?, name: string?, tags: [string] }
  order: { id: string, status: string, currency: string, total: string }
}
`

// stateful are programs over orders, each with one stage with state.
var stateful = []struct{ name, src string }{
	{"none", orderType + `from topic "evB" as Order
where .order.status != "x"
key by .customer.id
emit log { id: .event_id }
`},
	{"update", orderType + `table ltv: number = 0 keyed by string
from topic "evB" as Order
where .order.status != "x"
update ltv[.customer.id] = it + number(.order.total)
emit log { id: .event_id }
`},
	{"dedupe", orderType + `from topic "evB" as Order
where .order.status != "x"
dedupe by .event_id within 1h
emit log { id: .event_id }
`},
	{"changed", orderType + `from topic "evB" as Order
let id = .customer.id
map { email: .customer.email, name: .customer.name, total: .order.total, tags: .customer.tags }
changed by id within 395d
emit log { id, ...$.customer }
`},
	{"throttle", orderType + `from topic "evB" as Order
throttle 1000/s by .customer.id else drop
emit log { id: .event_id }
`},
}

// BenchmarkState is a record of 1.3 KB through the runner of a group over cells in
// memory, with the persisting of every 2,000 records.
func BenchmarkState(b *testing.B) {
	for _, k := range stateful {
		b.Run(k.name, func(b *testing.B) { benchState(b, play(b, k.src)) })
	}
}

// BenchmarkStateReference is the same by the reference evaluator.
func BenchmarkStateReference(b *testing.B) {
	for _, k := range stateful {
		b.Run(k.name, func(b *testing.B) {
			p, g, errs := tryGroup(k.src)
			if errs != "" {
				b.Fatal(errs)
			}
			benchState(b, newPlayer(b, p, g.Reference(), nil))
		})
	}
}

func benchState(b *testing.B, p *player) {
	recs := make([]event.Record, pool)
	size := 0
	for i, v := range orders() {
		recs[i] = event.Record{Topic: "evB", Partition: 3, Value: v, Timestamp: now.Add(-time.Hour).UnixMilli()}
		size += len(v)
	}
	b.SetBytes(int64(size / pool))
	b.ReportAllocs()
	i := 0
	for b.Loop() {
		if i%2000 == 1999 {
			p.settle()
			p.out.Reset()
		}
		rec := &recs[i%pool]
		rec.Offset = int64(i)
		renew(rec.Value, i)
		p.cells.Begin()
		if o := p.run.Run(0, rec, p.now, &p.out); o.Kind == event.Failed {
			b.Fatal(o.Fail)
		}
		p.cells.Done()
		i++
	}
}

// renew gives an order another event_id.
func renew(order []byte, i int) {
	const at = len(`{"event_id":"`)
	hex.Encode(order[at:], []byte{byte(i >> 24), byte(i >> 16), byte(i >> 8), byte(i)})
}

// What the benchmarks run is fused.
func TestStateIsFused(t *testing.T) {
	for _, k := range stateful {
		t.Run(k.name, func(t *testing.T) {
			w, errs := newTwins(t, k.src)
			if errs != "" {
				t.Fatal(errs)
			}
			if why := w.fused.group.Route(0).NotFused("evB"); why != "" {
				t.Fatal("not fused:", why)
			}
			for i, v := range orders() {
				rec := &event.Record{Topic: "evB", Offset: int64(i), Value: v, Timestamp: now.UnixMilli()}
				if d := w.both(func(p *player) { p.record(0, rec) }); d != "" {
					t.Fatal(d)
				}
			}
			if n := w.fused.run.Frame(0).Slow; n != 0 {
				t.Errorf("%d records of %d run by the reference evaluator", n, pool)
			}
			if w.fused.stored() != w.reference.stored() {
				t.Error("other cells")
			}
		})
	}
}
