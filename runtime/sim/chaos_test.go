package sim

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/sluice-dev/sluice/lang/plan"
	"github.com/sluice-dev/sluice/lang/program"
	"github.com/sluice-dev/sluice/lang/token"
	"github.com/sluice-dev/sluice/runtime/deliver"
	"github.com/sluice-dev/sluice/runtime/event"
	"github.com/sluice-dev/sluice/runtime/task"
	"github.com/sluice-dev/sluice/stdlib"
)

// script is the program under chaos: two routes on one topic, so that they share
// keys and a connection; outputs that are inputs of a third; records that are
// dropped, that fail after they emitted, that are too large, that the sink refuses
// and that it never answers.
const script = `app "chaos"
connection segment main { write_key: secret("K"), batch: 4 }
connection segment other = main { batch: 2 }

route orders
from topic "in" as { k: string, mode: string, items: [int] = [], pad: string = "" }
where .mode != "drop" else "unwanted"
emit track "One" { userId: .k, properties: { at: "${@partition}/${@offset}", mode: .mode, pad: .pad } }
require .mode != "fail" else "bad"
each .items as i { emit topic "copies" { key: .k, value: { k: .k, at: "${@partition}/${@offset}", i } } }

route signals
from topic "in" as { k: string, mode: string }
emit track "Two" { userId: .k, properties: { at: "${@partition}/${@offset}", mode: .mode } }

route copies { priority: high }
from topic "copies" as { k: string, at: string, i: int }
emit track "Three" via other { userId: .k, properties: { at: "${@partition}/${@offset}", of: .at, i: .i } }
`

var chaosPlan = sync.OnceValue(func() *plan.Plan {
	p := program.Compile([]*token.File{token.NewFile("chaos.route", script)}, stdlib.Env(), program.Options{})
	for _, d := range p.Diags {
		if p.Errors() > 0 {
			panic(d.Message)
		}
	}
	return p.Plan
})

// point is a place between two effects at which a process of a route
// without state may be killed.
type point int

const (
	afterPoll point = iota
	midRecord
	released       // ran and handed to the schedulers, nothing sent
	sentUntaken    // a request is on the wire, and has not arrived
	sentTaken      // it has arrived, its answer has not
	answered       // accepted for some slots, others are still under way
	letterAppended // on the dead topic, not acknowledged
	letterAcked
	persisted // all acknowledged, nothing committed
	committed // the answer to the commit is lost
	closing   // stopping, tasks still wait
	revoking  // a partition is being taken away
	points
)

func (p point) String() string {
	return [...]string{"after poll", "mid-record", "released, not sent", "sent, not taken", "sent and taken", "answered for some",
		"letter appended", "letter acknowledged", "all acknowledged, not committed", "commit answer lost", "during closing", "revoke in the middle"}[p]
}

// deed is something beside crashes that the seeds must do often enough for the
// judge's silence to mean anything.
type deed int

const (
	paused     deed = iota // a task paused at its cap
	strayed                // a request of a dead or frozen process arrived
	outlived               // a zombie asked for a request while it had outputs waiting
	doubled                // something was taken twice
	halted                 // a connection paused
	poisoned               // the judge looked at the neighbours of poison
	left                   // a process stopped in peace
	handedOver             // a partition was revoked and given to another process
	toldTwice              // a task was told a result twice
	deeds
)

func (d deed) String() string {
	return [...]string{"a task pauses at its cap", "a stray request arrives", "a zombie tries to send", "an output is taken twice",
		"a connection pauses", "there is poison", "a process stops", "a partition is handed over", "a result is told twice"}[d]
}

// killed is what a process panics with when it dies in the middle of a record.
type killed struct{}

// chaos is one run of the program under one seed.
type chaos struct {
	w     *World
	rng   *rand.Rand
	caps  task.Caps
	crash map[point]int // die at the n-th time at this point
	seen  [points]int
	died  [points]int

	faulty  int  // percent of requests that go wrong for no reason
	sick    bool // some records are poison: the sink never answers for them
	healthy bool // nothing goes wrong but what the records ask for
	cured   bool // nothing is poison any more

	did [deeds]int

	inputs, toCome int
	moves          []move
	problems       []string
}

// move is a partition that is being taken from one process and given to another.
type move struct {
	r  *running
	to *process
}

const (
	maxSlice = 6
	steps    = 260
)

// setup says how a run differs from the plain one: the mutants, and who listens.
type setup struct {
	compile CompileFunc
	policy  policy
	trace   func(string)
}

func newChaos(seed uint64, s setup) *chaos {
	c := &chaos{rng: rand.New(rand.NewPCG(seed, 0x5ee0)), crash: map[point]int{}}
	c.caps = task.Caps{Records: int64(8 + c.rng.IntN(40)), Bytes: 200 << 10}
	c.toCome = 8 + c.rng.IntN(30)
	c.faulty = []int{0, 10, 30, 60}[c.rng.IntN(4)]
	c.sick = c.rng.IntN(4) == 0
	for range 1 + c.rng.IntN(3) {
		c.crash[point(c.rng.IntN(int(points)))] = 1 + c.rng.IntN(5)
	}
	w, err := newWorld(chaosPlan(), Options{
		Now: time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC), Partitions: int32(1 + c.rng.IntN(3)),
		Compile: s.compile, Sink: c.sink, Caps: c.caps, Seed: seed,
	})
	if err != nil {
		panic(err)
	}
	w.policy, w.trace, c.w = s.policy, s.trace, w
	c.start()
	return c
}

// run lets everything happen in any order, then heals the world and judges what
// came of it.
func (c *chaos) run() []string {
	for i := range steps {
		c.step()
		if i%40 == 0 {
			c.accounts()
		}
	}
	c.calm()
	if c.sick {
		c.neighbours()
	}
	c.cured = true
	if err := c.w.Finish(); err != nil {
		c.fail("%v", err)
	}
	c.accounts()
	c.judge()
	return append(c.w.Broken(), c.problems...)
}

func (c *chaos) fail(format string, a ...any) {
	c.problems = append(c.problems, fmt.Sprintf(format, a...))
}

func (c *chaos) accounts() {
	if err := c.w.CheckAccounts(); err != nil {
		c.fail("%v", err)
	}
}

// pick gives one of a list.
func pick[T any](c *chaos, list []T) (x T, ok bool) {
	if len(list) == 0 {
		return x, false
	}
	return list[c.rng.IntN(len(list))], true
}

// step does one thing that can be done.
func (c *chaos) step() {
	switch n := c.rng.IntN(30); {
	case c.inputs == 0 || n < 3 && c.toCome > 0:
		c.produce(c.randomRecord())
	case n == 3:
		c.stray()
	case n < 6:
		c.upset()
	default:
		if p, _ := pick(c, c.w.procs); !p.frozen {
			c.act(p)
		}
	}
	c.handOver()
}

// start starts a process that crashes where the seed says so.
func (c *chaos) start() *process {
	p := c.w.start()
	p.before = func() {
		if c.healthy {
			return
		}
		c.seen[midRecord]++
		if c.crash[midRecord] == c.seen[midRecord] {
			panic(killed{})
		}
	}
	return p
}

// at notes that a process stands at a point, and kills it where the seed says so.
func (c *chaos) at(p *process, at point) {
	c.seen[at]++
	if c.crash[at] == c.seen[at] {
		c.kill(p, at)
	}
}

func (c *chaos) kill(p *process, at point) {
	c.died[at]++
	c.w.logf("         %s", at)
	c.w.kill(p)
	c.replace()
}

// replace starts a process where none is left that could take partitions over.
func (c *chaos) replace() {
	for _, p := range c.w.procs {
		if p.fit() {
			return
		}
	}
	c.start()
}

// act lets a process do one of its effects.
func (c *chaos) act(p *process) {
	p.assigned()
	switch c.rng.IntN(9) {
	case 0:
		if r, ok := pick(c, p.live()); ok && r.inputs[0].poll(1+c.rng.IntN(maxSlice)) {
			c.at(p, afterPoll)
		}
	case 1, 2:
		if r, ok := pick(c, p.live()); ok {
			c.runSlice(r)
		}
	case 3:
		s, _ := pick(c, p.scheds)
		if p.zombie && s.Health(c.w.now).Queued > 0 {
			c.did[outlived]++
		}
		if p.send(s) != nil {
			c.at(p, sentUntaken)
		}
	case 4:
		if f, ok := pick(c, p.flights); ok && !f.arrived {
			f.arrive()
			c.at(p, sentTaken)
		}
	case 5:
		twice := c.rng.IntN(5) == 0
		if f, ok := pick(c, p.flights); ok && p.answer(f, twice) {
			if twice {
				c.did[toldTwice]++
			}
			if f.sched.Health(c.w.now).State >= deliver.Misconfiguration {
				c.did[halted]++
			}
			c.at(p, answered)
		}
	case 6:
		if x, ok := pick(c, p.writes); ok {
			if p.put(x) {
				c.at(p, letterAppended)
			} else if p.ack(x, c.rng.IntN(5) == 0) {
				c.at(p, letterAcked)
			}
		}
	case 7:
		if r, ok := pick(c, p.live()); ok && r.persist() {
			c.at(p, persisted)
		}
	case 8:
		if r, ok := pick(c, p.tasks); ok && r.commit() {
			c.at(p, committed)
		}
	}
}

// runSlice runs a slice; the process may die in the middle of it.
func (c *chaos) runSlice(r *running) {
	defer func() {
		switch x := recover().(type) {
		case nil:
		case killed:
			c.kill(r.p, midRecord)
		default:
			panic(x)
		}
	}()
	in := r.inputs[0]
	if !in.have && c.rng.IntN(2) == 0 {
		in.poll(1 + c.rng.IntN(maxSlice))
	}
	if !in.run() {
		return
	}
	if in.paused {
		c.did[paused]++
	}
	// I7: a task pauses at 80 % of its cap; what was fetched by then still runs.
	if n, _ := r.task.InFlight(); n > c.caps.Records*8/10+maxSlice {
		c.fail("I7: %s has %d records in flight, its cap is %d", r, n, c.caps.Records)
	}
	c.at(r.p, released)
}

// stray lets a request of a process that is dead or frozen arrive, or get lost.
func (c *chaos) stray() {
	if n := len(c.w.orphans); n > 0 {
		i := c.rng.IntN(n)
		f := c.w.orphans[i]
		c.w.orphans = slices.Delete(c.w.orphans, i, i+1)
		if c.rng.IntN(3) > 0 {
			c.did[strayed]++
			f.arrive()
		}
		return
	}
	for _, p := range c.w.procs {
		if f, ok := pick(c, p.flights); ok && p.frozen {
			c.did[strayed]++
			f.arrive()
		}
	}
}

// upset does what an operator, a broker or the weather does to processes.
func (c *chaos) upset() {
	p, _ := pick(c, c.w.procs)
	switch n := c.rng.IntN(10); {
	case n < 5:
		c.w.moveTo(c.w.now + int64(time.Duration(c.rng.IntN(3000))*time.Millisecond))
	case n == 5:
		c.w.moveTo(c.w.now + int64(20*time.Second))
	case n == 6 && p.fit():
		c.revoke(p)
	case n == 7 && p.fit() && c.rng.IntN(2) == 0:
		c.leave(p)
	case n == 8 && p.fit() && c.rng.IntN(3) == 0:
		c.freeze(p)
	case p.frozen:
		p.frozen, p.zombie = false, true
		c.w.logf("thaw     process %d", p.n)
	case p.zombie:
		c.learn(p)
	}
}

// other is a process that can take over from p.
func (c *chaos) other(p *process) *process {
	for _, q := range c.w.procs {
		if q != p && q.fit() {
			return q
		}
	}
	return c.start()
}

// revoke takes a partition from p.
func (c *chaos) revoke(p *process) {
	r, ok := pick(c, p.live())
	if !ok || r.task.State() == task.Closing {
		return
	}
	c.moves = append(c.moves, move{r, c.other(p)})
	r.moving = true
	r.close(true)
	c.at(p, revoking)
}

// leave begins a graceful stop.
func (c *chaos) leave(p *process) {
	p.leaving = true
	for _, r := range p.live() {
		r.close(false)
	}
	c.replace()
	c.at(p, closing)
}

// freeze stops a process without its knowing, for longer than the broker's
// session: others get its partitions.
func (c *chaos) freeze(p *process) {
	p.frozen = true
	q := c.other(p)
	c.w.logf("freeze   process %d; its partitions go to process %d", p.n, q.n)
	c.w.moveTo(c.w.now + int64(session) + 1)
	for _, rt := range c.w.routes {
		for _, name := range c.w.names {
			for i := range c.w.topics[name].parts {
				if at := (tp{name, int32(i)}); c.w.owner(rt, at) == p {
					rt.group.owner[at] = q
				}
			}
		}
	}
}

// learn tells a zombie what it lost.
func (c *chaos) learn(p *process) {
	for _, r := range p.live() {
		r.lose()
	}
	p.zombie = false
	p.heartbeat()
	c.w.logf("learned  process %d", p.n)
}

// handOver ends what is closing, and gives away what has ended.
func (c *chaos) handOver() {
	for _, p := range slices.Clone(c.w.procs) {
		if p.frozen || p.zombie {
			continue
		}
		for _, r := range p.live() {
			if r.task.State() != task.Closing {
				continue
			}
			// What was revoked waits for its requests on the wire; a process that stops
			// waits for everything. Both give up at the deadline.
			if r.revoked && r.onWire() == 0 && c.rng.IntN(3) == 0 {
				r.finish()
			} else {
				r.task.Tick(c.w.now)
				r.perform()
			}
		}
		if p.leaving && len(p.live()) == 0 {
			for _, r := range p.tasks {
				r.commit()
			}
			c.w.logf("left     process %d", p.n)
			c.did[left]++
			c.w.gone(p)
		}
	}
	c.moves = slices.DeleteFunc(c.moves, func(m move) bool {
		if !slices.Contains(c.w.procs, m.r.p) || m.r.p.zombie || m.r.p.frozen {
			m.r.moving = false
			return true // the broker gives the partition to whom it will
		}
		if !m.r.ended {
			return false
		}
		m.r.commit()
		m.r.moving = false
		m.r.routes[0].group.owner[m.r.inputs[0].tp] = m.to
		c.w.logf("moved    %s to process %d", m.r, m.to.n)
		c.did[handedOver]++
		return true
	})
}

// calm ends all disturbance: who is frozen wakes, who leaves has left, and what is
// on the wire of the dead arrives or is lost.
func (c *chaos) calm() {
	c.healthy = true
	for _, p := range c.w.procs {
		if p.frozen || p.zombie {
			p.frozen = false
			c.learn(p)
		}
	}
	for len(c.w.orphans) > 0 {
		c.stray()
	}
	for range 100 {
		if !slices.ContainsFunc(c.w.procs, func(p *process) bool { return p.leaving }) && len(c.moves) == 0 {
			return
		}
		c.w.Advance(time.Second)
		c.handOver()
	}
	c.fail("a process does not end its stop")
}

// record is a record of the topic in.
type record struct {
	K     string `json:"k"`
	Mode  string `json:"mode"`
	Items []int  `json:"items,omitempty"`
	Pad   string `json:"pad,omitempty"`
}

var bigPad = strings.Repeat("x", 40<<10)

func (c *chaos) randomRecord() record {
	r := record{K: string(rune('a' + c.rng.IntN(3))), Mode: "ok"}
	switch n := c.rng.IntN(100); {
	case n < 10:
		r.Mode = "drop"
	case n < 20:
		r.Mode = "fail"
	case n < 26:
		r.Mode = "refuse"
	case n < 30 && c.sick:
		r.Mode = "poison"
	case n < 32:
		r.Mode, r.Pad = "big", bigPad
	}
	for i := range c.rng.IntN(3) {
		r.Items = append(r.Items, i)
	}
	if c.rng.IntN(20) == 0 {
		r.Items = append(r.Items, unwelcome)
	}
	return r
}

// unwelcome is the item whose copy the broker refuses.
const unwelcome = 13

func (c *chaos) produce(r record) {
	b, err := json.Marshal(r)
	if err != nil {
		panic(err)
	}
	t := c.w.topic("in")
	if c.rng.IntN(10) == 0 { // a gap, as compaction leaves it
		t.parts[c.rng.IntN(len(t.parts))].end += int64(1 + c.rng.IntN(3))
	}
	c.inputs++
	c.toCome--
	c.w.Produce(Input{Topic: "in", Key: []byte(r.K), Value: b, Timestamp: c.w.Now().UnixMilli()})
}

// sink answers as the records ask for, and else as the weather is.
func (c *chaos) sink(a *Attempt) Reply {
	if !c.healthy && c.rng.IntN(100) < c.faulty {
		return c.fault(a)
	}
	if a.Kind == "kafka" {
		return broker(a)
	}
	for _, o := range a.Outs {
		body := o.Body.Of(o.Arena)
		switch {
		case bytes.Contains(body, []byte(`"mode":"refuse"`)):
			return Reply{Answer: deliver.Answer{Class: deliver.Refused, Code: "400", Excerpt: "no"}}
		case !c.cured && bytes.Contains(body, []byte(`"mode":"poison"`)) && bytes.Contains(body, []byte(`"One"`)):
			return Reply{Answer: deliver.Answer{Class: deliver.Failed, Code: "503"}}
		}
	}
	return Reply{}
}

// broker takes every record but the unwelcome ones.
func broker(a *Attempt) Reply {
	each := make([]deliver.Verdict, len(a.Outs))
	for i, o := range a.Outs {
		if bytes.Contains(o.Body.Of(o.Arena), []byte(`"i":13`)) {
			each[i] = deliver.Verdict{Class: deliver.Refused, Code: "MESSAGE_TOO_LARGE"}
		}
	}
	return Reply{Answer: deliver.Answer{Each: each}}
}

func (c *chaos) fault(a *Attempt) Reply {
	failed := func(code string) deliver.Answer { return deliver.Answer{Class: deliver.Failed, Code: code} }
	unwanted := slices.ContainsFunc(a.Outs, func(o *event.Output) bool {
		b := o.Body.Of(o.Arena)
		return bytes.Contains(b, []byte(`"refuse"`)) || bytes.Contains(b, []byte(`"poison"`)) || bytes.Contains(b, []byte(`"i":13`))
	})
	switch n := c.rng.IntN(12); {
	case n < 3:
		return Reply{Answer: failed("503")}
	case n < 5:
		return Reply{Answer: failed("timeout")}
	case n < 8 && !unwanted: // taken, and the answer is lost
		all := make([]bool, len(a.Outs))
		for i := range all {
			all[i] = true
		}
		return Reply{Answer: failed("connection cut"), Taken: all}
	case n < 10 && a.Kind == "kafka" && !unwanted: // what fails fails all behind it
		each := make([]deliver.Verdict, len(a.Outs))
		for i := c.rng.IntN(len(each)); i < len(each); i++ {
			each[i] = deliver.Verdict{Class: deliver.Failed, Code: "NOT_LEADER"}
		}
		return Reply{Answer: deliver.Answer{Each: each}}
	case n < 11:
		return Reply{Answer: deliver.Answer{Class: deliver.Gated, Code: "429", Wait: time.Duration(c.rng.IntN(3)) * time.Second}}
	}
	return Reply{Answer: deliver.Answer{Class: deliver.Misconfigured, Code: "401"}}
}
