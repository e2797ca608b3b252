package check

import (
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/sluice-dev/sluice/lang/diag"
	"github.com/sluice-dev/sluice/lang/ir"
	"github.com/sluice-dev/sluice/lang/syntax"
	"github.com/sluice-dev/sluice/lang/token"
	"github.com/sluice-dev/sluice/lang/types"
)

// Names of states. What a stage remembers is found again by its name, after an
// edit and after a restart, so the name is made of what an edit around the stage
// leaves alone: the route's oldest name and the text of the key.

// maxStateName bounds the name of a state, in characters: it is written into the
// store and stands in metrics and messages.
const maxStateName = 200

// byText is the key of a stage as it is written, on one line.
func byText(by *syntax.By) string {
	texts := make([]string, len(by.Keys))
	for i, k := range by.Keys {
		texts[i] = oneLine(k.Span())
	}
	return strings.Join(texts, ", ")
}

// byKeys checks the keys behind `by`.
func (w *walker) byKeys(by *syntax.By) []ir.Expr {
	out := make([]ir.Expr, len(by.Keys))
	for i, k := range by.Keys {
		out[i] = w.key(w.expr(k), "a key")
	}
	return out
}

// memory makes the state of a stage of this route and names it: keyword, route and
// `by KEYS`, or `as NAME` where the stage has one; the second of equals gets "#2".
// at is what a report points at. The caller sets Row and SpanMS.
func (w *walker) memory(kind ir.StateKind, keyword string, by *syntax.By, as syntax.Word, keys []ir.Expr, at token.Span) *ir.State {
	s := &ir.State{Kind: kind, At: at, Keys: keyTypes(keys)}
	where := keyword + " " + w.route.IDName()
	if as.Set() {
		s.Name = where + " as " + as.Text
		if old := w.c.states[s.Name]; old != nil {
			w.errorf(diag.Duplicate, as.Span(), "two stages `%s` of this route are called `%s`", keyword, as.Text).WithLabel("the other stands at %s", old.At)
			return s
		}
		w.c.states[s.Name] = s
		return s
	}
	base := where + " by " + byText(by)
	s.Name = base
	for n := 2; w.c.states[s.Name] != nil; n++ {
		if n == 2 && w.c.states[base].Kind == kind {
			w.c.equalStates(keyword, at, w.c.states[base].At)
		}
		s.Name = base + "#" + strconv.Itoa(n)
	}
	w.c.states[s.Name] = s
	if utf8.RuneCountInString(s.Name) > maxStateName {
		w.errorf(diag.StateName, at, "the name of what this stage remembers has more than %d characters", maxStateName).
			WithLabel("it is made of the route's name and the key").WithHelp("put the key into a `let` above, and write `by` its name")
	}
	return s
}

// equalStates warns of two memories that only their order tells apart.
func (c *checker) equalStates(keyword string, at, other token.Span) {
	d := c.errorf(diag.EqualStates, at, "two stages `%s` of this route remember by the same key", keyword).WithLabel("the other stands at %s", other)
	switch keyword {
	case "window":
		d.WithHelp("`as NAME` behind `by` keeps what it remembers through edits")
	case "dedupe":
		d.WithHelp("`dedupe NAME by …` keeps what it remembers through edits; one NAME for both makes it one memory")
	default:
		d.WithHelp("put the key into a `let` with a name of its own, so that what it remembers is kept through edits")
	}
}

// maxTopicName is the longest name of a topic that Kafka takes.
const maxTopicName = 249

// groups reports state groups whose names meet, or are too long: a group has a
// topic of its own, which is named after the program and the group.
func (c *checker) groups() {
	seen := map[string]*ir.Group{}
	for _, g := range c.prog.Groups() {
		what, at := c.groupAt(g)
		esc := ir.Escape(g.Name)
		if old := seen[esc]; old != nil {
			other, otherAt := c.groupAt(old)
			c.errorf(diag.NameClash, at, "the state groups of the %s and the %s become one name", other, what).
				WithLabel("both are %q, the other stands at %s", esc, otherAt).WithHelp("a group is called by its first table or memory, else by its route; call one of them something else")
			continue
		}
		seen[esc] = g
		if n := len("sluice..own.") + len(ir.Escape(c.prog.App)) + len(esc); n > maxTopicName {
			c.errorf(diag.StateName, at, "the state group of the %s has too long a name", what).
				WithLabel("its topic would have %d characters, and Kafka takes %d", n, maxTopicName)
		}
	}
}

// groupAt says what a group is called by, and where that stands.
func (c *checker) groupAt(g *ir.Group) (string, token.Span) {
	for _, s := range g.States {
		if s.Shared == g.Name {
			kind := "memory"
			if s.Kind == ir.TableState {
				kind = "table"
			}
			return kind + " `" + g.Name + "`", s.At
		}
	}
	for _, r := range g.Routes {
		if r.IDName() == g.Name {
			return "route `" + r.Name + "`", r.At
		}
	}
	return "route `" + g.Name + "`", g.Routes[0].At
}

// keyTypes are the types of a key's parts as a state knows them.
func keyTypes(keys []ir.Expr) []*types.Type {
	out := make([]*types.Type, len(keys))
	for i, k := range keys {
		out[i] = types.Widen(k.Type())
	}
	return out
}
