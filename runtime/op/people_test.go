package op_test

import (
	"errors"
	"fmt"
	"regexp"
	"strings"
	"testing"

	"github.com/sluice-dev/sluice/lang/ir"
	"github.com/sluice-dev/sluice/lang/plan"
	"github.com/sluice-dev/sluice/lang/types"
	"github.com/sluice-dev/sluice/lang/value"
	"github.com/sluice-dev/sluice/runtime/event"
	"github.com/sluice-dev/sluice/runtime/op"
)

// town is a program with an identity space, built by hand, so that a fault of the
// checker cannot hide one here.
type town struct {
	ir.Program
	people *ir.Space
}

var emailForm = &types.Func{Name: "email.normalize", Call: func(_ *types.Context, a []value.Value) (value.Value, error) {
	s := strings.ToLower(strings.TrimSpace(a[0].(string)))
	if !strings.Contains(s, "@") {
		return nil, errors.New("no address")
	}
	return s, nil
}}

func newTown() *town {
	s := &ir.Space{Name: "people", IDs: []ir.Identifier{
		{Name: "user_id", Person: true, Limit: 1},
		{Name: "email", Person: true, Canon: ir.EmailText, Form: emailForm, Limit: 5, PerMS: 365 * 86_400_000},
		{Name: "anonymous_id", Canon: ir.ExactText, Limit: 100},
	}, State: &ir.State{Kind: ir.IdentityState, Name: "identity people", Shared: "people"}}
	text := types.Nullable(types.StringT)
	s.Person = types.Obj(types.Field{Name: "id", Type: types.StringT}, types.Field{Name: "user_id", Type: text}, types.Field{Name: "email", Type: text},
		types.Field{Name: "anonymous_id", Type: types.StringT},
		types.Field{Name: "ids", Type: types.ListOf(types.Obj(types.Field{Name: "type", Type: types.StringT}, types.Field{Name: "value", Type: types.StringT}))},
		types.Field{Name: "known", Type: types.BoolT}, types.Field{Name: "merged", Type: types.BoolT}, types.Field{Name: "ambiguous", Type: types.BoolT})
	return &town{Program: ir.Program{App: "app", Spaces: []*ir.Space{s}}, people: s}
}

// table adds a table keyed by the space.
func (w *town) table(name, merge string, row *types.Type, def value.Value) *ir.Table {
	t := w.memory(name, row, def)
	t.Merge, t.Space = merge, w.people
	t.State.Beside = append(t.State.Beside, w.people.State)
	w.people.State.Beside = append(w.people.State.Beside, t.State)
	w.people.Tables = append(w.people.Tables, t)
	return t
}

// memory adds a table keyed by text.
func (w *town) memory(name string, row *types.Type, def value.Value) *ir.Table {
	read := row
	if def == nil {
		read = types.Nullable(row)
	}
	t := &ir.Table{Name: name, Row: row, Read: read, Default: def, Keys: []ir.TableKey{{Type: types.StringT}},
		State: &ir.State{Kind: ir.TableState, Name: "table " + name, Shared: name, Keys: []*types.Type{types.StringT}, Row: row}}
	w.Tables = append(w.Tables, t)
	return t
}

// audience adds one that keys enter where their row is at least enter, and leave where
// it is less than leave.
func (w *town) audience(name string, on *ir.Table, enter, leave string) *ir.Table {
	a := &ir.Table{Name: name, Row: types.BoolT, Read: types.BoolT, Default: false, Keys: on.Keys, Space: on.Space,
		State: &ir.State{Kind: ir.AudienceState, Name: "audience " + name, Shared: name, Keys: on.State.Keys, Row: types.BoolT},
		Audience: &ir.Audience{On: on, Slots: 1, Enter: &ir.Compare{Op: ir.Ge, X: slot(0, "it"), Y: lit(num(enter))},
			Leave: &ir.Compare{Op: ir.Lt, X: slot(0, "it"), Y: lit(num(leave))}}}
	on.Audiences = append(on.Audiences, a)
	on.State.Beside = append(on.State.Beside, a.State)
	a.State.Beside = append(a.State.Beside, on.State)
	w.Tables = append(w.Tables, a)
	return a
}

func key(kind, text string) ir.StageInfo { return ir.StageInfo{Kind: kind, Key: kind + " " + text} }

func object(kv ...any) *ir.Object {
	o := &ir.Object{}
	for i := 0; i < len(kv); i += 2 {
		x := kv[i+1].(ir.Expr)
		o.Entries = append(o.Entries, ir.Entry{Key: kv[i].(string), X: x})
	}
	return o
}

// Slots of the person and of the current person in routes of a town.
const (
	personSlot  ir.Slot = 5
	currentSlot ir.Slot = 6
	oldSlot     ir.Slot = 7
)

var (
	person = slot(personSlot, "p")
	asked  = object("user_id", cur("user"), "email", cur("email"), "anonymous_id", cur("anon"))
)

func (w *town) resolve() *ir.Resolve {
	return &ir.Resolve{StageInfo: key("resolve", "people"), Space: w.people, IDs: asked, Slot: personSlot, Name: "p", Current: currentSlot}
}

// update adds to a row where the record has the field of its name, or sets it.
func update(t *ir.Table) ir.Stage {
	x := cur(t.Name)
	if t.Merge == "sum" {
		x = &ir.Arith{Op: ir.Add, X: slot(oldSlot, "it"), Y: x}
	}
	return &ir.When{StageInfo: key("when", t.Name), Cond: &ir.Compare{Op: ir.Ne, X: cur(t.Name), Y: lit(nil)}, Then: []ir.Stage{
		&ir.Update{StageInfo: key("update", t.Name), Table: t, Keys: []ir.Expr{get(person, "id")}, X: x, Old: oldSlot}}}
}

func logged(id string, kv ...any) *ir.Emit {
	return &ir.Emit{StageInfo: key("emit", id), ID: id, Sink: &ir.LogLine{Fields: object(kv...)}}
}

// route adds a route that reads the topic of its name.
func (w *town) route(name string, stages ...ir.Stage) *ir.Route {
	r := &ir.Route{Name: name, Slots: 10, Stages: stages, Source: &ir.Source{Kind: "topic", Type: types.AnyT,
		Topics: []ir.Topic{{Name: name, Type: types.AnyT}}, MaxFutureMS: 600_000}}
	w.Routes = append(w.Routes, r)
	return r
}

// changes adds a route that tells the changes of a table or an audience; of nil those
// of the space.
func (w *town) changes(name string, t *ir.Table) {
	who := func(x ir.Expr) ir.Expr {
		return &ir.Coalesce{X: get(x, "user_id"), Y: get(x, "anonymous_id")}
	}
	r := w.route(name, logged("c", "of", lit(name), "change", &ir.Object{Entries: []ir.Entry{{Kind: ir.Spread, X: cur("")}, {Key: "other", X: who(cur("other")), Opt: true}}},
		"who", who(person), "known", get(person, "known")))
	r.Source = &ir.Source{Kind: "changes", Table: t, Person: personSlot, HasPerson: true}
	if t == nil {
		r.Source.Space = w.people
	}
}

// twins builds the town both ways.
func (w *town) twins(t testing.TB) *twins {
	t.Helper()
	p := plan.Build(&w.Program)
	if len(p.Groups) != 1 {
		t.Fatalf("%d groups", len(p.Groups))
	}
	g, err := op.CompileGroup(p.Groups[0], "app", secret)
	if err != nil {
		t.Fatal(err)
	}
	return twinsOf(t, p.Groups[0], g)
}

// route gives the number of a route.
func (p *player) route(name string) int {
	for i, r := range p.plan.Routes {
		if r.Name == name {
			return i
		}
	}
	p.t.Fatal("no route " + name)
	return -1
}

// say sends a record to the route of a name, both ways, and gives the outputs and how
// it ended, if it did not complete.
func (w *twins) say(route string, at int, v string) string {
	w.fused.t.Helper()
	end := ""
	d := w.both(func(p *player) {
		if o := p.send(p.route(route), at, v); o.Kind != event.Completed {
			end = show(o)
			if o.Fail != nil {
				end += " " + o.Fail.Message
			}
		}
	})
	if d != "" {
		w.fused.t.Fatalf("the evaluators differ on %s: %s", v, d)
	}
	if x, y := w.fused.stored(), w.reference.stored(); x != y {
		w.fused.t.Fatalf("the cells differ after %s:\n%s\n%s", v, x, y)
	}
	return strings.TrimSpace(w.ids(w.fused.outs()) + "\n" + end)
}

var idText = regexp.MustCompile(`[0-9a-f]{8}-[0-9a-f-]{27}|\b[PA][0-9]+\b`)

// ids replaces ids of people by the order in which they are met.
func (w *twins) ids(s string) string {
	return idText.ReplaceAllStringFunc(s, func(id string) string {
		if w.known == nil {
			w.known = map[string]string{}
		}
		if w.known[id] == "" {
			w.known[id] = fmt.Sprintf("<%d>", len(w.known)+1)
		}
		return w.known[id]
	})
}

func TestResolve(t *testing.T) {
	w := newTown()
	w.route("in", w.resolve(), logged("p", "p", person), track(
		ir.CallField{Name: "event", X: lit("E")},
		ir.CallField{Name: "userId", X: get(slot(currentSlot, "p"), "user_id"), Default: true},
		ir.CallField{Name: "anonymousId", X: get(slot(currentSlot, "p"), "anonymous_id"), Default: true}))
	opt := w.resolve()
	opt.OrNull = true
	w.route("maybe", opt, logged("p", "p", get(person, "user_id"), "none", &ir.Compare{Op: ir.Eq, X: person, Y: lit(nil)}))
	w.route("look", &ir.Find{StageInfo: info("find"), Space: w.people, IDs: asked, Slot: personSlot},
		logged("p", "p", get(person, "user_id"), "several", get(person, "ambiguous")))
	tw := w.twins(t)
	for _, tt := range []struct{ route, v, want string }{
		{"in", `{"anon":"a1"}`, `{"p":{"id":"<1>","user_id":null,"email":null,"anonymous_id":"a1","ids":[{"type":"anonymous_id","value":"a1"}],"known":false,"merged":false,"ambiguous":false}}
{"type":"track","messageId":"*","event":"E","anonymousId":"a1"}`},
		{"in", `{"user":17,"anon":"a1","email":" Ann@X.com"}`, `{"p":{"id":"<1>","user_id":"17","email":"ann@x.com","anonymous_id":"a1","ids":[{"type":"user_id","value":"17"},{"type":"email","value":"ann@x.com"},{"type":"anonymous_id","value":"a1"}],"known":true,"merged":false,"ambiguous":false}}
{"type":"track","messageId":"*","event":"E","userId":"17","anonymousId":"a1"}`},
		{"in", `{"anon":"a2"}`, `{"p":{"id":"<2>","user_id":null,"email":null,"anonymous_id":"a2","ids":[{"type":"anonymous_id","value":"a2"}],"known":false,"merged":false,"ambiguous":false}}
{"type":"track","messageId":"*","event":"E","anonymousId":"a2"}`},
		{"look", `{"email":"ANN@x.com"}`, `{"p":"17","several":false}`},
		{"look", `{"user":17,"anon":"a2"}`, `{"p":"17","several":true}`},
		{"look", `{"email":"nobody@x.com"}`, `{"p":null,"several":null}`},
		{"look", `{}`, `{"p":null,"several":null}`},
		{"look", `{"user":[1]}`, `E0437 .user at find user_id is no identifier: text or a whole number is one`},
		{"maybe", `{"email":"x"}`, `{"p":null,"none":true}`},
		{"maybe", `{"user":17.0}`, `{"p":"17","none":false}`},
		{"maybe", `{"user":17.5}`, `E0437 .user at resolve user_id is no identifier: text or a whole number is one`},
		{"in", `{"user":true}`, `E0437 .user at resolve user_id is no identifier: text or a whole number is one`},
		{"in", `{"user":{}}`, `E0437 .user at resolve user_id is no identifier: text or a whole number is one`},
		{"in", `{}`, `E0438 at resolve every identifier is null or missing`},
		{"in", `{"email":"x","anon":"null"}`, `E0438 at resolve no identifier is usable (email: not of its form, anonymous_id: a value that means nobody)`},
		{"in", `{"user":17,"anon":"a2"}`, `{"p":{"id":"<1>","user_id":"17","email":"ann@x.com","anonymous_id":"a1","ids":[{"type":"user_id","value":"17"},{"type":"email","value":"ann@x.com"},{"type":"anonymous_id","value":"a1"},{"type":"anonymous_id","value":"a2"}],"known":true,"merged":true,"ambiguous":false}}
{"type":"track","messageId":"*","event":"E","userId":"17","anonymousId":"a1"}`},
	} {
		got := messageID.ReplaceAllString(tw.say(tt.route, 0, tt.v), `"messageId":"*"`)
		tw.fused.want(tt.v, got, tt.want)
	}
	slow := 0
	for i := range tw.fused.plan.Routes {
		slow += tw.fused.run.Frame(i).Slow
	}
	tw.fused.want("what is run by the reference evaluator", fmt.Sprint(slow), "6") // what fails
}

var messageID = regexp.MustCompile(`"messageId":"[^"]*"`)

// tracked is a call with the ids of the current person.
func tracked(id string) *ir.Emit {
	e := track(ir.CallField{Name: "event", X: lit(id)},
		ir.CallField{Name: "userId", X: get(slot(currentSlot, "p"), "user_id"), Default: true},
		ir.CallField{Name: "anonymousId", X: get(slot(currentSlot, "p"), "anonymous_id"), Default: true})
	e.StageInfo, e.ID = key("emit", "track "+id), "track "+id
	return e
}

// The current person of Segment calls is that of the last `resolve`; behind an `each`
// it is again the one above it, as is the ordering key.
func TestCurrentPerson(t *testing.T) {
	w := newTown()
	inner := w.resolve()
	inner.StageInfo, inner.IDs, inner.Slot = key("resolve", "people#2"), object("user_id", slot(0, "x")), 8
	w.route("in", w.resolve(), tracked("Above"),
		&ir.Each{StageInfo: info("each"), In: cur("others"), Slot: 0, Name: "x", Body: []ir.Stage{inner, tracked("Inside")}},
		tracked("Behind"),
		&ir.When{StageInfo: info("when"), Cond: &ir.Compare{Op: ir.Ne, X: cur("other"), Y: lit(nil)}, Then: []ir.Stage{
			&ir.Resolve{StageInfo: key("resolve", "people#3"), Space: w.people, IDs: object("user_id", cur("other")), Slot: 8, Current: currentSlot}}},
		tracked("Last"))
	tw := w.twins(t)
	for v, want := range map[string]string{
		`{"user":"u1","others":["u2","u3"]}`: "Above u1, Inside u2, Inside u3, Behind u1, Last u1",
		`{"user":"u1","others":[]}`:          "Above u1, Behind u1, Last u1",
		// No `[...]` of one: the lanes of u1 and of u4.
		`{"user":"u1","others":["u2"],"other":"u4"}`: "Above u1, Inside u2, Behind u1, Last u4",
	} {
		if d := tw.both(func(p *player) { p.send(0, 0, v) }); d != "" {
			t.Fatal(d)
		}
		var got []string
		lanes := map[string]uint64{}
		for i := range tw.fused.out.Outs {
			o := &tw.fused.out.Outs[i]
			body, err := value.DecodeJSON(o.Body.Of(&tw.fused.out))
			if err != nil {
				t.Fatal(err)
			}
			name, _ := body.(*value.Object).Get("event")
			user, _ := body.(*value.Object).Get("userId")
			got = append(got, fmt.Sprintf("%s %s", name, user))
			if l, ok := lanes[user.(string)]; ok && l != o.Lane {
				t.Errorf("%s: two lanes of %s", v, user)
			}
			lanes[user.(string)] = o.Lane
		}
		tw.fused.want(v, strings.Join(got, ", "), want)
	}
}

// Of a record that does several things to people one change is told of each: of one
// who was made and then merged into another none, and what the fused steps did before
// they left the record to the others is told once.
func TestOneChangeOfEach(t *testing.T) {
	w := newTown()
	two := w.resolve()
	two.StageInfo, two.Slot, two.IDs = key("resolve", "people#2"), 8, object("user_id", cur("user2"), "anonymous_id", cur("anon2"))
	gone := &ir.Forget{StageInfo: info("forget"), Space: w.people, IDs: object("user_id", cur("bye")), Slot: 9, Name: "f"}
	w.route("in", w.resolve(), two, &ir.When{StageInfo: info("when"), Cond: &ir.Compare{Op: ir.Ne, X: cur("bye"), Y: lit(nil)}, Then: []ir.Stage{gone}})
	w.changes("of_people", nil)
	tw := w.twins(t)
	for _, tt := range []struct{ v, want string }{
		{`{"user":"u1","user2":"u2"}`, `{"of":"of_people","change":{"kind":"known","other":null},"who":"u1","known":true}
{"of":"of_people","change":{"kind":"known","other":null},"who":"u2","known":true}`},
		{`{"user":"u1","user2":"u1","anon2":"a1"}`, `{"of":"of_people","change":{"kind":"linked","other":null},"who":"u1","known":true}`},
		{`{"anon":"a2","user2":"u1","anon2":"a2"}`, `{"of":"of_people","change":{"kind":"merged","other":"a2"},"who":"u1","known":true}`},
		{`{"anon":"a3","user2":"u1","anon2":"a4"}`, `{"of":"of_people","change":{"kind":"created","other":null},"who":"a3","known":false}
{"of":"of_people","change":{"kind":"linked","other":null},"who":"u1","known":true}`},
		{`{"user":"u1","anon":"a3","user2":"u2","bye":"u2"}`, `{"of":"of_people","change":{"kind":"merged","other":"a3"},"who":"u1","known":true}
{"of":"of_people","change":{"kind":"forgotten","other":null},"who":"u2","known":true}`},
		{`{"user":"u3","user2":"u3","bye":"u3"}`, `{"of":"of_people","change":{"kind":"forgotten","other":null},"who":"u3","known":true}`},
	} {
		tw.fused.want(tt.v, tw.say("in", 0, tt.v), tt.want)
	}
}
