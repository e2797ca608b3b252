package sim

import (
	"cmp"
	"encoding/json"
	"fmt"
	"slices"
	"time"

	"github.com/sluice-dev/sluice/runtime/event"
	"github.com/sluice-dev/sluice/runtime/letter"
)

// What must come of a record is written here by hand, from the text of the script:
// the judge knows nothing of op, task or deliver.

// sent is an output as its sink saw it, in words.
type sent struct {
	what string // "orders One in 0/5 k=a mode=ok"
	id   string
	lane string // sink, route, key and source partition
	at   [2]int // offset of the record, and which of its outputs
}

// read reads what a sink took.
func (c *chaos) read(t *Taken) sent {
	s := sent{id: t.ID}
	in := c.where(t.Origin)
	var m struct {
		Event, UserID string
		Properties    struct {
			At, Mode, Of, Pad string
			I                 int
		}
		K, At string
		I     int
	}
	if err := json.Unmarshal(t.Body, &m); err != nil {
		c.fail("a sink took %s: %v", t.Body, err)
		return s
	}
	key := m.UserID
	switch {
	case t.Kind == "kafka":
		key = m.K
		s.what = fmt.Sprintf("%s copy of %s: k=%s i=%d", t.Route.Name, m.At, m.K, m.I)
		if string(t.Key) != m.K {
			c.fail("a copy of %s has the key %q", m.At, t.Key)
		}
		s.at[1] = m.I
	case m.Event == "Three":
		s.what = fmt.Sprintf("%s Three of %s: k=%s of %s i=%d", t.Route.Name, m.Properties.At, m.UserID, m.Properties.Of, m.Properties.I)
	default:
		s.what = fmt.Sprintf("%s %s of %s: k=%s mode=%s", t.Route.Name, m.Event, m.Properties.At, m.UserID, m.Properties.Mode)
	}
	s.lane = fmt.Sprintf("%s %s %s %s/%d", t.Kind, t.Name, t.Route.Name+" "+key, in.topic, in.partition)
	s.at[0] = int(t.Origin.Offset)
	return s
}

func (c *chaos) where(o event.Origin) tp {
	for _, name := range c.w.names {
		if c.w.topics[name].id == o.Topic {
			return tp{name, o.Partition}
		}
	}
	return tp{}
}

// want lists what must have been sent, which letters must stand and which records
// were dropped, each in words and in order of the words.
func (c *chaos) want() (outs, letters, dropped []string) {
	each := func(topic string, do func(at string, value []byte)) {
		for p := range c.w.topics[topic].parts {
			for _, l := range c.w.topics[topic].parts[p].recs {
				do(fmt.Sprintf("%d/%d", p, l.rec.Offset), l.rec.Value)
			}
		}
	}
	add := func(to *[]string, format string, a ...any) { *to = append(*to, fmt.Sprintf(format, a...)) }
	each("in", func(at string, b []byte) {
		var r record
		if err := json.Unmarshal(b, &r); err != nil {
			c.fail("input %s: %v", at, err)
		}
		if r.Mode == "refuse" {
			add(&letters, "signals delivery of in %s: 400 track Two", at)
		} else {
			add(&outs, "signals Two of %s: k=%s mode=%s", at, r.K, r.Mode)
		}
		switch r.Mode {
		case "drop":
			add(&dropped, "orders in %s: unwanted", at)
			return
		case "fail":
			add(&letters, "orders processing of in %s: E0413 ", at)
			return
		case "big":
			add(&letters, "orders processing of in %s: E0432 ", at)
			return
		case "refuse":
			add(&letters, "orders delivery of in %s: 400 track One", at)
		default:
			add(&outs, "orders One of %s: k=%s mode=%s", at, r.K, r.Mode)
		}
		for _, i := range r.Items {
			if i == unwelcome {
				add(&letters, "orders delivery of in %s: MESSAGE_TOO_LARGE topic copies", at)
			} else {
				add(&outs, "orders copy of %s: k=%s i=%d", at, r.K, i)
			}
		}
	})
	each("copies", func(at string, b []byte) {
		var m struct {
			K, At string
			I     int
		}
		if err := json.Unmarshal(b, &m); err != nil {
			c.fail("copy %s: %v", at, err)
		}
		add(&outs, "copies Three of %s: k=%s of %s i=%d", at, m.K, m.At, m.I)
	})
	slices.Sort(outs)
	slices.Sort(letters)
	slices.Sort(dropped)
	return outs, letters, dropped
}

// judge holds what sinks and topics saw against what must have come.
func (c *chaos) judge() {
	wantOuts, wantLetters, wantDropped := c.want()
	var outs, letters, dropped []string
	ids := map[string]string{}
	last := map[string][2]int{}
	for i := range c.w.taken {
		s := c.read(&c.w.taken[i])
		if id, again := ids[s.what]; again {
			c.did[doubled]++
			if id != s.id {
				c.fail("I4: %s was sent as %s and as %s", s.what, id, s.id)
			}
			continue
		}
		ids[s.what] = s.id
		outs = append(outs, s.what)
		if before, ok := last[s.lane]; ok && (s.at[0] < before[0] || s.at[0] == before[0] && s.at[1] <= before[1]) {
			c.fail("I3: %s came first behind offset %d, output %d of %s", s.what, before[0], before[1], s.lane)
		}
		last[s.lane] = s.at
	}
	for _, l := range c.w.letters {
		at := c.where(l.Origin)
		letters = append(letters, fmt.Sprintf("%s %s of %s %d/%d: %s %s", l.Route, l.Class, at.topic, at.partition, l.Origin.Offset, l.Code, l.Emit))
	}
	for _, e := range c.w.ended {
		if e.Kind == event.Dropped {
			at := c.where(e.Origin)
			dropped = append(dropped, fmt.Sprintf("%s %s %d/%d: %s", e.Route.Name, at.topic, at.partition, e.Origin.Offset, e.Reason))
		}
	}
	c.same("output", wantOuts, outs)
	c.same("letter", wantLetters, letters)
	c.same("dropped", wantDropped, dropped)
	for _, rt := range c.w.routes {
		for _, name := range c.w.names {
			for i := range c.w.topics[name].parts {
				if end := c.w.topics[name].parts[i].end; rt.reads(name) && rt.group.committed[tp{name, int32(i)}] != end {
					c.fail("%s has committed %d of %s/%d, which ends at %d", rt.Name, rt.group.committed[tp{name, int32(i)}], name, i, end)
				}
			}
		}
	}
}

func (c *chaos) same(what string, want, got []string) {
	slices.Sort(got)
	for len(want) > 0 || len(got) > 0 {
		switch {
		case len(got) == 0 || len(want) > 0 && cmp.Less(want[0], got[0]):
			c.fail("missing %s: %s", what, want[0])
			want = want[1:]
		case len(want) == 0 || cmp.Less(got[0], want[0]):
			c.fail("unexpected %s: %s", what, got[0])
			got = got[1:]
		default:
			want, got = want[1:], got[1:]
		}
	}
}

// neighbours holds I8: while some outputs are poison, everything else that was
// released gets through, though they share its requests, its slots and its key.
// Others must succeed meanwhile: where nothing does, nobody can tell a poisoned
// request from a sink that is away.
func (c *chaos) neighbours() {
	for range 60 {
		c.produce(record{K: fmt.Sprintf("n%d", c.rng.IntN(9)), Mode: "ok"})
		c.w.Advance(5 * time.Second)
	}
	sick := map[string]bool{}
	for _, p := range c.w.topics["in"].parts {
		for _, l := range p.recs {
			var r record
			if json.Unmarshal(l.rec.Value, &r) == nil && r.Mode == "poison" {
				sick[r.K] = true
			}
		}
	}
	if len(sick) > 0 {
		c.did[poisoned]++
	}
	var stuck []string
	for _, p := range c.w.procs {
		for _, src := range p.made {
			if src.r.ended {
				continue
			}
			at := src.r.inputs[0].tp
			part := &c.w.topics[at.topic].parts[at.partition]
			key := string(part.recs[part.from(src.of.origin.Offset)].rec.Key)
			if src.of.route == "orders" && sick[key] {
				continue
			}
			m := c.w.ended[c.w.ends[src.of]].outs[src.nth]
			if _, ok := c.w.firstTaken[takenID{src.of, src.nth}]; !ok && !c.w.hasLetter(src.route.Route.Route, src.of.origin, m.emit+"\x00"+m.id) {
				stuck = append(stuck, fmt.Sprintf("I8: output %d of %s, key %s, waits for a neighbour that is poison", src.nth, src.of, key))
			}
		}
	}
	slices.Sort(stuck)
	c.problems = append(c.problems, stuck...)
	for _, l := range c.w.letters {
		if l.Class == letter.Delivery && l.Code == "503" {
			c.fail("I8: a poisoned output was given up")
		}
	}
}
