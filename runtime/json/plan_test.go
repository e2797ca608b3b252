package json

import (
	"fmt"
	"strings"
	"testing"
)

func TestSlotNumbersAreKnownWhileBuilding(t *testing.T) {
	p := NewPlan()
	b := p.Root().Key("a").Key("b")
	if got := b.Slot(); got != 0 || b.Slot() != got || p.Root().Key("a").Key("b") != b {
		t.Errorf("slot %d", got)
	}
	if got := p.Root().Key("a").Slot(); got != 1 {
		t.Errorf("slot of the second asked for is %d", got)
	}
	list := p.Root().Key("l")
	if got := list.Each().Key("x").Slot(); got != 0 {
		t.Errorf("slots of elements begin at %d", got)
	}
	if got := list.Slot(); got != 2 {
		t.Errorf("the list whose elements are read has slot %d", got)
	}
}

func TestSealedPlans(t *testing.T) {
	sealed := func() *Node {
		p := planOf("a", "l[].x")
		return p.Root()
	}
	mustPanic := map[string]func(){
		"a new key":           func() { sealed().Key("b") },
		"a new slot":          func() { sealed().Slot() },
		"a new each":          func() { sealed().Each() },
		"Allow":               func() { sealed().Allow(MaskObj) },
		"OneOf":               func() { sealed().OneOf("x") },
		"Require":             func() { sealed().Key("a").Require() },
		"Seal":                func() { sealed().plan.Seal() },
		"a scanner before it": func() { NewScanner(NewPlan()) },
	}
	for name, f := range mustPanic {
		t.Run(name, func(t *testing.T) {
			defer func() {
				if recover() == nil {
					t.Error("no panic")
				}
			}()
			f()
		})
	}
	if sealed().Key("a").Slot() != 0 {
		t.Error("a known slot may be asked for again")
	}
}

// A slot made by Seal itself belongs to its subtree like any other.
func TestSlotsOfSealAreTakenBack(t *testing.T) {
	p := NewPlan()
	list := p.Root().Key("o").Key("l")
	for i := range 70 {
		list.Each().Key(fmt.Sprint(i)).Require()
	}
	p.Seal()
	s := NewScanner(p)
	if err := s.Scan([]byte(`{"o":{"l":[]},"o":{}}`)); err != nil {
		t.Fatal(err)
	}
	if got := s.Frame()[list.Slot()].Kind; got != Missing {
		t.Errorf("E3: the list of an earlier duplicate is still there: %v", got)
	}
}

// An object type of 100 members is more than there are bits in a word.
func TestManyMembers(t *testing.T) {
	p := NewPlan()
	l := p.Root().Key("l").Each()
	for i := range 100 {
		l.Key(fmt.Sprintf("member %d", i)).Require()
	}
	l.Key("member 98").Slot()
	p.Seal()
	s := NewScanner(p)
	for skip := range 101 {
		var b strings.Builder
		for i := 99; i >= 0; i-- {
			if i != skip {
				fmt.Fprintf(&b, `,"member %d":{},"member %d":%d`, i, i, i)
			}
		}
		d := []byte(`{"l":[{` + b.String()[1:] + `}]}`)
		if err := s.Scan(d); err != nil {
			t.Fatal(err)
		}
		if want := skip == 100; s.Shape() != want {
			t.Errorf("without member %d the shape is %v", skip, s.Shape())
		}
		checkScan(t, s, d)
	}
}

func TestShape(t *testing.T) {
	type build func(root *Node)
	key := func(name string, m Mask) build { return func(n *Node) { n.Key(name).Allow(m) } }
	tests := []struct {
		name  string
		build build
		fits  []string
		not   []string
	}{
		{"nothing is asked", func(*Node) {}, []string{`{}`, `5`, `null`}, nil},
		{"the record", func(n *Node) { n.Allow(MaskObj) }, []string{`{}`}, []string{`[]`, `null`, `1`, `"x"`}},
		{"a kind", key("a", MaskStr), []string{`{"a":"x"}`, `{"a":"\n"}`, `{}`, `[]`}, []string{`{"a":1}`, `{"a":null}`, `{"a":{}}`}},
		{"one bool", key("a", MaskTrue), []string{`{"a":true}`}, []string{`{"a":false}`}},
		{"or null", key("a", MaskNum|MaskNull), []string{`{"a":1.5}`, `{"a":null}`}, []string{`{"a":"1"}`, `{"a":true}`}},
		{"an int", key("a", MaskInt), []string{`{"a":1}`, `{"a":-0}`, `{"a":123456789012345678}`}, []string{`{"a":1.5}`, `{"a":1e3}`, `{"a":"1"}`, `{"a":1234567890123456789}`}},
		{"a time", key("a", MaskTime|MaskNull), []string{`{"a":"2024-02-29T23:59:59.999Z"}`, `{"a":null}`}, []string{`{"a":"2023-02-29T23:59:59.999Z"}`, `{"a":"x"}`, `{"a":1}`}},
		{"one of", func(n *Node) { n.Key("a").Allow(MaskInt); n.Key("a").OneOf("x", "y") }, []string{`{"a":"x"}`, `{"a":"y"}`, `{"a":1}`}, []string{`{"a":"z"}`, `{"a":null}`, `{"a":""}`}},
		{"required", func(n *Node) { n.Key("a").Require(); n.Key("b").Require() }, []string{`{"b":1,"a":null}`, `[]`}, []string{`{}`, `{"a":1}`, `{"b":1}`, `{"c":1,"a":1}`}},
		{"required in an optional object", func(n *Node) { n.Key("a").Key("b").Require() }, []string{`{}`, `{"a":{"b":1}}`, `{"a":null}`}, []string{`{"a":{}}`, `{"a":{"c":1}}`, `{"a":{"b":1},"a":{}}`}},
		{"E3: the last duplicate is judged", key("a", MaskNum), []string{`{"a":1,"a":2}`}, []string{`{"a":1,"a":"x"}`}},
		{"each element", func(n *Node) { n.Key("l").Each().Allow(MaskObj); n.Key("l").Each().Key("a").Allow(MaskNum) },
			[]string{`{"l":[]}`, `{"l":[{"a":1},{}]}`, `{"l":5}`}, []string{`{"l":[{"a":1},{"a":"x"}]}`, `{"l":[{},1]}`, `{"l":[null]}`}},
		{"required of each element", func(n *Node) { n.Each().Key("a").Require() }, []string{`[{"a":1}]`, `[]`, `[1]`}, []string{`[{"a":1},{}]`, `[{"b":1}]`}},
		{"elements of elements", func(n *Node) { n.Each().Each().Allow(MaskStr) }, []string{`[["a"],[]]`, `[1]`}, []string{`[["a"],["b",1]]`}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			for _, slots := range []bool{false, true} { // it must not matter who else reads
				p := NewPlan()
				tt.build(p.Root())
				if slots {
					for _, path := range []string{"", "a.b", "a", "l[].a", "[].a", "[][]"} {
						nodeAt(p, path).Slot()
					}
				}
				p.Seal()
				s := NewScanner(p)
				for _, d := range tt.fits {
					if err := s.Scan([]byte(d)); err != nil || !s.Shape() {
						t.Errorf("%s does not fit (%v)", d, err)
					}
				}
				for _, d := range tt.not {
					if err := s.Scan([]byte(d)); err != nil || s.Shape() {
						t.Errorf("%s fits (%v)", d, err)
					}
				}
			}
		})
	}
}
