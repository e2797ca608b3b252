package task

import (
	"encoding/binary"
	"encoding/json"
	"slices"
	"time"

	"github.com/zeebo/xxh3"

	"github.com/sluice-dev/sluice/lang/value"
	"github.com/sluice-dev/sluice/runtime/event"
	"github.com/sluice-dev/sluice/runtime/schedule"
	"github.com/sluice-dev/sluice/runtime/state"
)

// A route of `from every` runs once at every planned tick, one of `from table` once for
// each row. That a tick is due is told on the own log; what is read of that is the
// tick, and one not behind the last is a repeat: so whoever runs the group, and
// however often it is told, a planned tick is one record. A record that tells of ticks is
// the last of its slice, and while they, or the rows of one, are run nothing else of the
// group does: so the rows are a snapshot, and all is the same wherever epochs are cut
// (I13). Where one is cut the progress holds the ticks that are left, or the last key,
// and a start goes on behind it.

// Schedules are when the routes of `from every` and `from table` are due, by route.
type Schedules map[string]*schedule.Schedule

// snapshot is the schedule of one route and the rows that it is reading.
type snapshot struct {
	state.Tick
	route int // -1: the program has it no more
	table int // index of the table's state; none: the ticks themselves are the records
	most  int // how many missed ticks are made
	rows  []state.RowCell
	asked int64 // the tick asked for last, microseconds
	at    int64 // and when, nanoseconds
}

// none is the table of a route of `from every`.
const none = -1

// openTicks takes up the schedules where the progress left them.
func (t *Task) openTicks(p *Progress) {
	for i, r := range t.cfg.Routes {
		if t.cfg.Schedules[r.IDName()] == nil {
			continue
		}
		s := &snapshot{route: i, table: none, most: max(1, r.Source.Tick.CatchUp), asked: event.NoMicros}
		if r.Source.Table != nil {
			s.table = t.cfg.Group.Index(r.Source.Table.State)
		}
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
		reads := "" // a schedule alone reads no state
		if s.table != none {
			reads = t.cfg.Group.States[s.table].Name
		}
		if s.Tick = tick; tick.Under && tick.State != reads {
			s.Under, s.After = false, nil // of a table that the route reads no more
		}
	}
}

// Schedule has ticks that are due told on the own log: of each route the latest, or as
// many as it catches up with, of one that is new where its schedule begins. To be called
// every now and then; what was told and is not read is told again.
func (t *Task) Schedule(now int64) {
	if t.state != Running && t.state != Paused {
		return
	}
	for _, s := range t.ticks {
		if s.route < 0 {
			continue
		}
		begin, last := s.Due == event.NoMicros, now/1000
		if !begin {
			last = t.cfg.Schedules[s.Route].Last(time.Unix(0, now)).UnixMicro()
			if last <= s.heard() {
				continue
			}
		}
		if s.asked != event.NoMicros && (begin || last <= s.asked) && now-s.at < int64(IdleAfter) {
			continue
		}
		s.asked, s.at = last, now
		if begin {
			t.plans = append(t.plans, tickItem{Route: s.Route, Due: last, Begin: true})
			continue
		}
		for _, due := range t.missed(s, last) {
			t.plans = append(t.plans, tickItem{Route: s.Route, Due: due})
		}
	}
}

// missed lists the planned ticks behind the last that was read, up to one, as far as
// they are made, in order.
func (t *Task) missed(s *snapshot, last int64) []int64 {
	due := []int64{last}
	for len(due) < s.most {
		before := t.cfg.Schedules[s.Route].Last(time.UnixMicro(due[len(due)-1] - 1)).UnixMicro()
		if before <= s.heard() {
			break
		}
		due = append(due, before)
	}
	slices.Reverse(due)
	return due
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

// heard is the last tick that was read, run or not.
func (s *snapshot) heard() int64 {
	if n := len(s.After); s.table == none && n > 0 {
		return dueOf(s.After[n-dueBytes:])
	}
	return s.Due
}

// ticked takes a tick that the own log told of.
func (t *Task) ticked(it *tickItem, rec *event.Record, clock time.Time) {
	i := slices.IndexFunc(t.ticks, func(s *snapshot) bool { return s.Route == it.Route })
	if i < 0 || t.ticks[i].route < 0 {
		return
	}
	s := t.ticks[i]
	if last := s.heard(); it.Due < last || it.Due == last && (s.Ran || s.Under || it.Begin) || it.Begin && last != event.NoMicros {
		return // a repeat
	}
	if it.Begin {
		s.Due = it.Due
		return
	}
	if s.table == none {
		// The ones before it, of the same record, come first.
		if !s.Under {
			t.reached(it.Due)
		}
		s.After = appendDue(s.After[:len(s.After):len(s.After)], it.Due)
	} else {
		t.reached(it.Due)
		s.Due, s.Ran = it.Due, true
		s.State, s.After, s.rows = t.cfg.Group.States[s.table].Name, nil, nil
	}
	s.Under, s.Offset, s.Now = true, rec.Offset, clock.UnixNano()
}

// reached moves the watermarks to a tick, of what no input leads to: it has no other
// time than this. What is parked holds them as it does others.
func (t *Task) reached(due int64) {
	for j, st := range t.cfg.Group.States {
		if len(st.Leads) > 0 {
			continue
		}
		if m, w := &t.marks[j], t.behindParked(j, due); w > m.w {
			m.w = w
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
		more := false
		if s.table == none {
			more = t.dues(e, s)
		} else {
			more = t.rows(e, s)
		}
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
	for !t.full(e) && !t.over(pauseAt) {
		if len(s.rows) == 0 {
			s.rows = t.cells.Rows(s.table, s.After)
			if t.broken() || len(s.rows) == 0 {
				return false
			}
		}
		row := &s.rows[0]
		s.rows, s.After = s.rows[1:], row.Key
		rec := t.cfg.Runner.Row(s.route, s.Due, row.Key, row.Val)
		if rec == nil {
			e.fired++ // past its age; it is work all the same
			continue
		}
		own := t.own()
		rec.Topic, rec.TopicID, rec.Partition, rec.Offset = own.Topic, own.TopicID, own.Partition, s.Offset
		rec.Timestamp = s.Due / 1000
		if t.swept(e, s, rec, row.Key); t.state == Failed {
			return false
		}
	}
	return true
}

// dues runs ticks of a route of `from every` until the epoch or a cap is full; false
// when none is left.
func (t *Task) dues(e *epoch, s *snapshot) (more bool) {
	for len(s.After) > 0 && !t.full(e) && !t.over(pauseAt) {
		key := s.After[:dueBytes]
		due := dueOf(key)
		rec := tickRecord(&s.Tick, due)
		t.reached(due)
		s.Due, s.Ran, s.After = due, true, s.After[dueBytes:]
		if t.swept(e, s, rec, key); t.state == Failed {
			return false
		}
	}
	return len(s.After) > 0
}

// swept runs one record of a snapshot.
func (t *Task) swept(e *epoch, s *snapshot, rec *event.Record, key []byte) {
	t.family.cells, t.family.bytes = t.cells.Written()
	if e.records == 0 {
		e.oldest = rec.Timestamp
	}
	e.records++
	t.records++
	if t.cfg.RanRow != nil {
		t.cfg.RanRow(t.own().index, s.Offset, s.Route, key, s.Now)
	}
	t.run(e, nil, s.route, rec, time.Unix(0, s.Now).UTC())
}

// own is the group's own log.
func (t *Task) own() *input {
	return t.inputs[slices.IndexFunc(t.inputs, func(in *input) bool { return in.Own })]
}

// tickRecord is the record that a tick is, behind the one before it. Its origin is made
// of the route and the planned time: so it is the same for ever, whatever told of it.
func tickRecord(before *state.Tick, due int64) *event.Record {
	at, previous := time.UnixMicro(due).UTC(), value.Value(nil)
	if before.Ran {
		previous = time.UnixMicro(before.Due).UTC()
	}
	return &event.Record{
		TopicID: xxh3.Hash128([]byte("every" + before.Route)).Bytes(), Offset: due, Timestamp: due / 1000,
		Made: &event.Made{Kind: event.Tick, Time: at, Value: value.NewObject(value.Field{Key: "time", Value: at}, value.Field{Key: "previous", Value: previous})},
	}
}

// dueBytes is what a planned time takes where ticks are left to run.
const dueBytes = 8

func appendDue(dst []byte, due int64) []byte { return binary.BigEndian.AppendUint64(dst, uint64(due)) }

func dueOf(b []byte) int64 { return int64(binary.BigEndian.Uint64(b)) }

// storedTicks is what the progress says of the schedules, as of now.
func (t *Task) storedTicks(dst []state.Tick) []state.Tick {
	for _, s := range t.ticks {
		if s.Due != event.NoMicros || s.Under {
			dst = append(dst, s.Tick)
		}
	}
	return dst
}
