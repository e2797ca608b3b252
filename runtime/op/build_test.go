package op_test

import (
	"strings"
	"testing"
	"time"

	"github.com/sluice-dev/sluice/lang/ir"
	"github.com/sluice-dev/sluice/lang/plan"
	"github.com/sluice-dev/sluice/lang/types"
	"github.com/sluice-dev/sluice/lang/value"
	"github.com/sluice-dev/sluice/runtime/event"
	"github.com/sluice-dev/sluice/runtime/op"
)

// Routes built by hand, so that a fault of the checker cannot hide one here.

func lit(v value.Value) ir.Expr           { return &ir.Const{Value: v} }
func num(s string) value.Number           { n, _ := value.ParseNumber(s); return n }
func get(x ir.Expr, name string) ir.Expr  { return &ir.Field{X: x, Name: name} }
func slot(s ir.Slot, name string) ir.Expr { return &ir.Var{Slot: s, Name: name} }
func eq(x ir.Expr, v value.Value) ir.Expr { return &ir.Compare{Op: ir.Eq, X: x, Y: lit(v)} }

// cur is the path of `.`: cur("a.b"), cur("") is `.` itself.
func cur(path string) ir.Expr {
	var x ir.Expr = &ir.Current{}
	if path == "" {
		return x
	}
	for p := range strings.SplitSeq(path, ".") {
		x = get(x, p)
	}
	return x
}

func info(kind string) ir.StageInfo { return ir.StageInfo{Kind: kind, Key: kind} }

func where(cond ir.Expr) ir.Stage {
	return &ir.Where{StageInfo: info("where"), Cond: cond, Reason: "filtered"}
}

func log(x ir.Expr) *ir.Emit {
	return &ir.Emit{StageInfo: info("emit"), ID: "log", Sink: &ir.LogLine{Fields: x}}
}

func track(fields ...ir.CallField) *ir.Emit {
	return &ir.Emit{StageInfo: info("emit"), ID: "track X", Sink: &ir.SegmentCall{Call: "track", Fields: fields}}
}

func toTopic(rec ir.TopicRecord) *ir.Emit {
	return &ir.Emit{StageInfo: info("emit"), ID: "topic", Sink: &rec}
}

var now = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

// bench is one route, run both ways: every test of a stage is one of their
// agreement, too.
type bench struct {
	*pair
	t *testing.T
}

func build(t *testing.T, typ *types.Type, stages ...ir.Stage) *bench {
	t.Helper()
	r := &ir.Route{Name: "r", Slots: 8, Stages: stages, Source: &ir.Source{Kind: "topic",
		Topics: []ir.Topic{{Name: "t", Type: typ}}, Type: typ, MaxFutureMS: 600_000}}
	p := &plan.Route{Route: r}
	collectEmits(stages, p)
	c, err := op.Compile(p, "app")
	if err != nil {
		t.Fatal(err)
	}
	return &bench{newPair(c), t}
}

func collectEmits(ss []ir.Stage, p *plan.Route) {
	for _, s := range ss {
		switch s := s.(type) {
		case *ir.Emit:
			p.Emits = append(p.Emits, s)
		case *ir.Each:
			collectEmits(s.Body, p)
		case *ir.When:
			collectEmits(s.Then, p)
			collectEmits(s.Else, p)
		case *ir.Branch:
			for _, a := range s.Arms {
				collectEmits(a.Body, p)
			}
		}
	}
}

func record(v string) *event.Record {
	return &event.Record{Topic: "t", Partition: 3, Offset: 7, Key: []byte("k"), Value: []byte(v), Timestamp: now.UnixMilli()}
}

func (b *bench) run(v string) event.Outcome { return b.record(record(v)) }

func (b *bench) record(r *event.Record) event.Outcome {
	b.t.Helper()
	return b.mustAgree(b.t, r)
}

func (b *bench) reset() { b.out.Reset(); b.rout.Reset() }

// bodies lists the outputs, one a line.
func (b *bench) bodies() string {
	var s strings.Builder
	for i := range b.rout.Outs {
		s.Write(b.rout.Outs[i].Body.Of(&b.rout))
		s.WriteByte('\n')
	}
	return strings.TrimSuffix(s.String(), "\n")
}

// show says how a record ended: "completed", "dropped: filtered at where",
// "E0412 .n at from".
func show(o event.Outcome) string {
	switch o.Kind {
	case event.Dropped:
		return "dropped: " + o.Reason + " at " + o.Stage
	case event.Split:
		return "split"
	case event.Waits:
		if o.Wait.Call == nil {
			return "waits behind another at " + o.Stage + o.Path
		}
		return "waits for " + o.Wait.Call.ID
	case event.Failed:
		return strings.TrimSpace(o.Fail.Code.ID+" "+o.Fail.Path) + " at " + o.Stage + o.Path
	}
	return "completed"
}
