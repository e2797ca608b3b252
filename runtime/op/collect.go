package op

import (
	"cmp"
	"encoding/binary"
	"slices"

	"github.com/sluice-dev/sluice/lang/diag"
	"github.com/sluice-dev/sluice/lang/value"
	"github.com/sluice-dev/sluice/runtime/state"
)

// collect keeps the values of the earliest records, at most so many: each in a cell
// of its own, and their order in another. The pane's cell holds what tells whether
// a later value is kept at all, so that most records of a full one touch nothing.
type collect struct {
	next  uint64 // numbers the values as they come
	parts []collected
}

// collected is what lies in cells beside a pane, and in its order.
type collected struct {
	own   string // name of the pane it was written for; "": this one
	n     int
	slots int   // cells of values, of which some may be of values that have gone again
	last  int64 // the latest time kept
	bytes int
}

// kept is one value: its time, its number, the cell it lies in, and its size there.
// The number is what orders values of one time; those of two sessions are never of
// one time before they become one, and then the next number is above both's.
type kept struct {
	at   int64
	no   uint64
	slot int
	size int
}

// maxCollected is how many bytes the values of one pane may take.
const maxCollected = 1 << 20

func (a *collect) add(st *paneStore, v value.Value, at int64) *diag.Failure {
	if len(a.parts) == 0 {
		a.parts = append(a.parts, collected{})
	}
	p := &a.parts[0]
	full := p.n >= st.agg.most
	if full && at >= p.last {
		return nil
	}
	list, fail := st.order(p)
	if fail != nil {
		return fail
	}
	now := kept{at: at, no: a.next, slot: p.slots}
	a.next++
	if full {
		gone := list[len(list)-1]
		list = list[:len(list)-1]
		now.slot, p.bytes = gone.slot, p.bytes-gone.size
	} else {
		p.slots++
	}
	b := state.AppendValue(nil, v)
	now.size = len(b)
	p.bytes += len(b)
	if a.bytes() > maxCollected {
		return diag.Failf(diag.TooLarge, st.agg.at, "the values that the pane collects are larger than 1 MiB")
	}
	// Behind those of its time: of equal times the first that came is the first.
	i, _ := slices.BinarySearchFunc(list, at+1, func(k kept, at int64) int {
		if k.at < at {
			return -1
		}
		return 1
	})
	list = slices.Insert(list, i, now)
	p.n, p.last = len(list), list[len(list)-1].at
	st.put(p.own, 'v', now.slot, b)
	st.putOrder(p, list)
	return nil
}

func (a *collect) bytes() int {
	n := 0
	for i := range a.parts {
		n += a.parts[i].bytes
	}
	return n
}

func (a *collect) merge(st *paneStore, o aggregate, from string) *diag.Failure {
	b := o.(*collect)
	a.next = max(a.next, b.next)
	for _, p := range b.parts {
		if p.own == "" {
			p.own = from
		}
		if len(a.parts) == 0 {
			a.parts = append(a.parts, collected{})
		}
		a.parts = append(a.parts, p)
	}
	if a.bytes() > maxCollected {
		return diag.Failf(diag.TooLarge, st.agg.at, "the values that the sessions collect are together larger than 1 MiB")
	}
	return nil
}

func (a *collect) result(st *paneStore) (value.Value, bool, *diag.Failure) {
	type found struct {
		kept
		own string
	}
	var all []found
	for i := range a.parts {
		p := &a.parts[i]
		list, fail := st.order(p)
		if fail != nil {
			return nil, false, fail
		}
		for _, k := range list {
			all = append(all, found{k, p.own})
		}
	}
	slices.SortFunc(all, func(x, y found) int { return cmp.Or(cmp.Compare(x.at, y.at), cmp.Compare(x.no, y.no)) })
	out := value.List{}
	for _, f := range all[:min(len(all), st.agg.most)] {
		b, _ := st.get(f.own, 'v', f.slot)
		v, err := state.DecodeValue(b)
		if err != nil {
			return nil, false, st.damaged("what the pane collects")
		}
		out = append(out, v)
	}
	return out, true, nil
}

func (a *collect) drop(st *paneStore) {
	for i := range a.parts {
		p := &a.parts[i]
		for slot := range p.slots {
			st.delete(p.own, 'v', slot)
		}
		if p.n > 0 {
			st.delete(p.own, 'o', 0)
		}
	}
}

func (a *collect) append(dst []byte) []byte {
	dst = binary.AppendUvarint(dst, a.next)
	dst = binary.AppendUvarint(dst, uint64(len(a.parts)))
	for _, p := range a.parts {
		dst = appendSized(dst, []byte(p.own))
		dst = binary.AppendUvarint(dst, uint64(p.n))
		dst = binary.AppendUvarint(dst, uint64(p.slots))
		dst = binary.AppendVarint(dst, p.last)
		dst = binary.AppendUvarint(dst, uint64(p.bytes))
	}
	return dst
}

func (a *collect) read(r *reader) {
	a.next = r.uvarint()
	for n := r.count(5); n > 0 && !r.bad; n-- {
		a.parts = append(a.parts, collected{
			own: string(r.bytes()), n: int(r.uvarint()), slots: int(r.uvarint()), last: r.varint(), bytes: int(r.uvarint()),
		})
	}
}

// order reads the values of a part in order of time.
func (st *paneStore) order(p *collected) ([]kept, *diag.Failure) {
	if p.n == 0 {
		return nil, nil
	}
	b, _ := st.get(p.own, 'o', 0)
	r := reader{b: b}
	var list []kept
	at := int64(0)
	for len(r.b) > 0 && !r.bad {
		at += r.varint()
		list = append(list, kept{at, r.uvarint(), int(r.uvarint()), int(r.uvarint())})
	}
	if !r.done() || len(list) != p.n {
		return nil, st.damaged("what the pane collects")
	}
	return list, nil
}

func (st *paneStore) putOrder(p *collected, list []kept) {
	var b []byte
	at := int64(0)
	for _, k := range list {
		b = binary.AppendVarint(b, k.at-at)
		b = binary.AppendUvarint(b, k.no)
		b = binary.AppendUvarint(b, uint64(k.slot))
		b = binary.AppendUvarint(b, uint64(k.size))
		at = k.at
	}
	st.put(p.own, 'o', 0, b)
}
