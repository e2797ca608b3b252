package embedded

import (
	"bufio"
	"context"
	"fmt"
	"net"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
)

// brokerDirEnv turns this test binary into a broker process on that directory
// (see TestMain), so that a test can kill one with SIGKILL.
const brokerDirEnv = "SLUICE_TEST_BROKER_DIR"

func TestMain(m *testing.M) {
	if dir := os.Getenv(brokerDirEnv); dir != "" {
		b, err := Start(Options{Dir: dir})
		if err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		fmt.Println(b.Addr())
		_ = b.Run(context.Background())
		os.Exit(0)
	}
	os.Exit(m.Run())
}

// child starts a broker in a process of its own and gives its address.
func child(t *testing.T, dir string) (*exec.Cmd, string) {
	t.Helper()
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), brokerDirEnv+"="+dir)
	cmd.Stderr = os.Stderr
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = cmd.Process.Kill(); _ = cmd.Wait() })
	addr, err := bufio.NewReader(out).ReadString('\n')
	if err != nil {
		t.Fatalf("broker process did not say its address: %v", err)
	}
	return cmd, strings.TrimSpace(addr)
}

func client(t *testing.T, addr string, opts ...kgo.Opt) *kgo.Client {
	t.Helper()
	cl, err := kgo.NewClient(append([]kgo.Opt{
		kgo.SeedBrokers(addr), kgo.MetadataMinAge(50 * time.Millisecond), kgo.FetchMaxWait(100 * time.Millisecond),
	}, opts...)...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(cl.Close)
	return cl
}

func testContext(t *testing.T) context.Context {
	ctx, cancel := context.WithTimeout(t.Context(), 60*time.Second)
	t.Cleanup(cancel)
	return ctx
}

// readAll reads topic from its beginning up to its end offsets.
func readAll(t *testing.T, addr, topic string) []*kgo.Record {
	t.Helper()
	ctx := testContext(t)
	cl := client(t, addr, kgo.ConsumeTopics(topic), kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()))
	ends, err := kadm.NewClient(cl).ListEndOffsets(ctx, topic)
	if err != nil {
		t.Fatal(err)
	}
	starts, err := kadm.NewClient(cl).ListStartOffsets(ctx, topic)
	if err != nil {
		t.Fatal(err)
	}
	var want int64
	ends.Each(func(o kadm.ListedOffset) {
		s, _ := starts.Lookup(topic, o.Partition)
		want += o.Offset - s.Offset
	})
	var got []*kgo.Record
	for int64(len(got)) < want {
		f := cl.PollFetches(ctx)
		if err := ctx.Err(); err != nil {
			t.Fatalf("read %d of %d records of %s: %v", len(got), want, topic, err)
		}
		got = append(got, f.Records()...)
	}
	return got
}

func TestAckedRecordsSurviveSIGKILL(t *testing.T) {
	dir := t.TempDir()
	ctx := testContext(t)
	acked := map[string]bool{}
	const rounds = 3
	for round := range rounds {
		cmd, addr := child(t, dir)
		cl := client(t, addr, kgo.DefaultProduceTopic("events"), kgo.ProducerLinger(0), kgo.RecordRetries(1))
		if round == 0 {
			if _, err := kadm.NewClient(cl).CreateTopic(ctx, 4, 1, nil, "events"); err != nil {
				t.Fatal(err)
			}
		}
		// Records keep going out while the process is killed; only those
		// whose acknowledgement came count.
		results := make(chan string, 100_000)
		sent := 0
		for ; sent < 2000; sent++ {
			v := fmt.Sprintf("%d/%d", round, sent)
			cl.Produce(ctx, kgo.StringRecord(v), func(r *kgo.Record, err error) {
				if err != nil {
					v = ""
				}
				results <- v
			})
		}
		if v := <-results; v != "" {
			acked[v] = true
		}
		if err := cmd.Process.Kill(); err != nil {
			t.Fatal(err)
		}
		_ = cmd.Wait()
		// What the dead broker had not answered fails here.
		cl.Close()
		for range sent - 1 {
			if v := <-results; v != "" {
				acked[v] = true
			}
		}
	}
	_, addr := child(t, dir)
	seen := map[string]int{}
	for _, r := range readAll(t, addr, "events") {
		seen[string(r.Value)]++
	}
	if len(acked) < rounds {
		t.Fatalf("only %d records acked, want at least one a round", len(acked))
	}
	for v := range acked {
		if seen[v] != 1 {
			t.Errorf("acked record %s was read %d times after the kills, want once", v, seen[v])
		}
	}
}

func TestTopicsAreMadeAsAskedAndComeBackAfterClose(t *testing.T) {
	dir := t.TempDir()
	ctx := testContext(t)
	b, err := Start(Options{Dir: dir, SyncWrites: true})
	if err != nil {
		t.Fatal(err)
	}
	cl := client(t, b.Addr(), kgo.ProducerBatchMaxBytes(MaxMessageBytes), kgo.ProducerBatchCompression(kgo.NoCompression()))
	adm := kadm.NewClient(cl)
	if _, err := adm.CreateTopic(ctx, -1, -1, nil, "big"); err != nil {
		t.Fatal(err)
	}
	big := make([]byte, 8<<20)
	if err := cl.ProduceSync(ctx, &kgo.Record{Topic: "big", Value: big}).FirstErr(); err != nil {
		t.Fatalf("an event of 8 MiB was refused: %v", err)
	}
	err = cl.ProduceSync(ctx, &kgo.Record{Topic: "nowhere"}).FirstErr()
	if err != kerr.UnknownTopicOrPartition {
		t.Errorf("produce to a topic nobody asked for: %v, want UNKNOWN_TOPIC_OR_PARTITION", err)
	}
	before, err := adm.ListTopics(ctx, "big")
	if err != nil {
		t.Fatal(err)
	}
	if n := len(before["big"].Partitions); n != DefaultPartitions {
		t.Errorf("topic has %d partitions, want %d", n, DefaultPartitions)
	}
	b.Close()
	b.Close()

	b, err = Start(Options{Dir: dir})
	if err != nil {
		t.Fatal(err)
	}
	defer b.Close()
	after, err := kadm.NewClient(client(t, b.Addr())).ListTopics(ctx, "big")
	if err != nil {
		t.Fatal(err)
	}
	if before["big"].ID != after["big"].ID {
		t.Errorf("topic id changed over a restart: %v, then %v", before["big"].ID, after["big"].ID)
	}
	if got := readAll(t, b.Addr(), "big"); len(got) != 1 || len(got[0].Value) != len(big) {
		t.Errorf("after a restart read %d records, want the one", len(got))
	}
}

func TestHousekeepingDropsWhatRetentionAndCompactionPass(t *testing.T) {
	ctx := testContext(t)
	b, err := Start(Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer b.Close()
	cl := client(t, b.Addr())
	adm := kadm.NewClient(cl)
	ms := func(s string) *string { return &s }
	if _, err := adm.CreateTopic(ctx, 1, 1, map[string]*string{"retention.ms": ms("1000")}, "old"); err != nil {
		t.Fatal(err)
	}
	if _, err := adm.CreateTopic(ctx, 1, 1, map[string]*string{"cleanup.policy": ms("compact")}, "table"); err != nil {
		t.Fatal(err)
	}
	past := time.Now().Add(-30 * 24 * time.Hour) // longer than any topic keeps by itself
	var rs []*kgo.Record
	for i := range 100 {
		rs = append(rs, &kgo.Record{Topic: "old", Value: []byte("x"), Timestamp: past},
			&kgo.Record{Topic: "table", Key: []byte("k"), Value: fmt.Append(nil, i), Timestamp: past})
	}
	// One batch a record: a batch goes as a whole.
	for _, r := range rs {
		if err := cl.ProduceSync(ctx, r).FirstErr(); err != nil {
			t.Fatal(err)
		}
	}
	b.keepHouse()
	starts, err := adm.ListStartOffsets(ctx, "old")
	if err != nil {
		t.Fatal(err)
	}
	if o, _ := starts.Lookup("old", 0); o.Offset != 100 {
		t.Errorf("log of an old topic with a second of retention starts at %d, want 100", o.Offset)
	}
	tbl := client(t, b.Addr(), kgo.ConsumeTopics("table"), kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()))
	n := 0
	for last := int64(-1); last < 99; {
		f := tbl.PollFetches(ctx)
		if ctx.Err() != nil {
			t.Fatal(ctx.Err())
		}
		for _, r := range f.Records() {
			n, last = n+1, r.Offset
		}
	}
	if n >= 100 {
		t.Errorf("compaction left all %d records of one key", n)
	}
}

func TestListensOnLoopbackOnly(t *testing.T) {
	for _, addr := range []string{"0.0.0.0:0", "192.0.2.1:9092", "example.com:0", "[::]:0"} {
		if b, err := Start(Options{Addr: addr}); err == nil {
			b.Close()
			t.Errorf("Start on %s did not refuse", addr)
		}
	}
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	if b, err := Start(Options{Addr: ln.Addr().String()}); err == nil {
		b.Close()
		t.Error("Start on a taken port did not refuse")
	}
}

func TestRunEndsWithItsContextAndCloses(t *testing.T) {
	b, err := Start(Options{Dir: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- b.Run(ctx) }()
	cancel()
	if err := <-done; err != nil {
		t.Errorf("Run: %v", err)
	}
	if c, err := net.Dial("tcp", b.Addr()); err == nil {
		c.Close()
		t.Error("the broker still listens after Run")
	}
}

func TestBannerSaysOneCopy(t *testing.T) {
	b, err := Start(Options{Dir: t.TempDir(), SyncWrites: true})
	if err != nil {
		t.Fatal(err)
	}
	defer b.Close()
	for _, want := range []string{"embedded development broker", "one copy on this machine", b.Addr(), "synced"} {
		if !strings.Contains(b.Banner(), want) {
			t.Errorf("banner %q lacks %q", b.Banner(), want)
		}
	}
}
