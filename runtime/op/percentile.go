package op

import (
	"encoding/binary"
	"slices"

	"github.com/sluice-dev/sluice/lang/diag"
	"github.com/sluice-dev/sluice/lang/value"
)

// percentile keeps the numbers themselves up to exactNumbers, in cells of some, and
// beyond that counts them by sign, power of ten and their first four digits, so that
// the result is cut to four digits: at most 0.1 % less than the number it stands
// for. Counting them is exact, so the result does not depend on the order in which
// they came, and a pane stays small however many there are. Powers of ten from 1e-20
// to below 1e40 are told apart.
type percentile struct{ parts []numbers }

// numbers is what lies in cells beside a pane.
type numbers struct {
	own    string // name of the pane it was written for; "": this one
	n      int64  // of all
	zeros  int64  // of the counted ones
	groups []int  // cells of counted ones, in order
}

const (
	exactNumbers = 10_000
	numbersCell  = 64 // numbers a cell
	leastPower   = -20
	mostPower    = 39
	groupSize    = 1000 // by the three digits behind the first
)

func (a *percentile) add(st *paneStore, v value.Value, _ int64) *diag.Failure {
	if len(a.parts) == 0 {
		a.parts = append(a.parts, numbers{})
	}
	p := &a.parts[0]
	x := v.(value.Number)
	if p.n < exactNumbers {
		i := int(p.n)
		b, _ := st.get(p.own, 'n', i/numbersCell)
		st.put(p.own, 'n', i/numbersCell, appendSizedValue(slices.Clip(b), x))
		p.n++
		return nil
	}
	p.n++
	group, rest := digitsOf(x)
	if group < 0 {
		p.zeros++
		return nil
	}
	counts := map[int]int64{}
	i, there := slices.BinarySearch(p.groups, group)
	if there {
		if fail := st.group(p.own, group, counts); fail != nil {
			return fail
		}
	} else {
		p.groups = slices.Insert(p.groups, i, group)
	}
	counts[rest]++
	st.putGroup(p.own, group, counts)
	return nil
}

func (a *percentile) merge(st *paneStore, o aggregate, from string) *diag.Failure {
	for _, p := range o.(*percentile).parts {
		if p.own == "" {
			p.own = from
		}
		if len(a.parts) == 0 {
			a.parts = append(a.parts, numbers{})
		}
		a.parts = append(a.parts, p)
	}
	return nil
}

func (a *percentile) result(st *paneStore) (value.Value, bool, *diag.Failure) {
	total := int64(0)
	for i := range a.parts {
		total += a.parts[i].n
	}
	if total == 0 {
		return nil, false, nil
	}
	var exact []value.Number
	counted := map[int]map[int]int64{} // by group, by the digits behind its first
	zeros := int64(0)
	count := func(x value.Number) {
		group, rest := digitsOf(x)
		if group < 0 {
			zeros++
			return
		}
		if counted[group] == nil {
			counted[group] = map[int]int64{}
		}
		counted[group][rest]++
	}
	for i := range a.parts {
		p := &a.parts[i]
		for c := range p.exactCells() {
			list, fail := st.numbers(p.own, c)
			if fail != nil {
				return nil, false, fail
			}
			for _, x := range list {
				if total <= exactNumbers {
					exact = append(exact, x)
				} else {
					count(x)
				}
			}
		}
		zeros += p.zeros
		for _, g := range p.groups {
			if counted[g] == nil {
				counted[g] = map[int]int64{}
			}
			if fail := st.group(p.own, g, counted[g]); fail != nil {
				return nil, false, fail
			}
		}
	}
	rank := nearestRank(st.agg.p, total)
	if total <= exactNumbers {
		if int64(len(exact)) != total {
			return nil, false, st.damaged("the numbers of the pane")
		}
		slices.SortStableFunc(exact, value.Number.Cmp)
		return exact[rank-1], true, nil
	}
	return ranked(counted, zeros, rank), true, nil
}

// nearestRank is the place, from 1, of the smallest of n values that at least p per
// cent of them do not exceed.
func nearestRank(p value.Number, n int64) int64 {
	x, err := value.Mul(p, value.FromInt(n))
	if err == nil {
		x, err = x.Shift(-2)
	}
	if err == nil {
		x, err = x.Ceil()
	}
	k, ok := x.Int64()
	if err != nil || !ok {
		return n // a p of more digits than matter
	}
	return min(max(k, 1), n)
}

// ranked finds the number of a rank among counted ones: the negative ones from the
// greatest magnitude down, then zero, then the positive ones.
func ranked(counted map[int]map[int]int64, zeros, rank int64) value.Number {
	groups := make([]int, 0, len(counted))
	for g := range counted {
		groups = append(groups, g)
	}
	slices.SortFunc(groups, func(a, b int) int { return standing(a) - standing(b) })
	last := value.FromInt(0)
	done := false
	walk := func(g int) {
		for i := range groupSize {
			rest := i
			if g%2 == 1 {
				rest = groupSize - 1 - i
			}
			if n := counted[g][rest]; n > 0 && !done {
				last = numberOf(g, rest)
				rank -= n
				done = rank <= 0
			}
		}
	}
	for _, g := range groups {
		if g%2 == 0 && zeros > 0 && !done {
			last = value.FromInt(0)
			rank -= zeros
			zeros = 0
			done = rank <= 0
		}
		if !done {
			walk(g)
		}
	}
	if zeros > 0 && !done {
		return value.FromInt(0)
	}
	return last
}

// standing is where the numbers of a group stand among others.
func standing(group int) int {
	if group%2 == 1 {
		return -group
	}
	return group
}

// digitsOf gives the group of a number, by sign, power of ten and first digit, and
// the three digits behind that; group -1 is zero.
func digitsOf(x value.Number) (group, rest int) {
	neg := 0
	if x.Sign() < 0 {
		neg, x = 1, x.Neg()
	}
	switch {
	case x.Cmp(tiny) < 0:
		return -1, 0
	case x.Cmp(huge) >= 0:
		return ((mostPower-leastPower)*9+8)*2 + neg, groupSize - 1
	}
	var digits [4]byte
	n, power, point := 0, 0, false
	for _, c := range x.AppendPlain(nil) {
		switch {
		case c == '.':
			point = true
			continue
		case n == 0 && c == '0':
			if point {
				power--
			}
			continue
		}
		if n < len(digits) {
			digits[n] = c - '0'
		}
		n++
		if !point {
			power = n - 1
		} else if n == 1 {
			power--
		}
	}
	rest = int(digits[1])*100 + int(digits[2])*10 + int(digits[3])
	return ((power-leastPower)*9+int(digits[0])-1)*2 + neg, rest
}

// numberOf is the least magnitude that digitsOf puts there.
func numberOf(group, rest int) value.Number {
	neg, first := group%2 == 1, group/2%9+1
	power := group/2/9 + leastPower
	mant := int64(first*groupSize + rest)
	if neg {
		mant = -mant
	}
	n, _ := value.Scaled(mant, int32(power-3))
	return n
}

var (
	tiny, _ = value.Scaled(1, leastPower)
	huge, _ = value.Scaled(1, mostPower+1)
)

// exactCells is how many cells of numbers themselves there are.
func (p *numbers) exactCells() int {
	return int(min(p.n, exactNumbers)+numbersCell-1) / numbersCell
}

func (a *percentile) drop(st *paneStore) {
	for i := range a.parts {
		p := &a.parts[i]
		for c := range p.exactCells() {
			st.delete(p.own, 'n', c)
		}
		for _, g := range p.groups {
			st.delete(p.own, 'g', g)
		}
	}
}

func (a *percentile) append(dst []byte) []byte {
	dst = binary.AppendUvarint(dst, uint64(len(a.parts)))
	for _, p := range a.parts {
		dst = appendSized(dst, []byte(p.own))
		dst = binary.AppendVarint(dst, p.n)
		dst = binary.AppendVarint(dst, p.zeros)
		dst = binary.AppendUvarint(dst, uint64(len(p.groups)))
		last := 0
		for _, g := range p.groups {
			dst = binary.AppendUvarint(dst, uint64(g-last))
			last = g
		}
	}
	return dst
}

func (a *percentile) read(r *reader) {
	for n := r.count(4); n > 0 && !r.bad; n-- {
		p := numbers{own: string(r.bytes()), n: r.varint(), zeros: r.varint()}
		last := 0
		for k := r.count(1); k > 0 && !r.bad; k-- {
			last += int(r.uvarint())
			p.groups = append(p.groups, last)
		}
		a.parts = append(a.parts, p)
	}
}

func (st *paneStore) numbers(own string, n int) ([]value.Number, *diag.Failure) {
	b, _ := st.get(own, 'n', n)
	r := reader{b: b}
	var out []value.Number
	for len(r.b) > 0 && !r.bad {
		out = append(out, r.number())
	}
	if !r.done() {
		return nil, st.damaged("the numbers of the pane")
	}
	return out, nil
}

// group adds what a cell of counted numbers holds to counts.
func (st *paneStore) group(own string, group int, counts map[int]int64) *diag.Failure {
	b, _ := st.get(own, 'g', group)
	r := reader{b: b}
	at := 0
	for len(r.b) > 0 && !r.bad {
		at += int(r.uvarint())
		counts[at] += r.varint()
	}
	if !r.done() {
		return st.damaged("the numbers of the pane")
	}
	return nil
}

func (st *paneStore) putGroup(own string, group int, counts map[int]int64) {
	var b []byte
	last := 0
	for i := range groupSize {
		if n := counts[i]; n > 0 {
			b = binary.AppendUvarint(b, uint64(i-last))
			b = binary.AppendVarint(b, n)
			last = i
		}
	}
	st.put(own, 'g', group, b)
}
