package state

import (
	"encoding/binary"
	"fmt"

	"github.com/sluice-dev/sluice/runtime/dedupe"
	"github.com/sluice-dev/sluice/runtime/event"
)

// segment is one entry of claims in the store.
type segment struct {
	no  uint64
	end int64 // all of its claims have ended when the watermark is here
}

// claimSize is one claim of a segment, in bytes.
const claimSize = 16 + 8 + 4

func (c *Cells) load(s *cellState) error {
	prefix := stateKey('l', s.number)
	var bad error
	err := c.store.Scan(prefix, nil, func(key, val []byte) bool {
		if len(key) != len(prefix)+8 || len(val)%claimSize != 0 {
			bad = fmt.Errorf("%w: a segment of claims is cut: key %x, %d bytes", ErrDamaged, key, len(val))
			return false
		}
		seg := segment{no: binary.BigEndian.Uint64(key[len(prefix):]), end: event.NoMicros}
		for ; len(val) > 0; val = val[claimSize:] {
			cl := readClaim(val)
			seg.end = max(seg.end, cl.End(s.keep))
			s.claims.Add(cl, event.NoMicros)
		}
		s.segs = append(s.segs, seg)
		s.nextSeg = seg.no + 1
		return true
	})
	if bad != nil {
		return bad
	}
	return err
}

func readClaim(b []byte) dedupe.Claim {
	return dedupe.Claim{
		Key: dedupe.Print(b[:16]), At: int64(binary.BigEndian.Uint64(b[16:])), Lag: binary.BigEndian.Uint32(b[24:]),
	}
}

func appendClaim(dst []byte, c dedupe.Claim) []byte {
	dst = append(dst, c.Key[:]...)
	dst = binary.BigEndian.AppendUint64(dst, uint64(c.At))
	return binary.BigEndian.AppendUint32(dst, c.Lag)
}

// Claim tells whether a key passes a dedupe memory at a time (microseconds) for
// the first time within a span, and claims it then. The claim is released when the
// record is undone.
func (c *Cells) Claim(s int, key []byte, at, within int64) bool {
	st := &c.states[s]
	k := dedupe.PrintOf(key)
	for _, p := range c.claims {
		if p.state == s && p.c.Key == k && dedupe.Near(p.c.At, at, within) {
			return false
		}
	}
	if st.claims.Seen(k, at, within, st.w) {
		return false
	}
	c.claims = append(c.claims, claim{s, dedupe.Made(k, at, st.w)})
	return true
}

// segments adds the claims of a memory as one entry, and takes those entries away
// of which no claim counts any more.
func (c *Cells) segments(out []Write, s int, upto uint64) []Write {
	st := &c.states[s]
	if st.claims == nil {
		return out
	}
	var val []byte
	w := int64(event.NoMicros)
	for i := range c.epochs {
		if c.base+uint64(i) > upto {
			break
		}
		for _, cl := range c.epochs[i].claims[s] {
			val = appendClaim(val, cl)
		}
		w = c.epochs[i].w[s]
	}
	if val != nil {
		out = append(out, Write{Key: binary.BigEndian.AppendUint64(stateKey('l', st.number), st.nextSeg), Val: val})
	}
	for _, seg := range st.segs {
		if seg.end <= w {
			out = append(out, Write{Key: binary.BigEndian.AppendUint64(stateKey('l', st.number), seg.no), Delete: true})
		}
	}
	return out
}

func (c *Cells) segmentsStored(s, n int) {
	st := &c.states[s]
	if st.claims == nil || n == 0 {
		return
	}
	end, any := int64(event.NoMicros), false
	for i := range c.epochs[:n] {
		for _, cl := range c.epochs[i].claims[s] {
			end, any = max(end, cl.End(st.keep)), true
		}
	}
	w := c.epochs[n-1].w[s]
	kept := st.segs[:0]
	for _, seg := range st.segs {
		if seg.end > w {
			kept = append(kept, seg)
		}
	}
	st.segs = kept
	if any {
		st.segs = append(st.segs, segment{st.nextSeg, end})
		st.nextSeg++
	}
}
