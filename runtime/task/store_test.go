package task

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/sluice-dev/sluice/lang/diag"
	"github.com/sluice-dev/sluice/runtime/deliver"
	"github.com/sluice-dev/sluice/runtime/event"
	"github.com/sluice-dev/sluice/runtime/identity"
	"github.com/sluice-dev/sluice/runtime/state"
)

// newRigOf is a group with one source beside the own log, all of whose records are
// there.
func newRigOf(t *testing.T, ps ...prog) *rig {
	w := newRig(t, nil)
	w.srcs = []*source{
		{in: Input{Route: -1, Topic: "own", Own: true}, exists: true},
		{in: Input{Route: routeA, Topic: "in", TopicID: event.TopicID{'i', '0'}}, exists: true},
	}
	for i, p := range ps {
		w.srcs[1].recs = append(w.srcs[1].recs, event.Record{
			Topic: "in", TopicID: event.TopicID{'i', '0'}, Offset: int64(i), Key: []byte(p.K), Value: []byte(p.String()), Timestamp: p.T * 1000,
		})
		w.arrive(w.srcs[1])
	}
	return w
}

// deaf is a store that cannot be read.
type deaf struct{ *state.Memory }

var errDeaf = errors.New("the disk is gone")

func (deaf) Get([]byte) ([]byte, bool, error) { return nil, false, errDeaf }

// A cell that cannot be read stops the task: what the record at hand and its epoch
// would have done never leaves, and nothing persists.
func TestStoreCannotBeRead(t *testing.T) {
	cells, err := state.Open(deaf{state.NewMemory()}, testSpecs())
	if err != nil {
		t.Fatal(err)
	}
	g := testGroup()
	k := New(Config{Routes: g.Routes, Runner: &stateful{cells: cells, made: map[string]int{}}, Budget: NewBudget(ProcessBytes), Group: g, Cells: cells})
	w := newRigOf(t, prog{K: "A", Do: []string{"x"}}, prog{K: "A", Do: []string{"x", "hist"}})
	k.Open(&Progress{}, []Input{w.srcs[0].in, w.srcs[1].in}, 0)
	if got := kinds(k.Effects(nil)); got != "intend" {
		t.Fatalf("effects %s", got)
	}
	if err := k.Records(1, w.srcs[1].recs, 2, 0); !errors.Is(err, errDeaf) || k.State() != Failed || !errors.Is(k.Err(), errDeaf) {
		t.Errorf("records: %v, state %s", err, k.State())
	}
	k.Persist(0)
	if got := kinds(k.Effects(nil)); got != "" {
		t.Errorf("effects %s", got)
	}
	if err := k.Records(1, w.srcs[1].recs, 2, 0); !errors.Is(err, errDeaf) {
		t.Errorf("records again: %v", err)
	}
	k.Close(0, 0)
	if es := k.Effects(nil); kinds(es) != "ended" || es[0].Offset != NoOffset || k.State() != Closed {
		t.Errorf("effects %+v, state %s", es, k.State())
	}
}

// A group that is closed with outputs under way ends with what has ended: when the
// transaction of that is in the store.
func TestCloseOfAGroup(t *testing.T) {
	w := newRigOf(t, prog{K: "A", Do: []string{"x"}}, prog{K: "B", Do: []string{"x"}})
	w.start()
	w.feed(1, 1)
	w.feed(1, 1)
	for w.step() {
	}
	w.takeOf(w.order[0])
	w.task.Close(w.clock, w.clock+10)
	w.collect()
	w.task.Finish(w.clock)
	w.collect()
	if got := kinds(w.todo); got != "commit" || w.task.State() != Closing {
		t.Fatalf("effects %s, state %s", got, w.task.State())
	}
	w.step()
	w.committed()
	w.task.Persist(w.clock)
	w.collect()
	if got := kinds(w.todo); got != "watermark ended" || w.task.State() != Closed || w.position(1) != 1 {
		t.Errorf("effects %s, state %s, position %d", got, w.task.State(), w.position(1))
	}
}

// I6: a group whose lease has lapsed asks for no transaction, and ends without one.
func TestLeaseOfAGroup(t *testing.T) {
	w := newRigOf(t, prog{K: "A"})
	w.start()
	w.task.Lease(w.clock)
	w.feed(1, 1)
	w.task.Persist(w.clock)
	w.task.Close(w.clock, w.clock)
	w.task.Finish(w.clock)
	w.collect()
	if got := kinds(w.todo); got != "intend ended" || w.todo[1].Offset != NoOffset {
		t.Errorf("effects %s", got)
	}
}

// big writes a cell of so many bytes under a key for each record, and as an output
// where it says so.
type big struct {
	cells *state.Cells
	size  int
	emit  bool
}

func (b *big) Run(_ int, rec *event.Record, _ time.Time, out *event.Arena) event.Outcome {
	if rec.Made == nil && strings.HasPrefix(string(rec.Value), "split") {
		end := event.Outcome{Kind: event.Split}
		for i := range 10_000 {
			c := *rec
			c.Made = &event.Made{Kind: event.Child, Path: fmt.Sprintf("/%d", i), Value: "child"}
			end.Children = append(end.Children, c)
		}
		return end
	}
	path := ""
	if rec.Made != nil {
		path = rec.Made.Path
	}
	for i := range 3 {
		b.cells.Put(stateU, fmt.Appendf(nil, "%d %s %d", rec.Offset, path, i), make([]byte, b.size))
	}
	if b.emit {
		start := uint32(len(out.Buf))
		out.Buf = append(out.Buf, make([]byte, b.size)...)
		out.Outs = append(out.Outs, event.Output{Arena: out, Ordered: true, Lane: 7, Body: event.Bytes{Start: start, End: uint32(len(out.Buf))}, Time: event.NoTime})
	}
	return event.Outcome{}
}

func (*big) Due(int, int64, []byte) (int, *event.Record) { return 0, nil }

func (*big) Command([]byte, *event.Record, time.Time) event.Outcome { return event.Outcome{} }

func (*big) Row(int, int64, []byte, []byte) *event.Record { return nil }

func newBig(t *testing.T, b *big) *Task {
	t.Helper()
	cells, err := state.Open(state.NewMemory(), testSpecs())
	if err != nil {
		t.Fatal(err)
	}
	b.cells = cells
	g := testGroup()
	k := New(Config{Routes: g.Routes, Runner: b, Budget: NewBudget(1 << 40), Caps: Caps{Bytes: 1 << 40}, Group: g, Cells: cells})
	k.Open(&Progress{}, []Input{{Own: true, Route: -1}, {Route: routeA, TopicID: event.TopicID{1}}}, 0)
	k.Effects(nil)
	return k
}

// atMost checks what a transaction holds.
func atMost(t *testing.T, ws []state.Write, writes, bytes int) {
	t.Helper()
	size := 0
	for _, w := range ws {
		size += len(w.Key) + len(w.Val)
	}
	if len(ws) > writes || size > bytes {
		t.Errorf("a transaction of %d writes, %d bytes", len(ws), size)
	}
}

// However many epochs have ended, a transaction stays below what the store takes.
func TestTransactionsAreBounded(t *testing.T) {
	k := newBig(t, &big{size: 50_000})
	rs := make([]event.Record, 200)
	for i := range rs {
		rs[i] = event.Record{Offset: int64(i), Value: []byte("x")}
	}
	if err := k.Records(1, rs, 200, 0); err != nil {
		t.Fatal(err)
	}
	n := 0
	for ; k.Watermark(1) < 200 && n < 100; n++ {
		k.Persist(0)
		for _, e := range k.Effects(nil) {
			if e.Kind == Commit {
				atMost(t, e.Writes, commitCells+100, commitBytes+100_000)
				k.Committed(e.Ref)
			}
		}
	}
	if k.Watermark(1) != 200 || n < 10 {
		t.Errorf("%d transactions to %d", n, k.Watermark(1))
	}
}

// A record whose children write more than a transaction takes fails those that
// would; it does not stop the group.
func TestFamilyIsBounded(t *testing.T) {
	k := newBig(t, &big{size: 10})
	if err := k.Records(1, []event.Record{{Offset: 0, Value: []byte("split")}}, 1, 0); err != nil {
		t.Fatal(err)
	}
	failed := 0
	for _, e := range k.Effects(nil) {
		if e.Kind == Produce {
			if failed++; e.Letter.Code != diag.TooMuch.ID || string(e.Letter.Value) != `"child"` {
				t.Fatalf("letter %+v", e.Letter)
			}
			k.LetterAcked(e.Ref)
		}
	}
	var a Account
	k.Account(routeA, &a)
	if a.In != 10_000 || a.Completed != maxFamilyCells/3 || failed != int(a.Dead) || a.Check() != nil {
		t.Errorf("account %+v, %d letters, %v", a, failed, a.Check())
	}
	k.Persist(0)
	for _, e := range k.Effects(nil) {
		if e.Kind == Commit {
			atMost(t, e.Writes, maxFamilyCells+10, epochWrites)
			return
		}
	}
	t.Error("no transaction")
}

// Outputs of an epoch are held only as far as its transaction takes them.
func TestHeldIsBounded(t *testing.T) {
	k := newBig(t, &big{size: 400_000, emit: true})
	var outs []*event.Output
	for i := range int64(4) {
		if err := k.Records(1, []event.Record{{Offset: i, Value: []byte("x")}}, i+1, 0); err != nil {
			t.Fatal(err)
		}
		for _, e := range k.Effects(nil) {
			if e.Kind == Send {
				outs = append(outs, &e.Outs[0])
			}
		}
	}
	k.Hold(outs[:1]) // and all that wait in its lane
	k.Persist(0)
	for n := 0; n < 20; n++ {
		for _, e := range k.Effects(nil) {
			if e.Kind == Commit {
				atMost(t, e.Writes, commitCells, epochWrites)
				k.Committed(e.Ref)
			}
		}
		k.Persist(0)
	}
	if k.Watermark(1) != 4 {
		t.Fatalf("with all held the watermark is %d", k.Watermark(1))
	}
	if k.heldBytes < 4*400_000 {
		t.Errorf("%d bytes held", k.heldBytes)
	}
	for _, o := range outs {
		k.Result(&deliver.Result{Out: o})
	}
	if k.heldBytes != 0 || len(k.lingering) != 0 {
		t.Errorf("%d bytes held when all have ended", k.heldBytes)
	}
}

// What is held beyond its cap pauses the sources, not the own log.
func TestHeldPauses(t *testing.T) {
	w := newRigOf(t, prog{K: "A", Do: []string{"x"}})
	w.start()
	w.task.heldBytes = heldCap*pauseAt/100 + 1
	w.feed(1, 1)
	for w.step() {
	}
	if !w.paused[1] || w.paused[0] || w.task.State() != Paused {
		t.Errorf("paused %v, state %s", w.paused, w.task.State())
	}
	w.task.heldBytes = 0
	w.task.Steer()
	w.collect()
	for w.step() {
	}
	if w.paused[1] {
		t.Error("still paused")
	}
}

// The own log holds what another version wrote: the group stops, and says where.
func TestOwnLogIsForeign(t *testing.T) {
	w := newRigOf(t)
	w.start()
	err := w.task.Records(0, []event.Record{{Topic: "own", Offset: 0, Value: []byte(`{"v":2}`)}}, 1, 0)
	if !errors.Is(err, state.ErrDamaged) || w.task.State() != Failed {
		t.Errorf("%v, state %s", err, w.task.State())
	}
}

// The letter of a change holds the change, that of a held output its origin.
func TestLettersOfMadeRecords(t *testing.T) {
	w := newRigOf(t, prog{K: "A", Do: []string{"update"}}, prog{K: "A", Do: []string{"update"}}, prog{K: "A", Do: []string{"update"}})
	w.start()
	w.feed(1, 3)
	for w.step() {
	}
	if len(w.writes) != 1 {
		t.Fatalf("%d letters", len(w.writes))
	}
	l := w.writes[0].Letter // c fails the third change
	if string(l.Value) != `"A=3"` || l.Route != "c" || l.Origin.Path != "~t/a/0" || l.Origin.Offset != 2 {
		t.Errorf("letter %+v", l)
	}
}

// A command of the own log writes and tells changes as a record does; one that is
// refused leaves nothing but word of it. What is to be erased elsewhere holds its
// epoch until all are told.
func TestCommandsOfTheOwnLog(t *testing.T) {
	w := newRigOf(t)
	w.start()
	w.append(CommandNote(&identity.Command{Do: "forget", Keys: []string{"A", "a@b.c"}}))
	w.append(CommandNote(&identity.Command{Do: "forget"}))
	w.feed(0, 2)
	if got := kinds(w.todo); !strings.Contains(got, "refused") || !strings.Contains(got, "erase") {
		t.Fatalf("effects %s", got)
	}
	var erase, refused Effect
	for _, e := range w.todo {
		switch e.Kind {
		case Erase:
			erase = e
		case Refused:
			refused = e
		}
	}
	if strings.Join(erase.Keys, " ") != "A a@b.c" || refused.Fail == nil || string(refused.Value) != `{"do":"forget","at":0}` {
		t.Errorf("erase %q, refused %s for %v", erase.Keys, refused.Value, refused.Fail)
	}
	settle := func() {
		for busy := true; busy; {
			for busy = false; w.step(); busy = true {
			}
			for len(w.order) > 0 {
				w.takeOf(w.order[0])
				busy = true
			}
			for len(w.writes) > 0 {
				w.ack(0)
				busy = true
			}
			busy = w.committed() || busy
			w.task.Persist(w.clock)
			w.collect()
			busy = busy || len(w.todo) > 0
		}
	}
	settle()
	if at := w.position(0); at != 0 {
		t.Fatalf("persisted up to %d before the others were told", at)
	}
	if n := len(w.accepted); n == 0 {
		t.Error("nobody was told of the change")
	}
	w.task.LetterAcked(erase.Ref)
	settle()
	if at := w.position(0); at != 2 {
		t.Errorf("persisted up to %d", at)
	}
	if _, ok := w.runner.cells.Get(stateT, []byte("lost")); ok {
		t.Error("what a refused command wrote is there")
	}
}

func (*big) Park(int, *event.Record) ([]byte, error) { return []byte("its way back"), nil }

func (*big) Unpark(int, []byte) (event.Record, error) { panic("a record that waits") }
