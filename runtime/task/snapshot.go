package task

import (
	"encoding/json"
	"slices"
	"time"

	"github.com/sluice-dev/sluice/runtime/event"
	"github.com/sluice-dev/sluice/runtime/schedule"
	"github.com/sluice-dev/sluice/runtime/state"
)

// A route of `from table` runs once for each row at every planned tick. That a tick
// is due is told on the own log; what is read of that is the tick, and one not behind
// the last is a repeat. A record that tells of ticks is the last of its slice, and
// while the rows of one are read nothing else of the group runs: so the rows are a
// snapshot, and are the same wherever epochs are cut (I13). Where one is cut the
// progress holds the last key, and a start goes on behind it.

// Schedules are when the routes of `from table` are due, by route.
type Schedules map[string]*schedule.Schedule

// snapshot is the schedule of one route and the rows that it is reading.
type snapshot struct {
	state.Tick
	route int // -1: the program has it no more
	table int // index of the table's state
	rows  []state.RowCell
	asked int64 // the tick asked for last, microseconds
	at    int64 // and when, nanoseconds
}

// openTicks takes up the schedules where the progress left them.
func (t *Task) openTicks(p *Progress) {
	for i, r := range t.cfg.Routes {
		if t.cfg.Schedules[r.IDName()] == nil {
			continue
		}
		s := &snapshot{route: i, table: t.cfg.Group.Index(r.Source.Table.State), asked: event.NoMicros}
		s.Tick = state.Tick{Route: r.IDName(), Due: event.NoMicros}
		t.ticks = append(t.ticks, s)
	}
	if p.New() {
		return
	}
	for _, tick := range p.p.Ticks {
		i := slices.IndexFunc(t.ticks, func(s *snapshot) bool { return s.Route == tick.Route })
		if i < 0 {
			t.ticks = append(t.ticks, &snapshot{Tick: state.Tick{Route: tick.Route, Due: tick.Due, Ran: tick.Ran}, route: -1})
			continue
		}
		s := t.ticks[i]
		if s.Tick = tick; tick.Under && tick.State != t.cfg.Group.States[s.table].Name {
			s.Under = false // of a table that the route reads no more
		}
	}
}

// Schedule has ticks that are due told on the own log: of each route the latest, of
// one that is new where its schedule begins. To be called every now and then; what was
// told and is not read is told again.
func (t *Task) Schedule(now int64) {
	if t.state != Running && t.state != Paused {
		return
	}
	for _, s := range t.ticks {
		if s.route < 0 {
			continue
		}
		it := tickItem{Route: s.Route, Due: now / 1000, Begin: true}
		if s.Due != event.NoMicros {
			it.Due, it.Begin = t.cfg.Schedules[s.Route].Last(time.Unix(0, now)).UnixMicro(), false
			if it.Due <= s.Due {
				continue
			}
		}
		if s.asked != event.NoMicros && (it.Begin || it.Due <= s.asked) && now-s.at < int64(IdleAfter) {
			continue
		}
		s.asked, s.at = it.Due, now
		t.plans = append(t.plans, it)
	}
}

// NextTick is the first planned tick behind an instant, nanoseconds; false where
// no route has any.
func (t *Task) NextTick(behind int64) (at int64, ok bool) {
	for _, s := range t.ticks {
		if s.route < 0 {
			continue
		}
		if n := t.cfg.Schedules[s.Route].After(time.Unix(0, behind)).UnixNano(); !ok || n < at {
			at, ok = n, true
		}
	}
	return at, ok
}

// tickItem is a tick of a route as the own log tells it.
type tickItem struct {
	Route string `json:"route"`
	Due   int64  `json:"due"` // planned, microseconds
	Begin bool   `json:"begin,omitempty"`
}

// TickNote is the record of an own log that says a tick of a route is due, for whoever
// wants one out of turn; due in microseconds.
func TickNote(route string, due int64) []byte {
	b, err := json.Marshal(&note{Version: noteVersion, Ticks: []tickItem{{Route: route, Due: due}}})
	if err != nil {
		panic("task: " + err.Error()) // numbers and texts
	}
	return b
}

// ticked takes a tick that the own log told of.
func (t *Task) ticked(it *tickItem, rec *event.Record, clock time.Time) {
	i := slices.IndexFunc(t.ticks, func(s *snapshot) bool { return s.Route == it.Route })
	if i < 0 || t.ticks[i].route < 0 {
		return
	}
	s := t.ticks[i]
	if it.Due < s.Due || it.Due == s.Due && (s.Ran || it.Begin) || it.Begin && s.Due != event.NoMicros {
		return // a repeat
	}
	s.Due, s.Ran = it.Due, !it.Begin
	if it.Begin {
		return
	}
	s.Under, s.State, s.Offset, s.Now, s.After = true, t.cfg.Group.States[s.table].Name, rec.Offset, clock.UnixNano(), nil
	s.rows = nil
	// What no input leads to has no other time than this.
	for j, st := range t.cfg.Group.States {
		if m := &t.marks[j]; len(st.Leads) == 0 && it.Due > m.w {
			m.w = it.Due
			m.tell = m.w
			t.cells.SetWatermark(j, m.w, m.told)
		}
	}
}

// piece is the end of what may run of a slice at once: of the own log, the position
// behind the first record that tells of ticks.
func (t *Task) piece(in *input, rs []event.Record, next int64) int64 {
	if !in.Own || len(t.ticks) == 0 {
		return next
	}
	for i := range rs {
		var n note
		if json.Unmarshal(rs[i].Value, &n) == nil && len(n.Ticks) > 0 {
			return rs[i].Offset + 1
		}
	}
	return next
}

// reading is the snapshot whose rows are being read; nil for none. Of several the
// first by the name of its route goes first.
func (t *Task) reading() *snapshot {
	for _, s := range t.ticks {
		if s.Under && s.route >= 0 {
			return s
		}
	}
	return nil
}

// sweep runs rows of the snapshots that are under way, as far as the caps allow; true
// when none is left.
func (t *Task) sweep(now int64) bool {
	for s := t.reading(); s != nil; s = t.reading() {
		// A task that is Closing leaves the rest to the next start.
		if t.over(pauseAt) || t.state != Running {
			return false
		}
		e := t.open(nil)
		more := t.rows(e, s)
		if t.state == Failed {
			return false
		}
		s.Under = more
		if !more {
			s.rows, s.After, s.State = nil, nil, ""
		}
		t.seal(e, now)
	}
	return true
}

// rows runs rows of a snapshot until the epoch or a cap is full; false when none is left.
func (t *Task) rows(e *epoch, s *snapshot) (more bool) {
	clock := time.Unix(0, s.Now).UTC()
	own := t.inputs[slices.IndexFunc(t.inputs, func(in *input) bool { return in.Own })]
	for !t.full(e) && !t.over(pauseAt) {
		if len(s.rows) == 0 {
			s.rows = t.cells.Rows(s.table, s.After)
			if t.broken() || len(s.rows) == 0 {
				return false
			}
		}
		row := &s.rows[0]
		s.rows, s.After = s.rows[1:], row.Key
		t.family.cells, t.family.bytes = t.cells.Written()
		rec := t.cfg.Runner.Row(s.route, s.Due, row.Key, row.Val)
		if rec == nil {
			e.fired++ // past its age; it is work all the same
			continue
		}
		rec.Topic, rec.TopicID, rec.Partition, rec.Offset = own.Topic, own.TopicID, own.Partition, s.Offset
		rec.Timestamp = s.Due / 1000
		if e.records == 0 {
			e.oldest = rec.Timestamp
		}
		e.records++
		t.records++
		if t.cfg.RanRow != nil {
			t.cfg.RanRow(own.index, s.Offset, s.Route, row.Key, s.Now)
		}
		if t.run(e, nil, s.route, rec, clock); t.state == Failed {
			return false
		}
	}
	return true
}

// storedTicks is what the progress says of the schedules, as of now.
func (t *Task) storedTicks(dst []state.Tick) []state.Tick {
	for _, s := range t.ticks {
		if s.Due != event.NoMicros {
			dst = append(dst, s.Tick)
		}
	}
	return dst
}
