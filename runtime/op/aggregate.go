package op

import (
	"encoding/binary"
	"slices"

	"github.com/sluice-dev/sluice/lang/diag"
	"github.com/sluice-dev/sluice/lang/value"
)

// aggregate is what one aggregate of a pane has seen. It is fed with one record
// after another, and keeps in the cell of its pane what fits there. Its result is
// a function of the values and their times and, where those are equal, of the order
// in which they came; in what order sessions were merged makes no difference.
type aggregate interface {
	// add takes the value of a record at a time in microseconds. The value is not
	// null; of count it is nothing.
	add(st *paneStore, v value.Value, at int64) *diag.Failure
	// merge takes over what the same aggregate of another session has seen, which is
	// later than all of this one's. from is the name of its pane.
	merge(st *paneStore, other aggregate, from string) *diag.Failure
	// result gives the value; false where it has seen none.
	result(st *paneStore) (value.Value, bool, *diag.Failure)
	// drop deletes its cells beside the pane.
	drop(st *paneStore)
	append(dst []byte) []byte
	read(r *reader)
}

// kinds are the aggregates; the place of each is its kind in stored panes.
var kinds = [...]string{"count", "sum", "min", "max", "average", "first", "last", "distinct", "collect", "percentile"}

func kindNumber(name string) byte { return byte(slices.Index(kinds[:], name)) }

func kindName(kind byte) string {
	if int(kind) < len(kinds) {
		return kinds[kind]
	}
	return ""
}

func newAggregate(kind string) aggregate {
	switch kind {
	case "count":
		return &counting{}
	case "sum":
		return &summing{}
	case "average":
		return &summing{mean: true}
	case "min":
		return &extreme{sign: -1}
	case "max":
		return &extreme{sign: 1}
	case "first":
		return &nearest{}
	case "last":
		return &nearest{last: true}
	case "distinct":
		return &distinct{}
	case "collect":
		return &collect{}
	case "percentile":
		return &percentile{}
	}
	return nil
}

// counting is count().
type counting struct{ n int64 }

func (a *counting) add(*paneStore, value.Value, int64) *diag.Failure {
	a.n++
	return nil
}

func (a *counting) merge(_ *paneStore, o aggregate, _ string) *diag.Failure {
	a.n += o.(*counting).n
	return nil
}

func (a *counting) result(*paneStore) (value.Value, bool, *diag.Failure) {
	return value.FromInt(a.n), true, nil
}

func (a *counting) drop(*paneStore) {}

func (a *counting) append(dst []byte) []byte { return binary.AppendVarint(dst, a.n) }

func (a *counting) read(r *reader) { a.n = r.varint() }

// summing is sum(x), and average(x) with mean.
type summing struct {
	mean bool
	n    int64
	sum  value.Number
}

func (a *summing) add(st *paneStore, v value.Value, _ int64) *diag.Failure {
	return a.plus(st, v.(value.Number), 1)
}

func (a *summing) plus(st *paneStore, x value.Number, n int64) *diag.Failure {
	sum, err := value.Add(a.sum, x)
	if err != nil {
		return diag.Failf(diag.Decimal, st.agg.at, "the sum of the pane: %v", err)
	}
	a.sum, a.n = sum, a.n+n
	return nil
}

func (a *summing) merge(st *paneStore, o aggregate, _ string) *diag.Failure {
	b := o.(*summing)
	return a.plus(st, b.sum, b.n)
}

func (a *summing) result(st *paneStore) (value.Value, bool, *diag.Failure) {
	switch {
	case !a.mean:
		return a.sum, true, nil
	case a.n == 0:
		return nil, false, nil
	}
	mean, err := value.Quo(a.sum, value.FromInt(a.n))
	if err != nil {
		return nil, false, diag.Failf(diag.Decimal, st.agg.at, "the average of the pane: %v", err)
	}
	return mean, true, nil
}

func (a *summing) drop(*paneStore) {}

func (a *summing) append(dst []byte) []byte {
	return appendSizedValue(binary.AppendVarint(dst, a.n), a.sum)
}

func (a *summing) read(r *reader) { a.n, a.sum = r.varint(), r.number() }

// extreme is min(x) and max(x): sign is -1 or 1. Of equals the first that came
// stays.
type extreme struct {
	sign int
	has  bool
	v    value.Value
}

func (a *extreme) add(_ *paneStore, v value.Value, _ int64) *diag.Failure {
	if order, _ := value.Compare(v, a.v); !a.has || order == a.sign {
		a.v, a.has = v, true
	}
	return nil
}

func (a *extreme) merge(st *paneStore, o aggregate, _ string) *diag.Failure {
	if b := o.(*extreme); b.has {
		return a.add(st, b.v, 0)
	}
	return nil
}

func (a *extreme) result(*paneStore) (value.Value, bool, *diag.Failure) { return a.v, a.has, nil }

func (a *extreme) drop(*paneStore) {}

func (a *extreme) append(dst []byte) []byte {
	if !a.has {
		return append(dst, 0)
	}
	return appendSizedValue(append(dst, 1), a.v)
}

func (a *extreme) read(r *reader) {
	if a.has = r.byte() == 1; a.has {
		a.v = r.value()
	}
}

// nearest is first(x) and last(x), by time.
type nearest struct {
	last bool
	has  bool
	at   int64
	v    value.Value
}

func (a *nearest) add(_ *paneStore, v value.Value, at int64) *diag.Failure {
	if !a.has || !a.last && at < a.at || a.last && at >= a.at {
		a.v, a.at, a.has = v, at, true
	}
	return nil
}

func (a *nearest) merge(st *paneStore, o aggregate, _ string) *diag.Failure {
	if b := o.(*nearest); b.has {
		return a.add(st, b.v, b.at)
	}
	return nil
}

func (a *nearest) result(*paneStore) (value.Value, bool, *diag.Failure) { return a.v, a.has, nil }

func (a *nearest) drop(*paneStore) {}

func (a *nearest) append(dst []byte) []byte {
	if !a.has {
		return append(dst, 0)
	}
	return appendSizedValue(binary.AppendVarint(append(dst, 1), a.at), a.v)
}

func (a *nearest) read(r *reader) {
	if a.has = r.byte() == 1; a.has {
		a.at, a.v = r.varint(), r.value()
	}
}
