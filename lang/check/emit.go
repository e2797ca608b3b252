package check

import (
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/sluice-dev/sluice/lang/diag"
	"github.com/sluice-dev/sluice/lang/ir"
	"github.com/sluice-dev/sluice/lang/syntax"
	"github.com/sluice-dev/sluice/lang/token"
	"github.com/sluice-dev/sluice/lang/types"
)

// emit checks one emit.
func (w *walker) emit(s *syntax.Emit) ir.Stage {
	out := &ir.Emit{}
	var tail *syntax.Tail
	var id string
	switch c := s.Call.(type) {
	case *syntax.EmitTrack:
		tail = &c.Tail
		id, out.Sink = w.segmentCall(s, "track", &c.Name, tail)
		out.Via = w.c.via("segment", tail.Via, keyword(s))
	case *syntax.EmitView:
		tail = &c.Tail
		id, out.Sink = w.segmentCall(s, c.Kind, c.Name, tail)
		out.Via = w.c.via("segment", tail.Via, keyword(s))
	case *syntax.EmitCalls:
		tail = &c.Tail
		out.Via = w.c.via("segment", tail.Via, keyword(s))
		if c.Kind == "segment" {
			id, out.Sink = "segment", w.segmentPass(s, tail)
			break
		}
		id, out.Sink = w.segmentCall(s, c.Kind, nil, tail)
	case *syntax.EmitTopic:
		tail = &c.Tail
		id, out.Sink = w.topicRecord(s, c)
		out.Via = w.c.via("kafka", tail.Via, keyword(s))
	case *syntax.EmitLog:
		tail = &c.Tail
		id, out.Sink = w.logLine(c)
		if tail.Via.Set() {
			w.errorf(diag.UnknownConnection, tail.Via.Span(), "a log has no connection").WithHelp("leave `via %s` out", tail.Via.Text)
		}
	case *syntax.EmitHTTP:
		tail = &c.Tail
		id, out.Sink, out.Via = w.emitHTTP(c)
	default:
		return nil
	}
	w.emitID(s, out, id, tail)
	out.At = head(s.Span())
	w.f.emitted = true
	return out
}

// emitID names the emit for ever: by its `as`, else by kind and name and an
// ordinal among equals.
func (w *walker) emitID(s *syntax.Emit, out *ir.Emit, id string, tail *syntax.Tail) {
	out.Kind = "emit"
	if tail.As.Set() {
		id = tail.As.Text
		if old, ok := w.emits[id]; ok {
			w.errorf(diag.Duplicate, tail.As.Span(), "two emits are called `%s`", id).WithLabel("the other stands at %s", old)
		}
		w.emits[id] = tail.As.Span()
		out.ID, out.Key = id, w.stageKey("emit "+id)
		return
	}
	key := w.stageKey("emit " + id)
	out.ID, out.Key = strings.TrimPrefix(key, "emit "), key
	if w.names["emit "+id] == 2 {
		w.errorf(diag.EqualEmits, emitHead(s), "two emits are called `%s`", id).WithLabel("only their order tells them apart").
			WithHelp("`as NAME` before its braces keeps its message ids through edits")
	}
	if old, ok := w.emits[out.ID]; ok {
		w.errorf(diag.Duplicate, emitHead(s), "two emits are called `%s`", out.ID).WithLabel("the other stands at %s", old).
			WithHelp("call the other something else: its message ids would be those of this one")
	}
	w.emits[out.ID] = emitHead(s)
}

// emitHead is `emit` and the word behind it.
func emitHead(s *syntax.Emit) token.Span { return keyword(s).Join(keyword(s.Call)) }

// targetName is the part of an emit's id that its target gives: the text of a
// constant, else the source.
func targetName(x ir.Expr, at token.Span) string {
	if s, ok := constText(x); ok {
		return s
	}
	return oneLine(at)
}

// fieldValue is a field of a call on its way: as written, from `with`, or by default.
type fieldValue struct {
	x        ir.Expr
	at       token.Span
	byScript bool
	opt      bool
}

func (w *walker) segmentCall(s *syntax.Emit, call string, target *syntax.Target, tail *syntax.Tail) (id string, sink ir.Sink) {
	spec, ok := w.c.env.Events().Call(call)
	id = call
	if !ok {
		w.c.notYet(keyword(s), "emit "+call)
		return id, nil
	}
	out := &ir.SegmentCall{Call: call}
	got := map[string]fieldValue{}
	if target != nil && target.X != nil {
		w.naming = target.X
		x := w.eventName(w.expr(target.X), call)
		w.naming = nil
		got[spec.Name] = fieldValue{x: x, at: target.Span(), byScript: true}
		id += " " + targetName(x, target.Span())
		out.NameConst, _ = constText(x)
		if call == "track" && w.c.planOf(tail.Via) == nil { // a plan knows better
			w.nearEvent(out.NameConst, x)
		}
	}
	broken := map[string]bool{} // fields with a mistake of their own
	var entries map[string]*syntax.Entry
	if tail.Object != nil {
		entries = w.callEntries(call, &spec, tail.Object, got, broken)
	}
	w.defaults(&spec, got, broken)
	w.required(s, call, &spec, got, broken)
	w.planned(call, &spec, tail.Via, got, entries[spec.Body], keyword(s.Call))
	for i := range spec.Fields {
		f := &spec.Fields[i]
		v, ok := got[f.Name]
		if !ok || isBad(v.x) {
			continue
		}
		out.Fields = append(out.Fields, ir.CallField{Name: f.Name, X: v.x, Default: !v.byScript})
	}
	if k, ok := got[orderKey]; ok && !isBad(k.x) {
		out.Fields = append(out.Fields, ir.CallField{Name: orderKey, X: k.x, Opt: k.opt})
	}
	if b, ok := got[spec.Body]; ok && !isBad(b.x) {
		w.reserved(out, b, entries[spec.Body], keyword(s.Call))
	}
	return id, out
}

// eventName checks the name of an event, page or screen.
func (w *walker) eventName(x ir.Expr, call string) ir.Expr {
	x = w.need(x, types.StringT, "the name of a "+call)
	if s, ok := constText(x); ok && strings.TrimSpace(s) == "" {
		if call == "track" {
			w.errorf(diag.BadName, x.Span(), "the name of the event is empty").WithHelp(`say what happened: emit track "Order Completed" { … }`)
		} else {
			w.errorf(diag.BadName, x.Span(), "the name of the %s is empty", call).WithHelp("leave it out: emit %s { … }", call)
		}
		return badExpr(x.Span())
	}
	return x
}

func (w *walker) nearEvent(name string, x ir.Expr) {
	if name == "" {
		return
	}
	if near := w.c.env.Events().Nearest(name); near != "" && near != name {
		w.errorf(diag.NearEvent, x.Span(), "%q is not an event of Segment's specification", name).WithHelp("did you mean %q?", near)
	}
}

// callEntries checks what the script says in the braces of a call.
func (w *walker) callEntries(call string, spec *Call, o *syntax.Object, got map[string]fieldValue, broken map[string]bool) map[string]*syntax.Entry {
	entries := map[string]*syntax.Entry{}
	for _, en := range o.Entries {
		if o.For != nil || en.Spread || en.Computed != nil {
			w.errorf(diag.UnknownCallField, en.Span(), "fields of a call are written by their names")
			continue
		}
		name := en.Key.Text
		if name == orderKey && entries[name] == nil {
			entries[name] = en
			x := w.entryValue(en)
			if !en.Opt || !types.MayBeNull(x.Type()) {
				x = w.key(x, "the key")
			}
			w.lintKey(x)
			got[name] = fieldValue{x: x, at: en.Span(), byScript: true, opt: en.Opt}
			continue
		}
		i := slices.IndexFunc(spec.Fields, func(f CallField) bool { return f.Name == name })
		if i < 0 || name == spec.Name {
			w.entryValue(en)
			w.unknownCallField(call, spec, en.Key, broken)
			continue
		}
		if entries[name] != nil {
			w.errorf(diag.FieldTwice, en.Key.Span(), "the field `%s` stands twice", name)
			continue
		}
		entries[name] = en
		x := w.entryValue(en)
		if !isBad(x) {
			x = w.callField(x, &spec.Fields[i], en.Opt)
		}
		if isBad(x) {
			broken[name] = true
		} else {
			w.inside(en, x)
		}
		got[name] = fieldValue{x: x, at: en.Span(), byScript: true, opt: en.Opt}
	}
	return entries
}

func (w *walker) unknownCallField(call string, spec *Call, key syntax.Key, broken map[string]bool) {
	var names []string
	for _, f := range spec.Fields {
		if f.Name != spec.Name {
			names = append(names, f.Name)
		}
	}
	d := w.errorf(diag.UnknownCallField, key.Span(), "`emit %s` has no field `%s`", call, key.Text)
	switch near := diag.Nearest(key.Text, names); {
	case key.Text == spec.Name:
		d.WithHelp("the name stands before the braces: emit %s \"…\" { … }", call)
	case near != "":
		d.WithHelp("did you mean %s?", near)
		broken[near] = true // it is not missing as well
	case spec.Body != "":
		d.WithHelp("what is yours stands in %s: { %s: … }", spec.Body, key.Text)
	default:
		d.WithHelp("it has %s", strings.Join(names, ", "))
	}
}

// anyCallField finds a field among those of all calls, for `with`.
func (w *walker) anyCallField(key syntax.Key) (ok bool, spec *CallField) {
	var names []string
	for _, call := range []string{"track", "identify", "group", "page", "screen", "alias"} {
		s, _ := w.c.env.Events().Call(call)
		for i := range s.Fields {
			f := &s.Fields[i]
			if f.Name == s.Name {
				continue
			}
			if f.Name == key.Text {
				return true, f
			}
			if !slices.Contains(names, f.Name) {
				names = append(names, f.Name)
			}
		}
	}
	d := w.errorf(diag.UnknownCallField, key.Span(), "no call has a field `%s`", key.Text)
	if near := diag.Nearest(key.Text, names); near != "" {
		d.WithHelp("did you mean %s?", near)
	}
	return false, nil
}

// callField checks a value against the type of its field. Null leaves a field
// out, so it is welcome.
func (w *walker) callField(x ir.Expr, f *CallField, opt bool) ir.Expr {
	t := types.NonNull(x.Type())
	if x.Type().Kind == types.Any {
		return x // the emit judges it when the record runs
	}
	if s, ok := constText(x); ok {
		switch {
		case (f.Name == "userId" || f.Name == "anonymousId") && s == "":
			w.errorf(diag.BadID, x.Span(), "`%s` is empty", f.Name).WithHelp("an empty text identifies nobody")
			return badExpr(x.Span())
		case f.Name == "messageId" && utf8.RuneCountInString(s) > maxMessageID:
			w.errorf(diag.BadID, x.Span(), "a messageId has at most %d characters", maxMessageID).
				WithHelp("hash.short(…) makes an id of 32 characters of anything; left out, the call gets one of its own")
			return badExpr(x.Span())
		case f.NonEmpty && s == "":
			w.errorf(diag.CallFieldType, x.Span(), "`%s` is empty", f.Name).WithHelp("%s", emptyHelp(f))
			return badExpr(x.Span())
		case f.Max > 0 && utf8.RuneCountInString(s) > f.Max:
			w.errorf(diag.CallFieldType, x.Span(), "a %s has at most %d characters", f.Name, f.Max).WithHelp("hash.short(…) makes an id of 32 characters of anything")
			return badExpr(x.Span())
		}
	}
	if types.Assignable(t, f.Type) {
		return x
	}
	if spoiled(t) {
		return badExpr(x.Span())
	}
	d := w.errorf(diag.CallFieldType, x.Span(), "`%s` is %s", f.Name, f.Type.Brief()).WithLabel("this is %s", short(x.Type()))
	d.WithHelp("%s", convert(x, f.Type))
	return badExpr(x.Span())
}

// emptyHelp says what to do about a field that is "".
func emptyHelp(f *CallField) string {
	if f.Required {
		return "the call is worth nothing without it: `require` above"
	}
	return "leave it out; `" + f.Name + "?: nonblank(…)` does where it is blank"
}

// orderKey may stand in the braces of every call: what its output is ordered by.
// It is not sent.
const orderKey = "key"

// maxMessageID is Segment's limit, in characters.
const maxMessageID = 100

// defaults fills in what the script did not write: from `with`, then what the
// call takes by itself. A field that is left out where it is null (`?:`) is
// looked for in `with`, too.
func (w *walker) defaults(spec *Call, got map[string]fieldValue, broken map[string]bool) {
	for i := range spec.Fields {
		f := &spec.Fields[i]
		own, written := got[f.Name]
		if d := w.f.withs[f.Name]; d != nil && (!written || own.opt && !isBad(own.x) && types.MayBeNull(own.x.Type())) {
			if d.t == bad {
				broken[f.Name] = true
				continue
			}
			v := &ir.Var{Node: w.node(d.t, own.at), Slot: d.slot, Name: f.Name}
			if !written {
				got[f.Name] = fieldValue{x: v}
				continue
			}
			own.x = &ir.Coalesce{Node: w.node(union(types.NonNull(own.x.Type()), d.t), own.at), X: own.x, Y: v}
			got[f.Name] = own
			continue
		}
		if written || broken[f.Name] {
			continue
		}
		switch {
		case f.Name == spec.Body:
			got[f.Name] = fieldValue{x: &ir.Current{Node: w.node(w.f.known[w.f.cur], token.Span{})}}
		case w.idOf(f.Name) != nil:
			got[f.Name] = fieldValue{x: w.idOf(f.Name)}
		case f.Name == "timestamp":
			var fails []*diag.Code
			if !w.f.timed {
				fails = []*diag.Code{diag.NoTimestamp}
			}
			got[f.Name] = fieldValue{x: &ir.Meta{Node: w.node(types.TimeT, token.Span{}, fails...), Name: "time"}}
		}
	}
}

// required says what the call cannot do without.
func (w *walker) required(s *syntax.Emit, call string, spec *Call, got map[string]fieldValue, broken map[string]bool) {
	at := keyword(s.Call)
	for _, f := range spec.Fields {
		if !f.Required || broken[f.Name] {
			continue
		}
		v, ok := got[f.Name]
		switch {
		case !ok:
			w.errorf(diag.MissingField, at, "`emit %s` needs `%s`", call, f.Name).WithHelp("emit %s { %s: … }", call, f.Name)
		case isBad(v.x):
		case v.x.Type().Kind == types.Null:
			if v.at.Valid() {
				at = v.at
			}
			w.errorf(diag.MissingField, at, "`%s` is always null", f.Name)
		case types.MayBeNull(v.x.Type()) && v.x.Type().Kind != types.Any && !v.x.Span().Valid(): // by default
			w.errorf(diag.NullValue, at, "`%s` may be null here", f.Name).WithLabel("`emit %s` needs it", call).
				WithHelp("say it in the braces, { %s: … }, of what is not null here", f.Name)
		case types.MayBeNull(v.x.Type()) && v.x.Type().Kind != types.Any:
			w.errorf(diag.NullValue, v.x.Span(), "%s may be null here", quote(v.x.Span())).WithLabel("`emit %s` needs `%s`", call, f.Name).
				WithHelp("`require … != null else \"…\"` above it, or `when`")
		}
	}
	if b, ok := got[spec.Body]; ok && !isBad(b.x) {
		t := types.NonNull(b.x.Type())
		if t.Kind != types.Any && !types.Assignable(t, types.ObjectT) && !b.byScript {
			w.errorf(diag.CallFieldType, at, "`%s` is `.` where none are given, and `.` is no object", spec.Body).WithLabel("it is %s", short(t)).
				WithHelp("write %s: { … }", spec.Body)
		}
	}
	if len(spec.AnyOf) == 0 {
		return
	}
	surelyNull := !w.f.person
	for _, id := range spec.AnyOf {
		if v, ok := got[id]; broken[id] || ok && (isBad(v.x) || v.x.Type().Kind != types.Null) {
			surelyNull = false
		}
	}
	if surelyNull {
		label := "neither " + strings.Join(spec.AnyOf, " nor ")
		for _, id := range spec.AnyOf {
			if v, ok := got[id]; ok && v.x.Span().Valid() {
				at, label = v.x.Span(), "this is null, and nothing else says who"
			}
		}
		d := w.errorf(diag.NoID, at, "this call says nobody's id").WithLabel("%s", label)
		d.WithHelp("emit %s … { %s: … }, or `with { %s: … }` above", call, spec.AnyOf[0], spec.AnyOf[0])
	}
}

func (w *walker) currencies(t *types.Type, at token.Span) {
	ts := []*types.Type{t}
	if t.Kind == types.Union {
		ts = t.Members
	}
	for _, m := range ts {
		if m.Kind != types.Literal {
			continue
		}
		if s, ok := m.Lit.(string); ok && !w.c.env.Events().Currency(s) {
			d := w.errorf(diag.UnknownCurrency, at, "%q is no currency", s).WithHelp("currencies are codes of ISO 4217: \"EUR\", \"USD\"")
			if up := strings.ToUpper(s); w.c.env.Events().Currency(up) {
				d.WithHelp("did you mean %q?", up)
			}
		}
	}
}

func (w *walker) segmentPass(s *syntax.Emit, tail *syntax.Tail) ir.Sink {
	if tail.Object != nil {
		w.errorf(diag.UnknownCallField, tail.Object.Span(), "`emit segment` passes the call on as it is").WithHelp("change it above with `set`")
	}
	t := w.f.known[w.f.cur]
	want := w.c.env.Events().PassType()
	x := &ir.Current{Node: w.node(t, keyword(s))}
	if t != bad && !types.Assignable(t, want) {
		w.errorf(diag.WrongType, head(s.Span()), "`emit segment` passes on a %s", want.Brief()).WithLabel("`.` is %s", short(t)).
			WithHelp("emit track, identify, … make a call of your own")
	}
	if p := w.c.planOf(tail.Via); p != nil && t != bad {
		return &ir.SegmentPass{X: &ir.Call{Node: w.node(t, keyword(s), diag.NotPlanned), Func: p.JudgeCall(), Args: []ir.Expr{x}}}
	}
	return &ir.SegmentPass{X: x}
}

func (w *walker) topicRecord(s *syntax.Emit, c *syntax.EmitTopic) (string, ir.Sink) {
	out := &ir.TopicRecord{Topic: w.need(w.expr(c.Topic.X), types.StringT, "the name of a topic")}
	if name, ok := constText(out.Topic); ok {
		w.c.topicName(name, out.Topic.Span())
	}
	id := "topic " + targetName(out.Topic, c.Topic.Span())
	if c.Object != nil {
		seen := map[string]bool{}
		for _, en := range c.Object.Entries {
			name := en.Key.Text
			if en.Spread || en.Computed != nil || c.Object.For != nil {
				w.errorf(diag.UnknownCallField, en.Span(), "`emit topic` takes key, value and headers by their names")
				continue
			}
			x := w.entryValue(en)
			if seen[name] {
				w.errorf(diag.FieldTwice, en.Key.Span(), "the field `%s` stands twice", name)
				continue
			}
			seen[name] = true
			switch name {
			case "key":
				if !(en.Opt && types.MayBeNull(x.Type())) {
					x = w.key(x, "the key")
				}
				w.lintKey(x)
				out.Key, out.KeyOpt = x, en.Opt
			case "value":
				out.Value = x
				if en.Opt && types.MayBeNull(x.Type()) && !isBad(x) {
					// Left out, it is `.`; a tombstone is written as value: null.
					cur := &ir.Current{Node: w.node(w.f.known[w.f.cur], keyword(s))}
					out.Value = &ir.Coalesce{Node: w.node(union(types.NonNull(x.Type()), cur.T), x.Span()), X: x, Y: cur}
				}
			case "headers":
				out.Headers = w.plainFields(x, nil, "the header `%s`", "headers are an object of texts")
			default:
				d := w.errorf(diag.UnknownCallField, en.Key.Span(), "`emit topic` has no field `%s`", name)
				if near := diag.Nearest(name, []string{"key", "value", "headers"}); near != "" {
					d.WithHelp("did you mean %s?", near)
				} else {
					d.WithHelp("what is yours stands in value: { %s: … }", name)
				}
			}
		}
	}
	if out.Value == nil {
		out.Value = &ir.Current{Node: w.node(w.f.known[w.f.cur], keyword(s))}
	}
	return id, out
}

func (w *walker) logLine(c *syntax.EmitLog) (string, ir.Sink) {
	out := &ir.LogLine{}
	id := "log"
	if c.Message != nil && c.Message.X != nil {
		out.Name = w.need(w.expr(c.Message.X), types.StringT, "the name of a log line")
		id += " " + targetName(out.Name, c.Message.Span())
	}
	if c.Object != nil {
		out.Fields = w.expr(c.Object)
	} else {
		out.Fields = &ir.Current{Node: w.node(w.f.known[w.f.cur], c.Span())}
	}
	return id, out
}
