package state

import (
	"testing"

	"github.com/sluice-dev/sluice/runtime/event"
)

// TestCounts says what is counted, and that a record that is undone has cost its work.
func TestCounts(t *testing.T) {
	c, err := Open(NewMemory(), []Spec{{Number: 1}, {Number: 2, Keep: 10}})
	if err != nil {
		t.Fatal(err)
	}
	record := func(done bool, run func()) {
		c.Begin()
		run()
		if done {
			c.Done()
		} else {
			c.Undo()
		}
	}
	record(true, func() {
		c.Get(0, []byte("a"))
		c.Put(0, []byte("a"), []byte("1"))
		c.Get(0, []byte("a"))
	})
	record(false, func() { c.Put(0, []byte("b"), []byte("2")); c.Delete(0, []byte("a")) })
	if got, want := c.Counts(0), (Counts{Reads: 2, Hits: 1, Writes: 2, Evictions: 1, Watermark: event.NoMicros}); got != want {
		t.Errorf("of cells\n%+v, not\n%+v", got, want)
	}

	for i := range int64(1000) {
		c.SetWatermark(1, i, event.NoMicros)
		record(true, func() {
			key := []byte{byte(i), byte(i >> 8)}
			c.Claim(1, key, i, 10)
			c.Claim(1, key, i, 10) // in the record itself
		})
		record(true, func() { c.Claim(1, []byte{byte(i), byte(i >> 8)}, i, 10) })
	}
	got := c.Counts(1)
	if got.Reads != 3000 || got.Hits != 2000 || got.Writes != 1000 || got.Watermark != 999 {
		t.Errorf("of claims %+v", got)
	}
	if got.Keys+got.Evictions != 1000 || got.Evictions < 500 || got.Bytes < 28*got.Keys {
		t.Errorf("of claims that end %+v", got)
	}
}
