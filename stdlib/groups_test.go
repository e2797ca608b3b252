package stdlib_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/sluice-dev/sluice/lang/diag"
	"github.com/sluice-dev/sluice/lang/ir"
	"github.com/sluice-dev/sluice/lang/plan"
	"github.com/sluice-dev/sluice/lang/program"
	"github.com/sluice-dev/sluice/lang/token"
	"github.com/sluice-dev/sluice/stdlib"
)

// compiled checks a program that must be clean but for warnings.
func compiled(t *testing.T, src string) *program.Program {
	t.Helper()
	p := program.Compile([]*token.File{token.NewFile("a.route", src)}, stdlib.Env(), program.Options{})
	for _, d := range p.Diags {
		if d.Code.Level() == diag.Error {
			t.Fatal(diag.Render(d))
		}
	}
	return p
}

// groupsOf writes the state groups of a plan, a line each group and state.
func groupsOf(p *plan.Plan) string {
	var b strings.Builder
	for _, g := range p.Groups {
		fmt.Fprintf(&b, "%s:", g.Name)
		for _, r := range g.Routes {
			b.WriteString(" " + r.Name)
			if r.Group != g {
				b.WriteString("(!)")
			}
		}
		b.WriteByte('\n')
		for _, s := range g.States {
			fmt.Fprintf(&b, "  %s <-", s.Name)
			for _, l := range s.Leads {
				fmt.Fprintf(&b, " %s", g.Routes[l.Route].Name)
				if l.Timed {
					b.WriteString("/timed")
				}
			}
			if len(s.Readers) > 0 {
				b.WriteString(" ->")
			}
			for _, i := range s.Readers {
				b.WriteString(" " + g.Routes[i].Name)
			}
			if g.Index(s.State) < 0 {
				b.WriteString(" (!)")
			}
			b.WriteByte('\n')
		}
	}
	for _, r := range p.Routes {
		if r.Group == nil {
			fmt.Fprintf(&b, "alone: %s\n", r.Name)
		}
	}
	return b.String()
}

// TestGroups: which routes are one state group, and whose inputs lead to a state
// (language.md §5 "Who runs what").
func TestGroups(t *testing.T) {
	const head = "app \"a\"\ntype E = { id: string, n: int, at: time }\n" +
		"table one: int keyed by string\ntable two: int keyed by string\ntable three: int keyed by string\ntable unused: int keyed by string\n" +
		"table loaded: { id: string } keyed by .id from file \"x.csv\"\n"
	for _, c := range []struct{ name, src, want string }{
		{"no state", "route a\nfrom topic \"t\" as E\nlet x = loaded[.id]\nsample 10% by .id\nemit log { x }\n", "alone: a\n"},
		{"each alone", "route b\nfrom topic \"t\" as E\ndedupe by .id within 1h\nroute a\nfrom topic \"t\" as E\ntime by .at\ndedupe by .id within 1h\nroute c\nfrom topic \"t\" as E\nkey by .id\nemit log\n",
			"a: a\n  dedupe a by .id <- a/timed\nb: b\n  dedupe b by .id <- b\nc: c\n"},
		{"a named memory", "route z\nfrom topic \"t\" as E\ntime by .at\ndedupe seen by .id within 1h\nroute y\nfrom topic \"t\" as E\ndedupe seen by .id within 2h\ntime by .at\n",
			"seen: y z\n  dedupe seen <- y z/timed\n"},
		{"round about", "route c\nfrom topic \"t\" as E\nupdate one[.id] = 1\nroute b\nfrom topic \"t\" as E\nwhere one[.id] == 1\nupdate two[.id] = 1\nroute a\nfrom topic \"t\" as E\nwhen .n > 1 { each [1] as x { delete two[.id] } }\n",
			"one: a b c\n  table one <- c\n  table two <- a b\n"},
		{"only read", "route a\nfrom topic \"t\" as E\nemit log { x: [one[i] for i in [.id]] }\n", "one: a\n  table one <-\n"},
		{"changes", "route a\nfrom topic \"t\" as E\ntime by .at\nupdate one[.id] = 1\nroute b\nfrom topic \"u\" as E\nupdate one[.id] = 2\ntime by .at\nroute c\nfrom changes one\ndedupe by .key within 1h\nupdate two[.key] = 1\nroute d\nfrom changes two\nupdate three[.key] = 1\nemit log\nroute e\nfrom changes one\nemit log\n",
			"one: a b c d e\n  dedupe c by .key <- a/timed b\n  table one <- a/timed b -> c e\n  table three <- a/timed b\n  table two <- a/timed b -> d\n"},
		{"windows", "route a\nfrom topic \"t\" as E\nwindow 5m by .id { n: count() } late { time by .at\nupdate one[.id] = 1 }\ntime by @window.start\nupdate two[@window.key] = .n\n",
			"one: a\n  table one <- a\n  table two <- a\n  window a by .id <- a\n"},
		{"timed in an arm", "route a\nfrom topic \"t\" as E\nwhen .n > 1 { time by .at }\ndedupe by .id within 1h\n", "a: a\n  dedupe a by .id <- a/timed\n"},
		{"by the oldest name", "route a was zz\nfrom topic \"t\" as E\ndedupe by .id within 1h\nthrottle 1/s by .id\nchanged by .id within 1h\nroute y was b\nfrom changes two\nthrottle 5/m by .key\n",
			"two: y\n  table two <- -> y\n  throttle b by .key <-\nzz: a\n  changed zz by .id <- a\n  dedupe zz by .id <- a\n  throttle zz by .id <- a\n"},
		{"equals", "route a\nfrom topic \"t\" as E\ndedupe by .id within 1h\nwindow 5m by .id { n: count() }\nwindow 1m by @window.key as w { n: count() }\n",
			"a: a\n  dedupe a by .id <- a\n  window a as w <- a\n  window a by .id <- a\n"},
		{"equal keys", "route a\nfrom topic \"t\" as E\ndedupe by .id within 1h\ndedupe by .id within 2h\n", "a: a\n  dedupe a by .id <- a\n  dedupe a by .id#2 <- a\n"},
	} {
		t.Run(c.name, func(t *testing.T) {
			if diff := cmp.Diff(c.want, groupsOf(compiled(t, head+c.src).Plan)); diff != "" {
				t.Errorf("groups (-want +got):\n%s", diff)
			}
		})
	}
}

// TestGroupsOfPeople: an identity space brings the tables keyed by it and their
// audiences into its group, whoever touches which; who links or forgets leads to all.
func TestGroupsOfPeople(t *testing.T) {
	const head = "app \"a\"\ntype E = { id: string, n: int, at: time }\n" +
		"identity people { user_id, email }\nidentity accounts { user_id }\n" +
		"table worth: int = 0 keyed by people merge sum\ntable apart: int keyed by people merge keep\ntable plain: int = 0 keyed by string\ntable held: int keyed by accounts merge max\n" +
		"audience big on worth { enter: it > 5, leave: it < 3 }\naudience busy on plain { enter: it > 5, leave: it < 3 }\n"
	for _, c := range []struct{ name, src, want string }{
		{"resolve leads to all that is keyed by the space", "route a\nfrom topic \"t\" as E\ntime by .at\nresolve people as p { user_id: .id }\nroute b\nfrom topic \"u\" as E\nfind people as f { user_id: .id }\nlet x = f != null and big[f]\nemit log { x }\n",
			"people: a b\n  audience big <- a/timed\n  identity people <- a/timed\n  table apart <- a/timed\n  table worth <- a/timed\n"},
		{"forget leads, too", "route a\nfrom topic \"t\" as E\nresolve people as p { user_id: .id }\ntime by .at\nupdate worth[p] = it + 1\nroute z\nfrom topic \"u\" as E\nforget people as f { user_id: .id }\n",
			"people: a z\n  audience big <- a z\n  identity people <- a z\n  table apart <- a z\n  table worth <- a z\n"},
		{"only found", "route a\nfrom topic \"t\" as E\nfind people as f { user_id: .id }\nemit log { f: f != null }\n",
			"people: a\n  audience big <-\n  identity people <-\n  table apart <-\n  table worth <-\n"},
		{"what hears of them", "route a\nfrom topic \"t\" as E\nresolve people as p { user_id: .id }\nroute b\nfrom changes people as p\nupdate worth[p] = it + 1\nroute c\nfrom changes big as p\ndedupe by p.id within 1h\nroute d\nfrom changes apart as p\nemit log\n",
			"people: a b c d\n  audience big <- a -> c\n  dedupe c by p.id <- a\n  identity people <- a -> b\n  table apart <- a -> d\n  table worth <- a\n"},
		{"an audience of a plain table", "route a\nfrom topic \"t\" as E\nupdate plain[.id] = it + 1\nroute b\nfrom topic \"u\" as E\nwhere busy[.id]\nemit log\nroute c\nfrom changes busy\nemit log { id: .key }\n",
			"plain: a b c\n  audience busy <- a -> c\n  table plain <- a\n"},
		{"two spaces, apart", "route a\nfrom topic \"t\" as E\nresolve people as p { user_id: .id }\nroute b\nfrom topic \"t\" as E\nresolve accounts as p { user_id: .id }\nupdate held[p] = 1\n",
			"accounts: b\n  identity accounts <- b\n  table held <- b\npeople: a\n  audience big <- a\n  identity people <- a\n  table apart <- a\n  table worth <- a\n"},
		{"two spaces, one group", "route a\nfrom topic \"t\" as E\nresolve people as p { user_id: .id }\nroute b\nfrom topic \"t\" as E\nresolve accounts as p { user_id: .id }\nfind people as q { user_id: .id }\nupdate held[p] = 1\n",
			"accounts: a b\n  audience big <- a\n  identity accounts <- b\n  identity people <- a\n  table apart <- a\n  table held <- b\n  table worth <- a\n"},
	} {
		t.Run(c.name, func(t *testing.T) {
			if diff := cmp.Diff(c.want, groupsOf(compiled(t, head+c.src).Plan)); diff != "" {
				t.Errorf("groups (-want +got):\n%s", diff)
			}
		})
	}
}

// TestMemories: a named memory remembers as long as the longest of its stages
// asks, under one type of key; what may be anything is cast to it.
func TestMemories(t *testing.T) {
	p := compiled(t, "app \"a\"\nroute a\nfrom topic \"t\" as { x: any, y: any, n: int, s: string }\ndedupe m by .x, .y within 1h\nroute b\nfrom topic \"u\" as { n: number, s: string }\ndedupe m by .n, .s within 3h\nroute c\nfrom topic \"v\" as { n: int, z: any }\ndedupe m by .n, .z within 2h\n")
	var states []*ir.State
	for _, r := range p.IR.Routes {
		d := r.Stages[0].(*ir.Dedupe)
		states = append(states, d.Memory)
		for i, k := range d.Keys {
			if got, want := k.Type().Brief(), []string{"number", "string"}[i]; got != want && got != "int" {
				t.Errorf("key %d of %s is %s, want %s", i, r.Name, got, want)
			}
		}
	}
	m := states[0]
	if m != states[1] || m != states[2] {
		t.Fatal("the memory is not one")
	}
	if m.SpanMS != 3*3_600_000 || m.Keys[0].Brief() != "number" || m.Keys[1].Brief() != "string" {
		t.Errorf("span %d, keys %s and %s", m.SpanMS, m.Keys[0].Brief(), m.Keys[1].Brief())
	}
	if got := ir.Failures(p.IR.Routes[0].Stages[0].(*ir.Dedupe).Keys[0]); len(got) != 2 {
		t.Errorf("a cast key fails with %v, want E0412 and E0410", got)
	}
}

// TestFailurePlacesOfPeople: stages about people fail with what they are given, with the
// sum of two rows, and with the conditions of audiences, each listed once.
func TestFailurePlacesOfPeople(t *testing.T) {
	const src = `app "a"
connection segment main { write_key: secret("K") }
identity people { user_id, email }
table worth: number = 0 keyed by people merge sum
table seen: time keyed by people merge first
audience big on worth { enter: 10 / it > 1, leave: it < floor(0.5 * it) }
from topic "t" as { id: string, x: any, at: time, who: { email: string, tags: [string] }, m: {string: string}, mm: {string: [int]} }
find people as h { ....who }
find people as i { ....m }
find people as j { ....mm }
find people as f { user_id: .id }
find people as g { user_id: .x }
resolve people as p { user_id: .id }
resolve people as q? { user_id: .id, email: .x }
update seen[p] = .at
update worth[p] = 1
delete worth[p]
emit track "A" {}
forget people as e { user_id: .id }
`
	want := []string{
		"10:1 E0437",       // lists
		"12:1 E0437",       // .x may be no text
		"13:1 E0438 E0420", // nobody usable; two sums
		"6:32 E0420 E0421", // the audience: a merge has it judged
		"6:57 E0420", "6:63 E0420",
		"14:1 E0437 E0420",
		"18:1 E0441", // the call's own time
		"19:1 E0439",
	}
	if diff := cmp.Diff(want, places(compiled(t, src).IR.Routes[0].Stages)); diff != "" {
		t.Errorf("places (-want +got):\n%s", diff)
	}
}

// places are those of stages: line, column and codes.
func places(stages []ir.Stage) []string {
	var out []string
	for _, f := range ir.FailurePlaces(stages) {
		text := strings.TrimPrefix(f.At.String(), "a.route:")
		for _, c := range f.Codes {
			text += " " + c.ID
		}
		out = append(out, text)
	}
	return out
}

// TestFailurePlaces: where a clean program can fail, stage by stage.
func TestFailurePlaces(t *testing.T) {
	const src = `app "a"
table kept: int keyed by string ttl 1h
table ever: int = 0 keyed by string
from topic "t" as { id: string, x: any, n: number, at: time, l: [int] }
dedupe by .id, .x within 1h
update kept[.id] = 1
update ever[string(.n)] = it + floor(.n)
throttle 5/m by .id else wait
time by .at
throttle 6/m by .x else fail
throttle 7/m by .id else drop
update kept[.id] = 2
let row = ever[.id] / 2
split .l as i
changed by .x within 1h
window 5m by .x { n: count() }
dedupe by @window.start within 1h
emit log { v: kept["a"] }
`
	want := []string{
		"5:1 E0441", "5:16 E0410", // nothing set a time yet; .x may be no key
		"6:1 E0441", // ttl counts from @time
		"7:13 E0422", "7:27 E0420", "7:32 E0420",
		"8:1 E0444 E0441", // too long a wait
		"10:1 E0444", "10:17 E0410",
		"13:11 E0420",
		"15:12 E0410",
		"16:1 E0443", "16:14 E0410", // late
	}
	if diff := cmp.Diff(want, places(compiled(t, src).IR.Routes[0].Stages)); diff != "" {
		t.Errorf("places (-want +got):\n%s", diff)
	}
}
