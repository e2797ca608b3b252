package check

import (
	"maps"
	"slices"
	"strings"

	"github.com/sluice-dev/sluice/lang/diag"
	"github.com/sluice-dev/sluice/lang/ir"
	"github.com/sluice-dev/sluice/lang/syntax"
	"github.com/sluice-dev/sluice/lang/token"
	"github.com/sluice-dev/sluice/lang/types"
)

// hookOptions are those of `from webhook`.
var hookOptions = []option{
	{name: "secret", kind: settingOption, t: types.UnionOf(types.SecretT, textSetting, types.ListOf(types.UnionOf(types.SecretT, textSetting)))},
	{name: "key", kind: eventOption, t: keyType, mayBeNull: true},
	{name: "methods", kind: methodsOption, help: "methods: [GET, POST]; HEAD and OPTIONS are answered anyway"},
	{name: "max_future", kind: durationOption},
	{name: "verify", kind: settingOption, t: types.UnionOf(verifyT, types.ListOf(verifyT)),
		help: "segment(secret(\"KEY\")), standard_webhooks(secret(\"KEY\")) or hmac_sha256(secret(\"KEY\"), \"X-Signature\"); a list takes any of several"},
	{name: "id", kind: eventOption, t: keyType, mayBeNull: true},
	{name: "within", kind: durationOption},
	{name: "challenge", kind: requestOption},
	{name: "quiet", kind: durationOption},
}

// verifyT is what says how a sender signs.
var verifyT = types.OpaqueOf("verify")

// defaultWithin is how long an id of a webhook is remembered, in milliseconds.
const defaultWithin = 24 * 60 * 60_000

// hookMethods are those that may be taken; HEAD and OPTIONS are answered anyway.
var hookMethods = []string{"GET", "POST", "PUT", "PATCH", "DELETE"}

// hookUse is the first route that reads a webhook, whose options the others repeat.
type hookUse struct {
	route   *ir.Route
	hook    *ir.Hook
	options map[string]string // as written
	t       *types.Type
}

// hookMetas is what stands behind `@` below `from webhook`.
func hookMetas() map[string]*types.Type {
	return map[string]*types.Type{
		"method": types.StringT, "path": types.StringT, "remote_ip": types.StringT,
		"headers": types.MapOf(types.StringT), "timestamp": types.TimeT,
	}
}

func (w *walker) fromWebhook(f *syntax.From, s *syntax.FromWebhook) *ir.Source {
	out := &ir.Source{At: head(f.Span()), Kind: "webhook", Hook: &ir.Hook{Path: s.Path.Value, Methods: []string{"GET", "POST"}}}
	t := types.AnyT
	if s.As != nil {
		t, out.Strict = w.c.typ(w.in, s.As.Type), s.As.Strict
	}
	w.hookPath(out.Hook, s.Path)
	out.Type = viewOf(t)
	out.Topics = []ir.Topic{{Type: t, Strict: out.Strict}}
	w.src = &source{t: out.Type, metas: hookMetas(), hook: true}
	return out
}

// hookPath refuses what no request could name, and what could not name a topic.
func (w *walker) hookPath(h *ir.Hook, at syntax.Const) {
	p := h.Path
	ok := strings.HasPrefix(p, "/") && !strings.HasSuffix(p, "/") && !strings.Contains(p, "//") && len(p) <= maxHookPath
	for i := range len(p) {
		b := p[i]
		ok = ok && (b >= 'a' && b <= 'z' || b >= 'A' && b <= 'Z' || b >= '0' && b <= '9' || strings.IndexByte("/-._~", b) >= 0)
	}
	for part := range strings.SplitSeq(p, "/") {
		ok = ok && part != "." && part != ".."
	}
	if !ok || h.Name() == "" {
		w.errorf(diag.BadOption, at.Span(), "%q is no path of a webhook", p).
			WithHelp("it begins with / and goes on with letters, digits and - . _ ~, as \"/hooks/kochava\"")
	}
}

// maxHookPath leaves room for the rest of a topic's name, which has at most 249.
const maxHookPath = 120

// webhookOptions checks the options of a webhook, and that all routes of one path say
// the same.
func (w *walker) webhookOptions(out *ir.Source, s *syntax.FromWebhook) {
	out.Start, out.MaxFutureMS, out.Via = "earliest", defaultMaxFuture, "main"
	w.atSource, w.noTables = true, "an option of a source"
	defer func() { w.atSource, w.noTables = false, "" }()
	var id, within token.Span
	for _, opt := range w.options(s.Options, hookOptions, "a webhook") {
		switch opt.Name {
		case "secret":
			out.Hook.Secret = opt.X
			w.plainSecret(opt.X)
		case "key":
			out.Key = opt.X
		case "methods":
			out.Hook.Methods = opt.X.(*ir.Const).Value.([]string)
		case "max_future":
			out.MaxFutureMS = durationMS(&opt)
		case "verify":
			out.Hook.Verify = opt.X
		case "challenge":
			out.Hook.Challenge = opt.X
		case "quiet":
			out.Hook.QuietMS = durationMS(&opt)
		case "id":
			out.Hook.ID, id = opt.X, opt.At
		case "within":
			out.Hook.WithinMS, within = durationMS(&opt), opt.At
		}
	}
	switch {
	case out.Hook.ID != nil:
		w.once(out, id)
	case out.Hook.WithinMS > 0 && !given(s.Options, "id"):
		w.errorf(diag.BadOption, within, "`within` says how long an `id` is remembered, and there is none").WithHelp("id: .event_id")
	}
	w.sameHook(out, s.Path, s.Options)
}

// given tells whether an option is written, right or wrong.
func given(o *syntax.Options, name string) bool {
	return o != nil && slices.ContainsFunc(o.List, func(x *syntax.Option) bool { return x.Key.Text == name })
}

// once makes the stage that drops a request of an id that was taken before, under its
// key: the first of the route, with a memory of the route's own. An id that the record
// itself has no part in is that of the whole request, so each element of its list has
// one of its own.
func (w *walker) once(out *ir.Source, at token.Span) {
	h := out.Hook
	if h.WithinMS == 0 {
		h.WithinMS = defaultWithin
	}
	var by []ir.Expr
	if out.Key != nil {
		by = append(by, out.Key)
	}
	by = append(by, w.present(h.ID))
	if !readsEvent(h.ID) {
		by = append(by, &ir.Meta{Node: w.node(types.IntT, h.ID.Span()), Name: "element"})
	}
	m := &ir.State{Kind: ir.DedupeState, Name: "dedupe " + w.route.IDName() + " webhook", At: at, SpanMS: h.WithinMS}
	for _, k := range by {
		m.Keys = append(m.Keys, keyClass(types.NonNull(k.Type())))
	}
	w.c.states[m.Name] = m
	h.By = by
	w.taken = &ir.Dedupe{StageInfo: w.info("dedupe", "dedupe webhook", at), Memory: m, Keys: by, WithinMS: h.WithinMS}
}

// present makes null of a text that only looks like an id: a macro that nobody expanded
// would make one request of many.
func (w *walker) present(x ir.Expr) ir.Expr {
	nonblank := w.c.env.Func("nonblank")
	if nonblank == nil || x.Type().Kind == types.Null || !types.Assignable(types.NonNull(x.Type()), types.StringT) {
		return x
	}
	return &ir.Call{Node: w.node(types.Nullable(types.StringT), x.Span()), Func: nonblank, Args: []ir.Expr{x}, NullSubject: types.MayBeNull(x.Type())}
}

// readsEvent tells whether an expression reads `.` or `$`.
func readsEvent(x ir.Expr) bool {
	reads := false
	ir.Walk(x, func(x ir.Expr) bool {
		switch x.(type) {
		case *ir.Current, *ir.Event:
			reads = true
		}
		return !reads
	})
	return reads
}

// plainSecret refuses a secret that stands in the script.
func (w *walker) plainSecret(x ir.Expr) {
	switch x := x.(type) {
	case *ir.Const:
		w.errorf(diag.PlainSecret, x.Span(), "a secret in the text of a script").WithHelp("secret(\"HOOK_SECRET\") takes it from the environment or a file")
	case *ir.List:
		for _, it := range x.Items {
			w.plainSecret(it.X)
		}
	}
}

// sameHook compares a webhook with the others of its path: one door has one set of rules.
func (w *walker) sameHook(out *ir.Source, path syntax.Const, options *syntax.Options) {
	u := &hookUse{route: w.route, hook: out.Hook, options: map[string]string{}, t: out.Topics[0].Type}
	if options != nil {
		for _, o := range options.List {
			text := o.Span().Text()
			if _, v, ok := strings.Cut(text, ":"); ok {
				text = strings.Join(strings.Fields(v), " ")
			}
			u.options[o.Key.Text] = text
		}
	}
	first := w.c.hooks[out.Hook.Name()]
	if first == nil {
		w.c.hooks[out.Hook.Name()] = u
		return
	}
	at := path.Span()
	if first.hook.Path != out.Hook.Path {
		w.errorf(diag.NameClash, at, "the webhooks %q and %q become one name", first.hook.Path, out.Hook.Path).
			WithLabel("both are %q in the name of their topic", out.Hook.Name())
		return
	}
	if first.hook.Segment != out.Hook.Segment {
		w.errorf(diag.BadOption, at, "the routes of %q are different sources", out.Hook.Path).WithLabel("it is another in route %s", first.route.Name).
			WithHelp("a path is one door: what comes in by it is of one kind")
		return
	}
	all := maps.Clone(u.options)
	maps.Copy(all, first.options)
	for _, name := range keys(all) {
		a, there := first.options[name]
		b, here := u.options[name]
		if there != here || a != b {
			w.errorf(diag.BadOption, at, "the routes of %q have different options", out.Hook.Path).WithLabel("`%s` is another in route %s", name, first.route.Name).
				WithHelp("a path is one door: every route that reads it says the same")
			return
		}
	}
	if out.Key != nil && first.t != bad && u.t != bad && !types.Equal(first.t, u.t) {
		w.errorf(diag.BadOption, at, "the routes of %q have different types", out.Hook.Path).WithLabel("it is %s in route %s", short(first.t), first.route.Name).
			WithHelp("`key` is computed once for all of them, so they see the same")
	}
}

// challenge checks an expression over a request as it came, before `as T`.
func (e *ex) challenge(x syntax.Expr) (ir.Expr, bool) {
	sub := *e
	sub.src = &source{t: types.AnyT, metas: hookMetas(), hook: true}
	sub.f = newFlow()
	sub.f.cur = "$"
	sub.f.known["$"] = types.AnyT
	for name, t := range sub.src.metas {
		sub.f.known["@"+name] = t
	}
	v := sub.expr(x)
	if isBad(v) {
		return nil, false
	}
	const help = "null says that the request is none that asks for an answer, as in: challenge: .challenge"
	if t := v.Type(); t.Kind == types.Null || t.Kind != types.Any && !types.Assignable(types.NonNull(t), challengeType) {
		e.errorf(diag.WrongType, v.Span(), "a challenge is text").WithLabel("this is %s", short(t)).WithHelp(help)
		return nil, false
	}
	if !types.MayBeNull(v.Type()) && !asksForAnswer(v) {
		e.errorf(diag.BadOption, v.Span(), "this challenge answers every request, so none makes a record").WithHelp(help)
		return nil, false
	}
	return v, true
}

// challengeType is what a challenge is. A bool is none: false would be an answer, too.
var challengeType = types.UnionOf(types.StringT, types.NumberT)

// asksForAnswer tells whether an expression reads what only some requests have.
func asksForAnswer(x ir.Expr) bool {
	reads := readsEvent(x)
	ir.Walk(x, func(x ir.Expr) bool {
		m, ok := x.(*ir.Meta)
		reads = reads || ok && m.Name == "headers"
		return !reads
	})
	return reads
}

// methods reads `[GET, POST]`, with quotes or without.
func (e *ex) methods(x syntax.Expr) ([]string, bool) {
	l, ok := x.(*syntax.List)
	if !ok || l.For != nil || len(l.Items) == 0 {
		return nil, false
	}
	var out []string
	for _, it := range l.Items {
		m := ""
		switch x := it.X.(type) {
		case *syntax.Name:
			m = x.Name
		case *syntax.Lit:
			m = x.Value
		}
		if it.Spread || !slices.Contains(hookMethods, m) || slices.Contains(out, m) {
			return nil, false
		}
		out = append(out, m)
	}
	return out, true
}

// header gives the name of a header of a webhook, or of an answer, as it is logged: names
// are compared without case.
func (e *ex) header(of ir.Expr, name string) string {
	if e.lowerHeaders(of) {
		return strings.ToLower(name)
	}
	return name
}

// lowerHeaders tells whether an expression is headers with names in small letters.
func (e *ex) lowerHeaders(of ir.Expr) bool {
	m, ok := of.(*ir.Meta)
	return ok && m.Name == "headers" && e.src != nil && e.src.hook || e.isAnswersHeaders(of)
}

// headerText is header for a name that shows only when the record runs.
func (e *ex) headerText(of, i ir.Expr) ir.Expr {
	lower := e.c.env.Func("lower")
	if !e.lowerHeaders(of) || lower == nil || i.Type().Kind == types.Any {
		return i
	}
	return &ir.Call{Node: e.node(types.StringT, i.Span()), Func: lower, Args: []ir.Expr{i}}
}
