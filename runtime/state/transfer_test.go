package state

import (
	"bytes"
	"errors"
	"maps"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/sluice-dev/sluice/lang/ir"
	"github.com/sluice-dev/sluice/lang/types"
	"github.com/sluice-dev/sluice/lang/value"
	"github.com/sluice-dev/sluice/runtime/event"
)

// held is a store with something of every kind in it.
func holding(t testing.TB) *Memory {
	m := NewMemory()
	ltv := tableOf("ltv", types.NumberT, types.StringT)
	when := tableOf("when", types.AnyT, types.TimeT, types.NumberT)
	seen := &ir.State{Kind: ir.DedupeState, Name: "dedupe orders by .id", Keys: []*types.Type{types.StringT}, SpanMS: 60_000}
	panes := &ir.State{Kind: ir.WindowState, Name: "window daily", Keys: []*types.Type{types.StringT}}
	people := &ir.State{Kind: ir.IdentityState, Name: "identity people", Shared: "people"}
	high := &ir.State{Kind: ir.AudienceState, Name: "audience high_ltv", Keys: []*types.Type{types.StringT}, Row: types.BoolT}
	p := program(ltv, when, seen, panes, people, high)
	d, _, err := OpenDirectory(m, "shop", p, false)
	if err != nil {
		t.Fatal(err)
	}
	c, err := Open(m, d.Specs(p.Groups[0]))
	if err != nil {
		t.Fatal(err)
	}
	at := time.Date(2026, 1, 2, 3, 4, 5, 678_901_000, time.UTC)
	c.Begin()
	c.Put(0, value.AppendKey(nil, "ann@example.com"), AppendRow(nil, at.UnixMicro(), num("12.50")))
	c.Put(0, value.AppendKey(nil, "bob"), AppendRow(nil, event.NoMicros, num("1e3")))
	c.Put(1, value.AppendKey(value.AppendKey(nil, at), num("7")), AppendRow(nil, at.UnixMicro(), value.NewObject(
		value.Field{Key: "at", Value: at}, value.Field{Key: "for", Value: 3 * time.Hour}, value.Field{Key: "name", Value: "Ann <&> Ü"})))
	c.Arm(0, at.UnixMicro(), value.AppendKey(nil, "bob"))
	c.Claim(2, []byte("o1"), at.UnixMicro(), 60_000_000)
	c.Claim(2, []byte("o2"), at.UnixMicro(), 60_000_000)
	c.Put(3, []byte{0, 1, 2}, []byte{9, 9})
	c.Put(3, nil, []byte{})
	c.Put(4, []byte("n\x02eve@example.com"), []byte{1})
	c.Put(4, value.AppendKey(nil, "no key of the language"), []byte{}) // and looks as one
	c.Put(5, value.AppendKey(nil, "4f5e"), AppendRowSince(nil, at.UnixMicro(), at.Add(-time.Hour).UnixMicro(), true))
	c.Arm(5, at.UnixMicro(), value.AppendKey(nil, "4f5e"))
	c.Done()
	ws := append(c.Batch(c.Seal()),
		Write{Key: ProgressKey("ltv"), Val: AppendProgress(nil, &Progress{Inputs: []InputProgress{{InputName: InputName{Route: "orders"}, Next: 7}}})},
		Write{Key: IntentKey("ltv", 4), Val: AppendIntent(nil, &Intent{No: 4, First: 7, Last: 9, Now: 5})},
		NewErased([]string{"eve@example.com"}, 5).Put(),
		Write{Key: idKey, Val: []byte("sluice-1")})
	if err := m.Commit(ws); err != nil {
		t.Fatal(err)
	}
	return m
}

// TestAnExportIsTheStore: what export writes with values, import makes the same
// store of, byte for byte.
func TestAnExportIsTheStore(t *testing.T) {
	m := holding(t)
	var out bytes.Buffer
	if err := Export(&out, m, true); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{
		`{"format":1,"app":"shop","id":"sluice-1"}`,
		`{"state":"table ltv","number":4,"kind":"table","keys":["string"],"row_type":"number"}`,
		`{"state":"table ltv","key":["ann@example.com"],"row":12.50,"at":"2026-01-02T03:04:05.678901Z"}`,
		`{"state":"table ltv","key":["bob"],"row":1e3}`,
		`"row":{"at":"2026-01-02T03:04:05.678Z","for":"3h","name":"Ann <&> Ü"},"at":"2026-01-02T03:04:05.678901Z","bytes":"`,
		`{"state":"table ltv","key":["bob"],"timer":1767323045678901}`,
		`"segment":0,"claims":"`,
		`{"group":"ltv","part":"progress","bytes":"`,
		`{"state":"identity people","key_bytes":"bgJldmVAZXhhbXBsZS5jb20=","bytes":"AQ=="}`,
		`{"state":"audience high_ltv","key":["4f5e"],"row":true,"at":"2026-01-02T03:04:05.678901Z","bytes":"`,
		`{"erased":{"keys":["eve@example.com"],"sums":["`,
	} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("no %s in\n%s", want, out.String())
		}
	}
	im, err := NewImport(&out)
	if err != nil || im.App != "shop" || im.ID != "sluice-1" {
		t.Fatal(im, err)
	}
	again := NewMemory()
	if _, err := im.Into(again); err != nil {
		t.Fatal(err)
	}
	if got, want := all(t, again), all(t, m); !maps.Equal(got, want) {
		t.Error(cmp.Diff(want, got))
	}
	if got, err := ReadErased(again); err != nil || len(got) != 1 || got[0].Keys[0] != "eve@example.com" || got[0].Sums[0] != SumErased("eve@example.com") || got[0].At != 5 {
		t.Errorf("who was forgotten: %v, %v", got, err)
	}
}

// TestAnyRowComesBack: rows and keys of every value there is.
func TestAnyRowComesBack(t *testing.T) {
	rapid.Check(t, func(r *rapid.T) {
		m := NewMemory()
		if _, _, err := OpenDirectory(m, "shop", program(tableOf("t", types.AnyT, types.AnyT)), false); err != nil {
			r.Fatal(err)
		}
		for range rapid.IntRange(1, 4).Draw(r, "rows") {
			k := stateKey('c', 1)
			for range rapid.IntRange(0, 2).Draw(r, "parts") {
				k = value.AppendKey(k, values(1).Draw(r, "key"))
			}
			at := rapid.SampledFrom([]int64{event.NoMicros, 0, 1_767_323_045_678_901, 1<<63 - 1}).Draw(r, "at")
			if err := m.Commit([]Write{{Key: k, Val: AppendRow(nil, at, values(2).Draw(r, "row"))}}); err != nil {
				r.Fatal(err)
			}
		}
		var out bytes.Buffer
		if err := Export(&out, m, true); err != nil {
			r.Fatal(err)
		}
		im, err := NewImport(bytes.NewReader(out.Bytes()))
		if err != nil {
			r.Fatal(err)
		}
		again := NewMemory()
		if _, err := im.Into(again); err != nil {
			r.Fatalf("%v\n%s", err, out.String())
		}
		if got, want := all(t, again), all(t, m); !maps.Equal(got, want) {
			r.Fatalf("%v\n%s", cmp.Diff(want, got), out.String())
		}
	})
}

// TestMaskedShowsNoPayload: without values an export shows what lies there, and
// nothing of it (I9); it is not imported.
func TestMaskedShowsNoPayload(t *testing.T) {
	var out bytes.Buffer
	if err := Export(&out, holding(t), false); err != nil {
		t.Fatal(err)
	}
	for _, payload := range []string{"ann", "bob", "12.5", "Ann", "claims", `"bytes"`, "3h", "eve", "no key of", "4f5e", "key_bytes", SumErased("eve@example.com").text()} {
		if strings.Contains(out.String(), payload) {
			t.Errorf("%q is shown in\n%s", payload, out.String())
		}
	}
	if want := `{"state":"table ltv","key":"[\"xxx@xxxxxxx.xxx\"]","row":"99.99","at":"2026-01-02T03:04:05.678901Z"}`; !strings.Contains(out.String(), want) {
		t.Errorf("no %s in\n%s", want, out.String())
	}
	if _, err := NewImport(&out); err == nil || !strings.Contains(err.Error(), "without --values") {
		t.Errorf("imported: %v", err)
	}
}

func TestWhatIsNotImported(t *testing.T) {
	head := `{"format":1,"app":"shop","id":"x"}` + "\n"
	ltv := head + `{"state":"table ltv","number":2,"kind":"table","keys":["string"],"row_type":"number"}` + "\n"
	for _, tt := range []struct{ name, text, want string }{
		{"nothing", "", "nothing to import"},
		{"no JSON", "x\n", "line 1: it is not as `sluice state export` writes it"},
		{"no head", `{"state":"table ltv"}`, "begins with its format"},
		{"a newer one", `{"format":2}`, "line 1: it has format 2"},
		{"an unknown field", head + `{"stat":"x"}`, "line 2: it is not as"},
		{"an unknown state", ltv + "\n" + `{"state":"table x","key":["a"],"row":1}`, `line 4: no line above says what "table x" is`},
		{"two of one number", ltv + `{"state":"table x","number":2,"kind":"table"}`, "line 3: table ltv and table x have one name or one number"},
		{"an unknown kind", head + `{"state":"table x","number":2,"kind":"stool"}`, "line 2: a state has a name, a number and a kind"},
		{"no row", ltv + `{"state":"table ltv","key":["a"]}`, "line 3: a row is missing"},
		{"a key that is no list", ltv + `{"state":"table ltv","key":"a","row":1}`, "line 3: a key is a list of its parts"},
		{"bytes that are no row", ltv + `{"state":"table ltv","key":["a"],"bytes":"AAAA"}`, "line 3: its bytes AAAA: the store is damaged"},
		{"claims that are cut", head + `{"state":"d","number":1,"kind":"dedupe"}` + "\n" + `{"state":"d","segment":1,"claims":"AAAA"}`, "line 3: the store is damaged"},
		{"cut in a line", ltv + `{"state":"table ltv","key":["a"],"ro`, "line 3: it is not as"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			m := NewMemory()
			im, err := NewImport(strings.NewReader(tt.text))
			if err == nil {
				_, err = im.Into(m)
				if _, ok, _ := m.Get(importKey); !ok {
					t.Error("the store says nothing of an import that did not end")
				}
			}
			if err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("got %v, want %s", err, tt.want)
			}
		})
	}
	im, err := NewImport(strings.NewReader(ltv))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := im.Into(holding(t)); err == nil || !strings.Contains(err.Error(), "empty state directory") {
		t.Errorf("into a full one: %v", err)
	}
}

// TestAnUnfinishedImportIsRefused on disk.
func TestAnUnfinishedImportIsRefused(t *testing.T) {
	dir := t.TempDir()
	b := openBadger(t, dir)
	im, err := NewImport(strings.NewReader(`{"format":1,"app":"shop","id":"x"}` + "\n{"))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := im.Into(b); err == nil {
		t.Fatal("imported")
	}
	if err := b.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := OpenBadger(dir, Options{}); !errors.Is(err, ErrDamaged) || !strings.Contains(err.Error(), "remove it and import again") {
		t.Errorf("got %v", err)
	}
}

// TestVerifyTellsEachThing that cannot be read, and sums up the rest.
func TestVerifyTellsEachThing(t *testing.T) {
	m := holding(t)
	verify := func() (states []Summary, groups []GroupSummary, problems []string) {
		states, groups, err := Verify(m, func(err error) {
			if !errors.Is(err, ErrDamaged) && !errors.Is(err, ErrNewer) {
				t.Errorf("a problem that is none: %v", err)
			}
			problems = append(problems, err.Error())
		})
		if err != nil {
			t.Fatal(err)
		}
		return states, groups, problems
	}
	states, groups, problems := verify()
	if len(problems) > 0 {
		t.Fatal(problems)
	}
	type sum struct {
		Name                 string
		Rows, Claims, Timers int
	}
	var got []sum
	for _, s := range states {
		got = append(got, sum{s.Name, s.Rows, s.Claims, s.Timers})
	}
	if diff := cmp.Diff([]sum{{"audience high_ltv", 1, 0, 1}, {"dedupe orders by .id", 0, 2, 0}, {"identity people", 2, 0, 0}, {"table ltv", 2, 0, 1}, {"table when", 1, 0, 0}, {"window daily", 2, 0, 0}}, got); diff != "" {
		t.Error(diff)
	}
	if len(groups) != 1 || groups[0].Inputs != 1 || groups[0].Intents != 1 {
		t.Error(groups)
	}
	for _, w := range []Write{
		{Key: append(stateKey('c', 4), value.AppendKey(nil, "cut")...), Val: []byte{1, 2}},
		{Key: append(stateKey('c', 4), value.AppendKey(nil, "newer")...), Val: []byte{9, 2}},
		{Key: append(stateKey('c', 4), 0xff), Val: AppendRow(nil, 0, nil)},
		{Key: stateKey('c', 99), Val: []byte("whose?")},
		{Key: segmentKey(2, 77), Val: make([]byte, claimSize+sumSize)},
		{Key: []byte("t\x00\x00\x00\x04"), Val: nil},
		{Key: []byte("gltv\x00z"), Val: nil},
		{Key: []byte("z"), Val: nil},
		{Key: IntentKey("ltv", 5), Val: []byte{1}},
		{Key: []byte("merased/x"), Val: []byte("{")},
	} {
		if err := m.Commit([]Write{w}); err != nil {
			t.Fatal(err)
		}
	}
	if _, _, problems := verify(); len(problems) != 10 {
		t.Errorf("%d problems:\n%s", len(problems), strings.Join(problems, "\n"))
	}
}

// FuzzImport: what is no export is refused with its line; what is one is a store
// that can be verified and exported again.
func FuzzImport(f *testing.F) {
	var out bytes.Buffer
	if err := Export(&out, holding(f), true); err != nil {
		f.Fatal(err)
	}
	f.Add(out.String())
	f.Add(`{"format":1}` + "\n" + `{"state":"table t","number":1,"kind":"table"}` + "\n" + `{"state":"table t","key":[1e400,{"a":[]}],"row":null,"timer":-1}`)
	f.Fuzz(func(t *testing.T, text string) {
		im, err := NewImport(strings.NewReader(text))
		if err != nil {
			return
		}
		m := NewMemory()
		if _, err := im.Into(m); err != nil {
			return
		}
		if _, _, err := Verify(m, func(error) {}); err != nil {
			t.Fatal(err)
		}
		_ = Export(&bytes.Buffer{}, m, false)
	})
}

func (s ErasedSum) text() string {
	b, _ := s.MarshalText()
	return string(b)
}
