package syntax

import (
	"errors"
	"fmt"
	"regexp"
	"strings"

	"github.com/alecthomas/participle/v2"
	"github.com/alecthomas/participle/v2/lexer"

	"github.com/sluice-dev/sluice/lang/diag"
)

// usage shows how a statement is written; it is the help line of every mistake
// in its head. An ellipsis stands for an expression.
var usage = map[string]string{
	"app": `app "shop"`, "use": `use kochava`, "type": `type Order = { id: string, total: number }`,
	"def":      `def discount(o: Order) = o.total * 0.9`,
	"table":    `table ltv: number = 0 keyed by people merge sum`,
	"identity": `identity people { user_id, email }`, "audience": `audience high_ltv on ltv { enter: it >= 500, leave: it < 400 }`,
	"connection": `connection segment main { write_key: secret("SEGMENT_WRITE_KEY") }`,
	"route":      `route orders { priority: high }`, "from": `from topic "shop.orders" as Order`,
	"where": `where … else "why"`, "map": `map { id: .id }`, "set": `set .total = … or set { total: … }`, "unset": `unset .a, .b.c`,
	"let": `let name = …`, "require": `require … else "why"`, "drop": `drop "why"`, "fail": `fail "why"`, "replay": `replay`,
	"when": `when … { … } else { … }`, "match": `match … { "a" => …, else => … }`, "each": `each .lines as line { … }`,
	"split": `split .lines as line`, "dedupe": `dedupe by .id within 24h`, "changed": `changed by .id within 30d`,
	"sample": `sample 10% by .id`, "throttle": `throttle 100/s by .id burst 50 else drop`,
	"update": `update ltv[p] = it + .total`, "delete": `delete ltv[p]`, "resolve": `resolve people as p { user_id: .user_id }`,
	"find": `find people as p { user_id: .user_id }`, "forget": `forget people as f { user_id: .user_id }`,
	"time": `time by .created_at`, "key": `key by .id`, "with": `with { userId: .user_id }`,
	"window": `window 5m by .user every 1m grace 30s { n: count() }`, "call": `call http GET "/path" via crm as answer: Answer { query: { id: .id } }`,
	"emit": `emit track "Signed Up" { userId: .user_id }`,
}

// sources and emits are the words that may stand behind `from` and `emit`.
var (
	sources = []string{"topic", "topics", "webhook", "segment", "every", "dead", "changes", "table", "file"}
	emits   = []string{"track", "page", "screen", "identify", "group", "alias", "segment", "topic", "http", "log"}
)

var sourceUsage = map[string]string{
	"topic": `from topic "shop.orders" as Order`, "topics": "from topics `^web\\.` as View", "webhook": `from webhook "/hooks/x" as Hook`,
	"segment": `from segment "/v1"`, "every": `from every 1d at "06:00" zone "UTC"`, "dead": `from dead orders`,
	"changes": `from changes people as p`, "table": `from table ltv as p every 1d`, "file": `from file "x.jsonl" as Row`,
}

// sourceElsewhere is what people call sources.
var sourceElsewhere = map[string]string{
	"kafka": "topic", "stream": "topic", "queue": "topic", "http": "webhook", "hook": "webhook", "post": "webhook", "cron": "every",
	"schedule": "every", "timer": "every", "csv": "file", "json": "file", "stdin": `file "-"`, "deadletter": "dead", "dlq": "dead",
}

// emitElsewhere is what people call calls.
var emitElsewhere = map[string]string{
	"kafka": "topic", "queue": "topic", "event": "track", "user": "identify", "webhook": "http", "post": "http", "print": "log", "console": "log", "stdout": "log",
}

var emitUsage = map[string]string{
	"track": `emit track "Signed Up" { userId: .user_id }`, "page": `emit page { userId: .user_id }`, "screen": `emit screen "Home" { userId: .user_id }`,
	"identify": `emit identify { userId: .user_id, traits: { plan: .plan } }`, "group": `emit group { userId: .user_id, groupId: .company }`,
	"alias": `emit alias { userId: .user_id, previousId: .old_id }`, "segment": `emit segment`, "topic": `emit topic "copies" { key: .id }`,
	"http": `emit http POST "/path" via crm { body: . }`, "log": `emit log "seen" { id: .id }`,
}

var (
	methods      = []string{"GET", "POST", "PUT", "PATCH", "DELETE"}
	mergeRules   = []string{"first", "last", "sum", "min", "max", "any", "all", "union", "keep"}
	connections  = []string{"kafka", "segment", "http"}
	whenThrottle = []string{"drop", "fail", "wait"}
	loads        = []string{"file", "topic"}
)

// vet looks at what the tags leave open: words that come from a short list.
func vet(n Node) *fault {
	switch n := n.(type) {
	case *TableDecl:
		if f := oneOf(n.Merge, mergeRules, "merge rule"); f != nil {
			return f
		}
		if n.From != nil {
			return oneOf(n.From.Kind, loads, "source of a table")
		}
	case *ConnDecl:
		return oneOf(n.Kind, connections, "kind of connection")
	case *Throttle:
		if f := oneOf(n.Else, whenThrottle, "end of a throttle"); f != nil {
			return f
		}
		if n.Max.Set() && n.Else.Text != "wait" {
			return &fault{start: n.Max.start, end: n.Max.end, msg: "only `wait` takes a duration", help: "write else wait " + n.Max.Text}
		}
	case *Identify:
		if n.Null && n.Verb != "resolve" {
			return &fault{start: n.As.start, end: n.As.end + 1, msg: fmt.Sprintf("%q takes no ?", n.Verb), help: "only resolve has `as p?`; find gives null by itself"}
		}
	case *Require:
		return textOnly(n.Why, "the reason of `require`")
	case *Fail:
		return textOnly(n.Why, "the reason of `fail`")
	case *HTTPCall:
		return oneOf(n.Method, methods, "method")
	case *MatchStage:
		return vetPatterns(n)
	case *Emit:
		if h, ok := n.Call.(*EmitHTTP); ok {
			return oneOf(h.Method, methods, "method")
		}
	}
	return nil
}

// textOnly: a text, with ${ } or without.
func textOnly(x Expr, what string) *fault {
	switch n := x.(type) {
	case *Text:
		return nil
	case *Lit:
		if n.Kind == TextLit {
			return nil
		}
	}
	s := x.Span()
	return &fault{start: s.Start, end: s.End, msg: what + " is a text", help: `write it in "…"; values stand in ${ }`}
}

// vetPatterns: literals and types with a subject, one condition without.
func vetPatterns(m *MatchStage) *fault {
	for _, a := range m.Arms.List {
		for i, p := range a.Pats {
			switch {
			case m.Subject != nil && p.X != nil && !isLiteral(p.X):
				return noPattern(p)
			case m.Subject == nil && p.Is != nil:
				return &fault{start: p.start, end: p.end, msg: "`is` without a value: this match has no subject", help: "write match .x { is T => … }, or .x is T => …"}
			case m.Subject == nil && i > 0:
				return &fault{start: p.start, end: p.end, msg: "a match without a subject takes one condition an arm", help: "join them with `or`"}
			}
		}
	}
	return nil
}

func oneOf(w Word, list []string, what string) *fault {
	if !w.Set() {
		return nil
	}
	for _, x := range list {
		if w.Text == x {
			return nil
		}
	}
	f := &fault{start: w.start, end: w.end, msg: fmt.Sprintf("%q is no %s", w.Text, what), help: "one of " + strings.Join(list, " ")}
	if near := diag.Nearest(w.Text, list); near != "" {
		f.help = "did you mean " + near + "?"
	}
	return f
}

// unknownStart explains a line that begins no statement.
func unknownStart(t *lexer.Token, inRoute bool) *fault {
	if t.Type == kindBad {
		return badFault(t)
	}
	f := &fault{start: t.Pos.Offset, end: t.Pos.Offset + len(t.Value)}
	if t.Type == kindOp && t.Value == "}" {
		f.msg, f.braces, f.code = "this } closes nothing", true, diag.Unclosed
		return f
	}
	f.braces = !named(t)
	f.msg = "expected a declaration or `from`, found " + show(t)
	if inRoute {
		f.msg = "expected a stage or a declaration, found " + show(t)
	}
	if !named(t) {
		switch t.Value {
		case ".", "[", "(":
			f.help = "a line break ended the value above: " + t.Value + " stands directly behind a value, or the whole value in ( )"
			if t.Value == "." {
				f.help += "; to change a field write set .name = …"
			}
		case "/":
			f.help = instead[t.Value]
		case "{":
			f.help = "braces open on the line of the word they belong to"
		case "-":
			f.help = "a line that begins with - does not go on with the one above: put - at the end of that line, or ( ) round the whole"
		}
		return f
	}
	low := strings.ToLower(t.Value)
	all := append(StageWords(), DeclWords()...)
	switch other, near := elsewhere[low], diag.Nearest(t.Value, all); {
	case stageWords[low] || declWords[low]:
		f.help = "did you mean " + low + "?"
	case near != "":
		f.help = "did you mean " + near + "?"
	case other != "":
		f.help = other
	}
	return f
}

// elsewhere is what people write who come from other languages.
var elsewhere = map[string]string{
	"filter": "a filter is `where …`", "select": "a projection is `map { … }`", "if": "branches are `when … { … } else { … }`",
	"else": "an `else` follows the } of its `when` or the line of its `where`", "for": "a loop over a list is `each … as x { … }`",
	"foreach": "a loop over a list is `each … as x { … }`", "flatmap": "one event per element is `split …`", "var": "a name is `let x = …`",
	"const": "a name is `let x = …`", "import": "a module is `use name`", "include": "files of one directory see each other; a module is `use name`",
	"function": "a function is `def f(x: T) = …`", "func": "a function is `def f(x: T) = …`", "fn": "a function is `def f(x: T) = …`",
	"send": "sending is `emit …`", "track": "sending is `emit track …`", "identify": "sending is `emit identify …`",
	"distinct": "repeats are dropped by `dedupe by … within 24h`", "unique": "repeats are dropped by `dedupe by … within 24h`",
	"switch": "an exhaustive branch is `match … { … }`", "case": "an exhaustive branch is `match … { … }`",
	"return": "a route returns nothing; `drop \"why\"` ends it", "assert": "an assertion is `require … else \"why\"`",
	"struct": "a type is `type T = { … }`", "source": "a source is `from …`", "sink": "sending is `emit …`",
}

// expected takes participle's list of what would have fitted out of its message.
var expected = regexp.MustCompile(`(?s)\(expected (.*)\)$`)

// explain makes a fault of what a reader gave back about the statement that
// begins with head. Participle's own words name our types and tokens; they are
// never shown.
func explain(pl *lexer.PeekingLexer, err error, head *lexer.Token) *fault {
	if f := asFault(err); f != nil {
		return f
	}
	var u *participle.UnexpectedTokenError
	if !errors.As(err, &u) {
		return &fault{start: head.Pos.Offset, end: head.Pos.Offset + len(head.Value), msg: err.Error()}
	}
	t := &u.Unexpected
	if t.Type == kindBad {
		return badFault(t)
	}
	want := "something else"
	if m := expected.FindStringSubmatch(u.Message()); m != nil {
		want = wanted(m[1])
	}
	prev, second, fresh := around(pl, head, t)
	if want == "a value" && second != nil {
		switch head.Value + " " + second.Value {
		case "emit track":
			want = "the name of the event"
		case "emit topic":
			want = "the name of the topic"
		case "emit http", "call http":
			want = "the address"
		}
	}
	f := &fault{start: t.Pos.Offset, end: t.Pos.Offset + len(t.Value), msg: fmt.Sprintf("expected %s, found %s", want, show(t))}
	switch {
	case (fresh || t.EOF()) && prev != nil:
		// What is missing is missing on the line above, not where the next
		// statement begins.
		f.start, f.end = prev.Pos.Offset, prev.Pos.Offset+len(prev.Value)
		f.msg = fmt.Sprintf("expected %s after %s", want, show(prev))
	case t.Type == kindKeyword && strings.HasPrefix(want, "a name"):
		f.msg = fmt.Sprintf("%q is a word of the language and names nothing", t.Value)
	case want == "(" && t.Value == "(":
		f.msg = "a space between a function and its ("
	case want == `a text in "…"` && t.Type == kindStrHead:
		f.msg = "this text cannot hold ${ }: it is a constant"
	}
	f.help = "write it like this: " + usage[head.Value]
	list, uses := []string(nil), map[string]string(nil)
	switch head.Value {
	case "from":
		list, uses = sources, sourceUsage
	case "emit":
		list, uses = emits, emitUsage
	case "when":
		if infix[t.Value] != "" && prev != nil && prev.Value == "else" {
			f.help = "write else when … { … }"
		}
	case "update":
		if t.Value == "+" || t.Value == "-" || t.Value == "+=" {
			f.help = "write update ltv[p] = it + …"
		}
	case "set":
		if named(t) && prev == head {
			f.help = "write set ." + t.Value + " = …"
		}
	}
	if second != nil && uses[second.Value] != "" {
		f.help = "write it like this: " + uses[second.Value]
		if second.Value == "every" && prev == second && !fresh && !t.EOF() { // `monday`, or in cron's way
			f.help += "; for some days only, below it: where time.weekday(.time) == \"monday\""
		}
	} else if list != nil && second != nil && t.Pos == second.Pos {
		f.help = "one of " + strings.Join(list, " ")
		words := sourceElsewhere
		if head.Value == "emit" {
			words = emitElsewhere
		}
		if near := words[t.Value]; near != "" {
			f.help = "did you mean " + near + "?"
		} else if near := diag.Nearest(t.Value, list); near != "" {
			f.help = "did you mean " + near + "?"
		} else if t.Type == kindConst {
			f.help = "say which: " + head.Value + " " + list[0] + " " + t.Value
		}
	}
	return f
}

// around finds the token before t, the one behind head, and whether t begins a
// line.
func around(pl *lexer.PeekingLexer, head, t *lexer.Token) (prev, second *lexer.Token, fresh bool) {
	// The reader stopped at t or, for a token it looked ahead at, before it.
	cp := pl.MakeCheckpoint()
	defer pl.LoadCheckpoint(cp)
	for !pl.Peek().EOF() && pl.Peek().Pos.Offset < t.Pos.Offset {
		pl.Next()
	}
	toks := pl.Range(0, pl.RawCursor())
	for i := len(toks) - 1; i >= 0; i-- {
		switch x := &toks[i]; {
		case x.Type == kindEOL:
			fresh = fresh || prev == nil
		case x.Pos.Offset >= t.Pos.Offset:
		case prev == nil:
			prev = x
			fresh = fresh || x.Pos.Line < t.Pos.Line
		}
		if toks[i].Pos.Offset == head.Pos.Offset {
			break
		}
		if toks[i].Type != kindEOL {
			second = &toks[i]
		}
	}
	if prev != nil && prev.Pos.Offset == head.Pos.Offset {
		prev, second = head, t
	}
	return prev, second, fresh
}

// wanted puts what participle expects into words.
func wanted(s string) string {
	var out []string
	for _, alt := range alternatives(s) {
		w := first(alt)
		dup := false
		for _, o := range out {
			dup = dup || o == w
		}
		if !dup {
			out = append(out, w)
		}
	}
	switch n := len(out); n {
	case 0:
		return "something else"
	case 1:
		return out[0]
	default:
		return strings.Join(out[:n-1], ", ") + " or " + out[n-1]
	}
}

// alternatives splits at the bars outside of brackets.
func alternatives(s string) []string {
	var out []string
	depth, start := 0, 0
	quoted := false
	for i := 0; i < len(s); i++ {
		switch c := s[i]; {
		case c == '"':
			quoted = !quoted
		case quoted:
		case c == '(':
			depth++
		case c == ')':
			depth--
		case c == '|' && depth == 0:
			out = append(out, s[start:i])
			start = i + 1
		}
	}
	return append(out, s[start:])
}

var firstPiece = regexp.MustCompile(`^[\s(]*(?:\(\?[=!][^)]*\)\s*)*[\s(]*("[^"]*"|<\w+>|\w+)`)

var pieces = map[string]string{
	"Word": "a name", "Label": "a name", "Const": `a text in "…"`, "Raw": "a pattern in `…`", "Unit": "a duration like 24h", "Number": "a number",
	"Expr": "a value", "Type": "a type", "TypeTerm": "a type", "Target": "a value", "Path": "a field like .a", "Keys": "[ with the key, directly behind the name",
	"Object": "{", "Options": "{", "Block": "{", "Arms": "{", "Identifiers": "{", "SetBlock": "{", "By": "`by`", "Rate": "a rate like 100/s",
	"Source": "a source", "EmitCall": "what to emit", "TableKey": "a type, a space or a field like .a", "Assign": "a field like .a", "Param": "a parameter",
	"Tick": "a duration like 1d", "Topic": `a topic in "…"`, "As": "`as`", "Case": "`when`", "Let": "`let`",
	"<word>": "a name", "<const>": `a text in "…"`, "<unit>": "a duration like 24h", "<number>": "a number",
}

func first(alt string) string {
	m := firstPiece.FindStringSubmatch(alt)
	if m == nil {
		return "something else"
	}
	w := m[1]
	if p, ok := pieces[w]; ok {
		return p
	}
	if w[0] == '"' {
		if w = strings.Trim(w, `"`); isWord(w[0]) {
			return "`" + w + "`"
		}
		return w
	}
	return w
}

// unexpected explains a token behind a complete statement that begins with head.
func unexpected(t, head *lexer.Token) *fault {
	f := &fault{start: t.Pos.Offset, end: t.Pos.Offset + len(t.Value), msg: "unexpected " + show(t)}
	switch {
	case begins(t) && head.Pos.Line == t.Pos.Line && usage[t.Value] != "":
		f.msg = fmt.Sprintf("%q begins in the middle of a line", t.Value)
		f.help = "a stage starts a line"
	case t.Type == kindOp && (t.Value == ")" || t.Value == "]"):
		f.msg, f.code = "this "+t.Value+" closes nothing", diag.Unclosed
	case t.Type == kindOp && t.Value == "=":
		f.help = "equality is =="
	case head.Value == "emit" && show(t) == "a text":
		f.help = "track, page, screen, topic and log have one name before their braces; identify, group, alias and segment have none"
	case t.Type == kindOp && (t.Value == "?" || t.Value == "/"):
		f.help = instead[t.Value]
	case infix[t.Value] != "":
		f.help = infix[t.Value]
	case t.Type == kindOp && t.Value == ",":
		f.help = "leave it out: braces follow without a comma, and stages and arms stand each on a line of its own"
	case head.Value == "emit" && (t.Value == "as" || t.Value == "via" || t.Value == "to"):
		f.help = "the connection and the name stand before the braces: emit track \"Signed Up\" via main as signed_up { … }"
	case t.Type == kindOp && t.Value == ":":
		f.help = "a field stands in braces: { name: … }"
	case t.Type == kindOp && t.Value == "-" && (head.Value == "from" || head.Value == "route"):
		f.help = `a name with other characters than letters, digits and _ stands in quotes: "my-route"`
	case clauses[t.Value] && usage[head.Value] != "":
		f.help = fmt.Sprintf("%q stands elsewhere in it: %s", t.Value, usage[head.Value])
	default:
		f.help = "what stands before it is complete; the next statement starts a line"
	}
	return f
}

// infix is what to write in place of words that other languages have between values.
var infix = map[string]string{
	"contains": "of a list write \"a\" in .list, of a text contains(.text, \"a\")", "like": "write .text matches `^a`, or contains(.text, \"a\")",
	"between": "write .n >= 1 and .n <= 5", "then": "a condition ends its line; a choice of values is `if … then … else …`",
	"elif": "write else when … { … }", "elsif": "write else when … { … }", "elseif": "write else when … { … }", "if": "write when … { … }",
	"equals": "equality is ==", "eq": "equality is ==", "ne": "inequality is !=", "mod": "a remainder is %",
	"seconds": "a duration is one word: 5s", "minutes": "a duration is one word: 5m", "hours": "a duration is one word: 5h", "days": "a duration is one word: 5d",
	"second": "a duration is one word: 1s", "minute": "a duration is one word: 1m", "hour": "a duration is one word: 1h", "day": "a duration is one word: 1d",
}

// instead is what to write in place of signs that other languages have.
var instead = map[string]string{
	"?": "a choice is `if … then … else …`; a default is `??`",
	"/": "a comment begins with #",
	"[": "a list of texts is `[string]`, an element `.list[0]`",
}

// clauses are the words that continue a statement.
var clauses = words("as by within via was every grace late burst else at zone keyed ttl merge from on strict session until")
