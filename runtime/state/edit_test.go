package state_test

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/sluice-dev/sluice/lang/diag"
	"github.com/sluice-dev/sluice/lang/plan"
	"github.com/sluice-dev/sluice/lang/program"
	"github.com/sluice-dev/sluice/lang/token"
	"github.com/sluice-dev/sluice/lang/value"
	"github.com/sluice-dev/sluice/runtime/state"
	"github.com/sluice-dev/sluice/stdlib"
)

func planOf(t *testing.T, src string) *plan.Plan {
	t.Helper()
	p := program.Compile([]*token.File{token.NewFile("a.route", `app "shop"
type Order = { id: string, user: string, total: number }
`+src)}, stdlib.Env(), program.Options{})
	if !p.OK() {
		for _, d := range p.Diags {
			t.Log(diag.Render(d))
		}
		t.Fatal("the program is wrong")
	}
	return p.Plan
}

// Edits of one program: what each customer is worth, by a key of the record, then by
// people, then with an audience and another table beside it.
const (
	byUser = `
table ltv: number = 0 keyed by string
connection kafka main { brokers: "k:9092" }
route buy
from topic "orders" as Order
update ltv[.user] = it + .total
`
	declared = `
identity people { user_id }
`
	byPeople = declared + `
table ltv: number = 0 keyed by people merge sum
connection kafka main { brokers: "k:9092" }
route buy
from topic "orders" as Order
resolve people as p { user_id: .user }
update ltv[p] = it + .total
`
	more = byPeople + `
table orders: number = 0 keyed by people merge sum
audience big on ltv { enter: it >= 500, leave: it < 400 }
route count
from topic "orders" as Order
resolve people as p { user_id: .user }
update orders[p] = it + 1
`
)

// TestProgramsThatComeToKnowPeople opens one store for each of them in turn.
func TestProgramsThatComeToKnowPeople(t *testing.T) {
	m := state.NewMemory()
	open := func(src string, accept bool) (*state.Directory, *plan.Plan, error) {
		p := planOf(t, src)
		d, _, err := state.OpenDirectory(m, "shop", p, accept)
		return d, p, err
	}
	// write has a group write a cell of a state, and stand somewhere.
	write := func(d *state.Directory, p *plan.Plan, name, key string, val []byte) {
		t.Helper()
		for _, g := range p.Groups {
			i := slices.IndexFunc(g.States, func(s *plan.State) bool { return s.Name == name })
			if i < 0 {
				continue
			}
			c, err := state.Open(m, d.Specs(g))
			if err != nil {
				t.Fatal(err)
			}
			c.Begin()
			c.Put(i, value.AppendKey(nil, key), val)
			c.Done()
			pr, err := state.ReadProgress(m, g.Name)
			if err != nil {
				t.Fatal(err)
			}
			if pr == nil {
				pr = &state.Progress{Inputs: []state.InputProgress{{InputName: state.InputName{Route: "buy"}, Next: 7}}}
			}
			if err := m.Commit(append(c.Batch(c.Seal()), state.Write{Key: state.ProgressKey(g.Name), Val: state.AppendProgress(nil, pr)})); err != nil {
				t.Fatal(err)
			}
			return
		}
		t.Fatalf("no group has %s", name)
	}
	// stands tells which groups know where `buy` goes on, and what the states hold.
	stands := func() string {
		t.Helper()
		states, groups, err := state.Verify(m, func(err error) { t.Error(err) })
		if err != nil {
			t.Fatal(err)
		}
		out := ""
		for _, g := range groups {
			pr, err := state.ReadProgress(m, g.Name)
			if err != nil {
				t.Fatal(err)
			}
			out += fmt.Sprintf("%s %d@%d; ", g.Name, len(pr.Inputs), pr.Inputs[0].Next)
		}
		for _, s := range states {
			out += fmt.Sprintf("%s[%s] %d; ", s.Name, strings.Join(s.Keys, ", "), s.Rows)
		}
		return out
	}
	row := state.AppendRow(nil, 5, value.FromInt(12))

	d, p, err := open(byUser, false)
	if err != nil {
		t.Fatal(err)
	}
	write(d, p, "table ltv", "u1", row)
	if got := stands(); got != "ltv 1@7; table ltv[string] 1; " {
		t.Error(got)
	}
	// The rows of users are no rows of people: nobody would find them again.
	_, _, err = open(byPeople, false)
	if !errors.Is(err, state.ErrChanged) || !strings.Contains(err.Error(), "table ltv, which holds 1 row, is keyed by string there and by people in the program") {
		t.Fatalf("got %v", err)
	}
	if d, p, err = open(byPeople, true); err != nil {
		t.Fatal(err)
	}
	if got := stands(); got != "people 1@7; identity people[] 0; table ltv[people] 0; " {
		t.Error(got)
	}
	write(d, p, "identity people", "u1", []byte{1})
	write(d, p, "table ltv", "4f5e", row)
	// What comes beside them, and goes again, changes nothing of it.
	for _, src := range []string{more, byPeople} {
		if d, p, err = open(src, false); err != nil {
			t.Fatal(err)
		}
		if got := stands(); !strings.HasPrefix(strings.ReplaceAll(got, "audience big[people] 0; ", ""), "people 1@7; identity people[] 1; table ltv[people] 1; ") {
			t.Error(got)
		}
		for _, g := range p.Groups {
			for i, s := range d.Specs(g) {
				if s.Resident != (g.States[i].Name == "identity people") {
					t.Errorf("%s lives in memory: %v", g.States[i].Name, s.Resident)
				}
			}
		}
	}
}
