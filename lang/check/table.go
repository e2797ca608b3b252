package check

import (
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/sluice-dev/sluice/lang/diag"
	"github.com/sluice-dev/sluice/lang/ir"
	"github.com/sluice-dev/sluice/lang/syntax"
	"github.com/sluice-dev/sluice/lang/token"
	"github.com/sluice-dev/sluice/lang/types"
)

// Tables: what is declared of them, and reading a row.

// tableDecl is a declared table.
type tableDecl struct {
	decl *syntax.TableDecl // nil of an audience
	aud  *syntax.AudDecl   // nil of a table
	in   *fileScope
	t    *ir.Table // nil until it is resolved, and where its declaration is wrong (which was reported)
}

// name is what it is called.
func (d *tableDecl) name() *syntax.Word {
	if d.aud != nil {
		return &d.aud.Name
	}
	return &d.decl.Name
}

// tables resolves the tables of the program, then the audiences on them; they stand in
// the order of their names.
func (c *checker) tables() {
	names := keys(c.main.tables)
	for _, name := range names {
		if d := c.main.tables[name]; d.aud == nil {
			d.t = c.table(d)
		}
	}
	for _, name := range names {
		if d := c.main.tables[name]; d.aud != nil {
			d.t = c.audience(d)
		}
	}
	for _, name := range names {
		if t := c.main.tables[name].t; t != nil {
			c.prog.Tables = append(c.prog.Tables, t)
		}
	}
	c.beside()
}

// table resolves one declaration; nil where it has a mistake.
func (c *checker) table(d *tableDecl) *ir.Table {
	name := d.decl.Name
	out := &ir.Table{Name: name.Text, Doc: d.in.file.DocOf(d.decl), At: name.Span()}
	ok := true
	wrong := func(at token.Span, format string, a ...any) *diag.Diagnostic {
		ok = false
		return c.errorf(diag.BadTable, at, format, a...)
	}
	out.Row = c.typ(d.in, d.decl.Type)
	switch {
	case spoiled(out.Row):
		ok = false
	case types.MayBeNull(out.Row) && out.Row.Kind != types.Any:
		wrong(d.decl.Type.Span(), "a row of `%s` may be null", name.Text).WithLabel("no row reads as null already").
			WithHelp("write the type without null; `delete %s[…]` removes a row", name.Text)
	default:
		out.Read = types.Nullable(viewOf(out.Row))
	}
	if d.decl.Default != nil && !c.tableDefault(d, out) {
		ok = false
	}
	keyed := c.tableKeys(d, out, wrong)
	ok = ok && keyed
	if keyed || d.space() != "" { // else it may be of people, whose name is wrong
		ok = c.tableMerge(d, out) && ok
	}
	if f := d.decl.From; f != nil {
		ok = c.tableLoad(d, f, out) && ok
		if d.decl.TTL.Set() {
			wrong(d.decl.TTL.Span(), "the rows of `%s` are loaded, and do not expire", name.Text).WithHelp("leave out `ttl`: a row is there while it is in what is loaded")
		}
		if !ok {
			return nil
		}
		return out
	}
	s := &ir.State{Kind: ir.TableState, Name: "table " + name.Text, Shared: name.Text, At: out.At, Row: viewOf(out.Row)}
	for _, k := range out.Keys {
		s.Keys = append(s.Keys, k.Type)
	}
	if d.decl.TTL.Set() {
		var spanOK bool
		s.SpanMS, spanOK = c.spanMS(d.decl.TTL, "ttl")
		ok = ok && spanOK
	}
	if utf8.RuneCountInString(s.Name) > maxStateName {
		c.errorf(diag.StateName, name.Span(), "the name of the table has more than %d characters", maxStateName)
	}
	out.State = s
	c.states[s.Name] = s
	if !ok {
		return nil
	}
	return out
}

// tableDefault judges the default of a table as `as T strict` would.
func (c *checker) tableDefault(d *tableDecl, out *ir.Table) bool {
	x := c.constant(d.in, d.decl.Default)
	if isBad(x) || spoiled(out.Row) {
		return false
	}
	k, ok := x.(*ir.Const)
	if !ok {
		c.errorf(diag.NotConstant, x.Span(), "the default of `%s` is not a constant", out.Name)
		return false
	}
	v, m := types.Judge(k.Value, out.Row, types.Mode{Strict: true})
	switch {
	case m == nil && v == nil:
		c.errorf(diag.BadDefault, x.Span(), "the default of `%s` is null", out.Name).WithHelp("leave it out: no row reads as null then")
		return false
	case m != nil && m.Path == ".":
		c.errorf(diag.BadDefault, x.Span(), "the default of `%s` is no row of it", out.Name).WithLabel("%s, not %s", short(k.T), short(out.Row))
		return false
	case m != nil:
		c.errorf(diag.BadDefault, x.Span(), "the default of `%s` is no row of it", out.Name).WithLabel("%s: expected %s, got %s", m.Path, m.Want, m.Got)
		return false
	}
	out.Default = v
	out.Read = viewOf(out.Row)
	return true
}

// tableKeys resolves `keyed by`.
func (c *checker) tableKeys(d *tableDecl, out *ir.Table, wrong func(token.Span, string, ...any) *diag.Diagnostic) bool {
	if n := d.space(); n != "" {
		out.Space = d.in.space.identities[n].sp
		out.Keys = []ir.TableKey{{Type: types.StringT}}
		switch {
		case out.Space == nil:
			return false
		case len(d.decl.Keys) > 1:
			wrong(d.decl.Keys[1].Span(), "a table keyed by people has no other key").WithHelp("a row is a person's: put the rest into the row")
			return false
		case d.decl.From != nil:
			wrong(d.decl.From.Span(), "`%s` is keyed by people, and loaded", out.Name).WithHelp("what is loaded is keyed by a field: keyed by .user_id; people come from `resolve`")
			return false
		}
		return true
	}
	from := d.decl.From
	ok := true
	for _, k := range d.decl.Keys {
		switch {
		case k.Path != nil && from == nil:
			wrong(k.Span(), "`%s` is written by routes, and its key is given with each row", out.Name).WithLabel("a path is for what is loaded").
				WithHelp("write the type of the key: keyed by string; or where it is loaded from: from file \"…\"")
			ok = false
			continue
		case k.Path == nil && from != nil && from.Kind.Text == "file":
			wrong(k.Span(), "a row of a file has no key of its own").WithHelp("write the field that tells its rows apart: keyed by .id")
			ok = false
			continue
		case k.Path == nil && from != nil && len(d.decl.Keys) > 1:
			wrong(k.Span(), "the key of a record of a topic is one text").WithHelp("keyed by string; or write the fields that tell the rows apart: keyed by .a, .b")
			return false
		}
		key := ir.TableKey{}
		if k.Path != nil {
			key.Type, key.Field, ok = c.keyField(d, k, out.Row)
			if !ok {
				return false
			}
		} else {
			if c.spaceMeant(d, k) {
				return false
			}
			key.Type = c.typeTerm(d.in, k.Type)
			if spoiled(key.Type) {
				return false
			}
			if from != nil && !types.Assignable(types.StringT, key.Type) {
				wrong(k.Span(), "the key of a record of a topic is a text").WithLabel("this is %s", short(key.Type)).WithHelp("keyed by string; or by a field of the row: keyed by .id")
				return false
			}
		}
		switch {
		case types.MayBeNull(key.Type) && key.Type.Kind != types.Any:
			c.errorf(diag.NullValue, k.Span(), "%s may be null here", quote(k.Span())).WithLabel("null in a key fails").WithHelp("give it a type that does not take null")
			ok = false
		case key.Type.Kind == types.Any || !types.Assignable(key.Type, keyType):
			wrong(k.Span(), "a key is a text, a number, a bool, a time or a duration").WithLabel("this is %s", short(key.Type))
			ok = false
		}
		out.Keys = append(out.Keys, key)
	}
	return ok
}

// tableMerge judges `merge`.
func (c *checker) tableMerge(d *tableDecl, out *ir.Table) bool {
	m, name := d.decl.Merge, out.Name
	switch {
	case d.space() == "" && m.Set():
		c.errorf(diag.BadTable, m.Span(), "`merge` is for tables keyed by an identity space").WithLabel("rows of `%s` do not move", name)
		return false
	case d.space() == "" || spoiled(out.Row):
		return true
	}
	may := fits(out.Row)
	at := d.decl.Keys[0].Span()
	if m.Set() {
		at = m.Span()
	}
	switch {
	case !m.Set():
		c.errorf(diag.BadMerge, at, "`%s` does not say how the rows of two people become one", name).WithLabel("they may turn out to be one").
			WithHelp("add `merge` and one of %s", strings.Join(may, ", "))
		return false
	case !slices.Contains(mergeRules, m.Text):
		dg := c.errorf(diag.BadMerge, at, "there is no merge rule `%s`", m.Text)
		if near := diag.Nearest(m.Text, mergeRules); near != "" {
			dg.WithHelp("did you mean %s?", near)
		} else {
			dg.WithHelp("a row of %s takes %s", short(out.Row), strings.Join(may, ", "))
		}
		return false
	case !slices.Contains(may, m.Text):
		c.errorf(diag.BadMerge, at, "`%s` does not go with rows of %s", m.Text, short(out.Row)).WithHelp("they take %s", strings.Join(may, ", "))
		return false
	}
	out.Merge = m.Text
	return true
}

// keyField finds the field of a row that a loaded table is keyed by.
func (c *checker) keyField(d *tableDecl, k *syntax.TableKey, row *types.Type) (*types.Type, []string, bool) {
	if spoiled(row) {
		return nil, nil, false
	}
	e := &ex{c: c, in: d.in, f: newFlow(), frame: &frame{}, src: &source{t: viewOf(row)}, atSource: true, noTables: "a key"}
	e.f.cur, e.f.known["$"] = "$", viewOf(row)
	x := e.expr(k.Path.X)
	if isBad(x) {
		return nil, nil, false
	}
	_, fields, ok := e.path(x)
	if !ok || len(fields) == 0 {
		c.errorf(diag.BadTable, k.Span(), "%s is no field of a row", quote(k.Span())).WithHelp("keyed by .id, or .a.b for a field of a field")
		return nil, nil, false
	}
	return x.Type(), fields, true
}

// space is the identity space that a table is keyed by, or "".
func (d *tableDecl) space() string {
	for _, k := range d.decl.Keys {
		if k.Type == nil || k.Type.Null {
			continue
		}
		n, ok := k.Type.Prim.(*syntax.TypeName)
		if !ok {
			continue
		}
		if d.in.space.identities[n.Name] != nil {
			return n.Name
		}
	}
	return ""
}

// spaceMeant reports a key that is no type and was to be an identity space.
func (c *checker) spaceMeant(d *tableDecl, k *syntax.TableKey) bool {
	n, ok := k.Type.Prim.(*syntax.TypeName)
	s := d.in.space
	if !ok || types.Builtin(n.Name) != nil || s.types[n.Name] != nil || c.env.Type(n.Name) != nil || strings.Contains(n.Name, ".") {
		return false
	}
	if _, unread := s.unread[n.Name]; unread {
		return false
	}
	if s.identities[n.Name] != nil { // with a ?
		c.errorf(diag.NullValue, k.Span(), "%s may be null here", quote(k.Span())).WithLabel("null in a key fails").WithHelp("a row is a person's: keyed by %s", n.Name)
		return true
	}
	near := diag.Nearest(n.Name, append(append(keys(s.types), types.BuiltinNames()...), keys(s.identities)...))
	switch {
	case s.identities[near] != nil:
		c.errorf(diag.UnknownSpace, k.Span(), "there is no identity space `%s`", n.Name).WithHelp("did you mean %s?", near)
	case near == "" && d.decl.Merge.Set():
		c.errorf(diag.UnknownSpace, k.Span(), "there is no identity space `%s`", n.Name).WithHelp("declare it: identity %s { user_id, email }", n.Name)
	default:
		return false
	}
	return true
}

// tableFileOptions and tableTopicOptions are what stands in the braces of `from`.
var (
	tableFileOptions  = []option{{name: "format", kind: choiceOption, choices: []string{"csv", "jsonl"}}}
	tableTopicOptions = []option{{name: "via", kind: wordOption}}
)

// tableLoad resolves `from file` and `from topic`.
func (c *checker) tableLoad(d *tableDecl, f *syntax.TableFrom, out *ir.Table) bool {
	e := &ex{c: c, in: d.in, f: newFlow(), frame: &frame{}, place: "an option"}
	l := &ir.Load{At: f.Span()}
	out.Load = l
	ok := true
	switch f.Kind.Text {
	case "file":
		l.File = f.Name.Value
		if strings.TrimSpace(l.File) == "" {
			c.errorf(diag.BadOption, f.Name.Span(), "the name of the file is empty")
			ok = false
		}
		for _, o := range e.options(f.Options, tableFileOptions, "a table from a file") {
			l.Format, _ = constText(o.X)
		}
		if l.Format == "" {
			l.Format = fileFormat(l.File)
		}
		if ok && l.Format == "" {
			c.errorf(diag.MissingOption, f.Name.Span(), "the name of %q does not say how it is read", l.File).
				WithHelp("names end in .csv or .jsonl, each also .gz; another is read with { format: csv }")
			ok = false
		}
		if ok && l.Format == "csv" && !rowsOf(out.Row) {
			c.errorf(diag.BadTable, d.decl.Type.Span(), "a row of a CSV file is an object").WithLabel("this is %s", short(out.Row)).
				WithHelp("name the columns that are read: { id: string, name: string }")
			ok = false
		}
	case "topic":
		l.Topic, l.Via = f.Name.Value, "main"
		ok = c.topicName(l.Topic, f.Name.Span())
		for _, o := range e.options(f.Options, tableTopicOptions, "a table from a topic") {
			l.Via, _ = constText(o.X)
			if c.conns["kafka "+l.Via] == nil && l.Via != "main" {
				c.noConnection(o.X.Span(), "kafka", l.Via)
			}
		}
	default:
		c.errorf(diag.BadTable, f.Kind.Span(), "a table is loaded from a file or a topic").WithHelp("from file \"%s.csv\", or from topic \"%s\"", out.Name, out.Name)
		ok = false
	}
	return ok
}

// fileFormat is what the name of a file says of how it is read, or "".
func fileFormat(name string) string {
	name = strings.TrimSuffix(strings.ToLower(name), ".gz")
	switch {
	case strings.HasSuffix(name, ".csv"):
		return "csv"
	case strings.HasSuffix(name, ".jsonl"):
		return "jsonl"
	}
	return ""
}

// rowsOf tells whether all values of a type are objects, as the rows of a CSV are.
func rowsOf(t *types.Type) bool {
	return spoiled(t) || t.Kind == types.Any || types.Assignable(t, types.ObjectT)
}

// maxSpanMS bounds spans of time: in a longer one a unit is wrong.
const maxSpanMS = 3_660 * int64(24*time.Hour/time.Millisecond)

// spanMS reads a span of time behind `within`, `ttl` and their kin: at least a
// millisecond, whole ones, and at most ten years.
func (c *checker) spanMS(u syntax.Unit, word string) (int64, bool) {
	kind, n, ok := syntax.ParseUnit(u.Text)
	switch {
	case !ok || kind != syntax.Duration:
		c.errorf(diag.BadOption, u.Span(), "`%s` takes a duration, as 24h", word)
	case n <= 0:
		c.errorf(diag.BadOption, u.Span(), "`%s` takes a duration of more than nothing", word)
	case n%int64(time.Millisecond) != 0:
		c.errorf(diag.BadOption, u.Span(), "`%s` takes whole milliseconds", word)
	case n/int64(time.Millisecond) > maxSpanMS:
		c.errorf(diag.BadOption, u.Span(), "`%s` takes at most ten years", word)
	default:
		return n / int64(time.Millisecond), true
	}
	return 0, false
}

// tableNamed finds a table that a stage or a source names. It is nil where there
// is none, or where its declaration has a mistake: what to do with the rest is
// the caller's, a report is made.
func (e *ex) tableNamed(name syntax.Word) *ir.Table {
	if d := e.in.space.tables[name.Text]; d != nil {
		return d.t
	}
	if _, ok := e.in.space.unread[name.Text]; ok {
		return nil
	}
	d := e.errorf(diag.UnknownTable, name.Span(), "there is no table `%s`", name.Text)
	if sp := e.in.space.identities[name.Text]; sp != nil {
		d.WithLabel("this is an identity space").WithHelp("a table keeps rows of its people: table …: … keyed by %s", name.Text)
		return nil
	}
	if near := diag.Nearest(name.Text, keys(e.in.space.tables)); near != "" {
		d.WithHelp("did you mean %s?", near)
	} else {
		d.WithHelp("declare it: table %s: … keyed by string", name.Text)
	}
	return nil
}

// tableIndex is the declaration that `T[k]` reads, where T is the name of a table
// and not hidden by a variable.
func (e *ex) tableIndex(of syntax.Expr) *tableDecl {
	n, ok := of.(*syntax.Name)
	if !ok || e.f.find(n.Name) != nil || e.in.space.consts[n.Name] != nil {
		return nil
	}
	return e.in.space.tables[n.Name]
}

// tableGet checks `T[k]`.
func (e *ex) tableGet(d *tableDecl, x *syntax.Index) ir.Expr {
	if e.noTables != "" {
		e.errorf(diag.NotConstant, x.Of.Span(), "`%s` is not known here", d.name().Text).WithLabel("%s sees no tables", e.noTables)
		return badExpr(x.Span())
	}
	if e.src == nil || e.place != "" {
		return e.notHere(x.Of.Span(), d.name().Text)
	}
	ks, ok := e.indexKeys(d.t, x.Keys, x.Span())
	if !ok {
		return badExpr(x.Span())
	}
	return &ir.TableGet{Node: e.node(d.t.Read, x.Span()), Table: d.t, Keys: ks}
}

// indexKeys checks the keys in `T[k]` against what the table is keyed by. t is nil
// where the table could not be resolved.
func (e *ex) indexKeys(t *ir.Table, list []syntax.Expr, at token.Span) ([]ir.Expr, bool) {
	ks := make([]ir.Expr, len(list))
	for i, k := range list {
		ks[i] = e.expr(k)
	}
	if t == nil || len(ks) == 0 {
		return nil, false
	}
	if len(ks) != len(t.Keys) {
		last := list[len(list)-1].Span()
		if len(ks) > len(t.Keys) {
			last = list[len(t.Keys)].Span()
		}
		e.errorf(diag.TableKeys, last, "`%s` is keyed by %s", t.Name, keyedBy(t)).WithLabel("%s given", counted(len(ks), "value")).
			WithHelp("it is declared at %s: %s[%s]", t.At, t.Name, keyHint(t))
		return nil, false
	}
	if t.Space != nil {
		k, ok := e.personKey(t, ks[0])
		return []ir.Expr{k}, ok
	}
	ok := true
	for i := range ks {
		place := "the key of `" + t.Name + "`"
		if len(ks) > 1 {
			place = "value " + itoa(i+1) + " of the key of `" + t.Name + "`"
		}
		ks[i] = e.need(ks[i], t.Keys[i].Type, place)
		ok = ok && !isBad(ks[i])
	}
	return ks, ok
}

// keyedBy says in words what a table is keyed by.
func keyedBy(t *ir.Table) string {
	if t.Space != nil {
		return t.Space.Name
	}
	parts := make([]string, len(t.Keys))
	for i, k := range t.Keys {
		parts[i] = k.Type.Brief()
	}
	return strings.Join(parts, ", ")
}

func keyHint(t *ir.Table) string {
	if t.Space != nil {
		return "p"
	}
	parts := make([]string, len(t.Keys))
	for i, k := range t.Keys {
		parts[i] = "…"
		if n := len(k.Field); n > 0 {
			parts[i] = k.Field[n-1]
		}
	}
	return strings.Join(parts, ", ")
}

func counted(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return itoa(n) + " " + what + "s"
}

// noValue refuses a table where a value stands.
func (e *ex) noValue(d *tableDecl, at token.Span) ir.Expr {
	hint := "…"
	if d.t != nil {
		hint = keyHint(d.t)
	}
	e.errorf(diag.NoTableValue, at, "the table `%s` is no value", d.name().Text).WithHelp("a row of it is read with its key: %s[%s]", d.name().Text, hint)
	return badExpr(at)
}

// neverWritten warns of tables that routes read, or wait for the changes of, and
// that none writes, and of identity spaces that none resolves.
func (c *checker) neverWritten() {
	read := map[*ir.State]bool{}
	for _, r := range c.prog.Routes {
		states, _ := r.States()
		for _, s := range states {
			read[s] = true
		}
	}
	for _, t := range c.prog.Tables {
		if s := t.State; s != nil && read[s] && !c.written[t] {
			c.errorf(diag.NeverWritten, t.At, "no route writes the table `%s`", t.Name).WithLabel("it stays empty").
				WithHelp("`update %s[…] = …` in a route, or load it: from file \"…\"", t.Name)
		}
	}
	for _, sp := range c.prog.Spaces {
		if read[sp.State] && !c.linked[sp] {
			c.errorf(diag.NeverWritten, sp.At, "no route resolves `%s`", sp.Name).WithLabel("nobody is ever found in it").
				WithHelp("`resolve %s as p { … }` in the routes that see who is who", sp.Name)
		}
	}
}
