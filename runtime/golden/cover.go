package golden

import (
	"fmt"
	"io"

	"github.com/sluice-dev/sluice/lang/ir"
	"github.com/sluice-dev/sluice/lang/plan"
	"github.com/sluice-dev/sluice/runtime/op"
	"github.com/sluice-dev/sluice/runtime/sim"
	"github.com/sluice-dev/sluice/runtime/state"
	"github.com/sluice-dev/sluice/runtime/task"
)

// Coverage notes which branches of a program its cases reach: every `where` and
// `when` both ways, every arm, every emit.
type Coverage struct {
	branches []*branch
	by       map[branchKey]*branch
}

type branchKey struct {
	node string
	way  int
}

type branch struct {
	at   string // orders.route:3
	what string // "never false: where .status == …"
	hit  bool
}

// NewCoverage lists the branches of a program.
func NewCoverage(p *plan.Plan) *Coverage {
	c := &Coverage{by: map[branchKey]*branch{}}
	where := nodes(p)
	for _, r := range p.Routes {
		for _, n := range r.Nodes {
			add := func(way int, what string) {
				b := &branch{at: where[n.ID], what: what + ": " + n.Text}
				c.branches = append(c.branches, b)
				c.by[branchKey{n.ID, way}] = b
			}
			switch s := n.Stage.(type) {
			case *ir.Where, *ir.When:
				add(1, "never true")
				add(0, "never false")
			case *ir.Branch:
				for i := range s.Arms {
					add(i, "never "+s.Arms[i].Label)
				}
			case *ir.Dedupe:
				add(1, "never passed")
				add(0, "never a duplicate")
			case *ir.Changed:
				add(1, "never changed")
				add(0, "never unchanged")
			case *ir.Throttle:
				add(1, "never passed")
				if s.Else != "wait" {
					add(0, "never throttled")
				}
			case *ir.Window:
				add(1, "takes no record")
				if s.HasLate {
					add(0, "never late")
				}
			case *ir.Resolve:
				if s.OrNull {
					add(1, "never names a person")
					add(0, "never without a person")
				}
			case *ir.Find:
				add(1, "never finds anybody")
				add(0, "never finds nobody")
			case *ir.Emit:
				add(0, "never emitted")
			}
		}
	}
	return c
}

// evaluator is the reference evaluator that tells c what it visits.
func (c *Coverage) evaluator() Evaluator {
	return Evaluator{Reference.Name, func(r *plan.Route, app string) (func(op.Lookup) task.Runner, error) {
		compiled, err := op.Compile(r, app)
		if err != nil {
			return nil, err
		}
		compiled = compiled.Reference()
		return func(l op.Lookup) task.Runner {
			s := compiled.NewStateless(l)
			s.Frame.Visit = c.visit
			return s
		}, nil
	}, func(g *plan.Group, app string) (func(*state.Cells, op.Lookup) task.Runner, error) {
		compiled, err := op.CompileGroup(g, app, []byte(sim.Secret))
		if err != nil {
			return nil, err
		}
		compiled = compiled.Reference()
		return func(cells *state.Cells, l op.Lookup) task.Runner {
			r := compiled.NewRunner(cells, l)
			for i := range g.Routes {
				r.Frame(i).Visit = c.visit
			}
			return r
		}, nil
	}}
}

// visit notes that a branch was taken.
func (c *Coverage) visit(node string, way int) {
	if b := c.by[branchKey{node, way}]; b != nil {
		b.hit = true
	}
}

// JSONCover is the coverage for programs.
type JSONCover struct {
	Branches int          `json:"branches"`
	Reached  int          `json:"reached"`
	Missed   []JSONMissed `json:"missed"`
}

// JSONMissed is a branch that no case reached.
type JSONMissed struct {
	At   string `json:"at"`
	What string `json:"what"`
}

// Add adds the coverage of a program in dir, which stands before the names of
// its files.
func (j *JSONCover) Add(c *Coverage, dir string) {
	for _, b := range c.branches {
		j.Branches++
		if b.hit {
			j.Reached++
			continue
		}
		at := b.at
		if dir != "" && dir != "." {
			at = dir + "/" + at
		}
		j.Missed = append(j.Missed, JSONMissed{at, b.what})
	}
}

// WriteText writes the coverage for people.
func (j *JSONCover) WriteText(w io.Writer) {
	share := 100.0
	if j.Branches > 0 {
		share = float64(j.Reached) * 100 / float64(j.Branches)
	}
	fmt.Fprintf(w, "cover %.1f%% (%d/%d branches)\n", share, j.Reached, j.Branches)
	for _, m := range j.Missed {
		fmt.Fprintf(w, "      %s  %s\n", m.At, m.What)
	}
}
