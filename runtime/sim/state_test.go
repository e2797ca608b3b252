package sim

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"time"

	"github.com/sluice-dev/sluice/runtime/deliver"
	"github.com/sluice-dev/sluice/runtime/event"
	"github.com/sluice-dev/sluice/runtime/task"
)

// statePoint is a place between two effects of a state group's task at which its
// process is killed.
type statePoint int

const (
	sPoll      statePoint = iota
	sMidRecord            // and in the middle of a slice that runs again
	sRun                  // a slice ran, nothing of it has left
	sCarried              // one of its effects has: an intent, outputs, a letter
	sIntended             // an intent is stored
	sReleased             // outputs are with the schedulers
	sStored               // a transaction is in the store, no offset is committed
	sSentUntaken
	sSentTaken
	sAnswered
	sLetterAppended
	sLetterAcked
	sHeld
	sMarkAsked // a record for the own log is on the wire
	sMarked    // it has been appended
	sPersisted // a transaction was asked for
	sCommitted // offsets are
	sClosing
	sReplaying // something that ran before the last crash runs again
	statePoints
)

func (p statePoint) String() string {
	return [...]string{"after poll", "mid-record", "ran", "an effect was carried out", "intent stored", "released", "transaction stored",
		"sent, not taken", "sent and taken", "answered", "letter appended", "letter acknowledged", "held", "mark asked for", "mark appended",
		"transaction asked for", "offsets committed", "during closing", "while a stored slice runs again"}[p]
}

// stateDeed is what the seeds of TestState must do often enough.
type stateDeed int

const (
	dTwice    stateDeed = iota // an output was taken twice
	dPower                     // a loss of power took transactions away
	dHeld                      // an output was held
	dRefilled                  // a start found held outputs
	dIdle                      // an input was told idle
	dPane                      // the end of a pane or of a row's time was told and caused something
	dReplayed                  // a start found intents
	dPaused                    // the task paused at its cap
	dLost                      // a lease was lost
	dAgain                     // a record of the own log was appended twice, or by a dead process
	dAdded                     // a partition was added
	dLetter                    // a record failed
	dRefused                   // an output was refused
	dFence                     // a person became another while both had outputs
	dCommand                   // an operator commanded
	dParked                    // a record waited for an answer
	dUnparked                  // a start found some that wait
	stateDeeds
)

func (d stateDeed) String() string {
	return [...]string{"an output is taken twice", "a loss of power takes transactions", "an output is held", "a start finds held outputs",
		"an input is told idle", "a timer causes something", "a start finds intents", "a task pauses at its cap", "a lease is lost",
		"a mark is appended twice", "a partition is added", "a record fails", "an output is refused", "somebody becomes another who has outputs", "an operator commands",
		"a record waits for an answer", "a start finds records that wait"}[d]
}

// stateChaos is one run of a stateful program under one seed.
type stateChaos struct {
	w       *World
	rng     *rand.Rand
	program int

	crash  map[statePoint]int
	seen   [statePoints]int
	died   [statePoints]int
	did    [stateDeeds]int
	faulty int
	away   bool // the sinks answer nothing
	calm   bool // nothing goes wrong but what the records ask for

	toCome   int
	answers  int // given to calls
	problems []string
}

const stateSteps = 420

// stateSetup says how a run differs from the plain one.
type stateSetup struct {
	program string // "": the seed says
	policy  policy
	compile GroupFunc
	trace   func(string)
}

func newStateChaos(seed uint64, s stateSetup) *stateChaos {
	c := &stateChaos{rng: rand.New(rand.NewPCG(seed, 0x57a7e)), crash: map[statePoint]int{}}
	c.program = c.rng.IntN(len(statePrograms))
	if s.program != "" {
		c.program = named(s.program)
	}
	c.toCome = 6 + c.rng.IntN(20)
	c.faulty = []int{0, 0, 15, 40}[c.rng.IntN(4)]
	for range 1 + c.rng.IntN(3) {
		c.crash[statePoint(c.rng.IntN(int(statePoints)))] = 1 + c.rng.IntN(4)
	}
	w, err := newWorld(statePlan(c.program), Options{
		Now: time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC), Partitions: int32(1 + c.rng.IntN(2)), Sink: c.sink, CompileGroup: s.compile,
		Caps: task.Caps{Records: int64(10 + c.rng.IntN(40)), Bytes: 200 << 10}, Seed: seed,
	})
	if err != nil {
		panic(err)
	}
	w.policy, w.trace, w.slow, c.w = s.policy, s.trace, true, w
	w.logf("program  %s", statePrograms[c.program].name)
	c.start()
	return c
}

func (c *stateChaos) fail(format string, a ...any) {
	c.problems = append(c.problems, fmt.Sprintf(format, a...))
}

func choose[T any](c *stateChaos, list []T) (x T, ok bool) {
	if len(list) == 0 {
		return x, false
	}
	return list[c.rng.IntN(len(list))], true
}

// run lets everything happen in any order, then heals the world and judges.
func (c *stateChaos) run() []string {
	for i := range stateSteps {
		c.step()
		if i%40 == 0 {
			c.accounts()
		}
	}
	c.settle()
	c.accounts()
	if len(c.w.broken) == 0 && len(c.problems) == 0 {
		c.judge()
	}
	return append(c.w.Broken(), c.problems...)
}

func (c *stateChaos) accounts() {
	if err := c.w.CheckAccounts(); err != nil {
		c.fail("%v", err)
	}
}

func (c *stateChaos) step() {
	switch n := c.rng.IntN(40); {
	case n < 4 && c.toCome > 0:
		c.produce()
	case n == 4:
		c.stray()
	case n < 7:
		c.upset()
	default:
		c.act()
	}
}

// process is the one that runs; there is never another: the store is locked.
func (c *stateChaos) process() *process { return c.w.procs[0] }

// group is the task that runs; nil while there is none.
func (c *stateChaos) group() *running { return c.process().task(c.w.groups[0]) }

func (c *stateChaos) start() {
	p := c.w.start()
	p.before = func() {
		if !c.calm {
			c.seen[sMidRecord]++
			if c.crash[sMidRecord] == c.seen[sMidRecord] {
				panic(killed{})
			}
		}
	}
	c.open()
}

// open opens the task where there is none.
func (c *stateChaos) open() *running {
	if r := c.group(); r != nil {
		return r
	}
	if c.intents() > 0 {
		c.did[dReplayed]++
	}
	if c.count('h') > 0 {
		c.did[dRefilled]++
	}
	if c.count('p') > 0 {
		c.did[dUnparked]++
	}
	c.process().assigned()
	return c.group()
}

// intents counts the intents of the store.
func (c *stateChaos) intents() int { return c.count('i') }

// count counts the keys of one kind that the group has in its store.
func (c *stateChaos) count(kind byte) (n int) {
	g := c.w.groups[0]
	prefix := append(append([]byte{'g'}, g.Name...), 0, kind)
	_ = g.disk.Scan(prefix, nil, func([]byte, []byte) bool { n++; return true })
	return n
}

func (c *stateChaos) at(at statePoint) {
	if c.calm {
		return
	}
	c.seen[at]++
	if c.crash[at] == c.seen[at] {
		c.kill(at)
	}
}

// kill kills the process, now and then with the power gone, and starts the next.
func (c *stateChaos) kill(at statePoint) {
	c.died[at]++
	c.w.logf("         %s", at)
	c.w.kill(c.process())
	d := c.w.groups[0].disk
	if n := len(d.behind); n > 0 && c.rng.IntN(4) == 0 {
		lost := 1 + c.rng.IntN(n)
		c.w.logf("         power is lost: %d of %d transactions are gone", lost, n)
		if err := d.losePower(lost); err != nil {
			c.fail("%v", err)
		}
		c.did[dPower]++
		c.w.powerLost = true
	}
	c.start()
}

// act does one of the effects of the process.
func (c *stateChaos) act() {
	p := c.process()
	r := c.open()
	if r == nil {
		return
	}
	switch c.rng.IntN(12) {
	case 0:
		if in, ok := choose(c, r.inputs); ok && in.poll(1+c.rng.IntN(maxSlice)) {
			c.at(sPoll)
		}
	case 1, 2:
		c.runSlice(r)
	case 3, 4, 5:
		c.carry(r)
	case 6:
		if s, _ := choose(c, p.scheds); p.send(s) != nil {
			c.at(sSentUntaken)
		}
	case 7:
		if f, ok := choose(c, p.flights); ok && !f.arrived {
			f.arrive()
			c.at(sSentTaken)
		}
	case 8:
		if f, ok := choose(c, p.flights); ok && p.answer(f, c.rng.IntN(6) == 0) {
			c.at(sAnswered)
		}
	case 9:
		if x, ok := choose(c, p.writes); ok {
			if p.put(x) {
				c.did[dLetter]++
				c.at(sLetterAppended)
			} else if p.ack(x, c.rng.IntN(5) == 0) {
				c.at(sLetterAcked)
			}
		}
	case 10:
		if n := len(r.todo); r.persist() && len(r.todo) > n {
			c.at(sPersisted)
		}
	case 11:
		c.rest(p, r)
	}
}

// rest is what happens less often.
func (c *stateChaos) rest(p *process, r *running) {
	switch c.rng.IntN(9) {
	case 0:
		if r.commit() {
			c.at(sCommitted)
		}
	case 1, 6, 7:
		if r.hold() {
			c.did[dHeld]++
			c.at(sHeld)
		}
	case 2:
		for _, in := range r.inputs { // a poll that finds nothing sees the ends of all
			if in.look() {
				c.did[dIdle]++
			}
		}
	case 5:
		if p.assigned() {
			c.did[dAdded]++
		}
	case 3, 4:
		if a, ok := choose(c, p.appends); ok {
			if c.rng.IntN(5) == 0 {
				c.did[dAgain]++
				a.land()
			}
			p.land(a)
			c.at(sMarked)
		}
	case 8:
		if c.rng.IntN(3) == 0 {
			c.w.sync(c.w.groups[0])
		} else {
			c.w.trim(c.w.groups[0])
		}
	}
}

// carry carries out the next effect that the task asked for.
func (c *stateChaos) carry(r *running) {
	if len(r.todo) == 0 {
		return
	}
	e := r.todo[0]
	r.carry()
	switch e.Kind {
	case task.Intend:
		c.at(sIntended)
	case task.Commit:
		c.at(sStored)
	case task.Send:
		c.at(sReleased)
	case task.Append:
		c.at(sMarkAsked)
	case task.Pause:
		c.did[dPaused]++
	}
	c.at(sCarried)
}

// runSlice runs a slice; the process may die in the middle of it.
func (c *stateChaos) runSlice(r *running) {
	defer func() {
		switch x := recover().(type) {
		case nil:
		case killed:
			c.kill(sMidRecord)
		default:
			panic(x)
		}
	}()
	in, _ := choose(c, r.inputs)
	if !in.have && c.rng.IntN(2) == 0 {
		in.poll(1 + c.rng.IntN(maxSlice))
	}
	again := c.intents() > 0
	if !in.run() {
		return
	}
	if again {
		c.at(sReplaying)
	}
	c.at(sRun)
}

// stray lets what is on the wire of a dead process arrive, or get lost.
func (c *stateChaos) stray() {
	if n := len(c.w.orphans); n > 0 {
		i := c.rng.IntN(n)
		f := c.w.orphans[i]
		c.w.orphans = slices.Delete(c.w.orphans, i, i+1)
		if c.rng.IntN(3) > 0 {
			f.arrive()
		}
	}
	if n := len(c.w.stray); n > 0 {
		i := c.rng.IntN(n)
		a := c.w.stray[i]
		c.w.stray = slices.Delete(c.w.stray, i, i+1)
		if c.rng.IntN(3) > 0 {
			c.did[dAgain]++
			a.land()
		}
	}
}

// upset does what an operator, a broker or the weather does.
func (c *stateChaos) upset() {
	p, r := c.process(), c.group()
	switch n := c.rng.IntN(12); {
	case n < 4:
		c.w.moveTo(c.w.now + int64(time.Duration(c.rng.IntN(3000))*time.Millisecond))
	case n < 8:
		c.w.moveTo(c.w.now + int64(time.Duration(8+c.rng.IntN(15))*time.Second))
	case n == 8:
		c.away = !c.away || c.rng.IntN(2) == 0
	case n == 9 && r != nil: // a stop, or the partitions are taken away: the next start goes on
		r.close(c.rng.IntN(2) == 0)
		c.at(sClosing)
	case n == 10 && r != nil && c.rng.IntN(3) == 0: // a pause beyond the session: its lease is over
		c.w.now += int64(session)
		if len(r.todo) > 0 { // it does not know it yet
			r.carry()
		}
		if !r.ended {
			r.lose()
		}
		c.did[dLost]++
		p.heartbeat()
	case n == 11 && r != nil && r.task.State() == task.Closing:
		r.task.Tick(c.w.now)
		r.perform()
		if c.rng.IntN(2) == 0 {
			r.finish()
		}
	}
}

// settle ends all disturbance and lets everything come to its end: what is on the
// wire of the dead arrives or is lost, what stands still is idle in the end, every
// pane is told.
func (c *stateChaos) settle() {
	for len(c.w.orphans) > 0 || len(c.w.stray) > 0 {
		c.stray()
	}
	c.calm, c.away = true, false
	for c.toCome > 0 {
		c.produce()
	}
	c.w.slow = false
	if r := c.group(); r != nil {
		r.perform()
		if r.task.State() == task.Closing {
			r.finish()
		}
	}
	for range 8 {
		c.w.Advance(40 * time.Second)
	}
	if err := c.w.Finish(); err != nil {
		c.fail("%v", err)
	}
}

func (c *stateChaos) produce() {
	topic := []string{"a", "b"}[c.rng.IntN(2)]
	t := c.w.topic(topic)
	if c.rng.IntN(10) == 0 { // a gap, as compaction leaves it
		t.parts[c.rng.IntN(len(t.parts))].end += int64(1 + c.rng.IntN(3))
	}
	c.toCome--
	if strings.Contains(statePrograms[c.program].script, people) && c.rng.IntN(5) == 0 {
		c.did[dCommand]++
		cmd := randomCommand(c.rng, c.w.Now())
		c.w.append(Input{Topic: c.w.groups[0].own, Value: task.CommandNote(&cmd), Timestamp: c.w.Now().UnixMilli()}, 0, false)
		return
	}
	r := randomRow(c.rng, c.w.Now())
	in := Input{Topic: topic, Key: []byte(r.K), Value: r.json(), Timestamp: c.w.Now().UnixMilli()}
	if c.rng.IntN(2) == 0 { // one key in several partitions, now and then in a new one
		p := int32(c.rng.IntN(len(t.parts)))
		if c.rng.IntN(30) == 0 && !c.calm {
			p = int32(len(t.parts))
		}
		in.Partition = &p
	}
	c.w.Produce(in)
}

// sink answers as the records ask for, and else as the weather is.
func (c *stateChaos) sink(a *Attempt) Reply {
	switch {
	case c.away && !c.calm:
		return Reply{Answer: deliver.Answer{Class: deliver.Failed, Code: "503"}}
	case !c.calm && c.rng.IntN(100) < c.faulty:
		return c.fault(a)
	}
	if a.Outs[0].Alone {
		c.answers++
		return answering(c.answers)
	}
	return willing(a)
}

// answering answers a call, each time with something else.
func answering(n int) Reply {
	body := fmt.Appendf(nil, `{"v":%d}`, n)
	return Reply{Answer: deliver.Answer{Whole: &event.Answer{Status: 200, Body: body, At: int64(n)}}}
}

// willing is a sink that is well: it takes everything but what the records want it
// to refuse.
func willing(a *Attempt) Reply {
	refused := deliver.Answer{Class: deliver.Refused, Code: "400", Excerpt: "no"}
	if a.Kind != "kafka" {
		if slices.ContainsFunc(a.Outs, unwanted) {
			return Reply{Answer: refused}
		}
		return Reply{}
	}
	each := make([]deliver.Verdict, len(a.Outs))
	for i, o := range a.Outs {
		if unwanted(o) {
			each[i] = deliver.Verdict{Class: deliver.Refused, Code: "400"}
		}
	}
	return Reply{Answer: deliver.Answer{Each: each}}
}

func unwanted(o *event.Output) bool {
	if bytes.Contains(o.Target.Of(o.Arena), []byte(".replay.")) {
		return false // the letter of one goes back
	}
	return bytes.Contains(o.Body.Of(o.Arena), []byte(`"mode":"refuse"`)) && o.Round < 2 // the third time it is taken
}

func (c *stateChaos) fault(a *Attempt) Reply {
	failed := func(code string) deliver.Answer { return deliver.Answer{Class: deliver.Failed, Code: code} }
	bad := slices.ContainsFunc(a.Outs, unwanted)
	if a.Outs[0].Alone && c.rng.IntN(2) == 0 {
		return Reply{Answer: deliver.Answer{Class: deliver.Refused, Code: "404", Whole: &event.Answer{Status: 404, Body: []byte("no"), At: 1}}}
	}
	switch n := c.rng.IntN(8); {
	case n < 2:
		return Reply{Answer: failed("503")}
	case n < 5 && !bad: // taken, and the answer is lost
		all := make([]bool, len(a.Outs))
		for i := range all {
			all[i] = true
		}
		return Reply{Answer: failed("connection cut"), Taken: all}
	case n == 5:
		return Reply{Answer: deliver.Answer{Class: deliver.Gated, Code: "429", Wait: time.Duration(c.rng.IntN(3)) * time.Second}}
	case n == 6 && c.rng.IntN(3) == 0:
		return Reply{Answer: deliver.Answer{Class: deliver.Misconfigured, Code: "401"}}
	}
	return Reply{Answer: failed("timeout")}
}
