package state

import (
	"encoding/binary"

	"github.com/sluice-dev/sluice/lang/value"
	"github.com/sluice-dev/sluice/runtime/dedupe"
	"github.com/sluice-dev/sluice/runtime/event"
)

// Spec is one state of a group, as Cells need to know it.
type Spec struct {
	Number uint32 // of its name in the store (Directory)
	// Keep is, of a dedupe memory, the longest `within` of its stages, microseconds;
	// 0 for every other state.
	Keep int64
}

// Cells is the state of one group between its task and the store: one writer, one
// goroutine (I12). States are named by their index in the group.
//
// Records write between Begin and Done or Undo; what they wrote belongs then to
// the epoch at hand, until Seal. Batch gives what is to be stored when the oldest
// epochs have ended, and Persisted forgets it here.
type Cells struct {
	store  Store
	states []cellState

	over   map[string]*versions
	epochs []writes // oldest first; the last may be open
	base   uint64   // number of epochs[0]
	open   bool

	// Of the record that runs.
	undo    []undo
	changes []Change
	claims  []claim
	added   int // bytes

	err error
}

type cellState struct {
	number  uint32
	claims  *dedupe.Table
	keep    int64
	segs    []segment // in the store, oldest first
	nextSeg uint64
	w, told int64

	armed  timerHeap // timers of epochs in flight, and some that are no more
	first  int64     // no timer in the store is due before
	cursor []byte    // and none stands before this key; nil: unknown
}

// versions are the values of one cell by epoch, oldest first.
type versions struct{ list []version }

type version struct {
	epoch uint64
	val   []byte
	gone  bool
}

// writes is what one epoch wrote.
type writes struct {
	cells  []string
	bytes  int
	claims [][]dedupe.Claim // by state; nil where none was made
	w      []int64          // by state: the watermark at its end
}

type undo struct {
	key  string
	prev version // what stood there in this epoch
	had  bool
}

type claim struct {
	state int
	c     dedupe.Claim
}

// Change is a row that a record made another, or removed.
type Change struct {
	State int         // index of the table's
	Value value.Value // what `from changes` reads: { key, old, new, cause }
	Time  value.Value // @time of the record that caused it; nil: none
}

// Limits of what one record may write, below what one transaction of the store
// takes (facts: Badger takes 15 % of its memtable).
const (
	MaxCells = 4000
	MaxBytes = 2 << 20
)

// Open makes the cells of a group over a store and reads the claims of its
// memories.
func Open(store Store, specs []Spec) (*Cells, error) {
	c := &Cells{store: store, over: map[string]*versions{}}
	for _, s := range specs {
		cs := cellState{number: s.Number, keep: s.Keep, w: event.NoMicros, told: event.NoMicros, first: event.NoMicros}
		if s.Keep > 0 {
			cs.claims = dedupe.New(s.Keep)
		}
		c.states = append(c.states, cs)
	}
	for i := range c.states {
		if c.states[i].claims != nil {
			if err := c.load(&c.states[i]); err != nil {
				return nil, err
			}
		}
	}
	return c, nil
}

func stateKey(kind byte, number uint32) []byte {
	return binary.BigEndian.AppendUint32([]byte{kind}, number)
}

// Err is the first error of the store: what records read since is not to be
// trusted, and the record at hand must be undone.
func (c *Cells) Err() error { return c.err }

func (c *Cells) epoch() *writes { return &c.epochs[len(c.epochs)-1] }

func (c *Cells) number() uint64 { return c.base + uint64(len(c.epochs)) - 1 }

// Begin begins a record, and with it an epoch where none is open.
func (c *Cells) Begin() {
	if !c.open {
		c.epochs = append(c.epochs, writes{claims: make([][]dedupe.Claim, len(c.states))})
		c.open = true
	}
	c.undo, c.changes, c.claims, c.added = c.undo[:0], nil, c.claims[:0], 0
}

// Done ends a record whose effects take place. The changes it made are to be run
// behind it.
func (c *Cells) Done() []Change {
	e := c.epoch()
	for _, p := range c.claims {
		s := &c.states[p.state]
		s.claims.Add(p.c, s.w)
		e.claims[p.state] = append(e.claims[p.state], p.c)
		e.bytes += claimSize
	}
	e.bytes += c.added
	c.undo, c.claims = c.undo[:0], c.claims[:0]
	return c.changes
}

// Undo takes everything back that the record wrote (I11); its claims are released.
func (c *Cells) Undo() {
	e := c.epoch()
	for i := len(c.undo) - 1; i >= 0; i-- {
		u := &c.undo[i]
		v := c.over[u.key]
		if u.had {
			v.list[len(v.list)-1] = u.prev
			continue
		}
		v.list = v.list[:len(v.list)-1]
		if len(v.list) == 0 {
			delete(c.over, u.key)
		}
		e.cells = e.cells[:len(e.cells)-1]
	}
	c.undo, c.changes, c.claims = c.undo[:0], nil, c.claims[:0]
}

// Seal ends the epoch at hand and gives its number; every record of the task's
// epoch was Done or Undone. Without an open one it begins and ends an empty one.
func (c *Cells) Seal() uint64 {
	if !c.open {
		c.Begin()
	}
	e := c.epoch()
	e.w = make([]int64, len(c.states))
	for i := range c.states {
		e.w[i] = c.states[i].w
	}
	c.open = false
	return c.number()
}

// Written is what the open epoch has written so far: cells and bytes.
func (c *Cells) Written() (cells, size int) {
	if !c.open {
		return 0, 0
	}
	e := c.epoch()
	return len(e.cells), e.bytes
}

// Full tells whether the record at hand has written more than it may.
func (c *Cells) Full() bool { return len(c.undo) > MaxCells || c.added > MaxBytes }

// Get gives a cell of a state as the record sees it: with its own writes. The
// bytes are not to be changed.
func (c *Cells) Get(s int, key []byte) (val []byte, ok bool) {
	return c.get(append(stateKey('c', c.states[s].number), key...))
}

func (c *Cells) get(key []byte) (val []byte, ok bool) {
	if v := c.over[string(key)]; v != nil {
		last := &v.list[len(v.list)-1]
		return last.val, !last.gone
	}
	val, ok, err := c.store.Get(key)
	if err != nil {
		if c.err == nil {
			c.err = err
		}
		return nil, false
	}
	return val, ok
}

// Put writes a cell; val is not to be changed afterwards.
func (c *Cells) Put(s int, key, val []byte) {
	c.set(append(stateKey('c', c.states[s].number), key...), version{val: val})
}

// Delete removes a cell.
func (c *Cells) Delete(s int, key []byte) {
	c.set(append(stateKey('c', c.states[s].number), key...), version{gone: true})
}

func (c *Cells) set(key []byte, now version) {
	now.epoch = c.number()
	c.added += len(key) + len(now.val)
	k := string(key)
	v := c.over[k]
	if v == nil {
		v = &versions{}
		c.over[k] = v
	}
	if n := len(v.list); n > 0 && v.list[n-1].epoch == now.epoch {
		c.undo = append(c.undo, undo{key: k, prev: v.list[n-1], had: true})
		v.list[n-1] = now
		return
	}
	c.undo = append(c.undo, undo{key: k})
	v.list = append(v.list, now)
	e := c.epoch()
	e.cells = append(e.cells, k)
}

// Tell notes a change that the record made.
func (c *Cells) Tell(ch Change) { c.changes = append(c.changes, ch) }

// Watermark is that of a state, and Told the greatest end that was told while all
// inputs were idle (engine.md, Watermark), both in microseconds; event.NoMicros:
// none yet.
func (c *Cells) Watermark(s int) int64 { return c.states[s].w }

// Told: see Watermark.
func (c *Cells) Told(s int) int64 { return c.states[s].told }

// SetWatermark moves them.
func (c *Cells) SetWatermark(s int, w, told int64) { c.states[s].w, c.states[s].told = w, told }

// Memory is about the bytes that the states hold in memory for good.
func (c *Cells) Memory() int64 {
	n := int64(0)
	for i := range c.states {
		if t := c.states[i].claims; t != nil {
			n += t.Bytes()
		}
	}
	return n
}

// Batch gives the writes of all epochs up to one, as they were at its end.
func (c *Cells) Batch(upto uint64) []Write {
	var out []Write
	seen := map[string]bool{}
	for i := range c.epochs {
		if c.base+uint64(i) > upto {
			break
		}
		for _, k := range c.epochs[i].cells {
			if seen[k] {
				continue
			}
			seen[k] = true
			for _, v := range c.over[k].list {
				if v.epoch > upto {
					break
				}
				w := Write{Key: []byte(k), Val: v.val, Delete: v.gone}
				if v.epoch == c.lastUpto(k, upto) {
					out = append(out, w)
				}
			}
		}
	}
	for s := range c.states {
		out = c.segments(out, s, upto)
	}
	return out
}

// lastUpto is the epoch of the last version of a cell that is not behind upto.
func (c *Cells) lastUpto(k string, upto uint64) uint64 {
	last := uint64(0)
	for _, v := range c.over[k].list {
		if v.epoch <= upto {
			last = v.epoch
		}
	}
	return last
}

// Persisted forgets the writes of all epochs up to one: the store has what Batch
// gave for it.
func (c *Cells) Persisted(upto uint64) {
	n := 0
	for ; n < len(c.epochs) && c.base+uint64(n) <= upto; n++ {
		for _, k := range c.epochs[n].cells {
			v := c.over[k]
			if v == nil {
				continue
			}
			i := 0
			for i < len(v.list) && v.list[i].epoch <= upto {
				i++
			}
			v.list = v.list[i:]
			if len(v.list) == 0 {
				delete(c.over, k)
			}
			c.timerStored([]byte(k))
		}
	}
	for s := range c.states {
		c.segmentsStored(s, n)
	}
	c.epochs = append(c.epochs[:0], c.epochs[n:]...)
	c.base += uint64(n)
}
