package format

import (
	"sort"

	"github.com/sluice-dev/sluice/lang/syntax"
)

// marks is what the tree knows about tokens, by their offsets.
type marks struct {
	starts      map[int]bool   // begins a statement, an entry of braces or an arm
	keywords    map[int]bool   // the first word of a statement: its line goes on
	tightBefore map[int]bool   // no blank stands before it
	tightAfter  map[int]bool   // no blank stands behind it
	follows     map[int]bool   // the else of a when and the late of a window: on the line of the } before it
	columns     map[int]column // begins a line that may share columns with its neighbours
}

// column tells which places of a line may be padded.
type column struct {
	class  string
	before []int // offsets of tokens that may be padded in front
	after  int   // offset of the token that may be padded behind, or -1
}

type marker struct {
	*marks
	toks []syntax.Token
}

func mark(f *syntax.File) *marks {
	m := &marker{&marks{map[int]bool{}, map[int]bool{}, map[int]bool{}, map[int]bool{}, map[int]bool{}, map[int]column{}}, f.Tokens}
	for _, d := range f.Decls {
		m.statement(d)
	}
	for _, r := range f.Routes {
		if r.Head != nil {
			m.statement(r.Head)
		}
		m.statement(r.From)
		for _, s := range r.Stages {
			m.statement(s)
		}
	}
	return m.marks
}

func (m *marker) statement(n syntax.Node) {
	m.begin(n)
	syntax.Inspect(n, m.node)
}

// begin marks the first token of a statement.
func (m *marker) begin(n syntax.Node) {
	at := n.Span().Start
	m.starts[at], m.keywords[at] = true, true
}

// at gives the token that begins at or behind an offset.
func (m *marker) at(off int) *syntax.Token {
	i := sort.Search(len(m.toks), func(i int) bool { return m.toks[i].Start >= off })
	for i < len(m.toks) && m.toks[i].Kind == syntax.CommentToken {
		i++
	}
	if i == len(m.toks) {
		return &syntax.Token{Start: -1}
	}
	return &m.toks[i]
}

// find gives the first token of a text from an offset on.
func (m *marker) find(off int, texts ...string) *syntax.Token {
	i := sort.Search(len(m.toks), func(i int) bool { return m.toks[i].Start >= off })
	for ; i < len(m.toks); i++ {
		for _, s := range texts {
			if m.toks[i].Text == s {
				return &m.toks[i]
			}
		}
	}
	return &syntax.Token{Start: -1}
}

// joined marks all tokens of a dotted name but the first.
func (m *marker) joined(n syntax.Node) {
	s := n.Span()
	for t := m.at(s.Start + 1); t.Start >= 0 && t.Start < s.End; t = m.at(t.End()) {
		m.tightBefore[t.Start] = true
	}
}

func (m *marker) node(n syntax.Node) bool {
	switch n := n.(type) {
	case syntax.Stage:
		m.stage(n)
	case syntax.Decl:
		m.decl(n)
	case syntax.Expr:
		m.expr(n)
	case *syntax.Block:
		for _, s := range n.Stages {
			m.begin(s)
		}
	case *syntax.Arms:
		for _, a := range n.List {
			m.arm(a, a.Pats, n)
		}
	case *syntax.Arm:
		if !n.Braced && len(n.Body.Stages) == 1 {
			// The stage behind => is no start: it stays on the line of its arm.
			syntax.Inspect(n.Body.Stages[0], m.node)
			for _, p := range n.Pats {
				syntax.Inspect(p, m.node)
			}
			return false
		}
	case *syntax.Rate:
		m.tight(m.at(n.N.Span().End))
	case *syntax.Options:
		for _, o := range n.List {
			m.entry(o, n, o.Key.Span().End)
		}
	case *syntax.Identifiers:
		for _, i := range n.List {
			m.starts[i.Span().Start] = true
		}
	case *syntax.SetBlock:
		for _, e := range n.Entries {
			m.entry(e, n, e.Keys[len(e.Keys)-1].Span().End)
		}
	case *syntax.SetEntry:
		for _, k := range n.Keys[1:] {
			m.tightBefore[k.Span().Start-1] = true // the point
			m.tightBefore[k.Span().Start] = true
		}
	case *syntax.Keys:
		m.tightBefore[n.Span().Start] = true
	case *syntax.TypeTerm:
		if n.Null {
			m.tightBefore[n.Span().End-1] = true
		}
	case *syntax.TypeName:
		m.joined(n)
	case *syntax.TypeLit:
		if n.Text[0] == '-' {
			m.tightAfter[n.Span().Start] = true
		}
	case *syntax.TypeObj:
		m.typeObj(n)
	case *syntax.TypeMap:
		m.starts[m.at(n.Span().Start+1).Start] = true
	}
	return true
}

func (m *marker) tight(t *syntax.Token) {
	m.tightBefore[t.Start], m.tightAfter[t.Start] = true, true
}

func (m *marker) typeObj(n *syntax.TypeObj) {
	end := n.Span().Start + 1
	for _, f := range n.Fields {
		m.entry(f, n, f.Key.Span().End)
		end = f.Span().End
	}
	if n.Rest != nil {
		m.starts[m.find(end, "...").Start] = true
	}
}

// entry marks a field or option whose key ends at an offset.
func (m *marker) entry(e, braces syntax.Node, keyEnd int) {
	at := e.Span().Start
	m.starts[at] = true
	if c := m.at(keyEnd); c.Text == ":" || c.Text == "?:" {
		m.columns[at] = column{class: class("field", braces), after: c.Start}
	}
}

func (m *marker) arm(a syntax.Node, pats []*syntax.Pattern, braces syntax.Node) {
	at := a.Span().Start
	m.starts[at] = true
	end := at
	if len(pats) > 0 {
		end = pats[len(pats)-1].Span().End
	}
	m.columns[at] = column{class: class("arm", braces), before: []int{m.find(end, "=>").Start}, after: -1}
}

func (m *marker) stage(n syntax.Stage) {
	switch n := n.(type) {
	case *syntax.Let:
		m.let(n)
	case *syntax.When:
		for _, c := range n.Cases[1:] {
			m.follows[m.before(c.Span().Start).Start] = true
		}
		if n.Else != nil {
			m.follows[m.before(n.Else.Span().Start).Start] = true
		}
	case *syntax.Window:
		if n.Late != nil {
			m.follows[m.before(n.Late.Span().Start).Start] = true
		}
	case *syntax.Sample:
		m.tightBefore[m.at(n.Percent.Span().End).Start] = true
	case *syntax.Identify:
		if n.Null {
			m.tightBefore[m.at(n.As.Span().End).Start] = true
		}
	}
}

func (m *marker) let(n *syntax.Let) {
	m.columns[n.Span().Start] = column{class: "let", before: []int{m.at(n.Name.Span().End).Start}, after: -1}
}

func (m *marker) decl(n syntax.Decl) {
	switch n := n.(type) {
	case *syntax.UseDecl:
		for _, w := range n.Path[1:] {
			m.tightBefore[w.Span().Start] = true
			m.tightBefore[m.before(w.Span().Start).Start] = true
		}
	case *syntax.TypeDecl:
		m.columns[n.Span().Start] = column{class: "type", before: []int{m.at(n.Name.Span().End).Start}, after: -1}
	case *syntax.DefDecl:
		m.tightBefore[m.at(n.Name.Span().End).Start] = true
		for _, l := range n.Locals {
			m.begin(l)
		}
		if n.Last != nil {
			m.starts[n.Last.Span().Start] = true
		}
	case *syntax.ConnDecl:
		m.columns[n.Span().Start] = column{class: "connection", before: []int{n.Name.Span().Start, n.Options.Span().Start}, after: -1}
	}
}

// before gives the token that ends at or before an offset.
func (m *marker) before(off int) *syntax.Token {
	i := sort.Search(len(m.toks), func(i int) bool { return m.toks[i].Start >= off })
	for i--; i >= 0; i-- {
		if m.toks[i].Kind != syntax.CommentToken {
			return &m.toks[i]
		}
	}
	return &syntax.Token{Start: -1}
}

func (m *marker) expr(n syntax.Expr) {
	switch n := n.(type) {
	case *syntax.Field:
		name := n.NameSpan.Span().Start
		m.tightBefore[name] = true
		if r, ok := n.Of.(*syntax.Root); !ok || r.Sigil != "." {
			m.tightBefore[name-1] = true // the point
		}
	case *syntax.Index:
		t := m.at(n.Of.Span().End)
		m.tightBefore[t.Start] = true
		if t.Text == "." {
			m.tightBefore[t.End()] = true
		}
	case *syntax.Meta:
		m.tightBefore[n.Span().Start+1] = true
	case *syntax.Call:
		m.joined(&n.Func)
		if t := m.at(n.Func.Span().End); t.Text == "(" && t.Start == n.Func.Span().End {
			m.tightBefore[t.Start] = true
		}
	case *syntax.Unary:
		if n.Op == "-" {
			m.tightAfter[n.Span().Start] = true
		}
	case *syntax.List:
		for _, i := range n.Items {
			if i.Spread {
				m.tightAfter[i.Span().Start] = true
			}
		}
	case *syntax.Object:
		for _, e := range n.Entries {
			m.objectEntry(e, n)
		}
	case *syntax.Match:
		for _, a := range n.Arms {
			m.arm(a, a.Pats, n)
		}
	}
}

func (m *marker) objectEntry(e *syntax.Entry, o *syntax.Object) {
	switch {
	case e.Spread:
		m.starts[e.Span().Start] = true
		m.tightAfter[e.Span().Start] = true
	case e.Computed != nil:
		m.entry(e, o, m.find(e.Computed.Span().End, ":", "?:").Start)
	default:
		m.entry(e, o, e.Key.Span().End)
	}
}
