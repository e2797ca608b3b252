package check

import (
	"slices"

	"github.com/sluice-dev/sluice/lang/diag"
	"github.com/sluice-dev/sluice/lang/ir"
	"github.com/sluice-dev/sluice/lang/syntax"
	"github.com/sluice-dev/sluice/lang/token"
	"github.com/sluice-dev/sluice/lang/types"
	"github.com/sluice-dev/sluice/lang/value"
)

// The stages that write what a program remembers: `dedupe`, `update`, `delete`, and
// `key by`, which makes a route stateful so that its order holds.

// namedMemory is `dedupe NAME`: one memory for the whole program.
type namedMemory struct {
	state *ir.State
	uses  []*ir.Dedupe
}

func (w *walker) dedupe(s *syntax.Dedupe) ir.Stage {
	w.lintAfterEmit(keyword(s), "dedupe")
	out := &ir.Dedupe{Keys: w.byKeys(&s.By)}
	out.WithinMS, _ = w.c.spanMS(s.Within, "within")
	key := "dedupe by " + byText(&s.By)
	if s.Name.Set() {
		key = "dedupe " + s.Name.Text
		out.Memory = w.c.named(s.Name, out)
	} else {
		out.Memory = w.memory(ir.DedupeState, "dedupe", &s.By, syntax.Word{}, out.Keys, keyword(s).Join(s.By.Span()))
	}
	out.Memory.SpanMS = max(out.Memory.SpanMS, out.WithinMS)
	out.StageInfo = w.info("dedupe", key, s.Span())
	return out
}

// named gives the memory of a name, which all stages that name it share.
func (c *checker) named(name syntax.Word, use *ir.Dedupe) *ir.State {
	m := c.memories[name.Text]
	if m == nil {
		m = &namedMemory{state: &ir.State{Kind: ir.DedupeState, Name: "dedupe " + name.Text, Shared: name.Text, At: name.Span()}}
		c.memories[name.Text] = m
		c.states[m.state.Name] = m.state
	}
	m.uses = append(m.uses, use)
	return m.state
}

// settle gives each named memory its key type, once all routes are known: what
// one of them keeps, another must find. A key that may be anything is cast to it.
func (c *checker) settle() {
	for _, name := range keys(c.memories) {
		c.settleMemory(name, c.memories[name])
	}
}

func (c *checker) settleMemory(name string, m *namedMemory) {
	first := m.uses[0]
	for _, u := range m.uses[1:] {
		if len(u.Keys) != len(first.Keys) {
			c.errorf(diag.MemoryKey, u.Keys[0].Span().Join(u.Keys[len(u.Keys)-1].Span()), "the memory `%s` has %s elsewhere", name, counted(len(first.Keys), "key")).
				WithLabel("%s here", counted(len(u.Keys), "key")).WithHelp("the other stands at %s; two memories need two names", first.At)
			return
		}
	}
	m.state.Keys = make([]*types.Type, len(first.Keys))
	for i := range first.Keys {
		m.state.Keys[i] = c.settleKey(name, m, i)
	}
}

// settleKey gives the type of one part of a memory's key.
func (c *checker) settleKey(name string, m *namedMemory, i int) *types.Type {
	var t *types.Type
	var by ir.Expr
	for _, u := range m.uses {
		k := u.Keys[i]
		if isBad(k) || k.Type().Kind == types.Any {
			continue
		}
		now := keyClass(k.Type())
		switch {
		case t == nil:
			t, by = now, k
		case !types.Equal(t, now):
			c.errorf(diag.MemoryKey, k.Span(), "the memory `%s` is keyed by %s elsewhere", name, t.Brief()).WithLabel("this is %s", short(now)).
				WithHelp("%s stands at %s; two memories need two names", quote(by.Span()), by.Span())
			return t
		}
	}
	if t == nil {
		return types.AnyT
	}
	for _, u := range m.uses {
		if k := u.Keys[i]; !isBad(k) && k.Type().Kind == types.Any {
			e := &ex{c: c}
			u.Keys[i] = e.castNonNull(k, t)
		}
	}
	return t
}

// keyClass is the type of a key as a memory tells keys apart: 1 and 1.0 are one.
func keyClass(t *types.Type) *types.Type {
	t = types.Widen(t)
	if t.Kind != types.Union {
		if t.Kind == types.Int {
			return types.NumberT
		}
		return &types.Type{Kind: t.Kind}
	}
	ms := make([]*types.Type, len(t.Members))
	for i, m := range t.Members {
		ms[i] = keyClass(m)
	}
	return types.UnionOf(ms...)
}

func (w *walker) keyBy(s *syntax.OrderKey) ir.Stage {
	w.f.orders = append(slices.Clip(w.f.orders), ordered{byText(&s.By), w.f.cur})
	return &ir.KeyBy{StageInfo: w.info("key", "key by "+byText(&s.By), s.Span()), Keys: w.byKeys(&s.By)}
}

// written finds a table that a stage writes.
func (w *walker) written(name syntax.Word, verb string) *ir.Table {
	t := w.tableNamed(name)
	if t != nil && t.Audience != nil {
		w.errorf(diag.BadAudience, name.Span(), "`%s` is an audience, and no stage writes it", name.Text).WithLabel("made of `%s`", t.Audience.On.Name).
			WithHelp("write %s; who is a member follows", t.Audience.On.Name)
		return nil
	}
	if t != nil && t.Load != nil {
		from := "file"
		if t.Load.Topic != "" {
			from = "topic"
		}
		w.errorf(diag.TableLoaded, name.Span(), "`%s` is loaded from a %s, and no route writes it", name.Text, from).
			WithLabel("declared at %s", t.At).WithHelp("`%s` is for tables without `from`", verb)
		return nil
	}
	w.c.written[t] = true
	return t
}

func (w *walker) update(s *syntax.Update, block int) ir.Stage {
	t := w.written(s.Table, "update")
	out := &ir.Update{Table: t}
	ks, ok := w.indexKeys(t, s.Index.List, s.Index.Span())
	out.Keys = ks
	read, row := bad, bad
	if t != nil {
		read, row = t.Read, t.Row
	}
	outside := w.f.vars
	out.Old = w.newSlot()
	w.f.vars = &variable{outer: outside, name: "it", slot: out.Old, at: s.Table.Span(), block: -1}
	w.f.known[slotRoot(out.Old)] = read
	x := w.expr(s.X)
	w.f.vars = outside
	if row != bad {
		w.declaredOnly(x, t)
		x = w.asView(w.need(x, row, "a row of `"+t.Name+"`"), row)
	}
	out.X = x
	if s.As.Set() {
		out.As, out.HasAs = w.bind(s.As, x.Type(), block), true
	}
	if s.Was.Set() {
		out.Was, out.HasWas = w.bind(s.Was, read, block), true
	}
	out.StageInfo = w.info("update", "update "+s.Table.Text+oneLine(s.Index.Span()), s.Span())
	if t == nil || !ok {
		return nil
	}
	return out
}

// declaredOnly refuses a field that is written out for a row and that its type does
// not declare: it would not be stored. What comes as `.` or by `...` may have more.
func (w *walker) declaredOnly(x ir.Expr, t *ir.Table) {
	row := t.Row
	if row.Kind != types.Object || row.Rest != nil {
		return
	}
	told := func(name string, at token.Span) {
		if _, ok := row.Field(name); ok {
			return
		}
		d := w.errorf(diag.UnknownField, at, "a row of `%s` has no field `%s`", t.Name, name).WithLabel("%s", known(row))
		if near := diag.Nearest(name, types.FieldNames(row)); near != "" {
			d.WithHelp("did you mean %s?", near)
		} else {
			d.WithHelp("it would not be stored: add it to the type of the row, or leave it out")
		}
	}
	switch x := x.(type) {
	case *ir.Object:
		for _, en := range x.Entries {
			if en.Kind == ir.Named {
				told(en.Key, en.X.Span())
			}
		}
	case *ir.Const:
		if o, ok := x.Value.(*value.Object); ok {
			for i := range o.Len() {
				told(o.At(i).Key, x.Span())
			}
		}
	case *ir.If:
		w.declaredOnly(x.Then, t)
		w.declaredOnly(x.Else, t)
	}
}

func (w *walker) delete(s *syntax.Delete) ir.Stage {
	t := w.written(s.Table, "delete")
	ks, ok := w.indexKeys(t, s.Index.List, s.Index.Span())
	out := &ir.Delete{StageInfo: w.info("delete", "delete "+s.Table.Text+oneLine(s.Index.Span()), s.Span()), Table: t, Keys: ks}
	if t == nil || !ok {
		return nil
	}
	return out
}

// madeOptions is what stands in the braces of `from changes` and `from table`.
var madeOptions = []option{{name: "max_future", kind: durationOption}}

func (w *walker) madeOptions(out *ir.Source, o *syntax.Options, of string) {
	out.MaxFutureMS = defaultMaxFuture
	for _, o := range w.options(o, madeOptions, of) {
		out.MaxFutureMS = durationMS(&o)
	}
}

// person binds the person of a table's rows, or refuses the name where they are nobody's.
func (w *walker) person(out *ir.Source, as syntax.Word, t *ir.Table, help string) {
	if t.Space != nil {
		w.bindPerson(out, as, t.Space)
		return
	}
	if as.Set() {
		w.errorf(diag.BadTable, as.Span(), "`as` binds the person of a table keyed by an identity space").WithLabel("`%s` is keyed by %s", t.Name, keyedBy(t)).
			WithHelp("%s", help)
		w.bindLocal(as, bad)
	}
}

// fromChanges is a source of the changes of a table.
func (w *walker) fromChanges(f *syntax.From, s *syntax.FromChanges) *ir.Source {
	if d := w.in.space.identities[s.Of.Text]; d != nil {
		if d.sp == nil {
			w.noSource()
			w.noPerson(s.As)
			return nil
		}
		out := &ir.Source{At: head(f.Span()), Kind: "changes", Space: d.sp, Type: changeOfSpace(d.sp), Start: "earliest"}
		w.bindPerson(out, s.As, d.sp)
		w.madeOptions(out, s.Options, "a source of changes")
		w.src = &source{t: out.Type, metas: map[string]*types.Type{"timestamp": types.TimeT}}
		return out
	}
	if near := w.changesMeant(s.Of); near != "" {
		w.errorf(diag.UnknownTable, s.Of.Span(), "there is no table and no identity space `%s`", s.Of.Text).WithHelp("did you mean %s?", near)
		w.noSource()
		w.noPerson(s.As)
		return nil
	}
	t := w.tableNamed(s.Of)
	if t != nil && t.Load != nil {
		w.errorf(diag.NoChanges, s.Of.Span(), "`%s` is loaded, and tells no changes", t.Name).WithLabel("declared at %s", t.At).
			WithHelp("changes come from tables that routes write; what is loaded from a topic is read with from topic")
		t = nil
	}
	if t == nil {
		w.noSource()
		w.noPerson(s.As)
		return nil
	}
	out := &ir.Source{At: head(f.Span()), Kind: "changes", Table: t, Type: changeType(t), Start: "earliest"}
	w.person(out, s.As, t, "the key of the row is .key")
	w.madeOptions(out, s.Options, "a source of changes")
	w.src = &source{t: out.Type, metas: map[string]*types.Type{"timestamp": types.TimeT}}
	return out
}

// changesMeant is the identity space that a name which nothing has was to be, or "".
func (w *walker) changesMeant(name syntax.Word) string {
	s := w.in.space
	if _, unread := s.unread[name.Text]; unread || s.tables[name.Text] != nil {
		return ""
	}
	near := diag.Nearest(name.Text, append(keys(s.tables), keys(s.identities)...))
	if s.identities[near] == nil {
		return ""
	}
	return near
}

// noPerson binds a name of a source that could not be checked.
func (w *walker) noPerson(as syntax.Word) {
	if as.Set() {
		w.bindLocal(as, bad)
	}
}

// changeType is the type of a change of a table.
func changeType(t *ir.Table) *types.Type {
	if t.Audience != nil {
		return changeOfAudience(t)
	}
	row := types.Nullable(viewOf(t.Row))
	return types.Obj(
		types.Field{Name: "key", Type: keyOf(t)},
		types.Field{Name: "old", Type: row},
		types.Field{Name: "new", Type: row},
		types.Field{Name: "cause", Type: oneOf("update", "delete", "merge", "expire")},
	)
}

// keyOf is the type of `.key` in a change of a table.
func keyOf(t *ir.Table) *types.Type {
	if len(t.Keys) == 1 {
		return t.Keys[0].Type
	}
	ts := make([]*types.Type, len(t.Keys))
	for i, k := range t.Keys {
		ts[i] = k.Type
	}
	return types.ListOf(types.UnionOf(ts...))
}
