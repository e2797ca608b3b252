package check

import (
	"github.com/sluice-dev/sluice/lang/ir"
	"github.com/sluice-dev/sluice/lang/syntax"
	"github.com/sluice-dev/sluice/lang/types"
	"github.com/sluice-dev/sluice/lang/value"
)

// everyOptions are those of `from every`.
var everyOptions = []option{
	{name: "catch_up", kind: countOption},
	{name: "max_future", kind: durationOption},
}

// tickType is what a tick is: when it was planned, and when the last one that ran was.
var tickType = types.Row(nil, types.Field{Name: "time", Type: types.TimeT}, types.Field{Name: "previous", Type: types.Nullable(types.TimeT)})

// fromEvery is a source of the ticks of a schedule.
func (w *walker) fromEvery(f *syntax.From, s *syntax.FromEvery) *ir.Source {
	tick := w.tick(&s.Tick)
	out := &ir.Source{At: head(f.Span()), Kind: "every", Tick: tick, Type: viewOf(tickType), Topics: []ir.Topic{{Type: tickType}}, Start: "earliest", MaxFutureMS: defaultMaxFuture}
	for _, o := range w.options(s.Options, everyOptions, "a schedule") {
		switch o.Name {
		case "catch_up":
			if n, ok := o.X.(*ir.Const).Value.(value.Number); ok && tick != nil {
				i, _ := n.Int64()
				tick.CatchUp = int(i)
			}
		case "max_future":
			out.MaxFutureMS = durationMS(&o)
		}
	}
	if tick == nil {
		w.noSource()
		w.src.t = out.Type // what is below is judged all the same
		return nil
	}
	w.src = &source{t: out.Type, metas: map[string]*types.Type{"timestamp": types.TimeT}}
	return out
}
