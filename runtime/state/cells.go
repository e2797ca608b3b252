package state

import (
	"encoding/binary"
	"slices"

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
	// Resident says that all its cells live in memory, where they are read without the
	// store: what is asked for with every record, keys that are not there among it.
	Resident bool
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
	index  map[uint32]int // of the states, by number

	over   map[string]*cell // what epochs in flight have written
	recent recent           // what the store has, of cells used last
	free   []*cell          // to be used again, and so are
	used   []writes
	epochs []writes // oldest first; the last may be open
	base   uint64   // number of epochs[0]
	open   bool
	stamp  uint64 // of the last Batch

	// Of the claims of dedupe memories (claims.go).
	batched    uint64   // up to which epoch the last Batch was
	spare      [][]byte // buffers of epochs that were persisted
	budget     *dedupe.Budget
	overBudget bool

	// Of the record that runs.
	key     []byte // of the cell at hand, in the store
	undo    []undo
	changes []Change
	claims  []claim
	added   int // bytes

	err error
}

type cellState struct {
	number  uint32
	memory  *memory // of a dedupe memory; nil: none
	index   *index  // of a resident state: what the store has; nil: none
	w, told int64
	counts  Counts

	timers timers
}

// cell is one cell that epochs in flight have written.
type cell struct {
	key   string // in the store
	list  []version
	stamp uint64 // of the Batch that has it
}

// version is a cell as an epoch left it. A cell has one of each epoch that wrote it,
// oldest first.
type version struct {
	epoch uint64
	val   []byte
	gone  bool
}

func (c *cell) last() *version { return &c.list[len(c.list)-1] }

// writes is what one epoch wrote.
type writes struct {
	cells  []*cell
	bytes  int
	claims []fresh // by state
	w      []int64 // by state: the watermark at its end
}

type undo struct {
	c    *cell
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
	// Person is whom it is about, as `as p` binds them: as they were, where they are no
	// more. nil: whoever the row's key names when the change runs.
	Person value.Value
}

// Limits of what one record may write, below what one transaction of the store
// takes (facts: Badger takes 15 % of its memtable).
const (
	MaxCells = 4000
	MaxBytes = 2 << 20
)

// Open makes the cells of a group over a store, and reads the claims of its memories
// and the cells of its resident states.
func Open(store Store, specs []Spec) (*Cells, error) { return OpenIn(nil, store, specs) }

// OpenIn is Open with the memory counted in a budget from the first byte, until
// Release; nil: in none.
func OpenIn(b *dedupe.Budget, store Store, specs []Spec) (*Cells, error) {
	c := &Cells{store: store, over: map[string]*cell{}, index: map[uint32]int{}}
	for i, s := range specs {
		c.index[s.Number] = i
		cs := cellState{number: s.Number, w: event.NoMicros, told: event.NoMicros, timers: timers{more: true}}
		if s.Keep > 0 {
			cs.memory = &memory{table: dedupe.New(s.Keep), keep: s.Keep}
		}
		if s.Resident {
			cs.index = newIndex()
		}
		c.states = append(c.states, cs)
	}
	if b != nil {
		c.Charge(b)
	}
	for i := range c.states {
		if err := c.loadState(&c.states[i]); err != nil {
			c.Release()
			return nil, err
		}
	}
	return c, nil
}

func (c *Cells) loadState(s *cellState) error {
	switch {
	case s.memory != nil:
		return c.load(s)
	case s.index != nil:
		prefix := stateKey('c', s.number)
		return c.store.Scan(prefix, nil, func(key, val []byte) bool {
			s.index.put(key[len(prefix):], val)
			return true
		})
	}
	return nil
}

func stateKey(kind byte, number uint32) []byte {
	return binary.BigEndian.AppendUint32([]byte{kind}, number)
}

// Err is the first error of the store: what records read since is not to be
// trusted, and the record at hand must be undone.
func (c *Cells) Err() error { return c.err }

// fail takes an error of the store down.
func (c *Cells) fail(err error) {
	if c.err == nil {
		c.err = err
	}
}

func (c *Cells) epoch() *writes { return &c.epochs[len(c.epochs)-1] }

func (c *Cells) number() uint64 { return c.base + uint64(len(c.epochs)) - 1 }

// Begin begins a record, and with it an epoch where none is open.
func (c *Cells) Begin() {
	if !c.open {
		e := writes{claims: make([]fresh, len(c.states)), w: make([]int64, len(c.states))}
		if n := len(c.used); n > 0 {
			e, c.used = c.used[n-1], c.used[:n-1]
		}
		c.epochs = append(c.epochs, e)
		c.open = true
	}
	c.undo, c.changes, c.claims, c.added = c.undo[:0], nil, c.claims[:0], 0
}

// Done ends a record whose effects take place. The changes it made are to be run
// behind it.
func (c *Cells) Done() []Change {
	e := c.epoch()
	e.bytes += c.claimed(e) + c.added
	c.undo = c.undo[:0]
	return c.changes
}

// Undo takes everything back that the record wrote (I11); its claims are released.
func (c *Cells) Undo() {
	e := c.epoch()
	for i := len(c.undo) - 1; i >= 0; i-- {
		u := &c.undo[i]
		if u.had {
			*u.c.last() = u.prev
		} else {
			*u.c.last() = version{}
			u.c.list = u.c.list[:len(u.c.list)-1]
			e.cells = e.cells[:len(e.cells)-1]
		}
		if u.c.key[0] == timerKind {
			c.timerUndone(u.c)
		}
		c.dropEmpty(u.c)
	}
	c.undo, c.changes, c.claims = c.undo[:0], nil, c.claims[:0]
}

// dropEmpty forgets a cell that no epoch in flight has written any more.
func (c *Cells) dropEmpty(cl *cell) {
	if len(cl.list) > 0 || cl.key == "" {
		return
	}
	delete(c.over, cl.key)
	cl.key = ""
	if len(c.free) < maxFree {
		c.free = append(c.free, cl)
	}
}

// How many cells and epochs are kept to be used again.
const (
	maxFree = 4 * MaxCells
	maxUsed = 8
)

// Seal ends the epoch at hand and gives its number; every record of the task's
// epoch was Done or Undone. Without an open one it begins and ends an empty one.
func (c *Cells) Seal() uint64 {
	if !c.open {
		c.Begin()
	}
	e := c.epoch()
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

// Full tells whether the record at hand has written more than it may. Its claims
// count as cells: each new one is held against all of them.
func (c *Cells) Full() bool { return len(c.undo)+len(c.claims) > MaxCells || c.added > MaxBytes }

// at makes the key of a cell in the store, in a buffer that stands until the next.
func (c *Cells) at(s int, key []byte) []byte {
	c.key = binary.BigEndian.AppendUint32(append(c.key[:0], 'c'), c.states[s].number)
	c.key = append(c.key, key...)
	return c.key
}

// Get gives a cell of a state as the record sees it: with its own writes. The
// bytes are not to be changed.
func (c *Cells) Get(s int, key []byte) (val []byte, ok bool) {
	n := &c.states[s].counts
	n.Reads++
	if val, ok = c.get(s, c.at(s, key)); ok {
		n.Hits++
	}
	return val, ok
}

func (c *Cells) get(s int, key []byte) (val []byte, ok bool) {
	if cl := c.over[string(key)]; cl != nil {
		v := cl.last()
		return v.val, !v.gone
	}
	if x := c.states[s].index; x != nil {
		return x.get(key[cellHead:])
	}
	if v, ok := c.recent.get(key); ok {
		return v.val, !v.gone
	}
	val, ok, err := c.store.Get(key)
	if err != nil {
		c.fail(err)
		return nil, false
	}
	c.recent.put(string(key), version{val: val, gone: !ok})
	return val, ok
}

// Put writes a cell; val is not to be changed afterwards.
func (c *Cells) Put(s int, key, val []byte) {
	c.states[s].counts.Writes++
	c.set(c.at(s, key), version{val: val})
}

// Delete removes a cell.
func (c *Cells) Delete(s int, key []byte) {
	c.states[s].counts.Evictions++
	c.set(c.at(s, key), version{gone: true})
}

func (c *Cells) set(key []byte, now version) *cell {
	now.epoch = c.number()
	c.added += len(key) + len(now.val)
	cl := c.over[string(key)]
	if cl == nil {
		cl = c.cell(string(key))
	}
	if n := len(cl.list); n > 0 && cl.list[n-1].epoch == now.epoch {
		c.undo = append(c.undo, undo{c: cl, prev: cl.list[n-1], had: true})
		cl.list[n-1] = now
		return cl
	}
	c.undo = append(c.undo, undo{c: cl})
	cl.list = append(cl.list, now)
	e := c.epoch()
	e.cells = append(e.cells, cl)
	return cl
}

func (c *Cells) cell(key string) *cell {
	var cl *cell
	if n := len(c.free); n > 0 {
		cl = c.free[n-1]
		c.free = c.free[:n-1]
	} else {
		cl = &cell{}
	}
	cl.key = key
	c.over[key] = cl
	return cl
}

// Tell notes a change that the record made.
func (c *Cells) Tell(ch Change) { c.changes = append(c.changes, ch) }

// Watermark is that of a state, and Told the greatest end that was told while all
// inputs were idle, both in microseconds; event.NoMicros:
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
		if m := c.states[i].memory; m != nil {
			n += m.table.Bytes()
		}
		if x := c.states[i].index; x != nil {
			n += x.bytes
		}
	}
	return n
}

// Batch gives the writes of all epochs up to one, as they were at its end.
func (c *Cells) Batch(upto uint64) []Write {
	c.stamp++
	n, size := 0, 0
	for i := range c.upto(upto) {
		for _, cl := range c.epochs[i].cells {
			if cl.stamp != c.stamp {
				cl.stamp = c.stamp
				n++
				size += len(cl.key)
			}
		}
	}
	out := make([]Write, 0, n+2*len(c.states))
	keys := make([]byte, 0, size) // of all: one piece of memory
	c.stamp++
	for i := range c.upto(upto) {
		for _, cl := range c.epochs[i].cells {
			if cl.stamp == c.stamp {
				continue
			}
			cl.stamp = c.stamp
			at := len(keys)
			keys = append(keys, cl.key...)
			v := cl.upto(upto)
			out = append(out, Write{Key: keys[at:len(keys):len(keys)], Val: v.val, Delete: v.gone})
		}
	}
	return c.segments(out, upto)
}

// upto is how many epochs there are up to one.
func (c *Cells) upto(number uint64) int {
	if number < c.base {
		return 0
	}
	return int(min(number-c.base+1, uint64(len(c.epochs))))
}

// upto is the cell as an epoch left it; it has written it, or one before it has.
func (c *cell) upto(epoch uint64) *version {
	i := len(c.list) - 1
	for c.list[i].epoch > epoch {
		i--
	}
	return &c.list[i]
}

// Persisted forgets the writes of all epochs up to one: the store has what Batch
// gave for it.
func (c *Cells) Persisted(upto uint64) {
	n := c.upto(upto)
	for i := range n {
		for _, cl := range c.epochs[i].cells {
			k := 0
			for k < len(cl.list) && cl.list[k].epoch <= upto {
				k++
			}
			if k == 0 {
				continue // an epoch before had it, too
			}
			if cl.key[0] == timerKind {
				c.timerStored(cl, cl.list[k-1].gone)
			} else {
				c.cellStored(cl.key, &cl.list[k-1])
			}
			cl.list = slices.Delete(cl.list, 0, k) // and their values are let go
			c.dropEmpty(cl)
		}
	}
	c.segmentsStored(n, upto)
	for _, e := range c.epochs[:n] {
		if len(c.used) < maxUsed {
			clear(e.cells)
			clear(e.claims)
			c.used = append(c.used, writes{cells: e.cells[:0], claims: e.claims, w: e.w})
		}
	}
	c.epochs = slices.Delete(c.epochs, 0, n)
	c.base += uint64(n)
}

// cellStored takes that the store has a cell.
func (c *Cells) cellStored(key string, v *version) {
	x := c.states[c.index[binary.BigEndian.Uint32([]byte(key[1:cellHead]))]].index
	switch {
	case x == nil:
		c.recent.put(key, *v)
	case v.gone:
		x.remove([]byte(key[cellHead:]))
	default:
		x.put([]byte(key[cellHead:]), v.val)
	}
}
