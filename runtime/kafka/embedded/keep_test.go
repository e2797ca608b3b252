package embedded

import (
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"
)

// TestALogThatHoldsNothingGoesOnWhereItWas empties a log and stops the broker, gently or
// as SIGKILL does: what comes next has the next position. Else whoever reads it would pass
// over it, as what was read long ago.
func TestALogThatHoldsNothingGoesOnWhereItWas(t *testing.T) {
	for name, empty := range map[string]func(t *testing.T, b *Broker){
		"retention":                 func(t *testing.T, b *Broker) { b.keepHouse() },
		"a request":                 func(t *testing.T, b *Broker) { cut(t, b.Addr(), 5) },
		"a request, -1":             func(t *testing.T, b *Broker) { cut(t, b.Addr(), -1) },
		"first one, then the other": func(t *testing.T, b *Broker) { cut(t, b.Addr(), 3); b.keepHouse() },
	} {
		for stop, end := range map[string]func(t *testing.T, b *Broker, dir string) string{
			"stopped": func(t *testing.T, b *Broker, dir string) string { b.Close(); return dir },
			"killed":  copied,
			"killed while it wrote the first after them": func(t *testing.T, b *Broker, dir string) string {
				dir = copied(t, b, dir)
				if err := os.WriteFile(filepath.Join(dir, partitionsDir, "old-ones-1-0", "5.dat"), []byte("half of a batch"), 0o600); err != nil {
					t.Fatal(err)
				}
				return dir
			},
		} {
			t.Run(name+", "+stop, func(t *testing.T) {
				t.Parallel()
				b, dir := withOld(t)
				empty(t, b)
				for round := range 3 {
					dir = end(t, b, dir)
					var err error
					if b, err = Start(Options{Dir: dir}); err != nil {
						t.Fatal(err)
					}
					defer b.Close()
					if in := b.cluster.PartitionInfo(oldTopic, 0); in.LogStartOffset != 5 || in.HighWatermark != 5 {
						t.Fatalf("round %d: the log begins at %d and goes on at %d, want 5 and 5", round, in.LogStartOffset, in.HighWatermark)
					}
				}
				if at := produce(t, b.Addr(), time.Now()); at != 5 {
					t.Fatalf("the next record stands at %d", at)
				}
				b.keepHouse()
				dir = copied(t, b, dir)
				if b, err := Start(Options{Dir: dir}); err != nil {
					t.Fatal(err)
				} else {
					defer b.Close()
					if got := readAll(t, b.Addr(), oldTopic); len(got) != 1 || got[0].Offset != 5 || string(got[0].Value) != "x" {
						t.Errorf("read %v, want the one record at 5", got)
					}
				}
			})
		}
	}
}

// TestEndsThatCannotBeWritten: a log whose end cannot be written down is not emptied.
func TestEndsThatCannotBeWritten(t *testing.T) {
	b, dir := withOld(t)
	if err := os.Mkdir(filepath.Join(dir, endsFile+".new"), 0o700); err != nil { // in the file's place
		t.Fatal(err)
	}
	b.keepHouse()
	if in := b.cluster.PartitionInfo(oldTopic, 0); in.LogStartOffset != 0 {
		t.Errorf("retention: the log begins at %d, want 0", in.LogStartOffset)
	}
	cut(t, b.Addr(), -1)
	if in := b.cluster.PartitionInfo(oldTopic, 0); in.LogStartOffset != 4 {
		t.Errorf("a request: the log begins at %d, want 4: its last record says where it goes on", in.LogStartOffset)
	}
}

// TestEndsOfTopicsThatAreGone: a topic that is deleted and made again is another.
func TestEndsOfTopicsThatAreGone(t *testing.T) {
	b, dir := withOld(t)
	cut(t, b.Addr(), -1)
	if err := b.cluster.DeleteTopic(oldTopic); err != nil {
		t.Fatal(err)
	}
	dir = copied(t, b, dir)
	b, err := Start(Options{Dir: dir})
	if err != nil {
		t.Fatal(err)
	}
	defer b.Close()
	if err := b.cluster.CreateTopic(oldTopic, 1, nil); err != nil {
		t.Fatal(err)
	}
	if at := produce(t, b.Addr(), time.Now()); at != 0 {
		t.Errorf("its first record stands at %d", at)
	}
	if err := os.WriteFile(filepath.Join(dir, endsFile), []byte("{"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := Start(Options{Dir: dir}); err == nil {
		t.Error("started with a damaged file")
	}
}

// oldTopic looks like a directory of a log itself.
const oldTopic = "old-ones-1"

// withOld starts a broker with five old records, in five batches.
func withOld(t *testing.T) (*Broker, string) {
	t.Helper()
	dir := t.TempDir()
	b, err := Start(Options{Dir: dir})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(b.Close)
	if err := b.cluster.CreateTopic(oldTopic, 1, map[string]string{"retention.ms": "1000"}); err != nil {
		t.Fatal(err)
	}
	for range 5 {
		produce(t, b.Addr(), time.Now().Add(-time.Hour))
	}
	return b, dir
}

// copied is the data directory as a kill would leave it now.
func copied(t *testing.T, b *Broker, dir string) string {
	t.Helper()
	to := t.TempDir()
	if err := os.CopyFS(to, os.DirFS(dir)); err != nil {
		t.Fatal(err)
	}
	return to
}

func produce(t *testing.T, addr string, at time.Time) int64 {
	t.Helper()
	cl := client(t, addr)
	defer cl.Close()
	r, err := cl.ProduceSync(testContext(t), &kgo.Record{Topic: oldTopic, Value: []byte("x"), Timestamp: at}).First()
	if err != nil {
		t.Fatal(err)
	}
	return r.Offset
}

func cut(t *testing.T, addr string, at int64) {
	t.Helper()
	cl := client(t, addr)
	defer cl.Close()
	var os kadm.Offsets
	os.AddOffset(oldTopic, 0, at, -1)
	rs, err := kadm.NewClient(cl).DeleteRecords(testContext(t), os)
	if err == nil {
		err = rs.Error()
	}
	if err != nil {
		t.Fatal(err)
	}
}
