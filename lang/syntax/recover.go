package syntax

import (
	"errors"
	"fmt"
	"reflect"
	"slices"
	"sort"

	"github.com/alecthomas/participle/v2"
	"github.com/alecthomas/participle/v2/lexer"

	"github.com/sluice-dev/sluice/lang/diag"
	"github.com/sluice-dev/sluice/lang/token"
)

// Going on after a mistake (grammar.ebnf §9). The readers of a file, a block
// and the arms of a match are loops that never fail: each reads one statement
// after the other by the word its line begins with; a statement with a mistake
// becomes a Bad node, and the loop goes on at the next line that plausibly
// begins a statement. Only { } are counted on the way, since an unclosed
// bracket is the commonest mistake and must not swallow the file.

type fileParser struct {
	src    *token.File
	out    *File
	code   []Token // without comments
	pl     *lexer.PeekingLexer
	faults []*fault
	heads  []int // lines on which a declaration or route begins in column 1
	cur    *Route
	seen   bool // a route was seen: `let` is a stage from here on
}

// maxFaults bounds what one file reports; nobody reads on after that.
const maxFaults = 100

func (p *fileParser) lex() {
	p.out.Tokens = Lex(p.src)
	p.code = make([]Token, 0, len(p.out.Tokens))
	brk := false // a break before a comment is a break before what follows it
	for _, t := range p.out.Tokens {
		if t.Kind == CommentToken {
			brk = brk || t.Break
			p.out.Comments = append(p.out.Comments, &Comment{
				node: node{start: t.Start, end: t.End(), file: p.src}, Text: t.Text, OwnLine: t.Break})
			continue
		}
		t.Break = t.Break || brk
		brk = false
		p.code = append(p.code, t)
	}
	s := &stream{toks: p.code, pos: lines(p.src.Src), end: lexer.Position{Offset: len(p.src.Src)}}
	s.end = s.pos(len(p.src.Src))
	s.pos = lines(p.src.Src)
	p.pl, _ = lexer.Upgrade(s, kindEOL) // a stream does not fail
}

// lines gives positions with line and byte column, for offsets that only grow.
func lines(src string) func(int) lexer.Position {
	line, start, at := 1, 0, 0
	return func(off int) lexer.Position {
		for ; at < off && at < len(src); at++ {
			if src[at] == '\n' {
				line++
				start = at + 1
			}
		}
		return lexer.Position{Offset: off, Line: line, Column: off - start + 1}
	}
}

func (p *fileParser) read() {
	for {
		t := p.pl.Peek()
		if t.EOF() {
			break
		}
		start := p.pl.RawCursor()
		if declWords[t.Value] && t.Pos.Column == 1 {
			p.heads = append(p.heads, t.Pos.Line)
		}
		f := p.statement(t)
		if f == nil {
			f = atLineEnd(p.pl, t)
		}
		if f != nil {
			p.faults = append(p.faults, f)
			resync(p.pl, start)
		}
		p.span(t.Pos.Offset)
	}
	for _, r := range p.out.Routes {
		switch {
		case r.From == nil:
			p.noSource(r)
		case len(r.Stages) == 0 && len(p.faults) == 0:
			// A route is a source and at least one stage. Where anything else is
			// wrong, its stages may only have lost their way.
			p.noStage(r)
		}
	}
}

// noStage reports a route that does nothing. R11: `from` on the line below a
// table is such a route.
func (p *fileParser) noStage(r *Route) {
	at := r.From.head.Pos.Offset
	f := &fault{start: at, end: at + len("from"), msg: "this route has no stage", help: "put what is to happen below it: `emit …`"}
	line := p.src.At(at).Line
	for _, d := range p.out.Decls {
		t, ok := d.(*TableDecl)
		if ok && r.Head == nil && t.From == nil && p.src.At(p.endBefore(t.EndPos.Offset)).Line == line-1 {
			f.help = "put `from` on the line of the table to load it, or a stage below it"
		}
	}
	p.faults = append(p.faults, f)
}

// span extends the route being read over the statement that begins at an offset.
func (p *fileParser) span(from int) {
	if p.cur == nil || from < p.cur.start {
		return
	}
	p.cur.end = max(p.cur.end, lastEnd(p.pl))
}

func (p *fileParser) statement(t *lexer.Token) *fault {
	switch {
	case !begins(t):
		return unknownStart(t, p.cur != nil)
	case t.Value == "let" && p.cur == nil:
		return p.constant(t)
	case stageWords[t.Value]:
		return p.stage(t)
	}
	return p.decl(t)
}

func (p *fileParser) constant(t *lexer.Token) *fault {
	n, err := built().stages["let"](p.pl)
	if p.seen {
		// The declaration above ended the route; a stage may have been meant.
		p.badDecl(t)
		return &fault{start: t.Pos.Offset, end: t.Pos.Offset + 3, msg: "a let here would read as a stage or a constant",
			help: "put it above the first route, or put the declaration above it elsewhere"}
	}
	if err != nil {
		p.badDecl(t)
		return explain(p.pl, err, t)
	}
	p.out.Decls = append(p.out.Decls, n.(*Let))
	return nil
}

func (p *fileParser) stage(t *lexer.Token) *fault {
	n, f := readStage(p.pl)
	if p.cur == nil {
		msg := "the stage %q stands before any `from`"
		if p.seen {
			msg = "the stage %q stands behind a declaration, which ended the route"
		}
		return &fault{start: t.Pos.Offset, end: t.Pos.Offset + len(t.Value), msg: fmt.Sprintf(msg, t.Value),
			help: "a route begins with `from`, its stages follow it"}
	}
	p.cur.Stages = append(p.cur.Stages, n)
	return f
}

func (p *fileParser) decl(t *lexer.Token) *fault {
	n, err := built().decls[t.Value](p.pl)
	var f *fault
	if err != nil {
		f = explain(p.pl, err, t)
	} else {
		f = vet(n)
	}
	switch t.Value {
	case "route":
		h, _ := n.(*RouteHead)
		p.begin(t)
		p.cur.Head = h
	case "from":
		from := n.(*From)
		if p.cur == nil || p.cur.From != nil {
			p.begin(t)
		}
		p.cur.From = from
		if from.Source == nil || err != nil {
			from.Source = &BadSource{tokenNode(t)}
		}
	default:
		p.cur = nil
		if f != nil {
			p.badDecl(t)
		} else {
			p.out.Decls = append(p.out.Decls, n.(Decl))
		}
	}
	return f
}

func (p *fileParser) begin(t *lexer.Token) {
	p.cur = &Route{node: node{start: t.Pos.Offset, end: t.Pos.Offset + len(t.Value)}}
	p.out.Routes = append(p.out.Routes, p.cur)
	p.seen = true
}

// noSource reports a `route` line that no `from` follows.
func (p *fileParser) noSource(r *Route) {
	end := r.start + len("route")
	f := &fault{start: r.start, end: end, msg: "this route has no source", help: "put `from …` below it"}
	r.From = &From{Source: &BadSource{node{start: r.start, end: end}}}
	r.From.Pos.Offset, r.From.EndPos.Offset = r.start, end
	p.faults = append(p.faults, f)
}

// badDecl stands for a declaration that begins with t and has a mistake.
func (p *fileParser) badDecl(t *lexer.Token) {
	d := &BadDecl{node: tokenNode(t), Keyword: Word{tokenNode(t), t.Value}, Name: p.nameAfter(t)}
	d.end = max(d.end, d.Name.end, lastEnd(p.pl))
	p.out.Decls = append(p.out.Decls, d)
}

// nameAfter gives the name that follows a keyword, where one does.
func (p *fileParser) nameAfter(t *lexer.Token) Word {
	i := sort.Search(len(p.code), func(i int) bool { return p.code[i].Start > t.Pos.Offset })
	if t.Value == "connection" {
		i++
	}
	if i < len(p.code) && p.code[i].Kind == WordToken {
		c := p.code[i]
		return Word{node{start: c.Start, end: c.End()}, c.Text}
	}
	return Word{}
}

// readStage reads the stage that stands next; with a mistake it is a BadStage.
func readStage(pl *lexer.PeekingLexer) (Stage, *fault) {
	start, t := pl.RawCursor(), pl.Peek()
	n, err := built().stages[t.Value](pl)
	if err != nil {
		return badStage(pl, start, nil), explain(pl, err, t)
	}
	if f := vet(n); f != nil {
		return badStage(pl, start, n.(Stage)), f
	}
	if next := pl.Peek(); pl.RawPeek().Type != kindEOL && goesOn(next) {
		return badStage(pl, start, n.(Stage)), unexpected(next, t) // what stands before it is half of what was meant
	}
	return n.(Stage), nil
}

// goesOn tells of a token behind a stage that it was meant to be a part of it.
func goesOn(t *lexer.Token) bool {
	return t.Type == kindOp && (t.Value == "=" || t.Value == ",") || named(t) && !begins(t)
}

// badStage stands for the tokens read since start.
func badStage(pl *lexer.PeekingLexer, start lexer.RawCursor, part Stage) *BadStage {
	toks := pl.Range(start, max(pl.RawCursor(), start+1))
	b := &BadStage{Part: part}
	for i := range toks {
		t := &toks[i]
		switch {
		case t.Type == kindEOL || t.EOF():
			continue
		case b.Keyword.Text == "":
			b.node, b.Keyword = tokenNode(t), Word{tokenNode(t), t.Value}
		}
		b.end = t.Pos.Offset + len(t.Value)
		binds := t.Value == "as" || t.Value == "was" || t.Value == "let" && i < 2
		if j := i + 1; binds && j < len(toks) && toks[j].Type == kindWord {
			b.Binds = append(b.Binds, Word{tokenNode(&toks[j]), toks[j].Value})
		}
	}
	return b
}

// atLineEnd says what is wrong where a statement ends in the middle of a line.
// The statement began with head.
func atLineEnd(pl *lexer.PeekingLexer, head *lexer.Token) *fault {
	t := pl.Peek()
	if t.EOF() || pl.RawPeek().Type == kindEOL || t.Value == "}" && t.Type == kindOp {
		return nil
	}
	if t.Type == kindBad {
		return badFault(t)
	}
	return unexpected(t, head)
}

// resync moves to where reading can go on: a line that begins with a stage or
// a declaration, or the } of the block we are in (E2).
func resync(pl *lexer.PeekingLexer, start lexer.RawCursor) {
	depth, col := skipped(pl, start)
	for {
		t := pl.Peek()
		if t.EOF() {
			return
		}
		fresh := pl.RawPeek().Type == kindEOL
		if fresh && begins(t) && !keyAhead(pl) {
			// Further right than the bad statement it belongs to its braces.
			if depth <= 0 || t.Pos.Column <= col || declWords[t.Value] {
				return
			}
		}
		if depth <= 0 && (t.Value == "}" && t.Type == kindOp ||
			fresh && t.Pos.Column <= col && !(t.Type == kindOp && t.Value != ".") && t.Value != "else") {
			return
		}
		depth += brace(t)
		pl.Next()
	}
}

// skipped counts the braces of what was read since start, and takes at least
// one token.
func skipped(pl *lexer.PeekingLexer, start lexer.RawCursor) (depth, col int) {
	toks := pl.Range(start, pl.RawCursor())
	if len(toks) == 0 {
		t := pl.Next()
		return brace(t), t.Pos.Column
	}
	for i := range toks {
		depth += brace(&toks[i])
		if col == 0 && toks[i].Type != kindEOL {
			col = toks[i].Pos.Column
		}
	}
	return depth, col
}

// keyAhead: the word that stands next is a key or a shorthand field.
func keyAhead(pl *lexer.PeekingLexer) bool {
	cp := pl.MakeCheckpoint()
	defer pl.LoadCheckpoint(cp)
	w := pl.Next()
	n := pl.Peek()
	if pl.RawPeek().Type == kindEOL || n.EOF() {
		return w.Value != "replay"
	}
	return n.Type == kindOp && (n.Value == ":" || n.Value == "?:" || n.Value == "," || n.Value == "}" && w.Value != "replay")
}

func brace(t *lexer.Token) int {
	if t.Type == kindOp {
		switch t.Value {
		case "{":
			return 1
		case "}":
			return -1
		}
	}
	return 0
}

func notClosed(open *lexer.Token, before string) *fault {
	f := &fault{start: open.Pos.Offset, end: open.Pos.Offset + 1, msg: "this { is not closed", braces: true, code: diag.Unclosed}
	if before != "" {
		f.label = "not closed before " + before
	}
	return f
}

// Parse implements participle.Parseable. Once it has begun it never fails.
//
//	Block = "{" { Stage } "}" .
func (b *Block) Parse(pl *lexer.PeekingLexer) error {
	if !opens(pl) {
		return participle.NextMatch
	}
	open := pl.Next()
	b.start = open.Pos.Offset
	defer func() { b.end = lastEnd(pl) }()
	for first := true; ; first = false {
		t := pl.Peek()
		fresh := first || pl.RawPeek().Type == kindEOL
		switch {
		case t.Value == "}" && t.Type == kindOp:
			pl.Next()
			return nil
		case t.EOF():
			b.faults = append(b.faults, notClosed(open, ""))
			return nil
		case t.Type == kindWord && declWords[t.Value] && fresh:
			b.faults = append(b.faults, notClosed(open, fmt.Sprintf("%q on line %d", t.Value, t.Pos.Line)))
			return nil
		case !begins(t):
			if armAhead(pl) {
				b.faults = append(b.faults, notClosed(open, fmt.Sprintf("the arm on line %d", t.Pos.Line)))
				return nil
			}
			start := pl.RawCursor()
			b.faults = append(b.faults, unknownStart(t, true))
			resync(pl, start)
		default:
			b.one(pl)
		}
	}
}

func lastEnd(pl *lexer.PeekingLexer) int {
	if c := pl.RawCursor(); c > 0 {
		t := pl.Range(c-1, c)[0]
		return t.Pos.Offset + len(t.Value)
	}
	return 0
}

// one reads one stage of a block.
func (b *Block) one(pl *lexer.PeekingLexer) {
	start, t := pl.RawCursor(), pl.Peek()
	n, f := readStage(pl)
	if f == nil {
		f = atLineEnd(pl, t)
	}
	b.Stages = append(b.Stages, n)
	if f != nil {
		b.faults = append(b.faults, f)
		resync(pl, start)
	}
}

// armAhead: a pattern and => stand on this line (E3).
func armAhead(pl *lexer.PeekingLexer) bool {
	cp := pl.MakeCheckpoint()
	defer pl.LoadCheckpoint(cp)
	const longest = 40 // tokens; a pattern is short
	for range longest {
		t := pl.Next()
		if t.EOF() {
			return false
		}
		if t.Type == kindOp && t.Value == "=>" {
			return true
		}
		if pl.RawPeek().Type == kindEOL || t.Type == kindOp && t.Value == "{" {
			return false
		}
	}
	return false
}

// Parse implements participle.Parseable. Once it has begun it never fails.
//
//	"{" { StageArm } "}" , StageArm = ( Patterns | "else" ) "=>" ( Block | Stage ) .
func (a *Arms) Parse(pl *lexer.PeekingLexer) error {
	if !opens(pl) {
		return participle.NextMatch
	}
	open := pl.Next()
	a.start = open.Pos.Offset
	defer func() { a.end = lastEnd(pl) }()
	for {
		t := pl.Peek()
		start := pl.RawCursor()
		switch {
		case t.Value == "}" && t.Type == kindOp:
			pl.Next()
			return nil
		case t.EOF():
			a.faults = append(a.faults, notClosed(open, ""))
			return nil
		case t.Type == kindWord && declWords[t.Value] && pl.RawPeek().Type == kindEOL && !armAhead(pl):
			a.faults = append(a.faults, notClosed(open, fmt.Sprintf("%q on line %d", t.Value, t.Pos.Line)))
			return nil
		}
		if f := a.arm(pl); f != nil {
			a.faults = append(a.faults, f)
			resyncArm(pl, start)
		}
	}
}

func (a *Arms) arm(pl *lexer.PeekingLexer) (f *fault) {
	arm, first := &Arm{}, pl.Peek()
	err := run(pl, func(p *pratt) {
		arm.node = p.here()
		if p.accept("else") {
			arm.Else = true
		} else {
			arm.Pats = p.stagePatterns()
		}
		p.arrow(arm.Else)
	})
	if err != nil {
		f = asFault(err)
		if begins(first) && f.help == "" {
			f.help = "an arm is `pattern => stage` or `pattern => { … }`"
		}
		arm.Pats, arm.Body = nil, &Block{} // it stands for a case, nobody knows of what
		arm.end = lastEnd(pl)
		a.List = append(a.List, arm)
		return f
	}
	arm.Body = &Block{}
	n := pl.Peek()
	switch {
	case opens(pl):
		arm.Braced = true
		_ = arm.Body.Parse(pl) // it opens, so it does not fail
		f = atLineEnd(pl, n)
	case begins(n) && stageWords[n.Value]:
		arm.Body.start = n.Pos.Offset
		arm.Body.one(pl)
		arm.Body.end = lastEnd(pl)
	default:
		f = unknownStart(n, true)
		if !f.bad {
			f.msg = fmt.Sprintf("expected a stage or { after =>, found %s", show(n))
			if f.help == "" {
				f.help = "an arm gives a stage: `\"a\" => emit track \"A\"`"
			}
		}
	}
	arm.end = lastEnd(pl)
	a.List = append(a.List, arm)
	return f
}

func (p *pratt) stagePatterns() []*Pattern {
	var out []*Pattern
	p.arm = p.tok().Pos.Offset
	for {
		pat := &Pattern{node: p.here()}
		if p.accept("is") {
			pat.Is = p.prim()
		} else {
			pat.X = p.expr()
		}
		p.close(&pat.node)
		out = append(out, pat)
		if !p.accept(",") {
			return out
		}
	}
}

// resyncArm skips to the next arm, or to the } of the arms.
func resyncArm(pl *lexer.PeekingLexer, start lexer.RawCursor) {
	depth, _ := skipped(pl, start)
	for {
		t := pl.Peek()
		if t.EOF() {
			return
		}
		fresh := pl.RawPeek().Type == kindEOL
		if depth <= 0 && (t.Value == "}" && t.Type == kindOp || fresh && armAhead(pl)) {
			return
		}
		if fresh && t.Type == kindWord && declWords[t.Value] && !keyAhead(pl) {
			return
		}
		depth += brace(t)
		pl.Next()
	}
}

func (b *Block) settle(p *fileParser) {
	b.node.settle(p)
	p.faults = append(p.faults, b.faults...)
}

func (a *Arms) settle(p *fileParser) {
	a.node.settle(p)
	p.faults = append(p.faults, a.faults...)
}

// finish gives every node its file and makes diagnostics of the faults: one a
// line, and one about braces for each declaration or route that begins in
// column 1 (E4), because the others are nearly always echoes.
func (p *fileParser) finish() {
	p.settle(reflect.ValueOf(p.out.Decls))
	p.settle(reflect.ValueOf(p.out.Routes))
	for _, r := range p.out.Routes {
		r.Doc = p.out.DocOf(r)
	}
	sort.SliceStable(p.faults, func(i, j int) bool { return p.faults[i].start < p.faults[j].start })
	// The bracket too many took the rest of the file: what it would have closed
	// is no mistake of its own.
	last := len(p.code) - 1
	deep := last >= 0 && p.code[last].Why == tooDeep
	region, line := -1, -1
	for _, f := range p.faults {
		if deep && f.braces {
			continue
		}
		at := p.src.At(f.start).Line
		if f.braces {
			r := 0
			for _, h := range p.heads {
				if h <= at {
					r = h
				}
			}
			if r == region {
				continue
			}
			region = r
		}
		if at == line {
			continue
		}
		line = at
		if len(p.out.Diags) == maxFaults {
			break
		}
		p.out.Diags = append(p.out.Diags, p.diagnostic(f))
	}
	// Skipping over a mistake may have passed it by.
	if deep && !slices.ContainsFunc(p.out.Diags, func(d *diag.Diagnostic) bool { return d.Code == diag.Nesting }) {
		t := p.code[last]
		p.out.Diags = append(p.out.Diags, p.diagnostic(&fault{start: t.Start, end: t.End(), bad: true}))
	}
}

func (p *fileParser) diagnostic(f *fault) *diag.Diagnostic {
	d := &diag.Diagnostic{Code: f.code, Span: token.Span{File: p.src, Start: f.start, End: f.end}, Message: f.msg, Label: f.label, Help: f.help}
	switch {
	case f.bad:
		d.Code = diag.BadToken
		i := sort.Search(len(p.code), func(i int) bool { return p.code[i].Start >= f.start })
		if i < len(p.code) && p.code[i].Kind == BadToken {
			if d.Message, d.Help = p.code[i].Why, p.code[i].Help; d.Message == tooDeep {
				d.Code = diag.Nesting
			}
		}
	case f.code == nil:
		d.Code = diag.Syntax
	}
	return d
}

// asFault finds our own mistake in what participle gives back.
func asFault(err error) *fault {
	var f *fault
	if errors.As(err, &f) {
		return f
	}
	return nil
}
