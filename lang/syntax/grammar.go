package syntax

import (
	"errors"
	"io"
	"sync"

	"github.com/alecthomas/participle/v2"
	"github.com/alecthomas/participle/v2/lexer"
)

// The kinds of tokens as participle sees them. A comment is no token to it; a
// line break is an EOL, elided yet a production may ask for it.
const (
	kindWord    = lexer.TokenType(WordToken)
	kindKeyword = lexer.TokenType(KeywordToken)
	kindNumber  = lexer.TokenType(NumberToken)
	kindUnit    = lexer.TokenType(UnitToken)
	kindConst   = lexer.TokenType(ConstToken)
	kindStrHead = lexer.TokenType(StrHeadToken)
	kindStrMid  = lexer.TokenType(StrMidToken)
	kindStrTail = lexer.TokenType(StrTailToken)
	kindRaw     = lexer.TokenType(RawToken)
	kindOp      = lexer.TokenType(OpToken)
	kindGlued   = lexer.TokenType(GluedToken)
	kindBad     = lexer.TokenType(BadToken)
	kindEOL     = lexer.TokenType(BadToken + 1)
)

var symbols = map[string]lexer.TokenType{
	"EOF": lexer.EOF, "Word": kindWord, "Keyword": kindKeyword, "Number": kindNumber, "Unit": kindUnit, "Const": kindConst,
	"StrHead": kindStrHead, "StrMid": kindStrMid, "StrTail": kindStrTail, "Raw": kindRaw, "Op": kindOp, "Glued": kindGlued,
	"Bad": kindBad, "EOL": kindEOL,
}

// definition tells participle the kinds of tokens. It is never asked to read:
// the tokens of a file are made once and handed over (stream).
type definition struct{}

func (definition) Symbols() map[string]lexer.TokenType { return symbols }

func (definition) Lex(string, io.Reader) (lexer.Lexer, error) {
	return nil, errors.New("syntax: the grammar reads tokens, not text")
}

// stream feeds the tokens of a file to participle, with an EOL where a line
// breaks between two of them.
type stream struct {
	toks []Token
	i    int
	eol  bool // the EOL before toks[i] was given
	end  lexer.Position
	pos  func(off int) lexer.Position
}

func (s *stream) Next() (lexer.Token, error) {
	if s.i >= len(s.toks) {
		return lexer.EOFToken(s.end), nil
	}
	t := &s.toks[s.i]
	p := s.pos(t.Start)
	if t.Break && s.i > 0 && !s.eol {
		s.eol = true
		return lexer.Token{Type: kindEOL, Value: "\n", Pos: p}, nil
	}
	s.i, s.eol = s.i+1, false
	return lexer.Token{Type: lexer.TokenType(t.Kind), Value: t.Text, Pos: p}, nil
}

// statement is the root: whatever may begin a line at the top of a file.
type statement struct {
	Decl  Decl       `parser:"  @@"`
	Route *RouteHead `parser:"| @@"`
	From  *From      `parser:"| @@"`
	Stage Stage      `parser:"| @@"`
}

// A reader reads one production.
type reader func(*lexer.PeekingLexer) (Node, error)

func production[T any, P interface {
	*T
	Node
}](g *participle.Parser[statement]) reader {
	p, err := participle.ParserForProduction[T](g)
	if err != nil {
		panic(err) // the tags do not fit the types: a bug of ours, met by every test
	}
	return func(pl *lexer.PeekingLexer) (Node, error) {
		n, err := p.ParseFromLexer(pl, participle.AllowTrailing(true))
		return P(n), err
	}
}

// grammar holds the readers by the word a line begins with. Building it takes
// milliseconds, so it is built once; it is never written to again.
type grammar struct {
	stages, decls map[string]reader
	text          string
}

var built = sync.OnceValue(func() *grammar {
	g := participle.MustBuild[statement](
		participle.Lexer(definition{}),
		participle.Elide("EOL"),
		// No lookahead: a clause that fails is an error where it stands. With one
		// token, participle would take a failing clause as left out, and the
		// complaint would come later and elsewhere.
		participle.UseLookahead(0),
		participle.ParseTypeWith(parseExpr),
		participle.Union[Source](&FromTopic{}, &FromTopics{}, &FromWebhook{}, &FromSegment{}, &FromEvery{}, &FromDead{}, &FromChanges{}, &FromTable{}, &FromFile{}),
		participle.Union[EmitCall](&EmitTrack{}, &EmitView{}, &EmitCalls{}, &EmitTopic{}, &EmitHTTP{}, &EmitLog{}),
		participle.Union[Decl](&AppDecl{}, &UseDecl{}, &TypeDecl{}, &DefDecl{}, &TableDecl{}, &IdentDecl{}, &AudDecl{}, &ConnDecl{}),
		participle.Union[Stage](&Where{}, &Map{}, &Set{}, &Unset{}, &Let{}, &Require{}, &Drop{}, &Fail{}, &Replay{}, &When{}, &MatchStage{},
			&Each{}, &Split{}, &Dedupe{}, &Changed{}, &Sample{}, &Throttle{}, &Update{}, &Delete{}, &Identify{}, &Time{}, &OrderKey{}, &With{},
			&Window{}, &HTTPCall{}, &Emit{}),
	)
	identify := production[Identify](g)
	return &grammar{
		text: g.String(),
		stages: map[string]reader{
			"where": production[Where](g), "map": production[Map](g), "set": production[Set](g), "unset": production[Unset](g),
			"let": production[Let](g), "require": production[Require](g), "drop": production[Drop](g), "fail": production[Fail](g),
			"replay": production[Replay](g), "when": production[When](g), "match": production[MatchStage](g), "each": production[Each](g),
			"split": production[Split](g), "dedupe": production[Dedupe](g), "changed": production[Changed](g), "sample": production[Sample](g),
			"throttle": production[Throttle](g), "update": production[Update](g), "delete": production[Delete](g), "resolve": identify,
			"find": identify, "forget": identify, "time": production[Time](g), "key": production[OrderKey](g), "with": production[With](g),
			"window": production[Window](g), "call": production[HTTPCall](g), "emit": production[Emit](g),
		},
		decls: map[string]reader{
			"app": production[AppDecl](g), "use": production[UseDecl](g), "type": production[TypeDecl](g), "def": production[DefDecl](g),
			"table": production[TableDecl](g), "identity": production[IdentDecl](g), "audience": production[AudDecl](g),
			"connection": production[ConnDecl](g), "route": production[RouteHead](g), "from": production[From](g),
		},
	}
})

// The words that begin a line.
var (
	stageWords = words("where map set unset let require drop fail replay when match each split dedupe changed sample throttle update delete " +
		"resolve find forget time key with window call emit")
	declWords = words("app use type def table identity audience connection route from")
)

func words(list string) map[string]bool {
	m := map[string]bool{}
	for start, i := 0, 0; i <= len(list); i++ {
		if i == len(list) || list[i] == ' ' {
			m[list[start:i]] = true
			start = i + 1
		}
	}
	return m
}

// StageWords gives the words that begin a stage, in no order.
func StageWords() []string { return keys(stageWords) }

// DeclWords gives the words that begin a declaration or a route, in no order.
func DeclWords() []string { return keys(declWords) }

func keys(m map[string]bool) []string {
	out := make([]string, 0, len(m))
	for w := range m {
		out = append(out, w)
	}
	return out
}
