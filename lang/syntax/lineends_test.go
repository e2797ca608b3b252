package syntax_test

import (
	"strings"
	"testing"

	"github.com/sluice-dev/sluice/lang/syntax"
	"github.com/sluice-dev/sluice/lang/token"
)

// TestLineEnds: a byte order mark and "\r" before "\n" change nothing, in a `text`
// neither (grammar.ebnf L0).
func TestLineEnds(t *testing.T) {
	const script = "app \"a\"\nlet raw = `one\ntwo`\nfrom topics `^a\nb$`\nwhere .x\n  and .y # why\nemit log { raw }\n"
	for _, src := range []string{script, "\ufeff" + strings.ReplaceAll(script, "\n", "\r\n")} {
		f := syntax.Parse(token.NewFile("a.route", src))
		if len(f.Diags) > 0 {
			t.Fatalf("%q: %s", src, f.Diags[0].Message)
		}
		let := f.Decls[1].(*syntax.Let).X.(*syntax.Lit)
		if let.Value != "one\ntwo" {
			t.Errorf("the text is %q", let.Value)
		}
		pattern := f.Routes[0].From.Source.(*syntax.FromTopics).Pattern
		if pattern.Value != "^a\nb$" {
			t.Errorf("the pattern is %q", pattern.Value)
		}
	}
}
