package state

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/sluice-dev/sluice/lang/ir"
	"github.com/sluice-dev/sluice/lang/plan"
	"github.com/sluice-dev/sluice/lang/types"
)

// groups makes a plan of lines "group: routes; states".
func groups(lines ...string) *plan.Plan {
	p := &plan.Plan{App: "shop"}
	for _, l := range lines {
		name, rest, _ := strings.Cut(l, ":")
		routes, states, _ := strings.Cut(rest, ";")
		g := &plan.Group{Name: name}
		for _, r := range strings.Fields(routes) {
			g.Routes = append(g.Routes, &plan.Route{Route: &ir.Route{Name: r}, Group: g})
		}
		for _, s := range strings.Fields(states) {
			g.States = append(g.States, &plan.State{State: tableOf(s, types.NumberT, types.StringT)})
		}
		p.Groups = append(p.Groups, g)
	}
	return p
}

// where prints where the groups of a store stand.
func where(t *testing.T, m *Memory) string {
	t.Helper()
	names, err := groupNames(m)
	if err != nil {
		t.Fatal(err)
	}
	var out []string
	for _, name := range names {
		p, err := ReadProgress(m, name)
		if err != nil {
			t.Fatal(err)
		}
		if p == nil {
			p = &Progress{}
		}
		var parts []string
		for _, in := range p.Inputs {
			parts = append(parts, fmt.Sprintf("%s@%d", in.Route, in.Next))
		}
		for _, s := range p.States {
			parts = append(parts, fmt.Sprintf("%s w%d", s.Name, s.W))
		}
		for _, r := range p.Routes {
			parts = append(parts, fmt.Sprintf("%s in %d", r.Route, r.In))
		}
		held, err := ReadHeld(m, name)
		if err != nil {
			t.Fatal(err)
		}
		for _, h := range held {
			parts = append(parts, fmt.Sprintf("held %d of %s: %s", h.No, h.Route, h.Body))
			if h.No >= p.NextHeld {
				t.Errorf("%s: the number %d of a held output would be given again", name, h.No)
			}
		}
		slices.Sort(parts)
		out = append(out, name+": "+strings.Join(parts, ", "))
	}
	return strings.Join(out, "\n")
}

// TestWhereGroupsStandGoesWithTheirRoutes: an edit that calls a group otherwise,
// puts two together or takes one apart, begins nothing anew (I5).
func TestWhereGroupsStandGoesWithTheirRoutes(t *testing.T) {
	for _, tt := range []struct {
		name  string
		after []string
		want  string
		err   string
	}{
		{"as before", []string{"ltv: buy pay; ltv", "zoo: feed; zoo"}, "ltv: @4, buy in 7, buy@7, held 0 of buy: b, held 1 of pay: p, pay in 8, pay@8, table ltv w5\nzoo: feed in 3, feed@3, held 0 of feed: f, table zoo w6", ""},
		{"called otherwise", []string{"aaa: buy pay; aaa ltv", "zoo: feed; zoo"}, "aaa: buy in 7, buy@7, held 0 of buy: b, held 1 of pay: p, pay in 8, pay@8, table ltv w5\nzoo: feed in 3, feed@3, held 0 of feed: f, table zoo w6", ""},
		{"put together", []string{"ltv: buy pay feed; ltv zoo"}, "ltv: @4, buy in 7, buy@7, feed in 3, feed@3, held 0 of buy: b, held 1 of pay: p, held 2 of feed: f, pay in 8, pay@8, table ltv w5, table zoo w6", ""},
		{"put together under the other's name", []string{"zoo: buy pay feed; ltv zoo"}, "zoo: buy in 7, buy@7, feed in 3, feed@3, held 0 of feed: f, held 1 of buy: b, held 2 of pay: p, pay in 8, pay@8, table ltv w5, table zoo w6", ""},
		{"names changed over", []string{"zoo: buy pay; ltv", "ltv: feed; zoo"}, "ltv: @4, feed in 3, feed@3, held 2 of feed: f, table zoo w6\nzoo: buy in 7, buy@7, held 1 of buy: b, held 2 of pay: p, pay in 8, pay@8, table ltv w5", ""},
		{"taken apart", []string{"ltv: buy; ltv", "pay: pay; new", "zoo: feed; zoo"}, "ltv: @4, buy in 7, buy@7, held 0 of buy: b, table ltv w5\npay: held 0 of pay: p, pay in 8, pay@8\nzoo: feed in 3, feed@3, held 0 of feed: f, table zoo w6", ""},
		{"a route is gone", []string{"ltv: buy; ltv", "zoo: feed; zoo"}, "ltv: @4, buy in 7, buy@7, held 0 of buy: b, held 1 of pay: p, pay in 8, pay@8, table ltv w5\nzoo: feed in 3, feed@3, held 0 of feed: f, table zoo w6", ""},
		{"a group is gone", []string{"ltv: buy pay; ltv"}, "", "1 output of the state group zoo waits to be accepted, of routes that remember nothing any more"},
	} {
		for _, killed := range []bool{false, true} {
			t.Run(fmt.Sprint(tt.name, ", killed ", killed), func(t *testing.T) {
				m := NewMemory()
				if _, _, err := OpenDirectory(m, "shop", groups("ltv: buy pay; ltv", "zoo: feed; zoo"), false); err != nil {
					t.Fatal(err)
				}
				input := func(route string, next int64) InputProgress {
					return InputProgress{InputName: InputName{Route: route}, Next: next}
				}
				put := func(group string, p *Progress, held ...*Held) {
					ws := []Write{{Key: ProgressKey(group), Val: AppendProgress(nil, p)}}
					for i, h := range held {
						ws = append(ws, Write{Key: HeldKey(group, uint64(i)), Val: AppendHeld(nil, h)})
					}
					if err := m.Commit(ws); err != nil {
						t.Fatal(err)
					}
				}
				put("ltv", &Progress{NextHeld: 2, Inputs: []InputProgress{input("", 4), input("buy", 7), input("pay", 8)},
					States: []Mark{{Name: "table ltv", W: 5}}, Routes: []RouteCount{{Route: "buy", In: 7}, {Route: "pay", In: 8}}},
					&Held{Route: "buy", Body: []byte("b")}, &Held{Route: "pay", Body: []byte("p")})
				put("zoo", &Progress{NextHeld: 1, Inputs: []InputProgress{input("feed", 3)}, States: []Mark{{Name: "table zoo", W: 6}},
					Routes: []RouteCount{{Route: "feed", In: 3}}}, &Held{Route: "feed", Body: []byte("f")})
				if killed {
					if err := m.Commit([]Write{{Key: IntentKey("zoo", 1), Val: AppendIntent(nil, &Intent{Last: 9})}}); err != nil {
						t.Fatal(err)
					}
				}
				before := where(t, m)
				_, _, err := OpenDirectory(m, "shop", groups(tt.after...), false)
				moves := !strings.Contains(strings.Join(tt.after, " "), "zoo: feed")
				switch {
				case tt.err != "":
					if !errors.Is(err, ErrLoss) || !strings.Contains(err.Error(), tt.err) {
						t.Errorf("got %v, want %s", err, tt.err)
					}
					if diff := cmp.Diff(before, where(t, m)); diff != "" {
						t.Error("refused and changed", diff)
					}
					if _, _, err := OpenDirectory(m, "shop", groups(tt.after...), true); err != nil {
						t.Fatal(err)
					}
					if w := where(t, m); strings.Contains(w, "feed") {
						t.Errorf("accepted, and still there: %s", w)
					}
				case killed && moves:
					if !errors.Is(err, ErrChanged) || !strings.Contains(err.Error(), "start the program once as it was") {
						t.Errorf("got %v", err)
					}
					if diff := cmp.Diff(before, where(t, m)); diff != "" {
						t.Error("refused and changed", diff)
					}
				case err != nil:
					t.Fatal(err)
				default:
					if diff := cmp.Diff(tt.want, where(t, m)); diff != "" {
						t.Error(diff)
					}
				}
			})
		}
	}
}

// TestPeopleTakeAGroupOver: a table that becomes keyed by an identity space is of the
// space's group from then on, with its rows, its watermark and where its routes stand;
// what is held goes with them, and so do the fences that wait for it.
func TestPeopleTakeAGroupOver(t *testing.T) {
	m := NewMemory()
	ltv := tableOf("ltv", types.NumberT, types.StringT)
	people := &ir.State{Kind: ir.IdentityState, Name: "identity people", Shared: "people"}
	group := func(name string, routes []string, states ...*ir.State) *plan.Group {
		g := &plan.Group{Name: name}
		for _, r := range routes {
			g.Routes = append(g.Routes, &plan.Route{Route: &ir.Route{Name: r}, Group: g})
		}
		for _, s := range states {
			g.States = append(g.States, &plan.State{State: s})
		}
		return g
	}
	open := func(gs ...*plan.Group) *Directory {
		t.Helper()
		d, rep, err := OpenDirectory(m, "shop", &plan.Plan{App: "shop", Groups: gs}, false)
		if err != nil || len(rep.Orphaned)+len(rep.Changed) > 0 {
			t.Fatal(rep.text(), err)
		}
		return d
	}
	d := open(group("ltv", []string{"buy"}, ltv))
	putRow(t, m, d.entries["table ltv"].Number, "4f5e", 7, num("12.50"))
	fence := Fence{Via: "segment", From: 3, Into: 4}
	if err := m.Commit([]Write{
		{Key: ProgressKey("ltv"), Val: AppendProgress(nil, &Progress{
			NextHeld: 1, Inputs: []InputProgress{{InputName: InputName{Route: "buy"}, Next: 7}}, States: []Mark{{Name: "table ltv", W: 5}}, Fences: []Fence{fence},
		})},
		{Key: HeldKey("ltv", 0), Val: AppendHeld(nil, &Held{Route: "buy", Lane: 3, Person: []byte("4f5e")})},
	}); err != nil {
		t.Fatal(err)
	}
	with := group("people", []string{"buy", "sign_up"}, people, ltv)
	d = open(with)
	if got := where(t, m); got != "people: buy@7, held 0 of buy: , table ltv w5" {
		t.Error(got)
	}
	if p, err := ReadProgress(m, "people"); err != nil || !slices.Equal(p.Fences, []Fence{fence}) {
		t.Errorf("fences %v, %v", p, err)
	}
	if got := rowAt(t, m, d.entries["table ltv"].Number, "4f5e"); got != "12.50" {
		t.Errorf("the row is %s", got)
	}
	specs := d.Specs(with)
	if len(specs) != 2 || !specs[0].Resident || specs[1].Resident {
		t.Errorf("what lives in memory: %+v", specs)
	}
	// The space goes on under its number whatever becomes of the program around it.
	c, err := Open(m, specs)
	if err != nil {
		t.Fatal(err)
	}
	c.Begin()
	c.Put(0, []byte("n\x02eve@example.com"), []byte{1})
	c.Done()
	if err := m.Commit(c.Batch(c.Seal())); err != nil {
		t.Fatal(err)
	}
	alone := group("people", []string{"sign_up"}, people)
	d = open(group("ltv", []string{"buy"}, ltv), alone)
	if c, err = Open(m, d.Specs(alone)); err != nil {
		t.Fatal(err)
	}
	if v, ok := c.Get(0, []byte("n\x02eve@example.com")); !ok || string(v) != "\x01" {
		t.Errorf("whose the address is: %x, %v", v, ok)
	}
	if p, err := ReadProgress(m, "ltv"); err != nil || !slices.Equal(p.Fences, []Fence{fence}) {
		t.Errorf("fences %v, %v", p, err)
	}
	// A space that is not in the program any more is not lost in silence.
	_, _, err = OpenDirectory(m, "shop", &plan.Plan{App: "shop", Groups: []*plan.Group{group("ltv", []string{"buy"}, ltv)}}, false)
	if !errors.Is(err, ErrLoss) || !strings.Contains(err.Error(), "identity people, which holds 1 cell, is not in the program any more") {
		t.Errorf("got %v", err)
	}
}
