package types

import (
	"encoding/base64"
	"errors"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/sluice-dev/sluice/lang/diag"
	"github.com/sluice-dev/sluice/lang/value"
)

// Mode says how a value is judged.
type Mode struct {
	// Strict refuses fields that no type declares (`as T strict`). Else they are
	// left out of the view.
	Strict bool
	// Text is for sources whose values come as text (queries, forms, CSV, headers):
	// a text is also read as the number, bool, object, list or epoch time that the
	// type declares, and "" is null for an optional field; so is "N/A" or a macro
	// that no sender replaced, where it is not of the field's type.
	Text bool
	// Drift, where it is not nil, hears of each field that was left out, by its
	// path; only when the value was taken.
	Drift func(path string)
}

// Mismatch is why a value does not belong to a type: the first part, in the order
// of the type, that does not. It holds words and no payload but Value.
type Mismatch struct {
	Path    string      // ".lines[1].qty", `.m["k"]`; "." is the whole value
	Want    string      // what was expected: "number", "only fields of Order"
	Got     string      // what was found: "string", "another"
	Help    string      // what to write instead; may be ""
	Missing bool        // a field is not there
	Value   value.Value // the part, for an excerpt; nil when Missing
}

// Error says it in one line.
func (m *Mismatch) Error() string { return m.Path + ": expected " + m.Want + ", got " + m.Got }

// Judge is `as T`: it gives the view of v that t declares, or the first mismatch.
// The view has the declared fields (and, where t says so, the others, judged by
// Rest) in the order they came; defaults stand in for null in place and for
// missing fields behind the others, in declared order. Texts and epoch numbers
// become times, durations and bytes where t says so. What Judge gives is a member
// of View(t). Null is judged like any value: that `null | as T` is null is the
// caller's.
//
// The order of judging is that of the declared fields, then that of the other
// fields as they came; the fused code must find the same first mismatch.
func Judge(v value.Value, t *Type, mode Mode) (value.Value, *Mismatch) {
	j := judge{mode: mode}
	out, m := j.value(v, t)
	if m != nil {
		if m.Help == "" {
			m.Help = value.Hint(m.Value)
		}
		if m.Help == "" {
			m.Help = value.Hint(v)
		}
		return nil, m
	}
	if mode.Drift != nil {
		for _, p := range j.drift {
			mode.Drift(p)
		}
	}
	return out, nil
}

type judge struct {
	mode  Mode
	path  []step
	drift []string
}

// step is one step of a path: a field, a key of a map, or a position.
type step struct {
	name string
	kind stepKind
	at   int
}

type stepKind uint8

const (
	fieldStep stepKind = iota
	keyStep
	elemStep
)

// pathText prints a path as a script would read it.
func pathText(path []step) string {
	if len(path) == 0 {
		return "."
	}
	b := make([]byte, 0, 32)
	for i, s := range path {
		if s.kind == fieldStep && isWord(s.name) {
			b = append(append(b, '.'), s.name...)
			continue
		}
		if i == 0 {
			b = append(b, '.')
		}
		b = append(b, '[')
		if s.kind == elemStep {
			b = strconv.AppendInt(b, int64(s.at), 10)
		} else {
			b = append(b, quote(s.name)...)
		}
		b = append(b, ']')
	}
	return string(b)
}

// subject is how a script names the part at hand in a help line.
func (j *judge) subject() string {
	if n := len(j.path); n > 0 && j.path[n-1].kind == fieldStep {
		return pathText(j.path[n-1:])
	}
	return "x"
}

func (j *judge) mismatch(v value.Value, want, got string) *Mismatch {
	return &Mismatch{Path: pathText(j.path), Want: want, Got: got, Value: v}
}

// at judges a part of the value.
func (j *judge) at(s step, v value.Value, t *Type) (value.Value, *Mismatch) {
	j.path = append(j.path, s)
	out, m := j.value(v, t)
	j.path = j.path[:len(j.path)-1]
	return out, m
}

func (j *judge) value(v value.Value, t *Type) (value.Value, *Mismatch) {
	switch t.Kind {
	case Union:
		return j.union(v, t)
	case Literal:
		return j.literal(v, t)
	case List:
		return j.list(v, t)
	case Map, Object:
		return j.object(v, t)
	case Bool, Number, Int, Time, Duration, Bytes:
		if out, ok := j.scalar(v, t.Kind); ok {
			return out, nil
		}
		m := j.mismatch(v, t.Brief(), got(v, t))
		m.Help = j.help(v, t.Kind)
		return nil, m
	}
	if !Member(v, t) {
		return nil, j.mismatch(v, t.Brief(), got(v, t))
	}
	return v, nil
}

// scalar reads a value as one of a kind.
func (j *judge) scalar(v value.Value, k Kind) (value.Value, bool) {
	s, isText := v.(string)
	n, isNumber := v.(value.Number)
	if isText && j.mode.Text && k != Duration && k != Bytes {
		if k == Bool {
			return boolOf(s)
		}
		n, isNumber = value.ParseNumber(s)
	}
	switch k {
	case Bool:
		b, ok := v.(bool)
		return b, ok
	case Number:
		return n, isNumber
	case Int:
		return n, isNumber && n.IsInt()
	case Time:
		if t, ok := v.(time.Time); ok {
			return t, true
		}
		if isText {
			if t, err := value.ParseTime(s); err == nil {
				return t, true
			}
		}
		if isNumber {
			t, err := value.TimeFromEpoch(n)
			return t, err == nil
		}
	case Duration:
		if isText {
			d, err := value.ParseDuration(s)
			return d, err == nil
		}
		d, ok := v.(time.Duration)
		return d, ok
	case Bytes:
		if isText {
			b, err := base64.StdEncoding.DecodeString(s)
			return value.Bytes(b), err == nil
		}
		b, ok := v.(value.Bytes)
		return b, ok
	case String:
		return s, isText
	}
	return nil, false
}

// boolOf reads the texts that bool(x) reads.
func boolOf(s string) (value.Value, bool) {
	switch {
	case s == "1", strings.EqualFold(s, "true"), strings.EqualFold(s, "yes"):
		return true, true
	case s == "0", strings.EqualFold(s, "false"), strings.EqualFold(s, "no"):
		return false, true
	}
	return nil, false
}

// constant reads a value as the literal t.
func (j *judge) constant(v value.Value, t *Type) (value.Value, bool) {
	out, ok := j.scalar(v, base(t.Lit).Kind)
	return out, ok && value.Equal(out, t.Lit)
}

func (j *judge) literal(v value.Value, t *Type) (value.Value, *Mismatch) {
	if out, ok := j.constant(v, t); ok {
		return out, nil
	}
	m := j.mismatch(v, t.Brief(), got(v, t))
	m.Help = near(v, []*Type{t})
	return nil, m
}

// near proposes the literal that a text most likely means.
func near(v value.Value, members []*Type) string {
	s, ok := v.(string)
	if !ok {
		return ""
	}
	var texts []string
	for _, m := range members {
		if l, ok := m.Lit.(string); ok {
			texts = append(texts, l)
		}
	}
	if n := diag.Nearest(s, texts); n != "" {
		return "did you mean " + quote(n) + "?"
	}
	return ""
}

func (j *judge) list(v value.Value, t *Type) (value.Value, *Mismatch) {
	l, ok := v.(value.List)
	if s, isText := v.(string); isText && j.mode.Text {
		// Of one text a JSON list is that list, any other text its one element.
		parsed, _ := value.DecodeJSON([]byte(s))
		if l, ok = parsed.(value.List); !ok {
			l, ok = value.List{s}, true
		}
	}
	if !ok {
		m := j.mismatch(v, t.Brief(), got(v, t))
		m.Help = j.help(v, List)
		return nil, m
	}
	if Equal(t.Elem, AnyT) {
		return l, nil
	}
	out := make(value.List, len(l))
	for i, e := range l {
		x, m := j.at(step{kind: elemStep, at: i}, e, t.Elem)
		if m != nil {
			return nil, m
		}
		out[i] = x
	}
	return out, nil
}

func (j *judge) object(v value.Value, t *Type) (value.Value, *Mismatch) {
	o, ok := v.(*value.Object)
	if s, isText := v.(string); isText && j.mode.Text {
		parsed, _ := value.DecodeJSON([]byte(s))
		o, ok = parsed.(*value.Object)
	}
	if !ok {
		m := j.mismatch(v, t.Brief(), got(v, t))
		m.Help = j.help(v, Object)
		return nil, m
	}
	if Equal(t, ObjectT) {
		return o, nil
	}
	row, _ := rowOf(t)
	declared, m := j.declared(o, row)
	if m != nil {
		return nil, m
	}
	fields := make([]value.Field, 0, o.Len())
	at := 0
	for i := range o.Len() {
		f := o.At(i)
		if at = find(row.Fields, f.Key, at); at < len(declared) {
			if declared[at].there {
				fields = append(fields, value.Field{Key: f.Key, Value: declared[at].value})
			}
			continue
		}
		x, keep, m := j.other(f, t, row)
		if m != nil {
			return nil, m
		}
		if keep {
			fields = append(fields, value.Field{Key: f.Key, Value: x})
		}
	}
	for i := range row.Fields {
		if f := &row.Fields[i]; f.HasDef && !o.Has(f.Name) {
			fields = append(fields, value.Field{Key: f.Name, Value: f.Default})
		}
	}
	return value.NewObject(fields...), nil
}

// find gives the place of a field, or len(fields). It looks behind the one found
// before first: fields mostly come in the order they are declared in.
func find(fields []Field, name string, before int) int {
	for i := before + 1; i < len(fields); i++ {
		if fields[i].Name == name {
			return i
		}
	}
	for i := range min(before+1, len(fields)) {
		if fields[i].Name == name {
			return i
		}
	}
	return len(fields)
}

// taken is what became of a declared field: its value, or nothing.
type taken struct {
	value value.Value
	there bool
}

// declared judges the declared fields, in their order.
func (j *judge) declared(o *value.Object, row *Type) ([]taken, *Mismatch) {
	got := make([]taken, len(row.Fields))
	for i := range row.Fields {
		f := &row.Fields[i]
		v, there := o.Get(f.Name)
		takesNull := MayBeNull(f.Type)
		if s, isText := v.(string); isText && j.mode.Text && f.Type.Kind != Any {
			mayBeNothing, macro := takesNull || f.Optional || f.HasDef, s != "" && value.IsMacroOf(s, f.Name)
			switch {
			case mayBeNothing && (s == "" || macro):
				v, there = nil, takesNull || f.HasDef
			case macro:
				m := &Mismatch{Want: f.Type.Brief(), Got: "a macro that the sender did not replace", Value: v, Help: "the sender's template has no value for it"}
				m.Path = pathText(append(j.path, step{name: f.Name}))
				return nil, m
			}
		}
		switch {
		case there && v == nil && f.HasDef:
			got[i] = taken{f.Default, true}
		case there:
			x, m := j.at(step{name: f.Name}, v, f.Type)
			switch s, isText := v.(string); {
			case m == nil:
				got[i] = taken{x, true}
			case j.mode.Text && isText && blank(s) && f.HasDef:
				got[i] = taken{f.Default, true}
			case j.mode.Text && isText && blank(s) && (takesNull || f.Optional):
				got[i] = taken{nil, takesNull}
			default:
				return nil, m
			}
		case !f.HasDef && !f.Optional && !takesNull:
			m := &Mismatch{Want: f.Type.Brief(), Got: "nothing: the field is missing", Missing: true}
			m.Path = pathText(append(j.path, step{name: f.Name}))
			return nil, m
		}
	}
	return got, nil
}

// blank tells whether a text only looks like a value: "N/A", a macro that no sender
// replaced.
func blank(s string) bool {
	_, ok := value.Nonblank(s)
	return !ok
}

// other judges a field that is not declared; false where the view leaves it out.
func (j *judge) other(f value.Field, t, row *Type) (value.Value, bool, *Mismatch) {
	s := step{name: f.Key}
	switch {
	case row.Rest != nil:
		if t.Kind == Map {
			s.kind = keyStep
		}
		x, m := j.at(s, f.Value, row.Rest)
		return x, true, m
	case j.mode.Strict:
		m := j.mismatch(f.Value, "only fields of "+t.Brief(), "another")
		m.Path = pathText(append(j.path, s))
		if n := diag.Nearest(f.Key, FieldNames(row)); n != "" {
			m.Help = "did you mean " + pathText([]step{{name: n}}) + "?"
		}
		return nil, false, m
	case j.mode.Drift != nil:
		j.drift = append(j.drift, pathText(append(j.path, s)))
	}
	return nil, false, nil
}

// union gives the view of the first member that takes the value.
func (j *judge) union(v value.Value, t *Type) (value.Value, *Mismatch) {
	var ms []*Mismatch // what the members said; of literals nothing
	for i, member := range t.Members {
		if !j.sameKind(v, member) {
			continue
		}
		if member.Kind == Literal {
			// Of an enum most members do not take the value: no words for each.
			if out, ok := j.constant(v, member); ok {
				return out, nil
			}
			continue
		}
		seen := len(j.drift)
		out, m := j.value(v, member)
		if m == nil {
			return out, nil
		}
		if j.drift = j.drift[:seen]; ms == nil {
			ms = make([]*Mismatch, len(t.Members))
		}
		ms[i] = m
	}
	return nil, j.blame(v, t, ms)
}

// blame chooses what to say of a value that no member of a union takes. Where
// only one member could have been meant, by the kind of the value or by a tag
// that tells the members apart, it is what is wrong with that one; else what is
// wrong with the tag; else that the value is none of them.
func (j *judge) blame(v value.Value, t *Type, ms []*Mismatch) *Mismatch {
	var could []int
	for i, m := range t.Members {
		if j.sameKind(v, m) {
			could = append(could, i)
		}
	}
	if len(could) > 1 {
		if name, ok := tagOf(t, could); ok {
			tag := pathText(append(j.path, step{name: name}))
			fit := slices.DeleteFunc(slices.Clone(could), func(i int) bool { return ms[i].Path == tag })
			switch {
			case len(fit) == 1:
				could = fit
			case len(fit) == 0:
				return tagMismatch(t, could, ms, name)
			}
		}
	}
	if len(could) == 1 && ms != nil && ms[could[0]] != nil {
		return ms[could[0]]
	}
	m := j.mismatch(v, t.Brief(), got(v, t))
	m.Help = near(v, t.Members)
	return m
}

// sameKind tells whether a value is of the kind of value that a member takes.
// What is not is never taken.
func (j *judge) sameKind(v value.Value, t *Type) bool {
	k := t.Kind
	if k == Literal {
		k = base(t.Lit).Kind
	}
	switch v.(type) {
	case bool:
		return k == Bool
	case value.Number:
		return k == Number || k == Int || k == Time
	case string:
		return k == String || k == Time || k == Duration || k == Bytes || j.mode.Text && k != Null
	case value.List:
		return k == List
	case *value.Object:
		return k == Object || k == Map
	}
	return Member(v, t)
}

// tagOf finds the field that tells the given members apart: one that each of them
// declares by literals only.
func tagOf(t *Type, which []int) (string, bool) {
	first := t.Members[which[0]]
	for i := range first.Fields {
		name := first.Fields[i].Name
		isTag := func(i int) bool {
			f, ok := t.Members[i].Field(name)
			return ok && !slices.ContainsFunc(f.Type.members(), func(m *Type) bool { return m.Kind != Literal })
		}
		if !slices.ContainsFunc(which, func(i int) bool { return !isTag(i) }) {
			return name, true
		}
	}
	return "", false
}

// tagMismatch says which tags there are.
func tagMismatch(t *Type, which []int, ms []*Mismatch, name string) *Mismatch {
	var tags []*Type
	for _, i := range which {
		f, _ := t.Members[i].Field(name)
		tags = append(tags, f.Type)
	}
	all := UnionOf(tags...)
	m := *ms[which[0]]
	m.Want = all.Brief()
	m.Help = near(m.Value, all.members())
	return &m
}

// got names what was found where a t was expected.
func got(v value.Value, t *Type) string {
	kind := value.KindOf(v)
	switch {
	case kind == value.KindNumber && t.Kind == Int:
		return "a number with a fraction"
	case slices.ContainsFunc(t.members(), func(m *Type) bool { return m.Kind == Literal && value.KindOf(m.Lit) == kind }):
		return "another " + kind.String()
	case kind == value.KindString && (t.Kind == Time || t.Kind == Duration || t.Kind == Bytes):
		return "a string that is none"
	case kind == value.KindNumber && t.Kind == Time:
		return "a number outside the years 1 to 9999"
	}
	return kind.String()
}

// help says how a script could read the text that stands where another kind of
// value was declared.
func (j *judge) help(v value.Value, k Kind) string {
	s, ok := v.(string)
	if !ok {
		return ""
	}
	declare := func(call string) string { return "declare it as string and read it with " + call }
	switch k {
	case Time:
		var e *value.TimeError
		if _, err := value.ParseTime(s); errors.As(err, &e) {
			return e.Help
		}
	case Number, Int:
		if n, ok := value.ParseNumber(s); ok && (k == Number || n.IsInt()) {
			return declare(kindNames[k] + "(" + j.subject() + ")")
		}
		if locale := numberLocale(s); locale != "" {
			return declare("number.parse(" + j.subject() + ", " + quote(locale) + ")")
		}
	case Bool:
		if _, ok := boolOf(s); ok {
			return declare("bool(" + j.subject() + ")")
		}
	case Object, List:
		if trimmed := strings.TrimLeft(s, " \t\r\n"); trimmed != "" && (trimmed[0] == '{') == (k == Object) && (trimmed[0] == '{' || trimmed[0] == '[') {
			return declare("json.decode(" + j.subject() + ")")
		}
	}
	return ""
}

// numberLocale names a locale whose way of writing numbers a text follows, or "".
func numberLocale(s string) string {
	last := strings.LastIndexAny(s, ".,")
	if last < 0 || strings.Trim(s, "0123456789.,") != "" || s[0] == '.' || s[0] == ',' {
		return ""
	}
	switch {
	case s[last] == ',' && strings.Count(s, ",") == 1:
		return "de"
	case s[last] == '.' && strings.Count(s, ".") == 1 && strings.Contains(s, ","), strings.Count(s, ",") > 1 && !strings.Contains(s, "."):
		return "en"
	}
	return ""
}
