package golden

import (
	"cmp"
	"fmt"
	"sort"
	"strings"

	"github.com/sluice-dev/sluice/lang/plan"
	"github.com/sluice-dev/sluice/runtime/event"
	"github.com/sluice-dev/sluice/runtime/sim"
)

// fateKey is a record in a route.
type fateKey struct {
	route string
	of    event.Origin
}

// fates tells what became of each input, in words: "in 2 dropped: old, in.route:2".
func (a *Actual) fates(w *sim.World, p *plan.Plan, outs map[fateKey]int) {
	type fate struct {
		in   int
		text string
	}
	var list []fate
	add := func(in int, format string, args ...any) {
		list = append(list, fate{in, fmt.Sprintf(format, args...)})
	}
	where := nodes(p)
	for _, e := range w.Ends() {
		if e.Repeat {
			continue
		}
		of := ""
		if len(p.Routes) > 1 {
			of = " in " + e.Route.Name
		}
		switch e.Kind {
		case event.Dropped:
			add(e.In, "dropped%s: %s, %s", of, e.Reason, where[e.Node])
		case event.Failed:
			at := where[e.Node]
			if e.Fail.Span.Valid() {
				at = e.Fail.Span.String()
			}
			add(e.In, "dead%s: %s %s, %s", of, e.Fail.Code.ID, e.Fail.Message, at)
		case event.Split:
			add(e.In, "split%s, %s", of, where[e.Node])
		default:
			add(e.In, "completed%s: %s", of, count(outs[fateKey{e.Route.Name, e.Origin}], "out"))
		}
	}
	for _, l := range w.Letters() {
		if l.Emit != "" && !l.Repeat {
			add(l.In, "dead in %s: %s refused with %s", l.Route, l.Emit, l.Code)
		}
	}
	seen := map[int]bool{0: true}
	for _, f := range list {
		seen[f.in] = true
	}
	for n := 1; n <= a.In; n++ {
		if !seen[n] {
			add(n, "%s", cmp.Or(a.none[n], "was read by no route"))
		}
	}
	sort.SliceStable(list, func(i, j int) bool { return list[i].in != 0 && (list[j].in == 0 || list[i].in < list[j].in) })
	for _, f := range list {
		if f.in == 0 {
			a.Fates = append(a.Fates, "by the clock "+f.text)
		} else {
			a.Fates = append(a.Fates, fmt.Sprintf("in %d %s", f.in, f.text))
		}
	}
}

// nodes gives file and line of every operator.
func nodes(p *plan.Plan) map[string]string {
	out := map[string]string{}
	for _, r := range p.Routes {
		for _, n := range r.Nodes {
			out[n.ID] = n.At
			if i := strings.LastIndexByte(n.At, ':'); i > 0 {
				out[n.ID] = n.At[:i] // the column says nothing of a whole stage
			}
		}
	}
	return out
}

func count(n int, what string) string { return fmt.Sprintf("%d %s", n, what) }
