package op_test

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/sluice-dev/sluice/lang/value"
)

// modelRecord is a record as the model of windows knows it.
type modelRecord struct {
	at int // seconds behind noon
	n  int // tenths; -1: null
	s  string
}

func (r *modelRecord) json(key string) string {
	n, s := "null", "null"
	if r.n >= 0 {
		n = string(value.AppendJSON(nil, tenths(r.n)))
	}
	if r.s != "" {
		s = `"` + r.s + `"`
	}
	return fmt.Sprintf(`{"id":%q,"n":%s,"s":%s}`, key, n, s)
}

func tenths(n int) value.Number {
	x, _ := value.Scaled(int64(n), -1)
	return x
}

// modelPane is what a window must say of records, reckoned anew from all of them, in
// the order in which they came.
func modelPane(key string, start, end int, rs []modelRecord) string {
	text := func(v value.Value, err error) string {
		if err != nil {
			return err.Error()
		}
		return string(value.AppendJSON(nil, v))
	}
	byTime := slices.Clone(rs)
	slices.SortStableFunc(byTime, func(a, b modelRecord) int { return cmp.Compare(a.at, b.at) })
	sum, ns, texts, distinct := 0, []int{}, value.List{}, map[string]bool{}
	for _, r := range byTime {
		if r.n >= 0 {
			sum += r.n
			ns = append(ns, r.n)
		}
		if r.s != "" {
			texts = append(texts, r.s)
			distinct[r.s] = true
		}
	}
	slices.Sort(ns)
	low, high, mean, p, first, last := "null", "null", "null", "null", "null", "null"
	if len(ns) > 0 {
		low, high = text(tenths(ns[0]), nil), text(tenths(ns[len(ns)-1]), nil)
		q, err := value.Quo(tenths(sum), value.FromInt(int64(len(ns))))
		mean = text(q, err)
		p = text(tenths(ns[(len(ns)*9+9)/10-1]), nil)
	}
	if len(texts) > 0 {
		first = text(texts[0], nil)
		last = text(texts[len(texts)-1], nil)
	}
	at := func(s int) string { return value.FormatTime(now.Add(time.Duration(s) * time.Second)) }
	return fmt.Sprintf(`{"n":%d,"total":%s,"low":%s,"high":%s,"mean":%s,"a":%s,"z":%s,"ids":%s,"kinds":%d,"p":%s,"key":%q,"from":%q,"to":%q}`,
		len(rs), text(tenths(sum), nil), low, high, mean, first, last, text(texts[:min(len(texts), 3)], nil), len(distinct), p, key, at(start), at(end))
}

const modelScript = `from topic "t" as { id: string, n: number?, s: string? }
window %s {
  n: count(), total: sum(.n), low: min(.n), high: max(.n), mean: average(.n), a: first(.s), z: last(.s)
  ids: collect(.s, 3), kinds: distinct(.s), p: percentile(.n, 90)
} late { drop "late" }
emit log { ..., key: @window.key, from: @window.start, to: @window.end }
`

// TestWindowModel: what windows say is what all their records say, whatever their
// order; what is late is what no open pane takes; and nothing stays in the store.
func TestWindowModel(t *testing.T) {
	for _, head := range []string{"10s by .id", "10s by .id grace 7s", "10s by .id every 5s grace 3s", "10s by .id every 4s", "session 10s by .id", "session 10s by .id grace 7s"} {
		t.Run(head, func(t *testing.T) {
			src := fmt.Sprintf(modelScript, head)
			plan, g, errs := tryGroup(src)
			if errs != "" {
				t.Fatal(errs)
			}
			w := readHead(head)
			rapid.Check(t, func(rt *rapid.T) {
				p := newPlayer(t, plan, g, nil)
				same := func(what, got, want string) {
					if got != want {
						rt.Fatalf("%s: got\n%s\nwant\n%s", what, got, want)
					}
				}
				m := &windowModel{head: w, kept: map[string][]modelRecord{}, mark: -1 << 40}
				for range rapid.IntRange(1, 40).Draw(rt, "steps") {
					if rapid.IntRange(0, 5).Draw(rt, "due") == 0 {
						to := max(m.mark, rapid.IntRange(-10, 80).Draw(rt, "mark"))
						p.due(to)
						same("panes", sorted(p.outs()), sorted(m.due(to)))
						p.settle()
						continue
					}
					key := rapid.SampledFrom([]string{"a", "b"}).Draw(rt, "key")
					r := modelRecord{at: rapid.IntRange(-5, 80).Draw(rt, "at"), n: rapid.IntRange(-1, 30).Draw(rt, "n"), s: rapid.SampledFrom([]string{"", "x", "y", "z", "w"}).Draw(rt, "s")}
					want := "dropped: late at drop"
					if m.take(key, r) {
						want = "completed"
					}
					same("outcome", strings.Split(show(p.send(0, r.at, r.json(key))), "/")[0], want)
				}
				p.due(1000)
				same("last panes", sorted(p.outs()), sorted(m.due(1000)))
				same("left", p.stored(), "")
			})
		})
	}
}

func sorted(lines string) string {
	l := strings.Split(lines, "\n")
	slices.Sort(l)
	return strings.Join(l, "\n")
}

type windowHead struct {
	session           bool
	size, step, grace int
}

func readHead(s string) (h windowHead) {
	words := strings.Fields(s)
	if words[0] == "session" {
		h.session, words = true, words[1:]
	}
	for i, w := range words {
		var n int
		if _, err := fmt.Sscanf(w, "%ds", &n); err != nil {
			continue
		}
		switch {
		case i == 0:
			h.size, h.step = n, n
		case words[i-1] == "every":
			h.step = n
		case words[i-1] == "grace":
			h.grace = n
		}
	}
	return h
}

// windowModel keeps every record that was taken and is in a pane that is open.
type windowModel struct {
	head windowHead
	mark int
	kept map[string][]modelRecord // in the order in which they came
}

func (m *windowModel) starts(at int) (out []int) {
	for s := at - m.head.size; s <= at; s++ {
		// Noon is a multiple of every step here.
		if s > at-m.head.size && ((s%m.head.step)+m.head.step)%m.head.step == 0 {
			out = append(out, s)
		}
	}
	return out
}

func (m *windowModel) take(key string, r modelRecord) bool {
	open := false
	if m.head.session {
		open = r.at+m.head.size+m.head.grace > m.mark
		for _, k := range m.kept[key] {
			open = open || k.at-r.at < m.head.size && r.at-k.at < m.head.size
		}
	} else {
		for _, s := range m.starts(r.at) {
			open = open || s+m.head.size+m.head.grace > m.mark
		}
	}
	if open {
		m.kept[key] = append(m.kept[key], r)
	}
	return open
}

// due tells what ends at or before to.
func (m *windowModel) due(to int) string {
	var out []string
	before := m.mark
	m.mark = to
	for _, key := range []string{"a", "b"} {
		if m.head.session {
			out = append(out, m.sessions(key)...)
			continue
		}
		panes := map[int][]modelRecord{}
		var keep []modelRecord
		for _, r := range m.kept[key] {
			ahead := false
			for _, s := range m.starts(r.at) {
				end := s + m.head.size + m.head.grace
				if end > before && end <= to {
					panes[s] = append(panes[s], r)
				}
				ahead = ahead || end > to
			}
			if ahead {
				keep = append(keep, r)
			}
		}
		m.kept[key] = keep
		for s, rs := range panes {
			out = append(out, modelPane(key, s, s+m.head.size, rs))
		}
	}
	return strings.Join(out, "\n")
}

func (m *windowModel) sessions(key string) (out []string) {
	byTime := slices.Clone(m.kept[key])
	slices.SortStableFunc(byTime, func(a, b modelRecord) int { return cmp.Compare(a.at, b.at) })
	for len(byTime) > 0 {
		n := 1
		for n < len(byTime) && byTime[n].at-byTime[n-1].at < m.head.size {
			n++
		}
		first, last := byTime[0].at, byTime[n-1].at
		byTime = byTime[n:]
		if last+m.head.size+m.head.grace > m.mark {
			continue
		}
		var rs, keep []modelRecord
		for _, r := range m.kept[key] {
			if r.at >= first && r.at <= last {
				rs = append(rs, r)
			} else {
				keep = append(keep, r)
			}
		}
		m.kept[key] = keep
		out = append(out, modelPane(key, first, last+m.head.size, rs))
	}
	return out
}
