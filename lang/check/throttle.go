package check

import (
	"slices"

	"github.com/sluice-dev/sluice/lang/diag"
	"github.com/sluice-dev/sluice/lang/ir"
	"github.com/sluice-dev/sluice/lang/syntax"
)

// defaultWaitMS is the longest wait of `throttle … else wait` that says none.
const defaultWaitMS = 10 * 60_000

// maxBurst bounds what a bucket holds, and so the numbers that are reckoned with.
const maxBurst = 1_000_000_000

// throttle checks `throttle 100/s by E burst 50 else drop|fail|wait`. Without
// `burst` the bucket holds what the rate lets through in its unit: "5/m" is five in
// a minute, however they come (decisions/0010).
func (w *walker) throttle(s *syntax.Throttle) ir.Stage {
	out := &ir.Throttle{StageInfo: w.info("throttle", "throttle by "+byText(&s.By), s.Span()), Else: "drop"}
	r, ok := rate(&s.Rate)
	switch {
	case !ok:
		w.errorf(diag.BadOption, s.Rate.Span(), "a rate is a whole number of records for s, m, h or d").WithHelp("100/s, 5/m")
	case r.N > maxBurst:
		w.errorf(diag.BadOption, s.Rate.Span(), "a rate is at most %d", maxBurst)
	default:
		out.N, out.PerMS, out.Burst = r.N, r.PerMS, r.N
	}
	if s.Burst.Text != "" {
		n, ok := number(s.Burst.Text)
		i, whole := n.Int64()
		if !ok || !whole || i < 1 || i > maxBurst {
			w.errorf(diag.BadOption, s.Burst.Span(), "`burst` is a whole number from 1 to %d", maxBurst).
				WithLabel("how many may pass at once")
		}
		out.Burst = i
	}
	if s.Else.Set() {
		out.Else = s.Else.Text // drop, fail or wait, says the grammar
	}
	if out.Else == "wait" {
		out.WaitMS = defaultWaitMS
		if s.Max.Text != "" {
			out.WaitMS, _ = w.c.spanMS(s.Max, "wait")
		}
	}
	if out.Else == "drop" {
		w.lintAfterEmit(keyword(s), "throttle")
	}
	w.f.throttles = append(slices.Clip(w.f.throttles), keyword(s))
	out.Keys = w.byKeys(&s.By)
	out.Memory = w.memory(ir.ThrottleState, "throttle", &s.By, syntax.Word{}, out.Keys, keyword(s).Join(s.By.Span()))
	return out
}

// addThrottles adds those that another way has gone through.
func (f *flow) addThrottles(o *flow) {
	for _, at := range o.throttles {
		if !slices.Contains(f.throttles, at) {
			f.throttles = append(slices.Clip(f.throttles), at)
		}
	}
}

// lintThrottles warns of throttles above a call that nothing else limits: each counts
// the records that have their answers. Those above a `split` or a `window` have counted
// when what is below begins.
func (w *walker) lintThrottles(via string, conn *ir.Connection) {
	if conn == nil || conn.Option("rate") != nil {
		return
	}
	for _, at := range w.f.throttles {
		w.errorf(diag.ThrottledCall, at, "`throttle` does not slow the `call` below it").WithLabel("a record is counted when it has its answer").
			WithHelp("say how much the receiver may get on its connection: connection http %s { …, rate: 50/s }", via)
	}
	w.f.throttles = nil // once is enough
}
