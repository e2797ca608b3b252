package receiver

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

// arrivals writes events as "lane:seq=id", several in one request.
func arrivals(s string) []Event {
	var evs []Event
	for _, f := range strings.Fields(s) {
		ev := Event{Numbered: true}
		lane, rest, _ := strings.Cut(f, ":")
		num, id, _ := strings.Cut(rest, "=")
		ev.Topic, ev.User, ev.MessageID = lane, "u", id
		if _, err := fmt.Sscan(num, &ev.Seq); err != nil {
			panic(err)
		}
		ev.Raw = []byte(id)
		evs = append(evs, ev)
	}
	return evs
}

func TestLedgerJudges(t *testing.T) {
	for _, tt := range []struct {
		name, expect, arrive string
		want                 Report
	}{
		{"all in order", "a:1 a:2 b:1", "a:1=x b:1=y a:2=z", Report{Accepted: 3, Distinct: 3, Expected: 3}},
		{"one lost", "a:1 a:2 a:3", "a:1=x a:3=z", Report{Accepted: 2, Distinct: 2, Expected: 3, Lost: 1}},
		{"a gap that nobody expects is no loss", "a:1 a:9", "a:1=x a:9=z", Report{Accepted: 2, Distinct: 2, Expected: 2}},
		{"a repeat is neither duplicate nor disorder", "a:1 a:2", "a:1=x a:2=y a:1=x", Report{Accepted: 3, Distinct: 2, Repeats: 1, Expected: 2}},
		{"one event under two ids", "a:1", "a:1=x a:1=y", Report{Accepted: 2, Distinct: 2, Expected: 1, Duplicated: 1}},
		{"swapped", "a:1 a:2 a:3", "a:2=y a:1=x a:3=z", Report{Accepted: 3, Distinct: 3, Expected: 3, OutOfOrder: 1}},
		{"each that comes late counts", "a:1 a:2 a:3", "a:3=z a:1=x a:2=y", Report{Accepted: 3, Distinct: 3, Expected: 3, OutOfOrder: 2}},
		{"lanes have no order between them", "a:1 b:2", "b:2=y a:1=x", Report{Accepted: 2, Distinct: 2, Expected: 2}},
		{"an event nobody produced", "a:1", "a:1=x c:5=y", Report{Accepted: 2, Distinct: 2, Expected: 1, Unexpected: 1}},
		{"nothing expected, nothing unexpected", "", "a:1=x", Report{Accepted: 1, Distinct: 1}},
		{"beyond the bound", "", "a:99999999999=x", Report{Accepted: 1, Distinct: 1, Unjudged: 1}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			l := NewLedger()
			for _, e := range arrivals(tt.expect) {
				l.Expect(e.Topic, e.User, e.Seq)
			}
			l.record(arrivals(tt.arrive))
			got := l.Report()
			found := got.Findings
			got.Findings = nil
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("report (-want +got):\n%s", diff)
			}
			wrong := got.Lost + got.Duplicated + got.OutOfOrder + got.Unexpected
			if len(found) != wrong {
				t.Errorf("tells %d findings of %d: %q", len(found), wrong, found)
			}
			if got.Clean() != (wrong == 0 && got.Unjudged == 0) {
				t.Errorf("Clean() = %v", got.Clean())
			}
			if l.Outstanding() != got.Lost {
				t.Errorf("Outstanding() = %d, lost %d", l.Outstanding(), got.Lost)
			}
		})
	}
}

func TestARepeatWithOtherContentIsTold(t *testing.T) {
	l := NewLedger()
	l.record([]Event{{MessageID: "m", Raw: []byte("1")}, {MessageID: "m", Raw: []byte("1")}, {MessageID: "m", Raw: []byte("2")}})
	if r := l.Report(); r.Repeats != 2 || r.Changed != 1 || r.Unnumbered != 1 || r.Clean() {
		t.Errorf("report %+v, want 2 repeats, 1 of them changed", r)
	}
}

// The ledger against a model that keeps everything.
func TestLedgerCountsExactly(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		l := NewLedger()
		type num struct {
			lane string
			seq  uint64
		}
		want := map[num]bool{}
		for range rapid.IntRange(0, 30).Draw(t, "expected") {
			n := num{rapid.SampledFrom([]string{"a", "b"}).Draw(t, "lane"), rapid.Uint64Range(0, 200).Draw(t, "seq")}
			want[n] = true
			l.Expect(n.lane, "u", n.seq)
		}
		var m Report
		ids, got, high := map[string]bool{}, map[num]bool{}, map[string]uint64{}
		for range rapid.IntRange(0, 60).Draw(t, "arrivals") {
			n := num{rapid.SampledFrom([]string{"a", "b"}).Draw(t, "lane"), rapid.Uint64Range(0, 200).Draw(t, "seq")}
			id := fmt.Sprint(n, rapid.IntRange(0, 1).Draw(t, "copy"))
			l.record([]Event{{MessageID: id, Topic: n.lane, User: "u", Seq: n.seq, Numbered: true}})
			m.Accepted++
			if ids[id] {
				m.Repeats++
				continue
			}
			ids[id] = true
			m.Distinct++
			if got[n] {
				m.Duplicated++
				continue
			}
			got[n] = true
			if h, ok := high[n.lane]; ok && n.seq < h {
				m.OutOfOrder++
			} else {
				high[n.lane] = n.seq
			}
		}
		m.Expected = len(want)
		for n := range want {
			if !got[n] {
				m.Lost++
			}
		}
		for n := range got {
			if len(want) > 0 && !want[n] {
				m.Unexpected++
			}
		}
		r := l.Report()
		r.Findings = nil
		if diff := cmp.Diff(m, r); diff != "" {
			t.Fatalf("report (-model +ledger):\n%s", diff)
		}
		if l.Outstanding() != m.Lost {
			t.Fatalf("Outstanding() = %d, model has %d", l.Outstanding(), m.Lost)
		}
	})
}
