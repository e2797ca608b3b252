package state

import (
	"cmp"
	"encoding/binary"
	"fmt"
	"slices"

	"github.com/sluice-dev/sluice/runtime/event"
)

// Progress is where a group stands, as of the end of an epoch: it is written in the
// transaction of that epoch's cells, so that no record is ever processed against
// state that holds an effect of it (I5).
type Progress struct {
	Inputs []InputProgress
	States []Mark
	Routes []RouteCount
	// NextHeld numbers the next held output, and the next parked record. It is part of the state, so that no key
	// is ever used twice.
	NextHeld uint64
	// Firing is set where the epoch ended between timers that were all due: the rest
	// of them is told before anything else runs.
	Firing Firing
	// Ticks are, by route, those of routes that a schedule drives.
	Ticks []Tick
	// Fences are those that wait for held outputs.
	Fences []Fence
}

// Fence keeps outputs of the lane Into back while an output of the lane From is held:
// two people became one. Via is the connection of both.
type Fence struct {
	Via        string
	From, Into uint64
}

// SortFences puts fences in order.
func SortFences(fs []Fence) {
	slices.SortFunc(fs, func(a, b Fence) int {
		return cmp.Or(cmp.Compare(a.Via, b.Via), cmp.Compare(a.From, b.From), cmp.Compare(a.Into, b.Into))
	})
}

// Tick is the last planned tick of a route, and how far its snapshot has been read.
type Tick struct {
	Route string // its oldest name
	Due   int64  // planned, microseconds
	Ran   bool   // false: nothing ran, the schedule began there
	// Under: the rows of the state that is named so, behind the key After (nil: all), are
	// still to be run, as of the record at Offset of the own log, under its Now
	// (nanoseconds). Where no state is named it is the ticks in After, microseconds in
	// eight bytes each.
	Under  bool
	State  string
	Offset int64
	Now    int64
	After  []byte
}

// Firing is what made timers due: the step of an input, and the now that it saw,
// nanoseconds since 1970. A zero Now is none.
type Firing struct {
	Now       int64
	Topic     event.TopicID
	Partition int32
	Offset    int64
}

// InputName names an input of a group for ever: a partition of a topic as one route
// reads it. Route is the route's oldest name, "" for the group's own log.
type InputName struct {
	Route     string
	Topic     event.TopicID
	Partition int32
}

// InputProgress is how far one input has run.
type InputProgress struct {
	InputName
	Next int64 // position behind the last record that has run
	// Arrived and Timed are the greatest @time of its records, on arrival and below a
	// `time by`; event.NoMicros: none has spoken.
	Arrived, Timed int64
	Idle           Idle
}

// Idle says that an input was run to its end: at position At nothing new was there,
// as a fetch at Clock (microseconds) saw. The zero Idle is none.
type Idle struct{ At, Clock int64 }

// Mark is the watermark of one state, microseconds.
type Mark struct {
	Name    string
	W, Told int64
	// Ended is up to when its timers have been ended.
	Ended int64
}

// RouteCount is the account of one route (I2).
type RouteCount struct {
	Route          string // its oldest name
	In, Done, Dead uint64
	Dropped        []DroppedCount
	Emits          []EmitCount
}

// DroppedCount counts the records that a route dropped for one reason.
type DroppedCount struct {
	Reason string
	N      uint64
}

// EmitCount is the account of one emit.
type EmitCount struct {
	Emit                          string // its id
	Emitted, Accepted, Dead, Held uint64
}

// Intent is one slice that was run, or is about to be: a start runs it again in the
// order of the numbers and under the same now (I13).
type Intent struct {
	No          uint64
	Input       InputName
	First, Last int64 // positions: of the first record, and behind the last
	Now         int64 // nanoseconds since 1970
}

// Held is an output that waits longer than its epoch should.
type Held struct {
	No     uint64
	Route  string // oldest name
	Emit   string // id
	Origin event.Origin
	// Order is the key of the record that made it: its letter is partitioned by it.
	// nil: none.
	Order     []byte
	Lane      uint64
	Ordered   bool
	Tombstone bool
	NoKey     bool
	Logged    int64
	Time      int64
	NotBefore int64
	Group     uint64 // event.Output.Group

	ID, Target, Key, Body, Headers []byte
	// Person is the id of whom it is about; empty: of nobody who is known.
	Person []byte
	Replay *event.Replay // of a letter that was replayed; nil elsewhere
}

// Parked is a record that waits for the answer of a call, or behind one that does.
type Parked struct {
	// Order puts the parked records of a group in the order in which they run: eight
	// bytes of a running number, behind those of the record whose child it is, where that
	// one was parked.
	Order   []byte
	Route   string // oldest name
	Lane    uint64 // of the ordering key that it waits under
	Ordered bool   // false: it has none, and waits alone
	Record  []byte // as the runner wrote it
	At      int64  // its least @time, microseconds; event.NoMicros: it has none
	Call    *ParkedCall
	Answers []ParkedAnswer
	Replay  *event.Replay // of a letter that was replayed; nil elsewhere
}

// ParkedCall is the call that a parked record waits for.
type ParkedCall struct {
	Stage     string // key of the stage
	ID        string // of the call within the record
	Name      []byte // of the call wherever: the id of what is sent
	Target    []byte
	Body      []byte
	Headers   []byte
	Group     uint64
	NotBefore int64
	RetryMS   int64
}

// ParkedAnswer is the answer of one call of a record.
type ParkedAnswer struct {
	ID string
	event.Answer
}

// groupKey is the beginning of all keys of a group.
func groupKey(group string, kind byte) []byte {
	return append(append(append([]byte{'g'}, group...), 0), kind)
}

// ProgressKey is the key of a group's progress.
func ProgressKey(group string) []byte { return groupKey(group, 'a') }

// IntentKey is the key of an intent.
func IntentKey(group string, no uint64) []byte {
	return binary.BigEndian.AppendUint64(groupKey(group, 'i'), no)
}

// HeldKey is the key of a held output.
func HeldKey(group string, no uint64) []byte {
	return binary.BigEndian.AppendUint64(groupKey(group, 'h'), no)
}

// ParkedKey is the key of a parked record.
func ParkedKey(group string, order []byte) []byte { return append(groupKey(group, 'p'), order...) }

// ReadProgress reads where a group stands; nil where it has never run.
func ReadProgress(s Store, group string) (*Progress, error) {
	val, ok, err := s.Get(ProgressKey(group))
	if err != nil || !ok {
		return nil, err
	}
	p, err := decodeProgress(val)
	if err != nil {
		return nil, fmt.Errorf("progress of the group %s: %w", group, err)
	}
	return p, nil
}

// ReadIntents reads the intents of a group, in the order of their numbers.
func ReadIntents(s Store, group string) ([]Intent, error) {
	var out []Intent
	err := scanGroup(s, group, 'i', func(no uint64, val []byte) error {
		r := reader{b: val}
		in := Intent{No: no, Input: r.input(), First: r.int(), Last: r.int(), Now: r.int()}
		out = append(out, in)
		return r.end()
	})
	if err != nil {
		return nil, fmt.Errorf("intents of the group %s: %w", group, err)
	}
	return out, nil
}

// ReadHeld reads the held outputs of a group, in the order of their numbers.
func ReadHeld(s Store, group string) ([]Held, error) {
	var out []Held
	err := scanGroup(s, group, 'h', func(no uint64, val []byte) error {
		r := reader{b: val}
		h := r.held()
		h.No = no
		out = append(out, h)
		return r.end()
	})
	if err != nil {
		return nil, fmt.Errorf("held outputs of the group %s: %w", group, err)
	}
	return out, nil
}

// ReadParked reads the parked records of a group, in their order.
func ReadParked(s Store, group string) ([]Parked, error) {
	var out []Parked
	var bad error
	prefix := groupKey(group, 'p')
	err := s.Scan(prefix, nil, func(key, val []byte) bool {
		r := reader{b: val}
		p := r.parked()
		p.Order = slices.Clone(key[len(prefix):])
		out = append(out, p)
		if bad = r.end(); bad == nil && (len(p.Order) == 0 || len(p.Order)%8 != 0) {
			bad = fmt.Errorf("%w: key %x", ErrDamaged, key)
		}
		return bad == nil
	})
	if err = cmp.Or(bad, err); err != nil {
		return nil, fmt.Errorf("parked records of the group %s: %w", group, err)
	}
	return out, nil
}

func scanGroup(s Store, group string, kind byte, each func(no uint64, val []byte) error) error {
	prefix := groupKey(group, kind)
	var bad error
	err := s.Scan(prefix, nil, func(key, val []byte) bool {
		if len(key) != len(prefix)+8 {
			bad = fmt.Errorf("%w: key %x", ErrDamaged, key)
			return false
		}
		bad = each(binary.BigEndian.Uint64(key[len(prefix):]), val)
		return bad == nil
	})
	if bad != nil {
		return bad
	}
	return err
}

// groupFormat leads every value of a group: another one was written by a version
// that this one cannot read.
const groupFormat = 1

// AppendProgress encodes p.
func AppendProgress(dst []byte, p *Progress) []byte {
	dst = append(dst, groupFormat)
	dst = binary.AppendUvarint(dst, uint64(len(p.Inputs)))
	for i := range p.Inputs {
		in := &p.Inputs[i]
		dst = appendInput(dst, &in.InputName)
		for _, n := range [...]int64{in.Next, in.Arrived, in.Timed, in.Idle.At, in.Idle.Clock} {
			dst = binary.AppendVarint(dst, n)
		}
	}
	dst = binary.AppendUvarint(dst, uint64(len(p.States)))
	for i := range p.States {
		m := &p.States[i]
		dst = appendText(dst, m.Name)
		dst = binary.AppendVarint(dst, m.W)
		dst = binary.AppendVarint(dst, m.Told)
		dst = binary.AppendVarint(dst, m.Ended)
	}
	dst = binary.AppendUvarint(dst, uint64(len(p.Routes)))
	for i := range p.Routes {
		rc := &p.Routes[i]
		dst = appendText(dst, rc.Route)
		for _, n := range [...]uint64{rc.In, rc.Done, rc.Dead, uint64(len(rc.Dropped))} {
			dst = binary.AppendUvarint(dst, n)
		}
		for _, d := range rc.Dropped {
			dst = appendText(dst, d.Reason)
			dst = binary.AppendUvarint(dst, d.N)
		}
		dst = binary.AppendUvarint(dst, uint64(len(rc.Emits)))
		for _, e := range rc.Emits {
			dst = appendText(dst, e.Emit)
			for _, n := range [...]uint64{e.Emitted, e.Accepted, e.Dead, e.Held} {
				dst = binary.AppendUvarint(dst, n)
			}
		}
	}
	dst = binary.AppendUvarint(dst, p.NextHeld)
	f := &p.Firing
	dst = binary.AppendVarint(dst, f.Now)
	dst = append(dst, f.Topic[:]...)
	dst = binary.AppendVarint(dst, int64(f.Partition))
	dst = binary.AppendVarint(dst, f.Offset)
	// Behind what stores had before there were ticks: without any, nothing is written.
	for i := range p.Ticks {
		dst = appendTick(dst, &p.Ticks[i])
	}
	for i := range p.Fences {
		f := &p.Fences[i]
		dst = appendText(append(dst, isFence), f.Via)
		dst = binary.BigEndian.AppendUint64(binary.BigEndian.AppendUint64(dst, f.From), f.Into)
	}
	return dst
}

const (
	tickRan = 1 << iota
	tickUnder
	tickAfter
	isFence // no tick
)

func appendTick(dst []byte, t *Tick) []byte {
	flags := byte(0)
	if t.Ran {
		flags |= tickRan
	}
	if t.Under {
		flags |= tickUnder
	}
	if t.After != nil {
		flags |= tickAfter
	}
	dst = appendText(append(dst, flags), t.Route)
	dst = appendText(binary.AppendVarint(dst, t.Due), t.State)
	dst = binary.AppendVarint(binary.AppendVarint(dst, t.Offset), t.Now)
	return appendText(dst, string(t.After))
}

func (r *reader) tick(flags byte) Tick {
	t := Tick{
		Ran: flags&tickRan != 0, Under: flags&tickUnder != 0,
		Route: r.text(), Due: r.int(), State: r.text(), Offset: r.int(), Now: r.int(),
	}
	if after := r.text(); flags&tickAfter != 0 {
		t.After = []byte(after)
	}
	return t
}

func decodeProgress(b []byte) (*Progress, error) {
	r := reader{b: b}
	r.format()
	p := &Progress{}
	for range r.count() {
		p.Inputs = append(p.Inputs, InputProgress{InputName: r.name(), Next: r.int(), Arrived: r.int(), Timed: r.int(), Idle: Idle{At: r.int(), Clock: r.int()}})
	}
	for range r.count() {
		p.States = append(p.States, Mark{Name: r.text(), W: r.int(), Told: r.int(), Ended: r.int()})
	}
	for range r.count() {
		rc := RouteCount{Route: r.text(), In: r.uint(), Done: r.uint(), Dead: r.uint()}
		for range r.count() {
			rc.Dropped = append(rc.Dropped, DroppedCount{Reason: r.text(), N: r.uint()})
		}
		for range r.count() {
			rc.Emits = append(rc.Emits, EmitCount{Emit: r.text(), Emitted: r.uint(), Accepted: r.uint(), Dead: r.uint(), Held: r.uint()})
		}
		p.Routes = append(p.Routes, rc)
	}
	p.NextHeld = r.uint()
	p.Firing = Firing{Now: r.int(), Topic: r.topic(), Partition: int32(r.int()), Offset: r.int()}
	for len(r.b) > 0 {
		if flags := r.byte(); flags&isFence == 0 {
			p.Ticks = append(p.Ticks, r.tick(flags))
			continue
		}
		f := Fence{Via: r.text()}
		if b := r.take(16); b != nil {
			f.From, f.Into = binary.BigEndian.Uint64(b), binary.BigEndian.Uint64(b[8:])
		}
		p.Fences = append(p.Fences, f)
	}
	return p, r.end()
}

// AppendIntent encodes an intent; its number stands in its key.
func AppendIntent(dst []byte, in *Intent) []byte {
	dst = append(dst, groupFormat)
	dst = appendInput(dst, &in.Input)
	for _, n := range [...]int64{in.First, in.Last, in.Now} {
		dst = binary.AppendVarint(dst, n)
	}
	return dst
}

const (
	heldOrdered = 1 << iota
	heldTombstone
	heldNoKey
	heldHasOrder
	heldHasPerson // its id stands at the end
	heldReplays   // the replay behind it
	heldGrouped   // its group behind that
)

// AppendHeld encodes a held output; its number stands in its key.
func AppendHeld(dst []byte, h *Held) []byte {
	flags := byte(0)
	for _, f := range [...]struct {
		on   bool
		flag byte
	}{{h.Ordered, heldOrdered}, {h.Tombstone, heldTombstone}, {h.NoKey, heldNoKey}, {h.Order != nil, heldHasOrder}, {len(h.Person) > 0, heldHasPerson}, {h.Replay != nil, heldReplays}, {h.Group != 0, heldGrouped}} {
		if f.on {
			flags |= f.flag
		}
	}
	dst = append(dst, groupFormat, flags)
	dst = appendText(dst, h.Route)
	dst = appendText(dst, h.Emit)
	dst = append(dst, h.Origin.Topic[:]...)
	dst = binary.AppendVarint(dst, int64(h.Origin.Partition))
	dst = binary.AppendVarint(dst, h.Origin.Offset)
	dst = appendText(dst, h.Origin.Path)
	dst = binary.BigEndian.AppendUint64(dst, h.Lane)
	for _, n := range [...]int64{h.Logged, h.Time, h.NotBefore} {
		dst = binary.AppendVarint(dst, n)
	}
	for _, b := range [...][]byte{h.Order, h.ID, h.Target, h.Key, h.Body, h.Headers} {
		dst = binary.AppendUvarint(dst, uint64(len(b)))
		dst = append(dst, b...)
	}
	if len(h.Person) > 0 {
		dst = append(binary.AppendUvarint(dst, uint64(len(h.Person))), h.Person...)
	}
	if h.Replay != nil {
		dst = appendReplay(dst, h.Replay)
	}
	if h.Group != 0 {
		dst = binary.BigEndian.AppendUint64(dst, h.Group)
	}
	return dst
}

func (r *reader) held() Held {
	r.format()
	flags := r.byte()
	h := Held{
		Ordered: flags&heldOrdered != 0, Tombstone: flags&heldTombstone != 0, NoKey: flags&heldNoKey != 0,
		Route: r.text(), Emit: r.text(),
	}
	h.Origin = event.Origin{Topic: r.topic(), Partition: int32(r.int()), Offset: r.int(), Path: r.text()}
	if b := r.take(8); b != nil {
		h.Lane = binary.BigEndian.Uint64(b)
	}
	h.Logged, h.Time, h.NotBefore = r.int(), r.int(), r.int()
	for _, b := range [...]*[]byte{&h.Order, &h.ID, &h.Target, &h.Key, &h.Body, &h.Headers} {
		*b = append([]byte{}, r.take(r.count())...)
	}
	if flags&heldHasOrder == 0 {
		h.Order = nil
	}
	if flags&heldHasPerson != 0 {
		h.Person = append([]byte{}, r.take(r.count())...)
	}
	if flags&heldReplays != 0 {
		h.Replay = r.replay()
	}
	if flags&heldGrouped != 0 {
		if b := r.take(8); b != nil {
			h.Group = binary.BigEndian.Uint64(b)
		}
	}
	return h
}

const (
	parkedOrdered = 1 << iota
	parkedCalls
	parkedReplays
)

// AppendParked encodes a parked record; its order stands in its key.
func AppendParked(dst []byte, p *Parked) []byte {
	flags := byte(0)
	if p.Ordered {
		flags |= parkedOrdered
	}
	if p.Call != nil {
		flags |= parkedCalls
	}
	if p.Replay != nil {
		flags |= parkedReplays
	}
	dst = append(dst, groupFormat, flags)
	dst = appendText(dst, p.Route)
	dst = binary.BigEndian.AppendUint64(dst, p.Lane)
	dst = binary.AppendVarint(dst, p.At)
	dst = appendText(dst, p.Record)
	if c := p.Call; c != nil {
		dst = appendText(appendText(dst, c.Stage), c.ID)
		for _, b := range [...][]byte{c.Name, c.Target, c.Body, c.Headers} {
			dst = appendText(dst, b)
		}
		dst = binary.BigEndian.AppendUint64(dst, c.Group)
		dst = binary.AppendVarint(binary.AppendVarint(dst, c.NotBefore), c.RetryMS)
	}
	dst = binary.AppendUvarint(dst, uint64(len(p.Answers)))
	for i := range p.Answers {
		a := &p.Answers[i]
		dst = appendText(dst, a.ID)
		dst = binary.AppendVarint(binary.AppendVarint(dst, int64(a.Status)), a.At)
		dst = binary.BigEndian.AppendUint64(dst, a.Sum)
		dst = appendText(appendText(dst, a.Fault), a.Body)
		dst = binary.AppendUvarint(dst, uint64(len(a.Headers)))
		for _, h := range a.Headers {
			dst = appendText(appendText(dst, h.Key), h.Value)
		}
	}
	if p.Replay != nil {
		dst = appendReplay(dst, p.Replay)
	}
	return dst
}

func (r *reader) parked() Parked {
	r.format()
	flags := r.byte()
	p := Parked{Ordered: flags&parkedOrdered != 0, Route: r.text()}
	if b := r.take(8); b != nil {
		p.Lane = binary.BigEndian.Uint64(b)
	}
	p.At, p.Record = r.int(), r.bytes()
	if flags&parkedCalls != 0 {
		c := &ParkedCall{Stage: r.text(), ID: r.text(), Name: r.bytes(), Target: r.bytes(), Body: r.bytes(), Headers: r.bytes()}
		if b := r.take(8); b != nil {
			c.Group = binary.BigEndian.Uint64(b)
		}
		c.NotBefore, c.RetryMS = r.int(), r.int()
		p.Call = c
	}
	for range r.count() {
		a := ParkedAnswer{ID: r.text()}
		a.Status, a.At = int(r.int()), r.int()
		if b := r.take(8); b != nil {
			a.Sum = binary.BigEndian.Uint64(b)
		}
		a.Fault, a.Body = r.text(), r.bytes()
		for range r.count() {
			a.Headers = append(a.Headers, event.Header{Key: r.text(), Value: r.bytes()})
		}
		p.Answers = append(p.Answers, a)
	}
	if flags&parkedReplays != 0 {
		p.Replay = r.replay()
	}
	return p
}

// bytes is a text that is kept as bytes.
func (r *reader) bytes() []byte { return slices.Clone(r.take(r.count())) }

func appendInput(dst []byte, n *InputName) []byte {
	dst = appendText(dst, n.Route)
	dst = append(dst, n.Topic[:]...)
	return binary.AppendVarint(dst, int64(n.Partition))
}

// reader reads what the functions above wrote. After the first fault everything it
// gives is zero, and end tells.
type reader struct {
	b   []byte
	bad error
}

func (r *reader) fail(what string) {
	if r.bad == nil {
		r.bad = fmt.Errorf("%w: %s", ErrDamaged, what)
	}
	r.b = nil
}

func (r *reader) format() {
	if f := r.byte(); r.bad == nil && f != groupFormat {
		r.fail(fmt.Sprintf("format %d is not known, only %d", f, groupFormat))
	}
}

func (r *reader) take(n int) []byte {
	if n < 0 || n > len(r.b) {
		r.fail("a value is cut")
		return nil
	}
	b := r.b[:n:n]
	r.b = r.b[n:]
	return b
}

func (r *reader) byte() byte {
	if b := r.take(1); b != nil {
		return b[0]
	}
	return 0
}

func (r *reader) uint() uint64 {
	n, size := binary.Uvarint(r.b)
	if size <= 0 {
		r.fail("a number is cut")
		return 0
	}
	r.b = r.b[size:]
	return n
}

func (r *reader) int() int64 {
	n, size := binary.Varint(r.b)
	if size <= 0 {
		r.fail("a number is cut")
		return 0
	}
	r.b = r.b[size:]
	return n
}

// count reads a length: no more than there are bytes left.
func (r *reader) count() int {
	n := r.uint()
	if n > uint64(len(r.b)) {
		r.fail("a length is too long")
		return 0
	}
	return int(n)
}

func (r *reader) text() string { return string(r.take(r.count())) }

func (r *reader) name() InputName {
	return InputName{Route: r.text(), Topic: r.topic(), Partition: int32(r.int())}
}

func (r *reader) topic() (id event.TopicID) {
	copy(id[:], r.take(len(id)))
	return id
}

// input is the name at the head of an intent.
func (r *reader) input() InputName {
	r.format()
	return r.name()
}

func (r *reader) end() error {
	if r.bad == nil && len(r.b) > 0 {
		r.fail(fmt.Sprintf("%d bytes too many", len(r.b)))
	}
	return r.bad
}
