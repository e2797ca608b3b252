package json

import (
	"errors"
	"fmt"
	"math/rand"
	"strings"
	"testing"
)

// slotsOf scans d by a plan of paths and renders what the slots hold. Paths
// with [] show the frames of the list before it.
func slotsOf(t *testing.T, d string, paths ...string) []string {
	t.Helper()
	p := planOf(paths...)
	s := NewScanner(p)
	if err := s.Scan([]byte(d)); err != nil {
		t.Fatalf("%s: %v", d, err)
	}
	var out []string
	for _, path := range paths {
		out = append(out, strings.Join(show(s, p.root, s.Frame(), steps(path)), " "))
	}
	return out
}

func show(s *Scanner, n *Node, fr []Span, path []string) []string {
	for i, step := range path {
		if step != "[]" {
			n = n.Key(step)
			continue
		}
		var out []string
		els := s.Elems(fr[n.Slot()])
		for k := range els.Len() {
			out = append(out, show(s, n.Each(), els.At(k), path[i+1:])...)
		}
		return []string{"(" + strings.Join(out, " ") + ")"}
	}
	sp := fr[n.Slot()]
	switch sp.Kind {
	case Missing:
		return []string{"-"}
	case PathErr:
		return []string{"!" + string(sp.Bytes(s.d))}
	}
	return []string{string(sp.Raw(s.d))}
}

func TestSlots(t *testing.T) {
	tests := []struct {
		name, event, path, want string
	}{
		{"the record itself", ` {"a":1} `, "", `{"a":1}`},
		{"the record may be any value", `"x"`, "", `"x"`},
		{"a member", `{"a":{"b":[1]}}`, "a.b", `[1]`},
		{"a missing member", `{"a":{}}`, "a.b", `-`},
		{"through a missing member", `{}`, "a.b.c", `-`},
		{"through null", `{"a":null}`, "a.b.c", `-`},
		{"E4: through text", `{"a":"x\n"}`, "a.b.c", `!"x\n"`},
		{"E4: through a number", `{"a":{"b":-1e3}}`, "a.b.c", `!-1e3`},
		{"E4: through a bool", `{"a":true}`, "a.b", `!true`},
		{"E4: through a list", `{"a":[{"b":1}]}`, "a.b", `![{"b":1}]`},
		{"E4: through the record", `5`, "a.b", `!5`},
		{"through a record that is null", `null`, "a.b", `-`},
		{"E3: the last duplicate wins", `{"a":1,"a":2}`, "a", `2`},
		{"E3: with its subtree", `{"a":{"b":1},"a":{"c":2}}`, "a.b", `-`},
		{"E3: null takes the subtree back", `{"a":{"b":1},"a":null}`, "a.b", `-`},
		{"E3: a path error is taken back", `{"a":"x","a":{"b":1}}`, "a.b", `1`},
		{"E3: in nested objects", `{"a":{"b":{"c":1},"b":{}}}`, "a.b.c", `-`},
		{"E3: lists", `{"l":[{"a":1},{"a":2}],"l":[{"a":3}]}`, "l[].a", `(3)`},
		{"E3: escaped and plain are one key", `{"a":1,"\u0061":2}`, "a", `2`},
		{"elements of every kind", `{"l":[1,null,"x",[],{"a":1}]}`, "l[]", `(1 null "x" [] {"a":1})`},
		{"fields of elements of every kind", `{"l":[1,null,"x",[],{"a":1},{}]}`, "l[].a", `(!1 - !"x" ![] 1 -)`},
		{"an empty list", `{"l":[ ]}`, "l[].a", `()`},
		{"no list", `{"l":{"a":1}}`, "l[].a", `()`},
		{"the record is a list", `[{"a":1},{"a":2}]`, "[].a", `(1 2)`},
		{"lists in elements", `{"l":[{"m":[{"a":1},{"a":2}]},{},{"m":[{"a":3}]}]}`, "l[].m[].a", `((1 2) () (3))`},
		{"lists in lists", `{"l":[[{"a":1}],[],[{"a":2},{"a":3}],4]}`, "l[][].a", `((1) () (2 3) ())`},
		{"lists in lists in lists", `[[[1],[2,3]],[[]],[4]]`, "[][][]", `(((1) (2 3)) (()) (()))`},
		{"below an element", `{"l":[{"a":{"b":1}},{"a":"x"},{"a":null}]}`, "l[].a.b", `(1 !"x" -)`},
		{"a key with a lone surrogate", `{"\ud800":1}`, "\ufffd", `1`},
		{"white space everywhere", "\t{ \"a\" :\r\n{ \"b\" : 1 } , \"c\":2 }\n", "a.b", `1`},
		{"a byte order mark", "\xef\xbb\xbf{\"a\":1}", "a", `1`},
		{"a long key", `{"the key that is longer than two words":1}`, "the key that is longer than two words", `1`},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if got := slotsOf(t, tt.event, tt.path)[0]; got != tt.want {
				t.Errorf("%s of %s\n got %s\nwant %s", tt.path, tt.event, got, tt.want)
			}
		})
	}
}

func TestOneFrameHoldsAllPaths(t *testing.T) {
	got := slotsOf(t, `{"b":{"y":2,"x":[{"k":1}]},"a":[{"k":"s","l":[[5]]}]}`, "a", "b.x[].k", "b.y", "a[].l[][]", "a[].k")
	want := []string{`[{"k":"s","l":[[5]]}]`, `(1)`, `2`, `(((5)))`, `("s")`}
	if fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("got %v, want %v", got, want)
	}
}

func TestFlags(t *testing.T) {
	p := planOf("a", "b", "b.c", "")
	s := NewScanner(p)
	d := []byte(`{"\u0065":1,"a":{"k":["\n"]},"b":{"c":"\ud800\udc00 \udc00 \ud83d\ude00","\ud83dx":"\ufffd"},"z":"plain"}`)
	if err := s.Scan(d); err != nil {
		t.Fatal(err)
	}
	want := []Flags{Escaped, Escaped | Lone, Escaped | Lone, Escaped | Lone}
	for i, sp := range s.Frame() {
		if sp.Flags != want[i] {
			t.Errorf("slot %d: flags %b, want %b", i, sp.Flags, want[i])
		}
	}
	got := string(AppendRaw(nil, d, s.Frame()[1]))
	if want := `{"c":"\ud800\udc00 \ufffd \ud83d\ude00","\ufffdx":"\ufffd"}`; got != want {
		t.Errorf("passed on as %s, want %s", got, want)
	}
	if got := string(AppendText(nil, d, s.Frame()[2])); got != "\U00010000 \ufffd 😀" {
		t.Errorf("text %q", got)
	}
}

func TestErrorsSayWhere(t *testing.T) {
	tests := []struct {
		name, event string
		offset      int
	}{
		{"empty", ``, 0},
		{"only space", `  `, 2},
		{"cut short", `{"a":"x`, 7},
		{"a list cut short", `{"a":[1,`, 8},
		{"no colon", `{"a" 1}`, 5},
		{"no comma", `{"a":1 "b":2}`, 7},
		{"no key", `{"a":1,}`, 7},
		{"a bare word", `{"a":nil}`, 5},
		{"a number with a leading zero", `[01]`, 2},
		{"a control character", "[\"ab\x01\"]", 4},
		{"a bad escape", `["ab\x"]`, 4},
		{"no UTF-8", "[\"ab\xff\"]", 4},
		{"no UTF-8 in a long text", "[\"abcdefgh é \xe9 abcdefgh\"]", 14},
		{"text behind", `{} {}`, 3},
		{"a second byte order mark", "\xef\xbb\xbf\xef\xbb\xbf1", 3},
		{"513 deep", strings.Repeat("[", 600), 512},
		{"513 deep in the unread", `{"x":` + strings.Repeat(`{"a":`, 511) + `[]`, 5 + 5*511},
	}
	s := NewScanner(planOf("a", "b", "a[].c"))
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			var syn *SyntaxError
			err := s.Scan([]byte(tt.event))
			if !errors.As(err, &syn) || syn.Offset != tt.offset {
				t.Errorf("got %v, want offset %d", err, tt.offset)
			}
		})
	}
}

func TestDepth(t *testing.T) {
	for _, open := range []string{"[", `{"a":`, `{"unread":`} {
		for _, inner := range []string{"", "1"} {
			if inner == "" && open != "[" {
				inner = "{}" // one deeper than the opens
			}
			s := NewScanner(planOf("a.a", "[][]"))
			for deep := MaxDepth - 3; deep < MaxDepth+3; deep++ {
				d := strings.Repeat(open, deep) + inner + strings.Repeat(map[bool]string{true: "]", false: "}"}[open == "["], deep)
				checkScan(t, s, []byte(d))
			}
		}
	}
}

// Lists with element frames have a depth of their own to count.
func TestDepthOfElementFrames(t *testing.T) {
	p := NewPlan()
	n := p.Root()
	for range MaxDepth + 2 {
		n = n.Each()
	}
	p.Seal()
	s := NewScanner(p)
	for _, inner := range []string{"", "1"} {
		for deep := MaxDepth - 1; deep <= MaxDepth+1; deep++ {
			checkScan(t, s, []byte(strings.Repeat("[", deep)+inner+strings.Repeat("]", deep)))
		}
	}
}

// I7: a stream whose keys are data makes a scanner neither grow nor err.
func TestLearningIsBounded(t *testing.T) {
	s := NewScanner(planOf("id", "k1.v1[]"))
	for i := range 3 * maxLearned {
		d := fmt.Appendf(nil, `{"id":%d,"k%d":{"v%d":%d,"k":{"v":1}}}`, i, i%63, i/63, i)
		if err := s.Scan(d); err != nil {
			t.Fatal(err)
		}
		if i%64 == 0 {
			checkScan(t, s, d)
		}
	}
	for i := range 63 { // places of elements count, too
		checkScan(t, s, fmt.Appendf(nil, `{"id":[%d],"k%d":[{"v%d":[]}]}`, i, i, i))
	}
	if s.learned != maxLearned {
		t.Errorf("learned %d, want the bound of %d to be met and kept", s.learned, maxLearned)
	}
}

func TestEveryPrefixIsRefused(t *testing.T) {
	s := NewScanner(orderPlan())
	d := orders()[0]
	for i := range d {
		// A copy of the exact size: reading past the end must not go unseen.
		err := s.Scan(append(make([]byte, 0, i), d[:i]...))
		var syn *SyntaxError
		if !errors.As(err, &syn) {
			t.Fatalf("%d of %d bytes: %v", i, len(d), err)
		}
	}
	if err := s.Scan(d); err != nil {
		t.Fatal(err)
	}
}

func TestTooManyElements(t *testing.T) {
	s := NewScanner(planOf("l[].a", "l[].b"))
	d := []byte(`{"l":[0` + strings.Repeat(",0", maxSlots/2-1) + `]}`)
	if err := s.Scan(d); err != nil {
		t.Fatal(err)
	}
	if got := s.Elems(s.Frame()[0]).Len(); got != maxSlots/2 {
		t.Errorf("%d elements", got)
	}
	d = append(d[:len(d)-2], ",0]}"...)
	if err := s.Scan(d); err != ErrTooBig {
		t.Errorf("got %v, want %v", err, ErrTooBig)
	}
	// I7: what one record needed is not kept.
	if err := s.Scan([]byte(`{"l":[1,2]}`)); err != nil || s.Elems(s.Frame()[0]).Len() != 2 {
		t.Error(err)
	}
	if got := cap(s.elems[1]); got > keepSlots {
		t.Errorf("keeps %d slots", got)
	}
	// A list nobody reads has no frames and no bound.
	if err := NewScanner(planOf("x")).Scan(d); err != nil {
		t.Error(err)
	}
}

func TestScanAllocatesNothing(t *testing.T) {
	for name, pool := range map[string][][]byte{"A": clicks()[:64], "B": orders()[:64]} {
		t.Run(name, func(t *testing.T) {
			if n := allocsPerPass(t, pool); n != 0 {
				t.Errorf("%v allocations for %d records", n, len(pool))
			}
		})
	}
	// Where keys are data there is no room to learn them all: the scanner
	// begins anew now and then, and no more.
	t.Run("keys are data", func(t *testing.T) {
		r := rand.New(rand.NewSource(8))
		var pool [][]byte
		for range 500 {
			o := obj{}
			for range 10 {
				o = append(o, uuid(r)[:8], 1)
			}
			pool = append(pool, obj{"items", []obj{o}, "order", o}.bytes())
		}
		if n := allocsPerPass(t, pool); n > float64(len(pool)/5) {
			t.Errorf("%v allocations for %d records", n, len(pool))
		}
	})
}

func allocsPerPass(t *testing.T, pool [][]byte) float64 {
	s := NewScanner(orderPlan())
	pass := func() {
		for _, d := range pool {
			if err := s.Scan(d); err != nil {
				t.Fatal(err)
			}
		}
	}
	pass()
	return testing.AllocsPerRun(10, pass)
}

func TestMembersOfNothing(t *testing.T) {
	d := []byte(`{"a":[1],"b":{}}`)
	s := NewScanner(planOf("a", "b", "c"))
	if err := s.Scan(d); err != nil {
		t.Fatal(err)
	}
	for i, sp := range s.Frame() {
		for m := MembersOf(d, sp); m.Next(); {
			t.Errorf("slot %d has member %q", i, m.Key.Bytes(d))
		}
	}
}
