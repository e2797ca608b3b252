package op

import (
	"fmt"
	"math/bits"
	"time"

	"github.com/zeebo/xxh3"

	"github.com/sluice-dev/sluice/lang/diag"
	"github.com/sluice-dev/sluice/lang/ir"
	"github.com/sluice-dev/sluice/lang/token"
	"github.com/sluice-dev/sluice/lang/value"
	"github.com/sluice-dev/sluice/runtime/eval"
)

type where struct {
	place
	cond   ir.Expr
	reason string
	child  int
}

func (s *where) run(fr *Frame) int {
	ok, fail := eval.Bool(s.cond, &fr.eval)
	switch {
	case fail != nil:
		return fr.fail(&s.place, fail)
	case !ok:
		fr.visit(&s.place, 0)
		return fr.drop(&s.place, s.reason, s.child)
	}
	fr.visit(&s.place, 1)
	return goOn
}

type mapTo struct {
	place
	x ir.Expr
}

func (s *mapTo) run(fr *Frame) int {
	v, fail := eval.Expr(s.x, &fr.eval)
	if fail != nil {
		return fr.fail(&s.place, fail)
	}
	fr.eval.Cur = v
	return goOn
}

type bind struct {
	place
	slot ir.Slot
	x    ir.Expr
}

func (s *bind) run(fr *Frame) int {
	v, fail := eval.Expr(s.x, &fr.eval)
	if fail != nil {
		return fr.fail(&s.place, fail)
	}
	fr.eval.Slots[s.slot] = v
	return goOn
}

type require struct {
	place
	cond, why ir.Expr
}

func (s *require) run(fr *Frame) int {
	ok, fail := eval.Bool(s.cond, &fr.eval)
	switch {
	case fail != nil:
		return fr.fail(&s.place, fail)
	case ok:
		return goOn
	}
	return fr.fail(&s.place, fr.why(diag.RequireFailed, s.cond.Span(), s.why))
}

// why is a failure with a message of the script.
func (fr *Frame) why(code *diag.Code, at token.Span, x ir.Expr) *diag.Failure {
	v, fail := eval.Expr(x, &fr.eval)
	if fail != nil {
		return fail
	}
	s, fail := eval.Plain(x, v, "text")
	if fail != nil {
		return fail
	}
	return diag.Failf(code, at, "%s", s)
}

type drop struct {
	place
	reason string
	child  int
}

func (s *drop) run(fr *Frame) int { return fr.drop(&s.place, s.reason, s.child) }

// failed is the stage `fail`.
type failed struct {
	place
	at  token.Span
	why ir.Expr
}

func (s *failed) run(fr *Frame) int {
	return fr.fail(&s.place, fr.why(diag.FailStage, s.at, s.why))
}

// jump goes to another step: over an `else`, back to the next element.
type jump struct{ to int }

func (s *jump) run(*Frame) int { return s.to }

// unless goes on where cond holds and jumps where it does not.
type unless struct {
	place
	cond ir.Expr
	to   int
	way  int // of Visit, where cond holds
	not  int // and where it does not; -1: the next arm tells
}

func (s *unless) run(fr *Frame) int {
	ok, fail := eval.Bool(s.cond, &fr.eval)
	switch {
	case fail != nil:
		return fr.fail(&s.place, fail)
	case !ok:
		if s.not >= 0 {
			fr.visit(&s.place, s.not)
		}
		return s.to
	}
	fr.visit(&s.place, s.way)
	return goOn
}

// otherwise is the arm of a `match` that takes what is left.
type otherwise struct {
	place
	way int
}

func (s *otherwise) run(fr *Frame) int {
	fr.visit(&s.place, s.way)
	return goOn
}

func (c *compiler) when(p place, s *ir.When) error {
	test := &unless{place: p, cond: s.Cond, way: 1}
	c.add(test)
	if err := c.stages(s.Then); err != nil {
		return err
	}
	if len(s.Else) == 0 {
		test.to = c.here()
		return nil
	}
	over := &jump{}
	c.add(over)
	test.to = c.here()
	if err := c.stages(s.Else); err != nil {
		return err
	}
	over.to = c.here()
	return nil
}

func (c *compiler) branch(p place, s *ir.Branch) error {
	if s.Subject != nil {
		c.add(&bind{place: p, slot: s.Slot, x: s.Subject})
	}
	var ends []*jump
	for i := range s.Arms {
		a := &s.Arms[i]
		var test *unless
		if a.Cond != nil {
			test = &unless{place: p, cond: a.Cond, way: i, not: -1}
			c.add(test)
		} else {
			c.add(&otherwise{place: p, way: i})
		}
		if err := c.stages(a.Body); err != nil {
			return err
		}
		end := &jump{}
		c.add(end)
		ends = append(ends, end)
		if test != nil {
			test.to = c.here()
		}
	}
	c.add(noArm{p})
	for _, end := range ends {
		end.to = c.here()
	}
	return nil
}

// noArm stands behind the last arm of a `match`, where nothing comes.
type noArm struct{ place }

func (s noArm) run(*Frame) int {
	panic("op: no arm of " + s.node + " took its subject: the checker proved that one would")
}

type with struct {
	place
	defaults []ir.Default
}

func (s *with) run(fr *Frame) int {
	for i := range s.defaults {
		d := &s.defaults[i]
		v, fail := eval.Expr(d.X, &fr.eval)
		if fail != nil {
			return fr.fail(&s.place, fail)
		}
		fr.eval.Slots[d.Slot] = v
	}
	return goOn
}

type timeBy struct {
	place
	x         ir.Expr
	maxFuture time.Duration
}

func (s *timeBy) run(fr *Frame) int {
	v, fail := eval.Expr(s.x, &fr.eval)
	if fail != nil {
		return fr.fail(&s.place, fail)
	}
	t, ok := v.(time.Time)
	if !ok {
		return fr.fail(&s.place, eval.Unfit(s.x, v, "a time"))
	}
	if fail := future(t, fr.now, s.maxFuture, s.x.Span()); fail != nil {
		fail.Path = eval.PathText(s.x)
		return fr.fail(&s.place, fail)
	}
	fr.eval.Time, fr.timed = v, t.UnixMicro()
	return goOn
}

// future fails for a time that is too far ahead of the epoch's now. The clock of
// the machine is never asked: a replay must judge like the first run (I13).
func future(t, now time.Time, limit time.Duration, at token.Span) *diag.Failure {
	if !t.After(now.Add(limit)) {
		return nil
	}
	f := diag.Failf(diag.FutureTime, at, "the time %s is more than %s ahead of the clock", value.FormatTime(t), value.FormatDuration(limit))
	f.Help = "a clock is wrong, or a unit: seconds and milliseconds? `max_future:` of the source sets the limit"
	return f
}

// sample passes a share of the keys on.
type sample struct {
	place
	keys  []ir.Expr
	parts uint64 // of a million
	rate  value.Number
	child int
}

func (c *compiler) sample(p place, s *ir.Sample) error {
	rate, ok := value.ParseNumber(s.Rate)
	if !ok {
		return fmt.Errorf("%s: %q is no rate", p.node, s.Rate)
	}
	c.add(&sample{place: p, keys: s.Keys, parts: uint64(s.Parts), rate: rate, child: c.child})
	return nil
}

func (s *sample) run(fr *Frame) int {
	fr.buf = fr.buf[:0]
	for _, k := range s.keys {
		v, fail := eval.Expr(k, &fr.eval)
		if fail != nil {
			return fr.fail(&s.place, fail)
		}
		if v == nil {
			return fr.fail(&s.place, eval.Unfit(k, nil, "a key"))
		}
		fr.buf = value.AppendKey(fr.buf, v)
	}
	return s.pass(fr)
}

// pass judges by the key in fr.buf.
func (s *sample) pass(fr *Frame) int {
	if bucket(fr.buf) >= s.parts {
		return fr.drop(&s.place, "sampled", s.child)
	}
	fr.eval.SampleRate = s.rate
	return goOn
}

// bucket puts a key into one of a million buckets, for ever the same.
func bucket(key []byte) uint64 {
	hi, _ := bits.Mul64(xxh3.Hash(key), 1_000_000)
	return hi
}
