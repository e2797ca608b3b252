package sim

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/sluice-dev/sluice/runtime/event"
	"github.com/sluice-dev/sluice/runtime/kafka"
	"github.com/sluice-dev/sluice/runtime/letter"
	"github.com/sluice-dev/sluice/runtime/state"
)

// Letters stand in a topic of the world where a route reads them, and what it replays in
// the replay log of theirs.

// replayLogs makes those that something needs.
func (w *World) replayLogs() {
	for _, rt := range w.routes {
		for _, of := range w.routes {
			if rt.Source.Dead == of.Route.Route && of.replays == "" {
				of.replays = kafka.ReplayTopic(w.app, of.Name)
				w.topic(of.replays).parts = make([]partition, 1)
			}
		}
	}
}

// replays tells whether it is a replay log.
func (in *input) replays() bool { return in.route != nil && in.tp.topic == in.route.replays }

// again is what stands behind the path of a record that runs as the replay of a letter:
// its ends are told apart by it.
func again(round int) string { return "#" + strconv.Itoa(round) }

// firstTime is the origin itself, and the round.
func firstTime(o event.Origin) (event.Origin, int) {
	path, round, ok := strings.Cut(o.Path, "#")
	if !ok {
		return o, 0
	}
	n, err := strconv.Atoi(round)
	if err != nil {
		panic("sim: a path with a round that is none: " + o.Path)
	}
	o.Path = path
	return o, n
}

// post appends a letter to its dead topic, where anybody reads that.
func (w *World) post(x *write, rec *letter.Record, in int, repeat bool) {
	rt := x.route()
	topic := kafka.DeadTopic(w.app, rt.Name)
	t := w.topics[topic]
	if t == nil {
		return
	}
	p := kafka.PartitionOf(rec.Key, int32(len(t.parts)))
	if rec.PartitionKey != nil {
		p = kafka.PartitionOf(rec.PartitionKey, int32(len(t.parts)))
	}
	at := rec.Timestamp
	if at == event.NoTime || at > w.now/1e6 {
		at = w.now / 1e6
	}
	w.append(Input{Topic: topic, Key: rec.Key, Value: slices.Clone(rec.Value), Headers: cloned(rec.Headers), Partition: &p, Timestamp: at}, in, repeat)
}

// unbury puts the tombstone of a letter behind it.
func (w *World) unbury(x *write, rec *letter.Record) {
	id := string(rec.Key)
	w.logf("ended    %s: letter %s, %s", x.r, id, letter.Cause(rec.Headers))
	in := 0
	if i, ok := w.dead[id]; ok {
		in = w.letters[i].In
	} else if !w.stands(rec.Topic, rec.Partition, id) { // of what a loss of power has undone
		w.breaks("a tombstone of the letter %s, which nobody wrote", id)
		return
	}
	w.over[id] = true
	w.append(Input{Topic: rec.Topic, Key: rec.Key, Headers: cloned(rec.Headers), Partition: &rec.Partition, Timestamp: w.now / 1e6}, in, true)
}

// stands tells whether a letter is in its topic.
func (w *World) stands(topic string, partition int32, id string) bool {
	t := w.topics[topic]
	return t != nil && slices.ContainsFunc(t.parts[partition].recs, func(l logged) bool { return string(l.rec.Key) == id && l.rec.Value != nil })
}

func cloned(hs []event.Header) []event.Header {
	out := slices.Clone(hs)
	for i := range out {
		out[i].Value = slices.Clone(out[i].Value)
	}
	return out
}

// route is the one whose letter it is.
func (x *write) route() *route {
	for _, rt := range x.r.routes {
		if rt.Name == x.letter.Route {
			return rt
		}
	}
	panic("sim: a letter of a route that its task does not run")
}

// replayed gives the cause of a record that is replayed: that of the record of the
// replay log.
func (w *World) replayed(r *event.Replay) cause {
	o, err := letter.ParseOrigin(r.At)
	if err != nil {
		panic("sim: " + err.Error())
	}
	for _, rt := range w.routes {
		if t := w.topics[rt.replays]; rt.replays != "" && t.id == o.Topic {
			p := &t.parts[o.Partition]
			l := &p.recs[p.from(o.Offset)]
			return cause{l.in, l.repeat}
		}
	}
	panic(fmt.Sprintf("sim: a replay came from %s, which is no replay log", r.At))
}

// replayEnd finds the end of the record whose replay failed and made a letter.
func (w *World) replayEnd(l *letter.Letter) (int, bool) {
	for o := l.Origin; ; {
		id := endID{l.Route, o}
		id.origin.Path += again(l.Round)
		if i, ok := w.ends[id]; ok || o.Path == "" {
			return i, ok
		}
		o.Path = o.Path[:strings.LastIndexAny(o.Path, "/~")]
	}
}

// settledReplays holds I1 for a replay log: the letter of each record has ended, or the
// store has what waits for its end.
func (w *World) settledReplays(in *input, from, to int64) {
	part := &w.topics[in.tp.topic].parts[in.tp.partition]
	for i := part.from(from); i < len(part.recs) && part.recs[i].rec.Offset < to; i++ {
		id := string(part.recs[i].rec.Key)
		if !w.over[id] && !in.r.keeps(id) {
			w.breaks("I1: the replay of %s is committed, and the letter has not ended", id)
		}
	}
}

// keeps tells whether the store has a record or an output of a letter that is replayed.
func (r *running) keeps(id string) bool {
	if r.group == nil {
		return false
	}
	of := func(x *event.Replay) bool { return x != nil && x.Letter == id }
	ps, err := state.ReadParked(r.group.disk, r.group.Name)
	if err == nil && slices.ContainsFunc(ps, func(p state.Parked) bool { return of(p.Replay) }) {
		return true
	}
	hs, err := state.ReadHeld(r.group.disk, r.group.Name)
	return err == nil && slices.ContainsFunc(hs, func(h state.Held) bool { return of(h.Replay) })
}
