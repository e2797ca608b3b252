package task

import (
	"bytes"
	"fmt"
	"slices"
	"time"

	"github.com/sluice-dev/sluice/lang/diag"
	"github.com/sluice-dev/sluice/lang/token"
	"github.com/sluice-dev/sluice/lang/value"
	"github.com/sluice-dev/sluice/runtime/event"
	"github.com/sluice-dev/sluice/runtime/letter"
	"github.com/sluice-dev/sluice/runtime/state"
)

// The replay log of a route is an input of it like its sources. A
// letter of class processing runs again as the record that it is, under its origin and so
// with its ids; one of class delivery is the output that was refused and is sent as it
// was. Where it ends its tombstone is written, and a letter of the next round before it
// where it failed again; what waits for these is the epoch, like for any letter.
//
// A letter and its round may come twice: the route that reads letters appended it twice,
// or a person did. In a group the second is known by a cell that is written where the
// first ends, and judged each time that it runs. Without state it runs again, with the
// same ids.

// one runs a record that came from an input other than the own log.
func (t *Task) one(e *epoch, in *input, rec *event.Record, clock time.Time) {
	switch {
	case in.Replay:
		t.replayed(e, in.Route, rec, clock)
	case rec.Value == nil && t.readsDead(in.Route): // a letter that has ended
	default:
		t.run(e, in, in.Route, rec, clock)
	}
}

// replayed runs a record of a replay log.
func (t *Task) replayed(e *epoch, route int, rec *event.Record, clock time.Time) {
	r, err := letter.DecodeReplay(rec.Key, rec.Value, rec.Headers)
	if err != nil {
		t.noReplay(e, route, rec, err)
		return
	}
	about := r.About(rec)
	if t.replayEnded(route, about.Letter) {
		return // a repeat
	}
	if r.Class == letter.Delivery {
		t.resend(e, route, r, about)
		return
	}
	back, why := t.original(route, r)
	if why != "" {
		t.refuse(e, route, &r.Letter, about, why)
		return
	}
	back.Replay = about
	t.run(e, nil, route, &back, clock)
}

// original is the record that a letter is of; why says why there is none.
func (t *Task) original(route int, r *letter.Replay) (rec event.Record, why string) {
	if why := r.Refused(); why != "" {
		return rec, why
	}
	if r.Made == nil {
		rec = event.Record{
			Topic: r.Topic, TopicID: r.Origin.Topic, Partition: r.Origin.Partition, Offset: r.Origin.Offset,
			Key: r.Key, Value: bytes.Clone(r.Value), Headers: cloneHeaders(r.Headers), Timestamp: r.Time,
		}
		if rec.Topic == "" {
			rec.Topic = t.topicOf(route, rec.TopicID)
		}
		return rec, ""
	}
	rec, err := t.cfg.Runner.Unpark(route, r.Made)
	if err != nil {
		return rec, "the program was changed since: " + err.Error()
	}
	if r.Corrected && rec.Made != nil {
		v, bad := value.DecodeJSON(r.Value)
		if bad != nil {
			return rec, "its value is no JSON: " + bad.Error()
		}
		made := *rec.Made
		made.Value, rec.Made = v, &made
	}
	return rec, ""
}

// topicOf names the topic of a letter that does not.
func (t *Task) topicOf(route int, id event.TopicID) string {
	for _, in := range t.inputs {
		if in.Route == route && in.TopicID == id {
			return in.Topic
		}
	}
	if s := t.cfg.Routes[route].Source; len(s.Topics) == 1 {
		return s.Topics[0].Name
	}
	return ""
}

// resend makes the output of a letter of class delivery anew. Nothing is run.
func (t *Task) resend(e *epoch, route int, r *letter.Replay, about *event.Replay) {
	emit := emitIndex(t.cfg.Routes[route], r.Emit)
	why := r.Refused()
	if why == "" && emit < 0 {
		why = fmt.Sprintf("the route has no `%s` any more", r.Emit)
	}
	if why != "" {
		t.refuse(e, route, &r.Letter, about, why)
		return
	}
	a := &e.acct[route]
	a.In++
	a.Completed++
	e.origin(&event.Record{TopicID: r.Origin.Topic, Partition: r.Origin.Partition, Offset: r.Origin.Offset, Key: r.Order, Made: &event.Made{Path: r.Origin.Path}})
	headers := []byte(nil)
	for _, h := range r.Headers {
		headers = event.AppendHeader(headers, h.Key, h.Value)
	}
	person := ""
	if i := slices.IndexFunc(r.Persons, letter.IsPerson); i >= 0 {
		person = r.Persons[i]
	}
	o := e.arena.Next()
	*o = event.Output{
		Arena: &e.arena, Route: int32(route), Emit: int32(emit), Lane: r.Output.Lane, Ordered: r.Output.Ordered,
		Tombstone: r.Value == nil, NoKey: r.Key == nil, Record: int32(len(e.origins) - 1), Index: int32(len(e.arena.Outs) - 1),
		Logged: event.NoTime, Time: r.Time, Group: r.Output.Group, RetryMS: r.Output.RetryMS, Round: int32(about.Round),
	}
	for _, p := range [...]struct {
		at  *event.Bytes
		val []byte
	}{{&o.ID, []byte(r.Output.ID)}, {&o.Target, []byte(r.Target)}, {&o.Key, r.Key}, {&o.Body, r.Value}, {&o.Headers, headers}, {&o.Person, []byte(person)}} {
		p.at.Start = uint32(len(e.arena.Buf))
		e.arena.Buf = append(e.arena.Buf, p.val...)
		p.at.End = uint32(len(e.arena.Buf))
	}
	if t.fences.counts && o.Ordered {
		t.fences.waiting[t.lane(o)]++
	}
	if e.replays == nil {
		e.replays = map[int32]*event.Replay{}
	}
	e.replays[o.Index] = about
	t.endReplay(e, route, about.Letter)
}

// noReplay writes the letter of a record of a replay log that nobody can read.
func (t *Task) noReplay(e *epoch, route int, rec *event.Record, err error) {
	end := event.Outcome{Kind: event.Failed, Stage: "replay", Fail: diag.Failf(diag.NotReplayed, token.Span{}, "a record of the replay log %s cannot be read: %v", rec.Topic, err)}
	a := &e.acct[route]
	a.In++
	a.InFlight++
	t.failed(e, route, rec, &end)
}

// refuse writes the letter of a replay that cannot run, with all that it held, in the
// place of the one before.
func (t *Task) refuse(e *epoch, route int, was *letter.Letter, about *event.Replay, why string) {
	l := *was
	l.Round, l.Route, l.Attempts = about.Round, t.cfg.Routes[route].Name, was.Attempts+1
	l.ID = t.letterID(route, &l)
	l.Code, l.Message, l.Help, l.Span, l.Excerpt = diag.NotReplayed.ID, "this letter cannot be replayed: "+why, "", "", ""
	l.Value, l.Headers = bytes.Clone(l.Value), cloneHeaders(l.Headers)
	if l.Order == nil {
		l.Order = l.Key
	}
	a := &e.acct[route]
	a.In++
	a.InFlight++
	size := int64(len(l.Value) + len(l.Made) + recordOverhead)
	e.bytes += size
	t.bytes += size
	e.letters = append(e.letters, &pending{letter: l, route: route, output: -1})
	t.replayOver(e, route, about)
}

func (t *Task) letterID(route int, l *letter.Letter) string {
	emit := ""
	if l.Class == letter.Delivery {
		emit = l.Emit + "\x00" + l.Output.ID
	}
	return letter.ID(t.cfg.Routes[route].IDName(), l.Origin, emit, l.Round)
}

// replayOver ends the replay of a record: its letter is gone, and another of it is a
// repeat.
func (t *Task) replayOver(e *epoch, route int, about *event.Replay) {
	t.endReplay(e, route, about.Letter)
	e.letters = append(e.letters, &pending{letter: letter.End(about), route: route, output: -1, gone: true})
}

// replayEnded tells whether a letter was replayed and has ended.
func (t *Task) replayEnded(route int, id string) bool {
	if t.cells == nil {
		return false
	}
	return t.replays[id] || t.cells.Has(state.ReplayedKey(t.cfg.Routes[route].IDName(), id))
}

// endReplay notes that it has.
func (t *Task) endReplay(e *epoch, route int, id string) {
	if t.cells == nil {
		return
	}
	if t.replays == nil {
		t.replays = map[string]bool{}
	}
	t.replays[id] = true
	e.replayed = append(e.replayed, id)
	t.parkWrite(e, state.Write{Key: state.ReplayedKey(t.cfg.Routes[route].IDName(), id), Val: []byte{1}})
}

// replaysStored forgets what the store has now.
func (t *Task) replaysStored(e *epoch) {
	for _, id := range e.replayed {
		delete(t.replays, id)
	}
}

// again judges a parked record anew that was replayed: meanwhile the same letter may have
// ended elsewhere.
func (t *Task) again(e *epoch, p *parked) bool {
	if p.Replay == nil || !t.replayEnded(p.key.route, p.Replay.Letter) {
		return false
	}
	t.unlist(p)
	t.parkedEnd(e, p)
	e.acct[p.key.route].In-- // it was counted when it was parked, and is none
	return true
}

// buried ends an output of a letter that was replayed; the sink has it, or a letter of the
// next round is written: what is left is the tombstone.
func (t *Task) buried(e *epoch, out int32, dead bool) bool {
	about := e.replays[out]
	if about == nil {
		return false
	}
	e.letters = append(e.letters, &pending{letter: letter.End(about), route: int(e.arena.Outs[out].Route), output: out, gone: true, dead: dead})
	t.produce(e, len(e.letters)-1)
	return true
}

// dropped ends a letter that a route of `from dead` drops.
func (t *Task) dropped(e *epoch, route int, rec *event.Record, end *event.Outcome) {
	if end.Stage != "drop" || rec.Made != nil || !t.readsDead(route) {
		return
	}
	o := event.Origin{Topic: rec.TopicID, Partition: rec.Partition, Offset: rec.Offset}
	e.letters = append(e.letters, &pending{
		letter: letter.Letter{ID: string(rec.Key), Gone: &letter.Gone{Cause: letter.Dropped + letter.Origin(o), Topic: rec.Topic, Partition: rec.Partition}},
		route:  route, output: -1, gone: true,
	})
}

// wayBack is what it takes to run a record that the engine made at its place, should its
// letter be replayed; empty where that cannot be written down.
func (t *Task) wayBack(route int, rec *event.Record) []byte {
	b, err := t.cfg.Runner.Park(route, rec)
	if err != nil {
		return []byte{}
	}
	return b
}

// readsDead tells whether a route reads dead letters.
func (t *Task) readsDead(route int) bool {
	s := t.cfg.Routes[route].Source
	return s != nil && s.Dead != nil
}
