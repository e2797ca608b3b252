package kafka

import (
	"sync"

	"github.com/twmb/franz-go/pkg/kgo"
)

// slabs keeps the structs that franz-go decodes records into and the bytes that it
// inflates batches into. Without it every batch is inflated into memory of its own
// and copied once more. A sync.Pool would forget all of it at every other
// collection, and a fetch comes less often than that.
type slabs struct {
	structs shelf[kgo.Record]
	bytes   shelf[byte]
}

var (
	_ kgo.PoolRecords         = (*slabs)(nil)
	_ kgo.PoolDecompressBytes = (*slabs)(nil)
)

const (
	// keptFetches is how much a group keeps for its next fetches, in bytes for each
	// byte of its budget: a fetch grows, one is worked on and one is under way.
	keptFetches = 16
	// keptBytes is how many of these one record struct stands for.
	keptBytes = 512
	// usualInflation is what events shrink by, about.
	usualInflation = 6
	// usualMost bounds what is believed of the next batch from the largest so far.
	usualMost = 4 << 20
)

func newSlabs(fetchBytes int) *slabs {
	n := fetchBytes * keptFetches
	return &slabs{structs: shelf[kgo.Record]{room: n / keptBytes}, bytes: shelf[byte]{room: n}}
}

// GetRecords gives a slice with room for n.
func (s *slabs) GetRecords(n int) []kgo.Record { return s.structs.get(n, n) }

// PutRecords takes a slice back.
func (s *slabs) PutRecords(rs []kgo.Record) { s.structs.put(rs) }

// GetDecompressBytes gives room for what a batch inflates to, by experience. What
// is too small is grown and comes back larger.
func (s *slabs) GetDecompressBytes(compressed []byte, _ kgo.CompressionCodecType) []byte {
	n := usualInflation * len(compressed)
	return s.bytes.get(n/2, min(max(n, s.bytes.largest()), max(n, usualMost)))
}

// PutDecompressBytes takes it back.
func (s *slabs) PutDecompressBytes(b []byte) { s.bytes.put(b) }

// shelf keeps slices up to a total capacity.
type shelf[T any] struct {
	mu   sync.Mutex
	kept [][]T // the one put last is taken first: it is warm
	room int
	most int // capacity of the largest that came back
}

// get gives an empty slice with room for least, or a new one with room for usual.
func (s *shelf[T]) get(least, usual int) []T {
	s.mu.Lock()
	defer s.mu.Unlock()
	for i := len(s.kept) - 1; i >= 0; i-- {
		if b := s.kept[i]; cap(b) >= least {
			s.kept = append(s.kept[:i], s.kept[i+1:]...)
			s.room += cap(b)
			return b[:0]
		}
	}
	return make([]T, 0, usual)
}

func (s *shelf[T]) largest() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.most
}

func (s *shelf[T]) put(b []T) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.most = max(s.most, cap(b))
	if cap(b) <= s.room {
		s.room -= cap(b)
		s.kept = append(s.kept, b[:0])
	}
}
