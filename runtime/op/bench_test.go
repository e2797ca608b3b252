package op_test

import (
	"fmt"
	"math/rand"
	"os"
	"strings"
	"testing"

	"github.com/sluice-dev/sluice/lang/diag"
	"github.com/sluice-dev/sluice/lang/program"
	"github.com/sluice-dev/sluice/lang/token"
	"github.com/sluice-dev/sluice/runtime/event"
	"github.com/sluice-dev/sluice/runtime/op"
	"github.com/sluice-dev/sluice/stdlib"
)

// compile compiles a program of one script and gives its first route.
func compile(tb testing.TB, name, src string) *op.Route {
	tb.Helper()
	r, errs := tryCompile(name, src)
	if errs != "" {
		tb.Fatalf("%s\n%s", errs, src)
	}
	return r
}

var env = stdlib.Env()

// connections completes a script to a program.
const connections = `app "app"
connection kafka   main { brokers: "localhost:9092" }
connection segment main { write_key: secret("SEGMENT_WRITE_KEY") }
connection http    c    { url: "https://c.example.com" }
`

func tryCompile(name, src string) (*op.Route, string) {
	p := program.Compile([]*token.File{token.NewFile(name, src), token.NewFile("zz.route", connections)}, env, program.Options{})
	if !p.OK() {
		var b strings.Builder
		for _, d := range p.Diags {
			b.WriteString(diag.Render(d))
		}
		return nil, b.String()
	}
	r, err := op.Compile(p.Plan.Routes[0], "app")
	if err != nil {
		return nil, err.Error()
	}
	return r, ""
}

func task(tb testing.TB, name string) *op.Route {
	tb.Helper()
	src, err := os.ReadFile("testdata/" + name + ".route")
	if err != nil {
		tb.Fatal(err)
	}
	return compile(tb, name+".route", string(src))
}

// pool is how many different records a benchmark runs, so that it measures no
// memory of one record. A power of two.
const pool = 512

// clicks are events of shape A: 482 bytes of clickstream.
func clicks() [][]byte {
	r := rand.New(rand.NewSource(1))
	out := make([][]byte, pool)
	for i := range out {
		path := oneOf(r, "/home", "/product/4711/wireless-mouse", "/cart", "/checkout/shipping", "/search?q=usb%20cable&page=2")
		out[i] = fmt.Appendf(nil, `{"event_id":%q,"type":"product_viewed","ts":%q,"user":{"id":"u_%d","anon":%q},"page":{"url":"https://shop.example.com%s","path":%q,"title":%s,"ref":null},"ua":%q,"ip":"203.0.113.%d","status":"ok","order_id":"c-%d","total":"%d.%02d","currency":%q,"screen":{"w":1920,"h":1080}}`,
			uuid(r), stamp(r), r.Intn(1e6), uuid(r)[:18], path, path, product(r), agent(r), r.Intn(255), r.Intn(1e6), 11+r.Intn(500), r.Intn(100), oneOf(r, "usd", "eur", "gbp", "jpy"))
	}
	return out
}

// orders are events of shape B: 1.3 KB with a customer and three lines.
func orders() [][]byte {
	r := rand.New(rand.NewSource(2))
	out := make([][]byte, pool)
	for i := range out {
		var items []string
		for range 3 {
			items = append(items, fmt.Sprintf(`{"product_id":"p-%d","sku":"SKU-%06d","name":%s,"price":%d.%02d,"quantity":%d,"category":"electronics","tax_rate":0.19,"gift":false}`,
				r.Intn(1e6), r.Intn(1e6), product(r), 1+r.Intn(200), r.Intn(100), 1+r.Intn(5)))
		}
		name := oneOf(r, "Ada Lovelace", "Grace O'Neil", "Zoë Müller", "José García", "Mei Wang")
		out[i] = fmt.Appendf(nil, `{"event_id":%q,"type":"order.completed","schema":3,"created_at":%q,"channel":"web","customer":{"id":"cus_%d","email":"user%d@example.com","name":%q,"phone":null,"marketing":true,"address":{"line1":"%d Market Street","line2":null,"city":"Springfield","zip":"%05d","country":"US","geo":{"lat":%.5f,"lon":%.5f}},"tags":["vip","newsletter"],"loyalty":{"tier":"gold","points":%d}},"order":{"id":"ord_%d","number":%d,"status":%q,"currency":%q,"subtotal":%d.50,"tax":%d.25,"shipping":4.99,"discount":0,"total":"%d.%02d","coupon":null},"items":[%s],"meta":{"ip":"198.51.100.%d","ua":%q,"source":"checkout-v2","ab":["x1","y2"],"trace":%q}}`,
			uuid(r), stamp(r), r.Intn(1e6), r.Intn(1e5), name, r.Intn(999), r.Intn(99999), r.Float64()*90, -r.Float64()*90, r.Intn(10000),
			r.Intn(1e8), r.Intn(1e6), oneOf(r, "paid", "fulfilled"), oneOf(r, "usd", "eur", "gbp", "jpy"), r.Intn(300), r.Intn(30), 11+r.Intn(500), r.Intn(100),
			strings.Join(items, ","), r.Intn(255), agent(r), uuid(r))
	}
	return out
}

func oneOf(r *rand.Rand, of ...string) string { return of[r.Intn(len(of))] }

func product(r *rand.Rand) string {
	return oneOf(r, `"Wireless Mouse M185"`, `"USB-C Cable 2m"`, `"27\" 4K Monitor"`, `"Mechanical Keyboard / Brown"`, `"Café Crème Mug"`, `"Standing Desk 140x70"`)
}

func agent(r *rand.Rand) string {
	return oneOf(r, "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 Chrome/126.0", "Mozilla/5.0 (iPhone; CPU iPhone OS 17_5 like Mac OS X) Safari/604.1")
}

func uuid(r *rand.Rand) string {
	return fmt.Sprintf("%08x-%04x-4%03x-a%03x-%012x", r.Uint32(), r.Intn(1<<16), r.Intn(1<<12), r.Intn(1<<12), r.Int63n(1<<48))
}

func stamp(r *rand.Rand) string {
	return fmt.Sprintf("2026-02-22T%02d:%02d:%02d.%03dZ", r.Intn(24), r.Intn(60), r.Intn(60), r.Intn(1000))
}

var tasks = []struct {
	name, topic string
	records     func() [][]byte
}{
	{"T1A", "evA", clicks}, {"T1B", "evB", orders}, {"T2A", "evA", clicks}, {"T2B", "evB", orders}, {"T3A", "evA", clicks}, {"T3B", "evB", orders},
}

// BenchmarkMap is parse, filter, map and encode of one event by the tasks of
// testdata, through the real compiler.
func BenchmarkMap(b *testing.B) {
	for _, k := range tasks {
		b.Run(k.name, func(b *testing.B) { benchTask(b, task(b, k.name), k.topic, k.records()) })
	}
}

// BenchmarkReference is the same by the reference evaluator.
func BenchmarkReference(b *testing.B) {
	for _, k := range tasks {
		b.Run(k.name, func(b *testing.B) { benchTask(b, task(b, k.name).Reference(), k.topic, k.records()) })
	}
}

func benchTask(b *testing.B, r *op.Route, topic string, values [][]byte) {
	fr := r.NewFrame()
	var out event.Arena
	recs := make([]event.Record, pool)
	size := 0
	for i, v := range values {
		recs[i] = event.Record{Topic: topic, Partition: 3, Offset: int64(i), Value: v, Timestamp: now.UnixMilli()}
		size += len(v)
	}
	// The shapes of a stream are learned once in the life of a task.
	for i := range recs {
		out.Reset()
		r.Run(fr, &recs[i], now, &out)
	}
	b.SetBytes(int64(size / pool))
	b.ReportAllocs()
	i := 0
	for b.Loop() {
		out.Reset()
		if o := r.Run(fr, &recs[i&(pool-1)], now, &out); o.Kind == event.Failed {
			b.Fatal(o.Fail)
		}
		i++
	}
}

// The tasks are what the hot path is for: all of them are fused, and a fused
// route makes no garbage.
func TestTasksAreFused(t *testing.T) {
	for _, k := range tasks {
		t.Run(k.name, func(t *testing.T) {
			r := task(t, k.name)
			if why := r.NotFused(k.topic); why != "" {
				t.Fatal("not fused:", why)
			}
			p := newPair(r)
			kinds := map[event.OutcomeKind]int{}
			for i, v := range k.records() {
				kinds[p.mustAgree(t, &event.Record{Topic: k.topic, Offset: int64(i), Value: v, Timestamp: now.UnixMilli()}).Kind]++
			}
			want := event.Completed
			if strings.HasPrefix(k.name, "T2") {
				want = event.Dropped
			}
			if kinds[want] != pool {
				t.Errorf("outcomes %v", kinds)
			}
			fr := r.NewFrame()
			var out event.Arena
			recs := k.records()
			rec := &event.Record{Topic: k.topic, Timestamp: now.UnixMilli()}
			i := 0
			if n := testing.AllocsPerRun(2*pool, func() {
				out.Reset()
				rec.Value = recs[i%pool]
				r.Run(fr, rec, now, &out)
				i++
			}); n != 0 {
				t.Errorf("%v allocations an event", n)
			}
		})
	}
}
