// Package syntax reads the text of a Route script into a tree. It takes a
// token.File and gives a File that holds every declaration and route, every
// comment, and a diagnostic for every mistake of the text; it never fails,
// never panics and never gives nil. It knows how Route is written and nothing
// of what it means: no names are looked up, no types are judged.
//
// The lexer (lex.go) is written by hand, and so are expressions (pratt.go),
// types (types.go) and what stands in braces (braces.go). The heads of
// declarations, sources, stages and emits are struct tags for participle
// (decl.go, source.go, stage.go, emit.go), so that the grammar of a statement
// stands beside its node. The loops that read a file, a block and the arms of
// a match (recover.go) are ours again, because participle cannot go on after
// a mistake.
package syntax

import (
	"github.com/sluice-dev/sluice/lang/diag"
	"github.com/sluice-dev/sluice/lang/token"
)

// File is what one script holds.
type File struct {
	Source   *token.File
	Decls    []Decl // in the order of the text, constants (*Let) and *BadDecl included
	Routes   []*Route
	Comments []*Comment
	Diags    []*diag.Diagnostic // in the order of the text, at most one a line
	Tokens   []Token            // every token, comments included, without the end of the file
}

// Route is a source and the stages below it. From is never nil once a route
// was read without mistakes; a `route` line without `from` is a diagnostic.
type Route struct {
	node
	Head   *RouteHead // nil where the route has no `route` line
	From   *From
	Stages []Stage
	Doc    string // the comment right above it, without "# "
}

// Comment is one "#" to the end of its line.
type Comment struct {
	node
	Text    string // as written, "#" included
	OwnLine bool   // no code stands before it on its line
}

// Parse reads a script. The result is never nil; mistakes stand in Diags, and
// what they spoiled is a *BadDecl, *BadStage or *BadSource.
func Parse(f *token.File) *File {
	p := &fileParser{src: f, out: &File{Source: f}}
	p.lex()
	p.read()
	p.finish()
	return p.out
}

// DocOf gives the comment right above a declaration or route, without "# ".
func (f *File) DocOf(n Node) string {
	s := n.Span()
	if !s.Valid() {
		return ""
	}
	line := f.Source.At(s.Start).Line
	i := len(f.Comments)
	for i > 0 && f.Comments[i-1].start > s.Start {
		i--
	}
	doc := ""
	for i > 0 && f.Comments[i-1].OwnLine && f.Source.At(f.Comments[i-1].start).Line == line-1 {
		i, line = i-1, line-1
		text := f.Comments[i].Text[1:]
		if len(text) > 0 && text[0] == ' ' {
			text = text[1:]
		}
		if doc != "" {
			text += "\n" + doc
		}
		doc = text
	}
	return doc
}
