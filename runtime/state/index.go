package state

import (
	"bytes"
	"encoding/binary"
	"hash/maphash"
	"unsafe"

	"github.com/sluice-dev/sluice/runtime/dedupe"
)

// index is all cells of a state that lives in memory (Spec.Resident): what the store
// has of it, under the keys within the state. It is used by one goroutine at a time.
//
// It is 256 shards by the first byte of the key's hash, and each grows by itself, so
// that growing never needs the memory of everything twice, and a pause is that of
// 1/256 of it. A shard is slots of eight bytes and, in chunks, the cells themselves.
// There is no pointer in either for the garbage collector.
//
// What was written into a chunk is never changed, and a chunk that is not needed any
// more is let go of: what get has given stays as it was for as long as somebody has it.
type index struct {
	seed   maphash.Seed // of this process: nobody outside can make keys that collide
	mask   uint64       // of the hash, all of it; in tests little
	shards [256]indexShard
	n      int
	bytes  int64
	budget *dedupe.Budget
}

// indexShard is the cells of one first byte of the hash. Slots lie in the order of
// their tags, each at its home or behind what came before it, as dedupe's do: growing
// is one walk through memory, and a key that is not there is known as soon as a
// greater tag is met.
type indexShard struct {
	no     int
	slots  []slot // homes, and some more for what lies behind the last of them
	homes  int
	n      int // slots in use
	chunks []chunk
	open   int   // the chunk that is written; it has room, or there is none
	free   []int // chunks that are not in use
	used   int   // bytes of all chunks that were written
	waste  int   // those of them that are no cell of today
}

// slot is where a cell lies: 32 bits of the hash, and in the lower half the place,
// inverted so that an empty slot is zero.
type slot uint64

func (s slot) tag() uint32   { return uint32(s >> 32) }
func (s slot) place() uint32 { return ^uint32(s) }

func slotOf(tag, place uint32) slot { return slot(tag)<<32 | slot(^place) }

// chunk is cells, one behind the other: the length of the key and of the value as
// varints, and both. A place is the number of a chunk and a byte of it.
type chunk struct {
	b     []byte
	waste int
}

const (
	indexSlot   = 8
	leastHomes  = 4
	behindHomes = 4 // slots at least behind the last home
	// A shard is full at 4/5 and is made again with about 1.55 homes a cell, some with
	// more and some with less, so that not all grow at one time: 11 bytes a cell.
	fullNum, fullDen        = 4, 5
	newMul, newVary, newDiv = 97, 8, 64
	// One that is emptier than this is made smaller.
	emptyNum, emptyDen = 2, 5

	chunkBits  = 15
	chunkBytes = 1 << chunkBits // of a full one
	leastChunk = 256
	// A larger cell has a chunk of its own, so no chunk ends with much room to spare.
	ownChunk = chunkBytes / 8
	// A shard is tidied where so much of what was written is waste.
	wasteNum, wasteDen = 1, 4
	chunkSize          = int64(unsafe.Sizeof(chunk{}))
)

func newIndex() *index {
	x := &index{seed: maphash.MakeSeed(), mask: 1<<64 - 1, bytes: int64(unsafe.Sizeof(index{}))}
	for i := range x.shards {
		x.shards[i].no, x.shards[i].open = i, -1
	}
	return x
}

// find gives the shard of a key, its tag, its slot (-1 where there is none), and what
// lies there.
func (x *index) find(key []byte) (s *indexShard, tag uint32, at int, val []byte, size int) {
	h := x.hash(key)
	s, tag = &x.shards[h>>56], uint32(h>>24)
	for i := s.home(tag); i < len(s.slots); i++ {
		switch sl := s.slots[i]; {
		case sl == 0 || sl.tag() > tag:
			return s, tag, -1, nil, 0
		case sl.tag() == tag:
			if k, v, n := s.cell(sl.place()); bytes.Equal(k, key) {
				return s, tag, i, v, n
			}
		}
	}
	return s, tag, -1, nil, 0
}

func (x *index) hash(key []byte) uint64 { return maphash.Bytes(x.seed, key) & x.mask }

// home is where a slot of a tag lies at the earliest. It rises with the tag.
func (s *indexShard) home(tag uint32) int { return int(uint64(tag) * uint64(s.homes) >> 32) }

// cell gives what lies at a place, and its size there.
func (s *indexShard) cell(place uint32) (key, val []byte, size int) {
	return cellAt(s.chunks[place>>chunkBits].b, int(place&(chunkBytes-1)))
}

func cellAt(b []byte, at int) (key, val []byte, size int) {
	b = b[at:]
	k, v, head := uint64(b[0]), uint64(b[1]), 2
	if k|v >= 0x80 {
		n, m := 0, 0
		k, n = binary.Uvarint(b)
		v, m = binary.Uvarint(b[n:])
		head = n + m
	}
	mid, end := head+int(k), head+int(k)+int(v)
	return b[head:mid:mid], b[mid:end:end], end
}

// get gives the value of a key.
func (x *index) get(key []byte) ([]byte, bool) {
	_, _, at, val, _ := x.find(key)
	return val, at >= 0
}

// put writes a cell.
func (x *index) put(key, val []byte) {
	s, tag, at, was, size := x.find(key)
	if at >= 0 {
		place := s.slots[at].place()
		if bytes.Equal(was, val) {
			return
		}
		s.slots[at] = slotOf(tag, x.write(s, key, val))
		x.drop(s, place, size)
		x.tidy(s)
		return
	}
	if (s.n+1)*fullDen > s.homes*fullNum {
		x.remake(s)
	}
	x.insert(s, slotOf(tag, x.write(s, key, val)))
	x.n++
}

// remove takes a cell out.
func (x *index) remove(key []byte) {
	s, _, at, _, size := x.find(key)
	if at < 0 {
		return
	}
	place := s.slots[at].place()
	end := at + 1
	for end < len(s.slots) && s.slots[end] != 0 && s.home(s.slots[end].tag()) < end {
		end++
	}
	copy(s.slots[at:], s.slots[at+1:end])
	s.slots[end-1] = 0
	s.n--
	x.n--
	x.drop(s, place, size)
	x.tidy(s)
	if s.homes > 4*leastHomes && s.n*emptyDen < s.homes*emptyNum {
		x.remake(s)
	}
}

// insert puts a slot of a key that has none yet behind those of lesser tags.
func (x *index) insert(s *indexShard, sl slot) {
	i := s.home(sl.tag())
	for i < len(s.slots) && s.slots[i] != 0 && s.slots[i].tag() <= sl.tag() {
		i++
	}
	end := i
	for end < len(s.slots) && s.slots[end] != 0 {
		end++
	}
	if end == len(s.slots) {
		x.lengthen(s)
	}
	copy(s.slots[i+1:end+1], s.slots[i:end])
	s.slots[i] = sl
	s.n++
}

// lengthen gives a shard more room behind its last home.
func (x *index) lengthen(s *indexShard) {
	n := len(s.slots)
	more := make([]slot, n+n/64+behindHomes)
	copy(more, s.slots)
	s.slots = more
	x.grow(indexSlot * int64(len(more)-n))
}

// remake makes the slots of a shard again, as many as are right for what it holds.
func (x *index) remake(s *indexShard) {
	homes := max(s.n*(newMul+s.no%newVary)/newDiv+1, leastHomes)
	old := s.slots
	s.slots, s.homes = make([]slot, homes+homes/64+behindHomes), homes
	x.grow(indexSlot * int64(len(s.slots)-len(old)))
	next := 0
	for _, sl := range old {
		if sl == 0 {
			continue
		}
		next = max(next, s.home(sl.tag()))
		if next == len(s.slots) {
			x.lengthen(s)
		}
		s.slots[next] = sl
		next++
	}
}

// write puts a cell behind the others of a shard and gives its place.
func (x *index) write(s *indexShard, key, val []byte) uint32 {
	var head [2 * binary.MaxVarintLen32]byte
	h := binary.AppendUvarint(binary.AppendUvarint(head[:0], uint64(len(key))), uint64(len(val)))
	size := len(h) + len(key) + len(val)
	no := s.open
	switch {
	case size > ownChunk:
		no = x.chunk(s, make([]byte, 0, size))
	case no < 0 || len(s.chunks[no].b)+size > chunkBytes:
		// A shard of little begins with little.
		room := leastChunk
		for room < chunkBytes && room < max(size, s.used-s.waste) {
			room *= 2
		}
		no = x.chunk(s, make([]byte, 0, room))
		s.open = no
	}
	c := &s.chunks[no]
	at := len(c.b)
	if at+size > cap(c.b) {
		room := cap(c.b)
		for room < at+size {
			room *= 2
		}
		more := make([]byte, at, room)
		copy(more, c.b)
		x.grow(int64(room - cap(c.b)))
		c.b = more
	}
	c.b = append(append(append(c.b, h...), key...), val...)
	s.used += size
	return uint32(no)<<chunkBits | uint32(at)
}

// chunk gives a shard one more.
func (x *index) chunk(s *indexShard, b []byte) int {
	x.grow(int64(cap(b)))
	if n := len(s.free); n > 0 {
		no := s.free[n-1]
		s.free = s.free[:n-1]
		s.chunks[no] = chunk{b: b}
		return no
	}
	if len(s.chunks) == 1<<(32-chunkBits) {
		panic("state: a state in memory is larger than an index can be")
	}
	was := cap(s.chunks)
	s.chunks = append(s.chunks, chunk{b: b})
	x.grow(chunkSize * int64(cap(s.chunks)-was))
	return len(s.chunks) - 1
}

// drop makes a cell waste. A chunk that is nothing else is let go of.
func (x *index) drop(s *indexShard, place uint32, size int) {
	no := int(place >> chunkBits)
	c := &s.chunks[no]
	c.waste += size
	s.waste += size
	if c.waste == len(c.b) {
		x.release(s, no)
	}
}

func (x *index) release(s *indexShard, no int) {
	c := &s.chunks[no]
	s.used -= len(c.b)
	s.waste -= c.waste
	x.grow(-int64(cap(c.b)))
	*c = chunk{}
	if s.open == no {
		s.open = -1
	}
	s.free = append(s.free, no)
}

// tidy moves the cells of one chunk to the open one where too much is waste: of that
// chunk which has most of it. So each change costs a bounded time.
func (x *index) tidy(s *indexShard) {
	if s.waste < leastChunk || s.waste*wasteDen < s.used*wasteNum {
		return
	}
	worst, waste := -1, 0
	for i := range s.chunks {
		if w := s.chunks[i].waste; w > waste {
			worst, waste = i, w
		}
	}
	old := s.chunks[worst].b
	if s.open == worst {
		s.open = -1
	}
	for at := 0; at < len(old); {
		key, val, size := cellAt(old, at)
		if sl := x.slotAt(s, key, uint32(worst)<<chunkBits|uint32(at)); sl != nil {
			*sl = slotOf(sl.tag(), x.write(s, key, val))
		}
		at += size
	}
	x.release(s, worst)
}

// slotAt gives the slot of what lies at a place; nil where it is waste.
func (x *index) slotAt(s *indexShard, key []byte, place uint32) *slot {
	tag := uint32(x.hash(key) >> 24)
	sl := slotOf(tag, place)
	for i := s.home(tag); i < len(s.slots) && s.slots[i] != 0 && s.slots[i].tag() <= tag; i++ {
		if s.slots[i] == sl {
			return &s.slots[i]
		}
	}
	return nil
}

// grow notes that the index holds so many bytes more.
func (x *index) grow(by int64) {
	x.bytes += by
	if x.budget != nil {
		x.budget.Beside(by)
	}
}

// charge makes the memory count in a budget, beside what that limits; nil: in none any
// more.
func (x *index) charge(b *dedupe.Budget) {
	if x.budget != nil {
		x.budget.Beside(-x.bytes)
	}
	if x.budget = b; b != nil {
		b.Beside(x.bytes)
	}
}
