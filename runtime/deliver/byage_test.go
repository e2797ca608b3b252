package deliver

import (
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

// What a slot has left when it comes back from a request is as old as it is: a backlog
// behind a rate goes out in the order in which it came, and positions follow.
func TestOldestFirst(t *testing.T) {
	d := newDesk(t, Config{Connections: []Connection{{Batch: Limit{Count: 1}}}})
	for _, lane := range []uint64{1, 2, 1, 3, 1, 4, 2, 5} {
		d.lane(lane, Normal)
	}
	var sent []string
	for range d.n {
		r := d.next()
		sent = append(sent, ids(r))
		d.answer(r, Accepted, "200")
	}
	d.want(strings.Join(sent, " "), "0 1 2 3 4 5 6 7")
}

// byAge gives slots by the age of their heads, in whatever order they came.
func TestByAge(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var b byAge
		var want []uint64
		for _, seq := range rapid.SliceOfDistinct(rapid.Uint64Range(0, 99), func(n uint64) uint64 { return n }).Draw(t, "ages") {
			b.push(&slot{queue: queue{head: &item{seq: seq}}})
			want = append(want, seq)
			if rapid.Bool().Draw(t, "take") {
				slices.Sort(want)
				if got := b.pop().head.seq; got != want[0] {
					t.Fatalf("%d is given, %d is the oldest", got, want[0])
				}
				want = want[1:]
			}
		}
		slices.Sort(want)
		for _, w := range want {
			if f, got := b.first().head.seq, b.pop().head.seq; f != w || got != w {
				t.Fatalf("%d is first, %d is given, %d is the oldest", f, got, w)
			}
		}
		if !b.empty() {
			t.Fatal("something is left")
		}
	})
}
