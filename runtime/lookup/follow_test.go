package lookup

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/sluice-dev/sluice/lang/ir"
	"github.com/sluice-dev/sluice/lang/types"
	"github.com/sluice-dev/sluice/lang/value"
	"github.com/sluice-dev/sluice/runtime/event"
)

// topicTable is `table journeys: Journey keyed by .id from topic "crm.journeys"`, or
// keyed by string.
func topicTable(field ...string) *ir.Table {
	return &ir.Table{
		Name: "journeys", Row: journey(), Keys: []ir.TableKey{{Type: types.StringT, Field: field}},
		Load: &ir.Load{Topic: "crm.journeys", Via: "main"},
	}
}

// script is a topic in memory: what each poll brings, and how far the first load is
// then.
type script struct {
	polls []poll
	at    int
	read  int64
	total int64
	check func(n int) // called before the n-th poll
}

type poll struct {
	recs []event.Record
	read int64
	err  error
}

var errScriptEnd = errors.New("the script ends")

func (s *script) Poll(context.Context, time.Duration) ([]event.Record, []error, error) {
	if s.check != nil {
		s.check(s.at)
	}
	if s.at == len(s.polls) {
		return nil, nil, errScriptEnd
	}
	p := s.polls[s.at]
	s.at++
	s.read = p.read
	return p.recs, nil, p.err
}

func (s *script) Progress() (read, total int64) { return s.read, s.total }

// rec is a record; a value of "-" is a tombstone, a key of "-" is none.
func rec(offset int64, k, v string) event.Record {
	r := event.Record{Topic: "crm.journeys", Offset: offset, Key: []byte(k), Value: []byte(v)}
	if k == "-" {
		r.Key = nil
	}
	if v == "-" {
		r.Value = nil
	}
	return r
}

var quiet = slog.New(slog.DiscardHandler)

func ready(t *Table) bool {
	select {
	case <-t.Ready():
		return true
	default:
		return false
	}
}

func TestATopicIsReadToItsEndBeforeAnybodyReadsIt(t *testing.T) {
	decl := topicTable("id")
	set := New([]*ir.Table{decl})
	tab := set.Table(decl)
	if got, want := tab.Reason(), "loading topic crm.journeys: 0 of 0 records"; got != want {
		t.Errorf("reason %q, want %q", got, want)
	}
	src := &script{total: 4, polls: []poll{
		{recs: []event.Record{rec(0, "1", `{"id":"a","n":1}`), rec(1, "2", `{"id":"b","n":1}`)}, read: 2},
		{recs: []event.Record{rec(2, "1", `{"id":"a","n":2}`)}, read: 3},
		{read: 4}, // a marker
		{recs: []event.Record{rec(4, "2", "-")}, read: 4},
	}}
	src.check = func(n int) {
		if n > 0 && n < 3 {
			if ready(tab) {
				t.Errorf("ready after %d polls of 3", n)
			}
			if got := show(set, decl, "a", "b"); got != "" {
				t.Errorf("rows are read before the first load: %s", got)
			}
			if got, want := tab.Reason(), fmt.Sprintf("loading topic crm.journeys: %d of 4 records", n+1); got != want {
				t.Errorf("reason %q, want %q", got, want)
			}
		}
		if n == 3 {
			if !ready(tab) || tab.Reason() != "" {
				t.Errorf("not ready at the end: %q", tab.Reason())
			}
			if got, want := show(set, decl, "a", "b"), `{"id":"a","n":2,"share":1}`+"\n"+`{"id":"b","n":1,"share":1}`; got != want {
				t.Errorf("rows %s, want %s", got, want)
			}
		}
	}
	if err := tab.Follow(t.Context(), src, quiet, func(*Table) {}); !errors.Is(err, errScriptEnd) {
		t.Fatal(err)
	}
	if got, want := show(set, decl, "a", "b"), `{"id":"a","n":2,"share":1}`; got != want {
		t.Errorf("after the tombstone: rows %s, want %s", got, want)
	}
	if r := tab.Reason(); !strings.HasPrefix(r, "topic crm.journeys: the script ends; the rows read so far stay in use") {
		t.Errorf("reason %q", r)
	}

	// Read anew, the rows in use stay until the topic has been read to its end.
	src = &script{total: 2, polls: []poll{{recs: []event.Record{rec(5, "9", `{"id":"b"}`)}, read: 1}, {read: 2}}}
	src.check = func(n int) {
		if got, want := show(set, decl, "a", "b"), map[int]string{0: `{"id":"a","n":2,"share":1}`, 1: `{"id":"a","n":2,"share":1}`, 2: `{"id":"b","share":1}`}[n]; got != want {
			t.Errorf("second load, poll %d: rows %s, want %s", n, got, want)
		}
		if n == 2 && tab.Reason() != "" {
			t.Errorf("the problem of before is still told: %q", tab.Reason())
		}
	}
	if err := tab.Follow(t.Context(), src, quiet, func(*Table) {}); !errors.Is(err, errScriptEnd) {
		t.Fatal(err)
	}
}

func TestARecordThatIsNoRowIsLeftOutUntilItIsMended(t *testing.T) {
	for _, tt := range []struct {
		name         string
		decl         *ir.Table
		recs         []event.Record
		rows, reason string
	}{
		{"wrong type", topicTable("id"), []event.Record{rec(0, "1", `{"id":"a","n":1}`), rec(1, "1", `{"id":"a","n":"x"}`)},
			`{"id":"a","n":1,"share":1}`, `topic crm.journeys: 1 record is no row and left out: partition 0 offset 1: .n: expected int?, got string`},
		{"mended", topicTable("id"), []event.Record{rec(0, "1", `{"id":"a","n":"x"}`), rec(1, "1", `{"id":"a","n":1}`)},
			`{"id":"a","n":1,"share":1}`, ""},
		{"taken away", topicTable("id"), []event.Record{rec(0, "1", `nonsense`), rec(1, "1", `-`)}, "", ""},
		{"several", topicTable("id"), []event.Record{rec(3, "1", `{"id":"a",}`), rec(4, "2", `{}`)}, "",
			`topic crm.journeys: 2 records are no rows and left out, the first: partition 0 offset 3: not JSON: comma before }`},
		{"by the record's key", topicTable(), []event.Record{rec(0, "a", `{"id":"x"}`), rec(1, "b", `{"id":"y"}`), rec(2, "b", "-")},
			`{"id":"x","share":1}`, ""},
		{"no key to go by", topicTable(), []event.Record{rec(0, "-", `{"id":"x"}`), rec(1, "\xff", `{"id":"y"}`)}, "",
			`topic crm.journeys: 1 record is no row and left out: partition 0 offset 1: the record's key is no text (table journeys is keyed by it)`},
		{"without a key, keyed by a field", topicTable("id"), []event.Record{rec(0, "-", `{"id":"a","n":1}`), rec(1, "-", `{"id":"a","n":2}`), rec(2, "-", "-")},
			`{"id":"a","n":2,"share":1}`, ""},
		{"two keys of one row", topicTable("id"), []event.Record{rec(0, "1", `{"id":"a","n":1}`), rec(1, "2", `{"id":"a","n":2}`), rec(2, "2", "-")},
			`{"id":"a","n":1,"share":1}`, ""},
		{"a key whose row moves", topicTable("id"), []event.Record{rec(0, "1", `{"id":"a"}`), rec(1, "1", `{"id":"b"}`)},
			`{"id":"b","share":1}`, ""},
	} {
		set := New([]*ir.Table{tt.decl})
		tab := set.Table(tt.decl)
		n := int64(len(tt.recs))
		src := &script{total: n, polls: []poll{{recs: tt.recs, read: n}}}
		src.check = func(polled int) {
			if polled == 0 {
				return
			}
			if got := show(set, tt.decl, "a", "b"); got != tt.rows {
				t.Errorf("%s: rows %s, want %s", tt.name, got, tt.rows)
			}
			if got := tab.Reason(); !strings.HasPrefix(got, tt.reason) || (tt.reason == "") != (got == "") {
				t.Errorf("%s: reason %q, want %q", tt.name, got, tt.reason)
			}
		}
		if err := tab.Follow(t.Context(), src, quiet, func(*Table) {}); !errors.Is(err, errScriptEnd) {
			t.Fatal(err)
		}
	}
}

// Whatever compaction has taken away by the time a topic is read, the rows are the
// same.
func TestCompactionChangesNoRow(t *testing.T) {
	for seed := range uint64(300) {
		rng := rand.New(rand.NewPCG(seed, 1))
		var all []event.Record
		for i := range int64(1 + rng.IntN(30)) {
			v := fmt.Sprintf(`{"id":"%c","n":%d}`, 'a'+rng.IntN(4), i)
			if rng.IntN(5) == 0 {
				v = "-"
			}
			all = append(all, rec(i, fmt.Sprint(rng.IntN(5)), v))
		}
		last := map[string]int64{}
		for _, r := range all {
			last[string(r.Key)] = r.Offset
		}
		var compacted []event.Record
		for _, r := range all {
			if last[string(r.Key)] == r.Offset || rng.IntN(3) == 0 {
				compacted = append(compacted, r)
			}
		}
		read := func(recs []event.Record) map[string]string {
			f := newFollower(topicTable("id"))
			for i := range recs {
				if p := f.take(&recs[i]); p != nil {
					t.Fatal(p)
				}
			}
			out := map[string]string{}
			for k, r := range f.rows.byKey {
				out[k] = string(value.AppendJSON(nil, r.value))
			}
			return out
		}
		whole, rest := read(all), read(compacted)
		if !maps.Equal(whole, rest) {
			t.Fatalf("seed %d: %v of the whole topic, %v of the compacted one", seed, whole, rest)
		}
	}
}
