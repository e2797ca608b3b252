package op

import (
	"math"

	"github.com/sluice-dev/sluice/lang/diag"
	"github.com/sluice-dev/sluice/lang/token"
	"github.com/sluice-dev/sluice/lang/value"
	"github.com/sluice-dev/sluice/runtime/event"
)

// loser is a person who became another.
type loser struct {
	id  string
	key []byte        // of their rows
	was *value.Object // as they were
}

// join makes the rows of losers those of the winner: tables by name, and in each the
// losers in the order in which they were merged. Then, table by table, the audiences
// are judged on what came of it.
func (fr *Frame) join(sp *space, winner string, losers []loser, now int64, at token.Span) *diag.Failure {
	key := value.AppendTextKey(nil, winner)
	for _, t := range sp.tables {
		if !fr.group.routes[0].ids.policy.moves() {
			break
		}
		if fail := fr.joinRows(t, key, losers, now, at); fail != nil {
			return fail
		}
	}
	for _, t := range sp.tables {
		for _, a := range t.audiences {
			if fail := fr.joinMembers(t, a, key, losers, now, at); fail != nil {
				return fail
			}
		}
	}
	return fr.full(at)
}

// joinRows moves the rows of one table.
func (fr *Frame) joinRows(t *table, key []byte, losers []loser, now int64, at token.Span) *diag.Failure {
	var old, r row
	moved := false
	for _, l := range losers {
		theirs, fail := t.row(fr, l.key, now, at, l.was)
		if fail != nil {
			return fail
		}
		if !theirs.there {
			continue
		}
		if !moved {
			if old, fail = t.row(fr, key, now, at, nil); fail != nil {
				return fail
			}
			r, moved = old, true
		}
		if r, fail = mergeRows(t, r, theirs, at); fail != nil {
			return fail
		}
		fr.cells.Delete(t.state, l.key)
		t.tell(fr, l.key, theirs.v, nil, "merge", now, l.was)
	}
	if !moved {
		return nil
	}
	if !fr.eval.Fits(r.v) {
		return diag.Failf(diag.TooLarge, at, "the rows of %s that become one are larger than 4 MiB", t.Name)
	}
	fr.put(t.state, key, old, r, t.span)
	t.tell(fr, key, old.v, r.v, "merge", now, nil)
	return nil
}

// joinMembers judges the winner anew, who counts as a member where anybody of them
// was. That is told where anybody was, even if nothing changes, and names who became
// the winner: each who was a member, else the first.
func (fr *Frame) joinMembers(t *table, a *audience, key []byte, losers []loser, now int64, at token.Span) *diag.Failure {
	winner := a.has(fr, key)
	was := winner
	var others []value.Value
	for _, l := range losers {
		if a.has(fr, l.key) {
			was = true
			others = append(others, l.was)
			fr.cells.Delete(a.state, l.key)
		}
	}
	r, fail := fr.stored(t.state, key, t.Row, at)
	if fail != nil {
		return fail
	}
	is, fail := a.member(fr, was, r)
	if fail != nil || !was && !is {
		return fail
	}
	a.set(fr, key, winner, is, now)
	if len(others) == 0 {
		others = append(others, losers[0].was)
	}
	for _, other := range others {
		a.tell(fr, key, is, "merge", other, now, nil)
	}
	return nil
}

// mergeRows makes one row of the winner's and a loser's by the rule of the table. Of
// equals the winner's counts.
func mergeRows(t *table, w, l row, at token.Span) (row, *diag.Failure) {
	switch {
	case !w.there:
		return l, nil
	case t.Merge == "keep":
		return w, nil
	}
	out := w
	out.at = max(w.at, l.at) // the row was written last then
	out.since = out.at
	switch {
	case t.Merge == "first":
		out.since = w.since
		if first(l.since, w.since) {
			out.v, out.since = l.v, l.since
		}
		return out, nil
	case t.Merge == "last":
		if l.at > w.at {
			out.v = l.v
		}
		return out, nil
	case l.v == nil:
		return out, nil
	case w.v == nil:
		out.v = l.v
		return out, nil
	}
	v, err := mergeValues(t.Merge, w.v, l.v)
	if err != nil {
		return row{}, diag.Failf(diag.Decimal, at, "the rows of %s cannot become one: %v", t.Name, err)
	}
	out.v = v
	return out, nil
}

// first tells whether a is before b; no time is after all others.
func first(a, b int64) bool {
	never := func(t int64) int64 {
		if t == event.NoMicros {
			return math.MaxInt64
		}
		return t
	}
	return never(a) < never(b)
}

// mergeValues joins what two rows hold. The checker has seen to their types.
func mergeValues(rule string, w, l value.Value) (value.Value, error) {
	switch rule {
	case "sum":
		a, _ := w.(value.Number)
		b, _ := l.(value.Number)
		return value.Add(a, b)
	case "min", "max":
		c, ok := value.Compare(l, w)
		if ok && (rule == "min" && c < 0 || rule == "max" && c > 0) {
			return l, nil
		}
		return w, nil
	case "any":
		return w == true || l == true, nil
	case "all":
		return w == true && l == true, nil
	case "union":
		return union(w, l), nil
	}
	panic("op: no rule of a merge: " + rule)
}

// union is the winner's elements and then the loser's that are new.
func union(w, l value.Value) value.Value {
	a, _ := w.(value.List)
	b, _ := l.(value.List)
	seen := make(map[string]bool, len(a)+len(b))
	for _, v := range a {
		seen[string(value.AppendKey(nil, v))] = true
	}
	out := a[:len(a):len(a)]
	for _, v := range b {
		if k := string(value.AppendKey(nil, v)); !seen[k] {
			seen[k] = true
			out = append(out, v)
		}
	}
	return out
}
