package engine_test

import (
	"bytes"
	"context"
	"crypto/rand"
	"errors"
	"flag"
	"fmt"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
	"go.uber.org/goleak"

	"github.com/sluice-dev/sluice/lang/diag"
	"github.com/sluice-dev/sluice/lang/plan"
	"github.com/sluice-dev/sluice/lang/program"
	"github.com/sluice-dev/sluice/lang/token"
	"github.com/sluice-dev/sluice/lang/value"
	"github.com/sluice-dev/sluice/runtime/engine"
	"github.com/sluice-dev/sluice/runtime/event"
	"github.com/sluice-dev/sluice/runtime/kafka"
	"github.com/sluice-dev/sluice/runtime/kafka/embedded"
	"github.com/sluice-dev/sluice/runtime/receiver"
	"github.com/sluice-dev/sluice/runtime/task"
	"github.com/sluice-dev/sluice/stdlib"
)

// TestMain lets the test binary stand for the processes that the kill tests and
// the benchmarks need, and sees that what has ended leaves no goroutine behind.
func TestMain(m *testing.M) {
	if role := os.Getenv(roleVar); role != "" {
		os.Exit(play(role))
	}
	// Most of these tests wait, for sessions to end and for processes, and hardly
	// work: more of them than processors go side by side.
	flag.Parse()
	if flag.Lookup("test.parallel").Value.String() == fmt.Sprint(runtime.GOMAXPROCS(0)) {
		_ = flag.Set("test.parallel", "6")
	}
	goleak.VerifyTestMain(m)
}

// onBrokers runs a test against the embedded broker and against Apache Kafka,
// where SLUICE_KAFKA_BROKERS names one: what must hold on both.
func onBrokers(t *testing.T, test func(t *testing.T, w *world)) {
	t.Parallel()
	t.Run("embedded", func(t *testing.T) {
		t.Parallel()
		test(t, onEmbedded(t))
	})
	t.Run("apache", func(t *testing.T) {
		t.Parallel()
		addrs := os.Getenv("SLUICE_KAFKA_BROKERS")
		if addrs == "" {
			if os.Getenv("SLUICE_REQUIRE_KAFKA") == "1" {
				t.Fatal("SLUICE_REQUIRE_KAFKA=1, but SLUICE_KAFKA_BROKERS names no Apache Kafka")
			}
			t.Skip("SLUICE_KAFKA_BROKERS names no Apache Kafka (.ci/kafka-broker.sh starts one)")
		}
		test(t, newWorld(t, strings.Split(addrs, ",")...))
	})
}

func onEmbedded(t *testing.T) *world {
	t.Helper()
	b, err := embedded.Start(embedded.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(b.Close)
	w := newWorld(t, b.Addr())
	w.broker = b
	return w
}

// world is what stands around an engine in a test: a broker, and names that no
// other run has used, for Apache Kafka keeps what tests leave.
type world struct {
	t       *testing.T
	brokers []string
	broker  *embedded.Broker // nil on Apache Kafka
	admin   *kafka.Admin
	out     *kafka.Producer
	raw     *kgo.Client
	suffix  string
	log     *logLines
	ledger  *receiver.Ledger
	seq     map[string]uint64 // by topic and user
}

func newWorld(t *testing.T, brokers ...string) *world {
	t.Helper()
	w := &world{t: t, brokers: brokers, suffix: strings.ToLower(rand.Text()[:8]), log: &logLines{}, ledger: receiver.NewLedger(), seq: map[string]uint64{}}
	cfg := kafka.Config{Name: "test", Brokers: brokers}
	var err error
	if w.admin, err = kafka.NewAdmin(cfg); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(w.admin.Close)
	if err := w.admin.Wait(t.Context(), 30*time.Second); err != nil {
		t.Fatal(err)
	}
	if w.out, err = kafka.NewProducer(cfg, kafka.ProducerOptions{Linger: time.Millisecond}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(w.out.Close)
	if w.raw, err = kgo.NewClient(kgo.SeedBrokers(brokers...)); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(w.raw.Close)
	t.Cleanup(func() {
		if t.Failed() {
			t.Log("engine:\n" + w.log.tail(60))
		}
	})
	return w
}

// app is the program's name, here used up.
func (w *world) app() string { return "app-" + w.suffix }

// topic completes a name that scripts write with a ~.
func (w *world) topic(name string) string { return name + "-" + w.suffix }

func (w *world) topics(partitions int32, names ...string) {
	w.t.Helper()
	for _, n := range names {
		if err := w.admin.Ensure(w.t.Context(), kafka.TopicSpec{Name: w.topic(n), Partitions: partitions}); err != nil {
			w.t.Fatal(err)
		}
	}
}

// deleteTopic deletes and waits until it is gone, which Apache Kafka does in its
// own time.
func (w *world) deleteTopic(name string) {
	w.t.Helper()
	req := kmsg.NewPtrDeleteTopicsRequest()
	rt := kmsg.NewDeleteTopicsRequestTopic()
	rt.Topic = kmsg.StringPtr(name)
	req.TopicNames, req.Topics, req.TimeoutMillis = []string{name}, []kmsg.DeleteTopicsRequestTopic{rt}, 10_000
	if _, err := req.RequestWith(w.t.Context(), w.raw); err != nil {
		w.t.Fatal(err)
	}
	w.eventually("topic "+name+" is gone", func() bool {
		all, err := w.admin.Topics(w.t.Context())
		_, there := all[name]
		return err == nil && !there
	})
}

// send produces records and waits for them.
func (w *world) send(rs ...kafka.Record) {
	w.t.Helper()
	results := make(chan kafka.Result, len(rs))
	for _, r := range rs {
		if r.Timestamp == 0 {
			r.Timestamp = event.NoTime
		}
		w.out.Send(w.t.Context(), r, func(res kafka.Result) { results <- res })
	}
	for range rs {
		if res := <-results; res.Class != kafka.Accepted {
			w.t.Fatalf("produce: %v", res.Err)
		}
	}
}

func (w *world) sendText(topic string, values ...string) {
	w.t.Helper()
	var rs []kafka.Record
	for i, v := range values {
		rs = append(rs, kafka.Record{Topic: w.topic(topic), Key: fmt.Append(nil, "k", i), Value: []byte(v)})
	}
	w.send(rs...)
}

// order is the n-th event of its user, as the scripts of the tests read it.
func order(topic, user string, seq uint64) string {
	return fmt.Sprintf(`{"topic":%q,"user":%q,"seq":%d,"note":"%032d"}`, topic, user, seq, seq)
}

// feed produces n orders of so many users and tells the ledger to expect them.
func (w *world) feed(topic string, users, n int) {
	w.t.Helper()
	var rs []kafka.Record
	for i := range n {
		user := fmt.Sprint("u", i%users)
		k := topic + "/" + user
		w.seq[k]++
		w.ledger.Expect(topic, user, w.seq[k])
		rs = append(rs, kafka.Record{Topic: w.topic(topic), Key: []byte(user), Value: []byte(order(topic, user, w.seq[k]))})
	}
	w.send(rs...)
}

// head is what every program of the tests begins with; a ~ is the world's suffix.
const head = `app "app~"
connection kafka main { brokers: env("BROKERS") }
connection segment main { write_key: secret("KEY"), url: env("URL") }
type Order = { topic: string, user: string, seq: int, note: string }
`

// oneRoute sends orders on.
const oneRoute = head + `
route orders
from topic "orders~" as Order
emit track "Ordered" { userId: .user, properties: { topic: .topic, seq: .seq } }
`

// plan compiles a script.
func (w *world) plan(src string) *plan.Plan {
	w.t.Helper()
	src = strings.ReplaceAll(src, "~", "-"+w.suffix)
	p := program.Compile([]*token.File{token.NewFile("test.route", src)}, stdlib.Env(), program.Options{})
	if !p.OK() {
		var b strings.Builder
		for _, d := range p.Diags {
			b.WriteString(diag.Render(d))
		}
		w.t.Fatalf("%s\n%s", b.String(), src)
	}
	return p.Plan
}

// receive starts a receiver; it ends with the test.
func (w *world) receive(o receiver.Options) *receiver.Receiver {
	w.t.Helper()
	return w.receiveOn("127.0.0.1:0", o)
}

func (w *world) receiveOn(addr string, o receiver.Options) *receiver.Receiver {
	w.t.Helper()
	if o.Ledger == nil {
		o.Ledger = w.ledger
	}
	r, err := receiver.Listen(addr, o)
	if err != nil {
		w.t.Fatal(err)
	}
	ctx, stop := context.WithCancel(context.Background())
	var wg sync.WaitGroup
	wg.Go(func() { _ = r.Run(ctx) })
	w.t.Cleanup(func() { stop(); wg.Wait() })
	return r
}

// freeAddr is an address on which nothing listens.
func freeAddr(t testing.TB) string {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	return ln.Addr().String()
}

// options of one engine in a test.
type options struct {
	url     string
	key     string
	store   string            // "": one of its own
	state   string            // directory of the store; "": one of its own
	env     map[string]string // more of it
	session time.Duration     // 0: 10 s
	once    bool
	wait    time.Duration
	make    bool

	dir    string // of the program
	accept bool   // the loss of state
	claims int64  // bytes that deduplication may take; 0: 1 GiB
	least  uint64 // bytes that the disk must have left; 0: what the engine says
}

// engine is one running engine of a test.
type running struct {
	*engine.Engine
	w      *world
	cancel context.CancelFunc
	done   chan struct{}
	err    error // after done
}

func (w *world) config(src string, o options) engine.Config {
	w.t.Helper()
	p := w.plan(src)
	if o.store == "" {
		o.store = "store-" + strings.ToLower(rand.Text()[:8])
	}
	if o.state == "" {
		o.state = filepath.Join(w.t.TempDir(), "store")
	}
	if o.session == 0 {
		o.session = 10 * time.Second
	}
	if o.wait == 0 {
		o.wait = 30 * time.Second
	}
	if o.key == "" {
		o.key = "right"
	}
	env := map[string]string{"BROKERS": strings.Join(w.brokers, ","), "URL": o.url, "KEY": o.key}
	for k, v := range o.env {
		env[k] = v
	}
	s, err := engine.Resolve(p, engine.Lookup{
		Env: func(name string) (string, bool) { v, ok := env[name]; return v, ok },
		Secret: func(name string) (value.Secret, error) {
			v, ok := env[name]
			if !ok {
				return "", errors.New("not set")
			}
			return value.Secret(v), nil
		},
	})
	if err != nil {
		w.t.Fatal(err)
	}
	return engine.Config{
		Plan: p, Settings: s, StoreID: o.store, State: o.state, Wait: o.wait, Session: o.session, Once: o.once, MakeTopics: o.make,
		Dir: o.dir, AcceptStateLoss: o.accept, ClaimMemory: o.claims, LeastSpace: o.least,
		Log: slog.New(slog.NewTextHandler(w.log, &slog.HandlerOptions{Level: slog.LevelDebug})), Version: "test",
	}
}

// start starts an engine; it is stopped at the end of the test at the latest.
func (w *world) start(src string, o options) *running {
	w.t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	r := &running{Engine: engine.New(w.config(src, o)), w: w, cancel: cancel, done: make(chan struct{})}
	go func() {
		defer close(r.done)
		r.err = r.Run(ctx)
	}()
	w.t.Cleanup(func() { r.cancel(); <-r.done })
	return r
}

// stop ends the engine gracefully and holds its account against the two laws (I2)
// and against itself: at the end nothing is in flight.
func (r *running) stop() *task.Report {
	r.w.t.Helper()
	r.cancel()
	if err := r.wait(); err != nil {
		r.w.t.Errorf("the engine ended with %v", err)
	}
	return r.closed()
}

// wait gives what Run returned.
func (r *running) wait() error {
	r.w.t.Helper()
	select {
	case <-r.done:
		return r.err
	case <-time.After(60 * time.Second):
		r.w.t.Fatal("the engine does not end")
		return nil
	}
}

// closed gives the account of an engine that has ended.
func (r *running) closed() *task.Report {
	r.w.t.Helper()
	rep := r.Account()
	for _, rt := range rep.Routes {
		dropped := uint64(0)
		for _, n := range rt.Dropped {
			dropped += n
		}
		if rt.In != rt.Completed+dropped+rt.Dead+rt.InFlight || rt.InFlight != 0 {
			r.w.t.Errorf("I2: route %s: %+v", rt.Route, rt)
		}
		for _, e := range rt.Emits {
			if e.Emitted != e.Accepted+e.Dead+e.Held+e.InFlight || e.InFlight != 0 {
				r.w.t.Errorf("I2: route %s: %+v", rt.Route, e)
			}
		}
	}
	return rep
}

// row is the account of one route.
func row(rep *task.Report, route string) task.RouteReport {
	for _, r := range rep.Routes {
		if r.Route == route {
			return r
		}
	}
	return task.RouteReport{}
}

// condition gives the reason of a health condition, "" for none.
func (r *running) condition(name string) string {
	for _, c := range r.Health().Conditions() {
		if c.Name == name {
			return c.Reason
		}
	}
	return ""
}

// eventually waits until cond holds.
func (w *world) eventually(what string, cond func() bool) {
	w.t.Helper()
	w.within(40*time.Second, what, cond)
}

// feeding waits until cond holds, and produces so many orders at each look.
func (w *world) feeding(topic string, users, n int, what string, cond func() bool) {
	w.t.Helper()
	w.looking(50*time.Millisecond, 40*time.Second, what, func() bool {
		w.feed(topic, users, n)
		return cond()
	})
}

func (w *world) within(d time.Duration, what string, cond func() bool) {
	w.t.Helper()
	w.looking(5*time.Millisecond, d, what, cond)
}

func (w *world) looking(every, d time.Duration, what string, cond func() bool) {
	w.t.Helper()
	tick := time.NewTicker(every)
	defer tick.Stop()
	end := time.After(d)
	for !cond() {
		select {
		case <-tick.C:
		case <-end:
			w.t.Fatalf("not in %v: %s\nledger: %+v", d, what, w.ledger.Report())
		}
	}
}

// arrived waits until everything that was fed has arrived, and judges it.
func (w *world) arrived() receiver.Report {
	w.t.Helper()
	w.eventually("all events have arrived", func() bool { return w.ledger.Outstanding() == 0 })
	return w.clean()
}

func (w *world) clean() receiver.Report {
	w.t.Helper()
	r := w.ledger.Report()
	if !r.Clean() {
		w.t.Errorf("the receiver saw: %+v", r)
	}
	return r
}

// read gives all records of a topic from its beginning, by partition in order.
func (w *world) read(topic string) []*kgo.Record {
	w.t.Helper()
	ends, err := w.admin.EndOffsets(w.t.Context(), topic)
	if err != nil {
		w.t.Fatal(err)
	}
	starts, err := w.admin.StartOffsets(w.t.Context(), topic)
	if err != nil {
		w.t.Fatal(err)
	}
	at := map[string]map[int32]kgo.Offset{topic: {}}
	left := map[int32]int64{}
	for tp, end := range ends {
		if end > starts[tp] {
			at[topic][tp.Partition], left[tp.Partition] = kgo.NewOffset().At(starts[tp]), end
		}
	}
	if len(left) == 0 {
		return nil
	}
	cl, err := kgo.NewClient(kgo.SeedBrokers(w.brokers...), kgo.ConsumePartitions(at), kgo.FetchMaxWait(100*time.Millisecond))
	if err != nil {
		w.t.Fatal(err)
	}
	defer cl.Close()
	var out []*kgo.Record
	for len(left) > 0 {
		fs := cl.PollFetches(w.t.Context())
		if err := fs.Err(); err != nil {
			w.t.Fatal(err)
		}
		fs.EachRecord(func(r *kgo.Record) {
			out = append(out, r)
			if r.Offset >= left[r.Partition]-1 {
				delete(left, r.Partition)
			}
		})
	}
	slices.SortStableFunc(out, func(a, b *kgo.Record) int { return int(a.Partition - b.Partition) })
	return out
}

// dead gives the letters of a route, the last of each id, as its headers.
func (w *world) dead(route string) []letterRead {
	w.t.Helper()
	byID := map[string]int{}
	var out []letterRead
	for _, r := range w.read(kafka.DeadTopic(w.app(), route)) {
		l := letterRead{value: r.Value, header: map[string]string{}}
		for _, h := range r.Headers {
			l.header[h.Key] = string(h.Value)
		}
		if i, ok := byID[string(r.Key)]; ok {
			out[i] = l
			continue
		}
		byID[string(r.Key)] = len(out)
		out = append(out, l)
	}
	return out
}

type letterRead struct {
	value  []byte
	header map[string]string
}

// committed gives the positions of a route's group.
func (w *world) committed(route string) map[kafka.TP]kafka.Committed {
	w.t.Helper()
	at, err := w.admin.Committed(w.t.Context(), kafka.GroupName(w.app(), route))
	if err != nil {
		w.t.Fatal(err)
	}
	return at
}

// atEnd tells whether a route's group stands at the ends of a topic.
func (w *world) atEnd(route, topic string) bool {
	w.t.Helper()
	ends, err := w.admin.EndOffsets(w.t.Context(), w.topic(topic))
	if err != nil {
		w.t.Fatal(err)
	}
	at := w.committed(route)
	for tp, end := range ends {
		if at[tp].Offset != end {
			return false
		}
	}
	return true
}

// committedAll checks that it does.
func (w *world) committedAll(route, topic string) {
	w.t.Helper()
	if !w.atEnd(route, topic) {
		w.t.Errorf("%s is committed up to %v only", route, w.committed(route))
	}
}

// logLines keeps what engines log, for a test that fails and for tests about it.
type logLines struct {
	mu sync.Mutex
	b  bytes.Buffer
}

// Write is io.Writer's.
func (l *logLines) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *logLines) text() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

func (l *logLines) tail(n int) string {
	lines := strings.Split(l.text(), "\n")
	return strings.Join(lines[max(0, len(lines)-n):], "\n")
}
