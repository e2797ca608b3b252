package sim

import (
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/sluice-dev/sluice/runtime/dedupe"
	"github.com/sluice-dev/sluice/runtime/deliver"
	"github.com/sluice-dev/sluice/runtime/event"
	"github.com/sluice-dev/sluice/runtime/state"
	"github.com/sluice-dev/sluice/runtime/task"
)

// What must have come of a run is what comes of the same records in the same order
// under the same now, one record at a time, in one process that nothing disturbs.
// Which records those were the world has taken down, as far as no crash took them
// back (stateGroup.steps); that they are all records, each once and in the order of
// its partition, is judged first.

// judge holds a run against the one without a crash.
func (c *stateChaos) judge() {
	g := c.w.groups[0]
	for i := range c.w.ended {
		if e := &c.w.ended[i]; c.where(e.Origin) == "" {
			c.did[dPane]++
		}
	}
	c.complete(g)
	for i, s := range g.States {
		// By now everything has been idle for longer than any pane or row is open.
		if due := g.timerDue(i, 0); due < c.w.now-int64(2*time.Minute) {
			c.fail("(f): a timer of %s, due at %s, is not told", s.Name, time.Unix(0, due).UTC())
		}
	}
	if len(c.problems) > 0 {
		return
	}
	ref := c.reference(g)
	if len(ref.broken) > 0 {
		c.fail("the run without a crash: %s", strings.Join(ref.broken, "; "))
		return
	}
	c.sameCells(g.disk, ref.groups[0].disk)
	c.sameAccounts(ref)
	c.sameOutputs(ref)
	c.mergesKept(ref)
	c.sameEnds(ref)
	c.sameLetters(ref)
	if len(c.w.waits) > 0 {
		c.did[dParked]++
	}
	for _, kind := range []byte{'i', 'h', 'p'} {
		if n := c.count(kind); n > 0 {
			c.fail("the store keeps %d keys of the kind %q though everything has ended", n, kind)
		}
	}
}

// where names the topic of an origin; "" of what came of a timer.
func (c *stateChaos) where(o event.Origin) string {
	for _, name := range c.w.names {
		if c.w.topics[name].id == o.Topic {
			return name
		}
	}
	return ""
}

// complete holds the steps against the log: every partition whole, once, in order,
// and the offsets committed up to its end.
func (c *stateChaos) complete(g *stateGroup) {
	at := map[string]int64{}
	for _, s := range g.steps {
		if s.of != "" {
			continue // a row: of its tick
		}
		name := s.tp.topic
		if s.route != nil {
			name = s.route.Name + " " + name
		}
		name = fmt.Sprintf("%s/%d", name, s.tp.partition)
		if s.at != at[name] {
			c.fail("I5: %s ran from %d, behind it stood %d", name, s.at, at[name])
		}
		at[name] = s.next
	}
	for _, in := range c.group().inputs {
		name := in.tp.topic
		if in.route != nil {
			name = in.route.Name + " " + name
		}
		name = fmt.Sprintf("%s/%d", name, in.tp.partition)
		end := c.w.topics[in.tp.topic].parts[in.tp.partition].end
		if at[name] != end {
			c.fail("%s ran to %d and ends at %d", name, at[name], end)
		}
		if in.route != nil && in.route.group.committed[in.tp] != end {
			c.fail("%s is committed at %d and ends at %d", name, in.route.group.committed[in.tp], end)
		}
	}
}

// reference runs the steps again in a world of its own, on the reference evaluator.
func (c *stateChaos) reference(g *stateGroup) *World {
	sink := func(a *Attempt) Reply {
		if a.Outs[0].Alone { // the log has its answer
			return Reply{Answer: deliver.Answer{Class: deliver.Failed, Code: "asked before"}}
		}
		return willing(a)
	}
	w, err := newWorld(statePlan(c.program), Options{Now: c.w.Now(), Partitions: c.w.opts.Partitions, Sink: sink, CompileGroup: ReferenceGroup})
	if err != nil {
		panic(err)
	}
	w.topics, w.names, w.shut = c.w.topics, c.w.names, true
	p := w.start()
	w.known = g.first
	p.assigned()
	w.known = nil // what was added is announced where it was
	p.assigned()
	r := p.task(w.groups[0])
	for _, s := range g.steps {
		if s.of != "" {
			continue
		}
		in := r.inputs[slices.IndexFunc(r.inputs, func(in *input) bool {
			return in.tp == s.tp && (in.route == nil) == (s.route == nil) && (s.route == nil || in.route.Name == s.route.Name)
		})]
		part := &w.topics[s.tp.topic].parts[s.tp.partition]
		var recs []event.Record
		for i := part.from(s.at); i < len(part.recs) && part.recs[i].rec.Offset < s.next; i++ {
			recs = append(recs, part.recs[i].rec)
		}
		err := r.task.Records(in.n, recs, s.next, s.now)
		if err != nil {
			w.breaks("%v", err)
		}
		r.perform()
		for p.exchange() {
		}
		r.persist()
	}
	for _, in := range r.inputs { // nothing is read any more
		in.at = w.topics[in.tp.topic].parts[in.tp.partition].end
	}
	if err := w.Finish(); err != nil {
		w.breaks("%v", err)
	}
	return w
}

// cells are the contents of a store but for positions, intents and held outputs.
// Claims that still count are listed one by one: where the segments of a memory begin
// says only how epochs were cut.
func cells(g *stateGroup, d *disk, p *state.Progress) map[string]string {
	const claim, sum = 16 + 8 + 4, 8
	out := map[string]string{}
	_ = d.Scan(nil, nil, func(key, val []byte) bool { // it cannot fail
		switch key[0] {
		case 'g':
		case 'l':
			s := int(binary.BigEndian.Uint32(key[1:])) - 1
			for b := val[:len(val)-sum]; len(b) > 0; b = b[claim:] {
				cl := dedupe.Claim{At: int64(binary.BigEndian.Uint64(b[16:])), Lag: dedupe.Lag(binary.BigEndian.Uint32(b[24:]))}
				if cl.End(g.States[s].SpanMS*1000) > p.States[s].W {
					out[fmt.Sprintf("claim of %s %x", g.States[s].Name, b[:claim])] = ""
				}
			}
		default:
			out[string(key)] = string(val)
		}
		return true
	})
	return out
}

func (c *stateChaos) sameCells(got, want *disk) {
	g := c.w.groups[0]
	p, err := state.ReadProgress(got, g.Name)
	q, err2 := state.ReadProgress(want, g.Name)
	if err != nil || err2 != nil || p == nil || q == nil {
		c.fail("progress: %v, %v", err, err2)
		return
	}
	c.sameMaps("the cell", cells(g, want, q), cells(g, got, p))
	for i := range p.States {
		if p.States[i] != q.States[i] {
			c.fail("the watermark of %s is %+v, without a crash %+v", p.States[i].Name, p.States[i], q.States[i])
		}
	}
	c.sameMaps("the input", inputTexts(q), inputTexts(p))
}

func inputTexts(p *state.Progress) map[string]string {
	out := map[string]string{}
	for _, in := range p.Inputs {
		out[fmt.Sprintf("%s %x/%d", in.Route, in.Topic[:2], in.Partition)] = fmt.Sprintf("%+v", in)
	}
	return out
}

func (c *stateChaos) sameMaps(what string, want, got map[string]string) {
	for _, k := range slices.Sorted(maps.Keys(want)) {
		if v, ok := got[k]; !ok {
			c.fail("state: %s %q is missing", what, k)
		} else if v != want[k] {
			c.fail("state: %s %q is %s, without a crash %s", what, k, hex.EncodeToString([]byte(v)), hex.EncodeToString([]byte(want[k])))
		}
	}
	for _, k := range slices.Sorted(maps.Keys(got)) {
		if _, ok := want[k]; !ok {
			c.fail("state: %s %q is too much", what, k)
		}
	}
}

// sameAccounts holds I2: the counts are those of the run without a crash.
func (c *stateChaos) sameAccounts(ref *World) {
	got, want := c.group(), ref.procs[0].task(ref.groups[0])
	for i, rt := range got.routes {
		var a, b task.Account
		got.task.Account(i, &a)
		want.task.Account(i, &b)
		if x, y := accountText(&a), accountText(&b); x != y {
			c.fail("I2: the account of %s is\n%s\nwithout a crash\n%s", rt.Name, x, y)
		}
	}
}

func accountText(a *task.Account) string {
	dropped := map[string]uint64{}
	for _, d := range a.Dropped {
		dropped[d.Reason] = d.N
	}
	return fmt.Sprintf("in %d completed %d dropped %v dead %d in flight %d emits %v", a.In, a.Completed, dropped, a.Dead, a.InFlight, a.Emits)
}

// sameOutputs holds every lane of every sink of a route against that of the run
// without a crash: the same outputs, and the first acceptances in the same order
// (I3). What a loss of power had decided anew must have been taken, at any time.
func (c *stateChaos) sameOutputs(ref *World) {
	got, want := c.lanes(c.w, false), c.lanes(ref, false)
	for _, lane := range slices.Sorted(maps.Keys(want)) {
		c.sameLane(lane, want[lane], got[lane])
	}
	for _, lane := range slices.Sorted(maps.Keys(got)) {
		if _, ok := want[lane]; !ok {
			c.fail("%s took %s, which nothing made", lane, texts(got[lane]))
		}
	}
	ids := map[string]bool{}
	for _, l := range c.lanes(c.w, true) {
		for _, o := range l {
			ids[o.id] = true
		}
	}
	for lane, l := range c.lanes(ref, true) {
		for _, o := range l {
			if !ids[o.id] {
				c.fail("lost: %s of %s was never taken", o.what, lane)
			}
		}
	}
}

// mergesKept holds I3 across a merge: where one ordering key has become another, what
// was made of it before is taken before what is made of the other from then on, on each
// connection of a route.
func (c *stateChaos) mergesKept(ref *World) {
	first := map[string]int{}
	for i := range c.w.taken {
		t := &c.w.taken[i]
		if key := t.Route.Name + " " + t.ID; !c.w.undone[emittedID{t.Route.Name, t.ID}] {
			if _, ok := first[key]; !ok {
				first[key] = i
			}
		}
	}
	type lane struct {
		sink string
		lane uint64
	}
	sinks := map[string]bool{}
	last := map[lane]int{} // the latest acceptance of what a lane, and those that became it, had
	what := map[lane]string{}
	floor := map[lane]int{} // what comes now must be behind it
	under := map[lane]string{}
	for _, o := range ref.order {
		if o.merge {
			for sink := range sinks {
				from, into := lane{sink, o.from}, lane{sink, o.lane}
				if n, ok := last[from]; ok && n >= floor[into] {
					floor[into], under[into] = n, what[from]
					c.did[dFence]++
				}
				if n, ok := last[from]; ok && n >= last[into] {
					last[into], what[into] = n, what[from]
				}
			}
			continue
		}
		sinks[o.sink] = true
		at, ok := first[o.route+" "+o.id]
		if !ok {
			continue // refused, or undone
		}
		l := lane{o.sink, o.lane}
		if f, ok := floor[l]; ok && at < f {
			c.fail("I3: %s of %s was taken before %s of who became the same person", o.what, o.route, under[l])
		}
		if n, ok := last[l]; !ok || at > n {
			last[l], what[l] = at, o.what+" of "+o.route
		}
	}
}

type taken struct{ id, what string }

// lanes lists the first acceptances of each lane: those that were undone by a loss of
// power, or the others.
func (c *stateChaos) lanes(w *World, undone bool) map[string][]taken {
	out := map[string][]taken{}
	seen := map[string]bool{}
	for i := range w.taken {
		t := &w.taken[i]
		key := t.Route.Name + " " + t.ID
		if seen[key] {
			if w == c.w {
				c.did[dTwice]++
			}
			continue
		}
		seen[key] = true
		if c.w.undone[emittedID{t.Route.Name, t.ID}] != undone {
			continue
		}
		lane := fmt.Sprintf("%s %s %s", t.Kind, t.Name, t.Route.Name)
		if t.Ordered {
			lane += fmt.Sprintf(" %x", t.Lane)
		} else {
			lane += " " + t.ID
		}
		out[lane] = append(out[lane], taken{t.ID, fmt.Sprintf("%s %x/%d/%d%s %s", t.Emit.ID, t.Origin.Topic[:2], t.Origin.Partition, t.Origin.Offset, t.Origin.Path, t.Body)})
	}
	return out
}

func (c *stateChaos) sameLane(lane string, want, got []taken) {
	if slices.Equal(want, got) {
		return
	}
	ids := func(l []taken) []string {
		var out []string
		for _, o := range l {
			out = append(out, o.id)
		}
		slices.Sort(out)
		return out
	}
	if slices.Equal(ids(want), ids(got)) {
		c.fail("I3: %s took %s, they ran as %s", lane, texts(got), texts(want))
	} else {
		c.fail("%s took %s, without a crash %s", lane, texts(got), texts(want))
	}
}

func texts(l []taken) string {
	var b strings.Builder
	for _, o := range l {
		b.WriteString("\n    " + o.id[max(0, len(o.id)-6):] + " " + o.what)
	}
	return b.String()
}

// sameEnds holds how every record ended, made ones too.
func (c *stateChaos) sameEnds(ref *World) {
	c.sameMaps("the end of", endTexts(ref), endTexts(c.w))
}

func endTexts(w *World) map[string]string {
	out := map[string]string{}
	for _, e := range w.Ends() {
		code := ""
		if e.Fail != nil {
			code = e.Fail.Code.ID
		}
		out[endID{e.Route.Name, e.Origin}.String()+e.Origin.Path] = fmt.Sprintf("%d %s %s %s %v", e.Kind, e.Reason, e.Node, code, e.outs)
	}
	return out
}

// sameLetters holds the letters; after a loss of power there may be more of them, and
// others, of what was decided anew.
func (c *stateChaos) sameLetters(ref *World) {
	text := func(w *World, full bool) map[string]string {
		out := map[string]string{}
		for _, l := range w.letters {
			if _, ok := ref.dead[l.ID]; full {
				out[l.ID] = fmt.Sprintf("%s %s %s %s %s %q", l.Route, l.Class, l.Code, l.Emit, l.Stage, l.Value)
			} else if ok {
				out[l.ID] = ""
			}
		}
		return out
	}
	c.sameMaps("the letter", text(ref, !c.w.powerLost), text(c.w, !c.w.powerLost))
	for _, l := range c.w.letters {
		if l.Class != "processing" {
			c.did[dRefused]++
		}
	}
}
