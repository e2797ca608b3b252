package syntax

import (
	"flag"
	"os"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/sluice-dev/sluice/lang/token"
)

// The grammar as people read it.
func ebnfText(t *testing.T) string {
	t.Helper()
	b, err := os.ReadFile("../../spec/grammar.ebnf")
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// productions are the lines that are no comment, without the comments behind
// them.
func productions(t *testing.T) string {
	var b strings.Builder
	for _, l := range strings.Split(ebnfText(t), "\n") {
		if strings.HasPrefix(l, "#") || strings.HasPrefix(strings.TrimSpace(l), "# ") {
			continue
		}
		if i := strings.Index(l, "  #"); i >= 0 {
			l = l[:i]
		}
		b.WriteString(l + "\n")
	}
	return b.String()
}

var terminal = regexp.MustCompile(`"([^"]+)"`)

func TestTerminalsAreTokens(t *testing.T) {
	n := 0
	for _, m := range terminal.FindAllStringSubmatch(productions(t), -1) {
		n++
		toks := Lex(token.NewFile("t", m[1]))
		if len(toks) != 1 || toks[0].Kind == BadToken {
			t.Errorf("%q is no single token: %v", m[1], toks)
		}
	}
	if n < 250 {
		t.Errorf("only %d terminals were found", n)
	}
}

func TestWordsOfStatements(t *testing.T) {
	text := productions(t)
	for _, w := range append(append(append(StageWords(), DeclWords()...), sources...), emits...) {
		if !strings.Contains(text, `"`+w+`"`) {
			t.Errorf("%q is a word of the code and not of the grammar", w)
		}
	}
	for _, w := range append(StageWords(), DeclWords()...) {
		if usage[w] == "" {
			t.Errorf("%q has no usage", w)
		}
	}
	// The first words of Stage and Decl.
	stage := text[strings.Index(text, "\nStage "):strings.Index(text, "\nWhen ")]
	for _, m := range regexp.MustCompile(`(?m)^\s+\| "(\w+)"`).FindAllStringSubmatch(stage, -1) {
		if !stageWords[m[1]] {
			t.Errorf("the grammar has the stage %q, the code has not", m[1])
		}
	}
	for _, m := range regexp.MustCompile(`(?m)^\w+Decl\s+= "(\w+)"`).FindAllStringSubmatch(text, -1) {
		if !declWords[m[1]] && m[1] != "let" {
			t.Errorf("the grammar has the declaration %q, the code has not", m[1])
		}
	}
	// L6: the reserved words.
	line := regexp.MustCompile(`L6  Reserved, as names of anything declared:([ a-z]+)\.`).FindStringSubmatch(ebnfText(t))
	if line == nil {
		t.Fatal("the grammar does not list the reserved words")
	}
	if diff := cmp.Diff(words(strings.TrimSpace(line[1])), reserved); diff != "" {
		t.Errorf("reserved words (-grammar +code):\n%s", diff)
	}
	for w := range reserved {
		if stageWords[w] != (w == "match") || declWords[w] {
			t.Errorf("%q is reserved and begins a statement", w)
		}
	}
}

// The table of levels in section 5 is that of the code.
func TestLevels(t *testing.T) {
	got := map[string]int{}
	for _, m := range regexp.MustCompile(`(?m)^#   (\d)     (\S.*?)\s+(?:left|none)\b`).FindAllStringSubmatch(ebnfText(t), -1) {
		lvl, err := strconv.Atoi(m[1])
		if err != nil || lvl < lvlOr || lvl > lvlMul || lvl == lvlNot {
			continue
		}
		for _, op := range strings.Fields(m[2]) {
			got[op] = lvl
		}
	}
	if diff := cmp.Diff(levels, got); diff != "" {
		t.Errorf("levels (-code +grammar):\n%s", diff)
	}
}

// The heads of statements as participle understands them: a change of a tag
// shows in review.
func TestStatementGrammar(t *testing.T) {
	const path = "testdata/statements.ebnf"
	got := built().text + "\n"
	if f := flag.Lookup("update"); f != nil && f.Value.String() == "true" {
		if err := os.WriteFile(path, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(strings.Split(string(want), "\n"), strings.Split(got, "\n")); diff != "" {
		t.Errorf("%s (-want +got):\n%s", path, diff)
	}
}
