package engine_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"math/rand"
	"os"
	"os/signal"
	"path/filepath"
	"runtime"
	"runtime/debug"
	"runtime/pprof"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/sluice-dev/sluice/lang/program"
	"github.com/sluice-dev/sluice/lang/token"
	"github.com/sluice-dev/sluice/lang/value"
	"github.com/sluice-dev/sluice/runtime/engine"
	"github.com/sluice-dev/sluice/runtime/kafka"
	"github.com/sluice-dev/sluice/runtime/kafka/embedded"
	"github.com/sluice-dev/sluice/runtime/receiver"
	"github.com/sluice-dev/sluice/stdlib"
)

// pathScript filters and maps clickstream events of 480 bytes: task T1 on shape A
// of runtime/op/testdata.
const pathScript = pathHead + `
route path
from topic "clicks" as Click
where .type == "product_viewed" and .status in ["ok", "paid", "fulfilled"] and number(.total) > 10
` + pathEmit

// twoScript does the same for two topics, and dedupeScript for two topics that share a
// memory of what has passed.
var (
	twoScript    = strings.ReplaceAll(dedupeScript, "dedupe views by .event_id within 24h\n", "")
	dedupeScript = pathHead + `
route path
from topic "clicks" as Click
where .type == "product_viewed" and .status in ["ok", "paid", "fulfilled"] and number(.total) > 10
dedupe views by .event_id within 24h
` + pathEmit + `
route path_b
from topic "clicks_b" as Click
where .type == "product_viewed" and .status in ["ok", "paid", "fulfilled"] and number(.total) > 10
dedupe views by .event_id within 24h
` + pathEmit
)

const pathHead = `app "bench"
connection kafka main { brokers: env("BROKERS") }
connection segment main { write_key: secret("KEY"), url: env("URL") }
type Click = {
  event_id: string, type: string, ts: time, user: { id: string }, page: { url: string, path: string }, ua: string, ip: string
  status: string, order_id: string, total: string, currency: string
}
`

const pathEmit = `emit track "Product Viewed" {
  userId:    .user.id
  messageId: .event_id
  timestamp: .ts
  properties: { order_id: .order_id, revenue: number(.total), currency: upper(.currency), url: .page.url, path: .page.path }
  context:    { ip: .ip, userAgent: .ua, library: { name: "routelang", version: "0.1.0" } }
}
`

// brokerRole is the embedded broker in a process of its own, with a backlog.
type brokerRole struct {
	Dir        string // "": in memory
	Addr       string // "": any
	Records    int    // in all
	Partitions int32
	Topics     []string
}

// playBroker makes the backlog, prints its address and serves until its stdin is
// closed.
func playBroker() error {
	var c brokerRole
	if err := json.Unmarshal([]byte(os.Getenv(configVar)), &c); err != nil {
		return err
	}
	b, err := embedded.Start(embedded.Options{Dir: c.Dir, Addr: c.Addr})
	if err != nil {
		return err
	}
	defer b.Close()
	if c.Records > 0 {
		if err := fill(b.Addr(), c); err != nil {
			return err
		}
	}
	runtime.GC()
	fmt.Println(b.Addr())
	_, err = io.Copy(io.Discard, os.Stdin)
	return err
}

func fill(addr string, c brokerRole) error {
	ctx := context.Background()
	a, err := kafka.NewAdmin(kafka.Config{Brokers: []string{addr}})
	if err != nil {
		return err
	}
	defer a.Close()
	for _, t := range c.Topics {
		if err := a.Ensure(ctx, kafka.TopicSpec{Name: t, Partitions: c.Partitions}); err != nil {
			return err
		}
	}
	cl, err := kgo.NewClient(kgo.SeedBrokers(addr), kgo.ProducerBatchCompression(kgo.Lz4Compression()), kgo.ProducerLinger(5*time.Millisecond),
		kgo.ProducerBatchMaxBytes(1<<20), kgo.MaxBufferedRecords(200_000))
	if err != nil {
		return err
	}
	defer cl.Close()
	values := clicks(20_000)
	var mu sync.Mutex
	var failed error
	for i := range c.Records {
		v := bytes.Clone(values[i%len(values)])
		copy(v[len(`{"event_id":"`):], fmt.Sprintf("%08x", i)) // each is an event of its own
		cl.Produce(ctx, &kgo.Record{Topic: c.Topics[i%len(c.Topics)], Key: fmt.Append(nil, "u_", i%100_000), Value: v}, func(_ *kgo.Record, err error) {
			if err != nil {
				mu.Lock()
				failed = err
				mu.Unlock()
			}
		})
	}
	if err := cl.Flush(ctx); err != nil {
		return err
	}
	mu.Lock()
	defer mu.Unlock()
	return failed
}

// clicks are n different events of 482 bytes on average.
func clicks(n int) [][]byte {
	r := rand.New(rand.NewSource(1))
	one := func(of ...string) string { return of[r.Intn(len(of))] }
	out := make([][]byte, n)
	for i := range out {
		path := one("/home", "/product/4711/wireless-mouse", "/cart", "/checkout/shipping", "/search?q=usb%20cable&page=2")
		id := fmt.Sprintf("%08x-%04x-4%03x-a%03x-%012x", r.Uint32(), r.Intn(1<<16), r.Intn(1<<12), r.Intn(1<<12), r.Int63n(1<<48))
		out[i] = fmt.Appendf(nil, `{"event_id":%q,"type":"product_viewed","ts":"2026-02-22T%02d:%02d:%02d.%03dZ","user":{"id":"u_%d","anon":%q},"page":{"url":"https://shop.example.com%s","path":%q,"title":%s,"ref":null},"ua":%q,"ip":"203.0.113.%d","status":"ok","order_id":"c-%d","total":"%d.%02d","currency":%q,"screen":{"w":1920,"h":1080}}`,
			id, r.Intn(24), r.Intn(60), r.Intn(60), r.Intn(1000), r.Intn(1e6), id[:18], path, path,
			one(`"Wireless Mouse M185"`, `"USB-C Cable 2m"`, `"27\" 4K Monitor"`, `"Mechanical Keyboard / Brown"`, `"Café Crème Mug"`, `"Standing Desk 140x70"`),
			one("Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 Chrome/126.0", "Mozilla/5.0 (iPhone; CPU iPhone OS 17_5 like Mac OS X) Safari/604.1"),
			r.Intn(255), r.Intn(1e6), 11+r.Intn(500), r.Intn(100), one("usd", "eur", "gbp", "jpy"))
	}
	return out
}

// receiverRole is a receiver that counts, in a process of its own.
type receiverRole struct{ Latency time.Duration }

// playReceiver prints its address and serves until its stdin is closed.
func playReceiver() error {
	var c receiverRole
	if err := json.Unmarshal([]byte(os.Getenv(configVar)), &c); err != nil {
		return err
	}
	r, err := receiver.Listen("127.0.0.1:0", receiver.Options{Count: true, Latency: c.Latency})
	if err != nil {
		return err
	}
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM)
	defer stop()
	var wg sync.WaitGroup
	wg.Go(func() { _ = r.Run(ctx) })
	fmt.Println(r.URL())
	_, err = io.Copy(io.Discard, os.Stdin)
	stop()
	wg.Wait()
	return err
}

// pathRole is the engine of a measurement, on one core, in a process of its own.
type pathRole struct {
	Broker, URL string
	Records     uint64 // 0: the receiver is away; run until no more is taken in
	Procs       int
	Script      string
	State       string // directory of the store
}

// pathResult is what it prints.
type pathResult struct {
	First float64 // seconds from the start of the process's work until an event was taken
	Wall  float64 // seconds from then until all were
	CPU   float64 // seconds of it, user and system, all of the process
	RSS   float64 // the largest, MB
	Rest  uint64  // events that were taken until First
	GCs   float64 // collections
}

func playPath() error {
	begin := time.Now()
	var c pathRole
	if err := json.Unmarshal([]byte(os.Getenv(configVar)), &c); err != nil {
		return err
	}
	runtime.GOMAXPROCS(c.Procs)
	debug.SetGCPercent(engine.GCPercent)
	p := program.Compile([]*token.File{token.NewFile("path.route", c.Script)}, stdlib.Env(), program.Options{})
	if !p.OK() {
		return fmt.Errorf("the script does not check: %v", p.Diags)
	}
	holds := func(partitions int, keys int64) {
		debug.SetMemoryLimit(engine.MemoryLimit(p.Plan, partitions, keys))
	}
	holds(0, 0)
	s, err := engine.Resolve(p.Plan, engine.Lookup{
		Env: func(name string) (string, bool) {
			return map[string]string{"BROKERS": c.Broker, "URL": c.URL}[name], true
		},
		Secret: func(string) (value.Secret, error) { return "key", nil },
	})
	if err != nil {
		return err
	}
	e := engine.New(engine.Config{
		Plan: p.Plan, Settings: s, StoreID: fmt.Sprint("bench-", os.Getpid()), Wait: 10 * time.Second, Version: "bench", State: c.State, Holds: holds,
		Log: slog.New(slog.NewTextHandler(os.Stderr, nil)),
	})
	if path := os.Getenv("SLUICE_ENGINE_TEST_CPUPROFILE"); path != "" {
		f, err := os.Create(path)
		if err != nil {
			return err
		}
		defer f.Close()
		if err := pprof.StartCPUProfile(f); err != nil {
			return err
		}
	}
	ctx, stop := context.WithCancel(context.Background())
	defer stop()
	done := make(chan error, 1)
	go func() { done <- e.Run(ctx) }()
	taken := func() uint64 {
		n := uint64(0)
		for _, r := range e.Account().Routes {
			for _, em := range r.Emits {
				n += em.Accepted
			}
		}
		return n
	}
	var res pathResult
	await := func(n uint64, every time.Duration) error {
		tick := time.NewTicker(every)
		defer tick.Stop()
		for taken() < n {
			select {
			case <-tick.C:
			case err := <-done:
				return fmt.Errorf("the engine ended: %w", err)
			}
		}
		return nil
	}
	if c.Records == 0 {
		if err := full(e, done); err != nil {
			return err
		}
		if res.RSS, err = mostResident(); err != nil {
			return err
		}
		return json.NewEncoder(os.Stdout).Encode(res)
	}
	if err := await(1, time.Millisecond); err != nil {
		return err
	}
	first, before := time.Now(), cpuSeconds()
	res.First, res.Rest = first.Sub(begin).Seconds(), taken()
	if err := await(c.Records, 10*time.Millisecond); err != nil {
		return err
	}
	res.Wall, res.CPU = time.Since(first).Seconds(), cpuSeconds()-before
	pprof.StopCPUProfile() // of a profile that was asked for
	var ms runtime.MemStats
	runtime.ReadMemStats(&ms)
	res.GCs = float64(ms.NumGC)
	if path := os.Getenv("SLUICE_ENGINE_TEST_HEAPPROFILE"); path != "" {
		f, err := os.Create(path)
		if err != nil {
			return err
		}
		defer f.Close()
		if err := pprof.Lookup("allocs").WriteTo(f, 0); err != nil {
			return err
		}
	}
	stop()
	if err := <-done; err != nil {
		return err
	}
	if res.RSS, err = mostResident(); err != nil {
		return err
	}
	return json.NewEncoder(os.Stdout).Encode(res)
}

// full waits until an engine whose receiver is away has taken in all it may: its
// caps are reached, and nothing changes for three seconds.
func full(e *engine.Engine, done chan error) error {
	tick := time.NewTicker(100 * time.Millisecond)
	defer tick.Stop()
	last, since := int64(0), time.Now()
	for time.Since(since) < 3*time.Second || last == 0 {
		select {
		case <-tick.C:
		case err := <-done:
			return fmt.Errorf("the engine ended: %w", err)
		}
		if n := e.Snapshot().InFlight; n != last {
			last, since = n, time.Now()
		}
	}
	return nil
}

// mostResident is the largest resident memory of this process so far, in MB. What
// getrusage says of it begins with the process that started this one.
func mostResident() (float64, error) {
	b, err := os.ReadFile("/proc/self/status")
	if err != nil {
		return 0, err
	}
	var kb float64
	_, rest, _ := strings.Cut(string(b), "VmHWM:")
	_, err = fmt.Sscan(rest, &kb)
	return kb / 1024, err
}

func cpuSeconds() float64 {
	var ru syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &ru); err != nil {
		panic(err)
	}
	return float64(ru.Utime.Nano()+ru.Stime.Nano()) / 1e9
}

// path runs one engine over a backlog.
func path(tb testing.TB, latency time.Duration, role pathRole) pathResult {
	tb.Helper()
	recv := spawn(tb, "receiver", receiverRole{Latency: latency})
	defer recv.kill()
	role.URL = recv.line(tb)
	eng := spawn(tb, "path", role)
	defer eng.kill()
	var res pathResult
	if l := eng.lineIn(tb, 10*time.Minute); json.Unmarshal([]byte(l), &res) != nil {
		tb.Fatalf("the engine said %q\n%s", l, eng.stderr())
	}
	return res
}

func backlog(tb testing.TB, role brokerRole) (addr string, end func()) {
	tb.Helper()
	b := spawn(tb, "broker", role)
	addr = b.lineIn(tb, 10*time.Minute)
	if !strings.Contains(addr, ":") {
		tb.Fatalf("the broker said %q\n%s", addr, b.stderr())
	}
	return addr, b.kill
}

// BenchmarkPath takes a backlog from a broker to a receiver, each in a process of
// its own, with the engine on one core (GOMAXPROCS=1), but where the name says two.
func BenchmarkPath(b *testing.B) {
	const records = 2_000_000
	one := brokerRole{Records: records, Partitions: 8, Topics: []string{"clicks"}}
	two := brokerRole{Records: records, Partitions: 12, Topics: []string{"clicks", "clicks_b"}}
	for _, k := range []struct {
		name    string
		backlog brokerRole
		latency time.Duration
		procs   int
		script  string
	}{
		{"near", one, 0, 1, pathScript},
		{"20ms_away", one, 20 * time.Millisecond, 1, pathScript},
		{"two_topics", two, 0, 1, twoScript},
		{"dedupe", two, 0, 1, dedupeScript},
		{"dedupe_2_procs", two, 0, 2, dedupeScript},
	} {
		b.Run(k.name, func(b *testing.B) {
			addr, end := backlog(b, k.backlog)
			defer end()
			for b.Loop() {
				// Each run is a group of its own that begins at the beginning: the
				// positions of the one before it are taken away.
				forget(b, addr)
				role := pathRole{Broker: addr, Records: records, Procs: k.procs, Script: k.script, State: filepath.Join(b.TempDir(), "store")}
				r := path(b, k.latency, role)
				n := float64(records - r.Rest)
				b.ReportMetric(n/r.Wall, "events/s")
				b.ReportMetric(n/r.CPU, "events/cpu-s")
				b.ReportMetric(r.CPU/n*1e9, "cpu-ns/event")
				b.ReportMetric(r.RSS, "MB-resident")
				b.ReportMetric(r.GCs, "collections")
				b.ReportMetric(r.First*1000, "ms-to-first")
				b.ReportMetric(0, "ns/op")
			}
		})
	}
}

// BenchmarkPathMemory compares the resident memory over a backlog of one million
// and of ten, and while the receiver is away and everything waits (I7).
func BenchmarkPathMemory(b *testing.B) {
	for b.Loop() {
		var rss [2]float64
		for i, n := range []int{1_000_000, 10_000_000} {
			addr, end := backlog(b, brokerRole{Dir: b.TempDir(), Records: n, Partitions: 8, Topics: []string{"clicks"}})
			r := path(b, 0, pathRole{Broker: addr, Records: uint64(n), Procs: 1, Script: pathScript})
			if i == 0 {
				forget(b, addr)
				eng := spawn(b, "path", pathRole{Broker: addr, URL: "http://" + freeAddr(b), Procs: 1, Script: pathScript})
				var stalled pathResult
				if l := eng.line(b); json.Unmarshal([]byte(l), &stalled) != nil {
					b.Fatalf("the engine said %q\n%s", l, eng.stderr())
				}
				eng.kill()
				b.ReportMetric(stalled.RSS, "MB-stalled")
			}
			end()
			rss[i] = r.RSS
			b.ReportMetric(r.RSS, fmt.Sprintf("MB-of-%dM", n/1e6))
			b.ReportMetric(float64(n)/r.Wall, fmt.Sprintf("events/s-of-%dM", n/1e6))
		}
		b.ReportMetric((rss[1]/rss[0]-1)*100, "percent-more")
		b.ReportMetric(0, "ns/op")
	}
}

// forget deletes the groups of the benchmark's routes.
func forget(tb testing.TB, addr string) {
	tb.Helper()
	cl, err := kgo.NewClient(kgo.SeedBrokers(addr))
	if err != nil {
		tb.Fatal(err)
	}
	defer cl.Close()
	// A member that was killed counts until its session has ended; taking it out
	// by its name is what leaving would have been.
	adm := kadm.NewClient(cl)
	for _, route := range []string{"path", "path_b"} {
		group := kafka.GroupName("bench", route)
		if d, err := adm.DescribeGroups(context.Background(), group); err == nil {
			for _, m := range d[group].Members {
				if m.InstanceID != nil {
					if _, err := adm.LeaveGroup(context.Background(), kadm.LeaveGroup(group).InstanceIDs(*m.InstanceID)); err != nil {
						tb.Fatal(err)
					}
				}
			}
		}
		if _, err := adm.DeleteGroup(context.Background(), group); err != nil && !errors.Is(err, kerr.GroupIDNotFound) {
			tb.Fatal(err)
		}
	}
}
