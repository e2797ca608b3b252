package dedupe

import (
	"slices"
	"sort"
	"unsafe"
)

// run is the claims of a hot key, in the order of their times.
type run struct {
	claims []timed
	next   int // claims at which it looks for those that have ended
}

type timed struct {
	at  int64
	lag Lag
}

// runSize is about what the map takes for one.
const runSize = int64(unsafe.Sizeof(run{})) + 2*(16+8)

func (c timed) claim() Claim { return Claim{At: c.at, Lag: c.lag} }

func (r *run) bytes() int64 { return int64(cap(r.claims)) * int64(unsafe.Sizeof(timed{})) }

// seen: see Table.Seen.
func (r *run) seen(at, within, w int64) bool {
	to := addSat(at, within)
	i := sort.Search(len(r.claims), func(i int) bool { return r.claims[i].at >= to })
	for i--; i >= 0 && Near(r.claims[i].at, at, within); i-- {
		if w < r.claims[i].claim().End(within) {
			return true
		}
	}
	return false
}

// insert puts a claim where it belongs: nearly always at the end.
func (r *run) insert(c Claim) {
	i := len(r.claims)
	if i > 0 && r.claims[i-1].at > c.At {
		i = sort.Search(i, func(i int) bool { return r.claims[i].at > c.At })
	}
	r.claims = slices.Insert(r.claims, i, timed{c.At, c.Lag})
}

// drop forgets what has ended at w and counts it.
func (r *run) drop(keep, w int64) int {
	n := len(r.claims)
	r.claims = slices.DeleteFunc(r.claims, func(c timed) bool { return c.claim().End(keep) <= w })
	n -= len(r.claims)
	if len(r.claims)*4 < cap(r.claims) {
		r.claims = slices.Clip(slices.Clone(r.claims))
	}
	r.next = max(2*len(r.claims), 2*hotClaims)
	return n
}
