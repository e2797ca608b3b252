package task

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/sluice-dev/sluice/lang/ir"
	"github.com/sluice-dev/sluice/lang/plan"
	"github.com/sluice-dev/sluice/runtime/deliver"
	"github.com/sluice-dev/sluice/runtime/event"
	"github.com/sluice-dev/sluice/runtime/letter"
)

func newTask(t *testing.T, budget *Budget, caps Caps) *Task {
	t.Helper()
	k := New(Config{Routes: testRoutes(), Runner: &script{}, Budget: budget, Caps: caps})
	k.Open(nil, []Input{{}}, 0)
	return k
}

func records(from int64, dos ...string) []event.Record {
	var rs []event.Record
	for i, do := range dos {
		rs = append(rs, event.Record{Offset: from + int64(i), Value: []byte(do), Key: []byte("k"), Timestamp: 1000})
	}
	return rs
}

// run runs records and gives the effects.
func run(t *testing.T, k *Task, rs []event.Record, next int64) []Effect {
	t.Helper()
	if err := k.Records(0, rs, next, 0); err != nil {
		t.Fatal(err)
	}
	k.Persist(0)
	return k.Effects(nil)
}

func kinds(es []Effect) string {
	var s []string
	for _, e := range es {
		s = append(s, [...]string{"send", "produce", "pause", "resume", "watermark", "ended", "intend", "commit", "append", "tell", "erase", "refused"}[e.Kind])
	}
	return strings.Join(s, " ")
}

// An epoch is cut at its limits, inside a slice, and each releases its own effects.
func TestEpochsAreCut(t *testing.T) {
	k := newTask(t, NewBudget(ProcessBytes), Caps{})
	rs := make([]event.Record, 2*epochRecords+1)
	for i := range rs {
		rs[i] = event.Record{Offset: int64(i), Value: []byte("0")}
	}
	es := run(t, k, rs, int64(len(rs)))
	if got := kinds(es); got != "send send send" {
		t.Fatalf("effects %s", got)
	}
	for i, n := range []int{epochRecords, epochRecords, 1} {
		if len(es[i].Outs) != n {
			t.Errorf("epoch %d: %d outputs", i, len(es[i].Outs))
		}
	}
	big := make([]event.Record, 4)
	for i := range big {
		big[i] = event.Record{Offset: int64(len(rs) + i), Key: make([]byte, epochBytes/2), Value: []byte("0")}
	}
	if got := kinds(run(t, k, big, big[3].Offset+1)); got != "send send" {
		t.Errorf("effects %s of 4 MiB", got)
	}
}

// What nothing waits for is persisted at once; a slice that is all gap, too.
func TestNothingToWaitFor(t *testing.T) {
	k := newTask(t, NewBudget(ProcessBytes), Caps{})
	es := run(t, k, records(3, "drop", ""), 9)
	if kinds(es) != "watermark" || es[0].Offset != 9 {
		t.Fatalf("effects %+v", es)
	}
	if es = run(t, k, nil, 12); kinds(es) != "watermark" || es[0].Offset != 12 {
		t.Fatalf("effects %+v", es)
	}
	if es = run(t, k, nil, 12); len(es) != 0 {
		t.Fatalf("effects %+v", es)
	}
}

// The children of a split are records of their own (I2), of a route without state,
// too.
func TestSplit(t *testing.T) {
	k := New(Config{Routes: testRoutes(), Runner: &splitter{}, Budget: NewBudget(ProcessBytes)})
	k.Open(nil, []Input{{TopicID: event.TopicID{7}}}, 0)
	es := run(t, k, records(3, "1", "fail", "0,0"), 6)
	if kinds(es) != "send produce" || len(es[0].Outs) != 3 {
		t.Fatalf("effects %+v", es)
	}
	l := es[1].Letter
	if l.Origin != (event.Origin{Topic: event.TopicID{7}, Offset: 4, Path: "/0"}) || string(l.Value) != `"fail"` || string(l.Key) != "k" {
		t.Errorf("letter %+v", l)
	}
	k.Result(&deliver.Result{Out: &es[0].Outs[2], Kind: deliver.Denied, Code: "400"})
	es = k.Effects(nil)
	if o := es[0].Letter.Origin; o.Path != "/0" || o.Offset != 5 {
		t.Errorf("origin %+v", o)
	}
	var a Account
	k.Account(0, &a)
	if a.In != 3 || a.Completed != 2 || a.InFlight != 1 || a.Check() != nil {
		t.Errorf("account %+v, %v", a, a.Check())
	}
}

// splitter makes a child of each record, that does what the record says.
type splitter struct{ script }

func (s *splitter) Run(route int, rec *event.Record, now time.Time, out *event.Arena) event.Outcome {
	if rec.Made != nil {
		c := *rec
		c.Value = []byte(rec.Made.Value.(string))
		return s.script.Run(route, &c, now, out)
	}
	c := *rec
	c.TopicID = event.TopicID{7}
	c.Made = &event.Made{Kind: event.Child, Path: "/0", Value: string(rec.Value)}
	return event.Outcome{Kind: event.Split, Children: []event.Record{c}}
}

// A refused output becomes a letter that holds it as it was encoded, and the
// epoch waits for its acknowledgement.
func TestDeliveryLetter(t *testing.T) {
	k := newTask(t, NewBudget(ProcessBytes), Caps{})
	es := run(t, k, records(7, "1"), 8)
	o := &es[0].Outs[0]
	k.Result(&deliver.Result{Out: o, Kind: deliver.Denied, Attempts: 3, Code: "400", Excerpt: `"body 7" is bad`})
	k.Persist(0)
	es = k.Effects(nil)
	if kinds(es) != "produce" {
		t.Fatalf("effects %s", kinds(es))
	}
	want := letter.Letter{
		Class: letter.Delivery, Origin: event.Origin{Offset: 7}, Route: "r", Stage: "emit", Emit: "b", Code: "400",
		Message: "the sink refused this output with 400", Excerpt: `"xxxx 7" is bad`, Attempts: 3,
		Value: []byte("body 7/0 of 1"), Time: event.NoTime, Order: []byte("k"),
	}
	want.ID = es[0].Letter.ID
	if diff := cmp.Diff(&want, es[0].Letter); diff != "" {
		t.Errorf("letter (-want +got):\n%s", diff)
	}
	k.LetterAcked(es[0].Ref)
	k.Persist(0)
	if es = k.Effects(nil); kinds(es) != "watermark" || es[0].Offset != 8 {
		t.Errorf("effects %+v", es)
	}
}

// The letter of a record holds its original bytes; the record left no output.
func TestProcessingLetter(t *testing.T) {
	k := newTask(t, NewBudget(ProcessBytes), Caps{})
	es := run(t, k, records(7, "fail"), 8)
	if kinds(es) != "produce" {
		t.Fatalf("effects %s", kinds(es))
	}
	l := es[0].Letter
	if l.Class != letter.Processing || string(l.Value) != "fail" || string(l.Key) != "k" || l.Stage != "map" || l.Code != "E0001" || l.Help != "mend it" || l.Time != 1000 || string(l.Order) != "k" {
		t.Errorf("letter %+v", l)
	}
}

// A revoked task ends with what had ended, at its deadline or when the caller
// says that nothing is on the wire; one that has all ends at once.
func TestClose(t *testing.T) {
	tests := []struct {
		name string
		end  func(k *Task, out *event.Output)
		want int64
	}{
		{"all ends", func(k *Task, out *event.Output) {
			k.Result(&deliver.Result{Out: out})
			k.Persist(5)
		}, 2},
		{"deadline", func(k *Task, _ *event.Output) { k.Tick(9); k.Tick(10) }, 1},
		{"nothing on the wire", func(k *Task, _ *event.Output) { k.Finish(5) }, 1},
		{"lease lost", func(k *Task, _ *event.Output) { k.Lose() }, NoOffset},
		{"lease lapsed", func(k *Task, _ *event.Output) { k.Lease(5); k.Finish(5) }, NoOffset},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			k := newTask(t, NewBudget(ProcessBytes), Caps{})
			run(t, k, records(0, ""), 1)
			es := run(t, k, records(1, "0"), 2)
			out := &es[0].Outs[0]
			k.Close(0, 10)
			if got := kinds(k.Effects(nil)); got != "" || k.State() != Closing {
				t.Fatalf("effects %q, state %s", got, k.State())
			}
			if err := k.Records(0, records(2, "0"), 3, 0); err != nil || k.Next(0) != 2 {
				t.Fatalf("takes records while closing: %v, %d", err, k.Next(0))
			}
			tt.end(k, out)
			es = k.Effects(nil)
			last := es[len(es)-1]
			if last.Kind != Ended || last.Offset != tt.want || k.State() != Closed {
				t.Errorf("effects %+v, state %s", es, k.State())
			}
			k.Result(&deliver.Result{Out: out}) // comes too late
			k.Persist(0)
			if es := k.Effects(nil); len(es) != 0 {
				t.Errorf("effects %+v after the end", es)
			}
		})
	}
}

// A task whose lease has lapsed commits nothing until it is renewed (I6).
func TestLease(t *testing.T) {
	k := newTask(t, NewBudget(ProcessBytes), Caps{})
	k.Lease(0)
	if es := run(t, k, records(0, ""), 1); len(es) != 0 {
		t.Fatalf("effects %+v", es)
	}
	k.Lease(1)
	k.Persist(0)
	if es := k.Effects(nil); kinds(es) != "watermark" {
		t.Fatalf("effects %+v", es)
	}
}

// A source pauses at 80 % and resumes at 40 %.
func TestHysteresis(t *testing.T) {
	k := newTask(t, NewBudget(ProcessBytes), Caps{Records: 10})
	var outs []*event.Output
	for i := range int64(8) {
		for _, e := range run(t, k, records(i, "0"), i+1) {
			if e.Kind == Pause {
				t.Fatalf("paused at %d of 10", i+1)
			}
			outs = append(outs, &e.Outs[0])
		}
	}
	es := run(t, k, records(8, "0"), 9)
	if kinds(es) != "send pause" || k.State() != Paused {
		t.Fatalf("effects %s", kinds(es))
	}
	for i, o := range outs {
		k.Result(&deliver.Result{Out: o})
		k.Persist(0)
		want := "watermark"
		if i == 4 { // four are left
			want = "watermark resume"
		}
		if got := kinds(k.Effects(nil)); got != want {
			t.Fatalf("effects %s with %d left", got, 8-i)
		}
	}
}

// A route that stands still fills the common half of the budget and its own
// share, never the shares of its neighbours (I7, I8).
func TestBudget(t *testing.T) {
	budget := NewBudget(8000)
	stuck, fine := newTask(t, budget, Caps{}), newTask(t, budget, Caps{})
	push := func(k *Task, at int64) *event.Output {
		r := records(at, "0")
		r[0].Key = make([]byte, 500-recordSize)
		for _, e := range run(t, k, r, at+1) {
			if e.Kind == Send {
				return &e.Outs[0]
			}
		}
		return nil
	}
	n := int64(0)
	for ; stuck.State() == Running; n++ {
		push(stuck, n)
	}
	_, bytes := stuck.InFlight()
	if bytes < 4000 || bytes > 6500 { // share 2,000, common 4,000
		t.Fatalf("paused with %d bytes", bytes)
	}
	for i := range int64(50) {
		o := push(fine, i)
		if fine.State() != Running {
			t.Fatalf("the neighbour is paused at %d", i)
		}
		fine.Result(&deliver.Result{Out: o})
		fine.Persist(0)
	}
	stuck.Lose()
	if budget.common.Load() != 0 || budget.tasks.Load() != 1 {
		t.Errorf("after its end %d bytes, %d tasks", budget.common.Load(), budget.tasks.Load())
	}
}

// recordSize is what a record and its output cost beside the key, in this test.
const recordSize = 128 + 1 + outputOverhead + 13

// The row of a route as `/account` gives it.
func TestReport(t *testing.T) {
	r := &plan.Route{Route: &ir.Route{Name: "orders"}, Emits: []*ir.Emit{
		{ID: "track Order Completed", Via: "main", Sink: &ir.SegmentCall{}},
		{ID: "topic", Via: "main", Sink: &ir.TopicRecord{}},
		{ID: "log", Sink: &ir.LogLine{}},
	}}
	rep := NewReport("shop", time.Date(2026, 3, 1, 12, 0, 0, 5, time.UTC))
	rep.Add(r, &Account{In: 9, Completed: 5, Dropped: []Dropped{{"filtered", 2}}, Dead: 1, InFlight: 1, Emits: []Emitted{{Emitted: 5, Accepted: 3, Dead: 1, InFlight: 1}}})
	got, err := json.Marshal(rep)
	if err != nil {
		t.Fatal(err)
	}
	want := `{"format":1,"app":"shop","since":"2026-03-01T12:00:00Z","routes":[{"route":"orders","in":9,"completed":5,"dropped":{"filtered":2},"dead":1,"in_flight":1,"emits":[` +
		`{"id":"track Order Completed","to":"segment main","emitted":5,"accepted":3,"dead":1,"held":0,"in_flight":1},` +
		`{"id":"topic","to":"kafka main","emitted":0,"accepted":0,"dead":0,"held":0,"in_flight":0},` +
		`{"id":"log","to":"log","emitted":0,"accepted":0,"dead":0,"held":0,"in_flight":0}]}]}`
	if diff := cmp.Diff(want, string(got)); diff != "" {
		t.Errorf("report (-want +got):\n%s", diff)
	}
}
