package state

import (
	"bytes"
	"fmt"
	"math"
	"slices"
	"strings"

	"github.com/sluice-dev/sluice/lang/ir"
	"github.com/sluice-dev/sluice/lang/plan"
	"github.com/sluice-dev/sluice/lang/types"
	"github.com/sluice-dev/sluice/lang/value"
)

// Directory gives the states of a program their numbers in a store. A number is for
// ever: the cells lie under it, whatever becomes of the program around them.
type Directory struct {
	entries map[string]*Entry
	spans   map[string]int64 // of dedupe memories: the longest `within`, milliseconds
}

// Entry is a state as the store knows it.
type Entry struct {
	Name   string
	Number uint32
	Kind   string   // table, dedupe, changed, throttle, window, identity, audience, call
	Keys   []string // the types of the key's parts, or the space whose people they are
	Row    string   // the type of a row; "" of what has none
	SpanMS int64    // how long it remembers; 0 for ever
}

// Report is what opening a directory found, by name.
type Report struct {
	Kept, New []Entry
	// Orphaned are in the store and not in the program; Changed are made as something
	// else now, which what is stored cannot be read as. They are deleted where their
	// loss was accepted.
	Orphaned, Changed []Entry
	// Judged are kept, and of a new type: every row was held against it.
	Judged []Entry
}

var kindNames = [...]string{
	ir.TableState: "table", ir.DedupeState: "dedupe", ir.ChangedState: "changed", ir.ThrottleState: "throttle", ir.WindowState: "window",
	ir.IdentityState: "identity", ir.AudienceState: "audience", ir.AnswerState: "call",
}

// OpenDirectory brings a store and a program together: new states get numbers, and
// rows whose type has changed are judged against the new one. It refuses, with a
// *RefusedError, what would lose state: a state that the program has no more, or
// keys by something else; unless the loss is accepted, and then it is deleted.
// Where rows do not fit, nothing is accepted: that is a change of the program to be
// mended. The report is good beside such an error, too.
func OpenDirectory(store Store, app string, p *plan.Plan, accept bool) (*Directory, *Report, error) {
	if err := ownStore(store, app); err != nil {
		return nil, nil, err
	}
	stored, err := ReadDirectory(store)
	if err != nil {
		return nil, nil, err
	}
	d := &Directory{entries: map[string]*Entry{}, spans: map[string]int64{}}
	next := uint32(1)
	for i := range stored {
		d.entries[stored[i].Name] = &stored[i]
		next = max(next, stored[i].Number+1)
	}
	o := opening{store: store, Directory: d, rep: &Report{}, asked: map[string]*asked{}}
	o.ask(p)
	if err := o.compare(); err != nil {
		return nil, o.rep, err
	}
	if len(o.lost) > 0 && !accept {
		return nil, o.rep, o.refuse()
	}
	// All rows are judged before the first is touched.
	for _, a := range o.judged {
		if err := o.judge(a, nil); err != nil {
			return nil, o.rep, err
		}
	}
	if err := regroup(store, p, accept); err != nil {
		return nil, o.rep, err
	}
	for _, e := range append(o.gone, o.lost...) {
		if err := o.remove(e); err != nil {
			return nil, o.rep, err
		}
	}
	if err := o.make(next); err != nil {
		return nil, o.rep, err
	}
	for _, a := range o.judged {
		if err := o.rewrite(a); err != nil {
			return nil, o.rep, err
		}
	}
	return d, o.rep, nil
}

// ownStore holds the store against the program's name. A store in memory is new.
func ownStore(store Store, app string) error {
	_, has, _, err := Identity(store)
	if err != nil || has == app || app == "" {
		return err
	}
	if has == "" {
		return store.Commit([]Write{{Key: appKey, Val: []byte(app)}})
	}
	return &RefusedError{Err: ErrForeign, Do: "give this program its own state directory with --state",
		Msg: fmt.Sprintf("the store belongs to the program %q, and this is %q", has, app)}
}

// Specs are the states of a group as Cells need to know them, in its order.
func (d *Directory) Specs(g *plan.Group) []Spec {
	specs := make([]Spec, len(g.States))
	for i, s := range g.States {
		specs[i].Number = d.entries[s.Name].Number
		specs[i].Resident = s.Kind == ir.IdentityState
		if s.Kind == ir.DedupeState {
			specs[i].Keep = d.spans[s.Name] * 1000
		}
	}
	return specs
}

// Entries lists the states, by name.
func (d *Directory) Entries() []Entry {
	out := make([]Entry, 0, len(d.entries))
	for _, e := range d.entries {
		out = append(out, *e)
	}
	slices.SortFunc(out, func(a, b Entry) int { return strings.Compare(a.Name, b.Name) })
	return out
}

// ReadDirectory lists the states of a store, by name.
func ReadDirectory(store Store) ([]Entry, error) {
	var out []Entry
	var bad error
	err := store.Scan([]byte{'d'}, nil, func(key, val []byte) bool {
		e, err := decodeEntry(string(key[1:]), val)
		if err != nil {
			bad = err
			return false
		}
		out = append(out, e)
		return true
	})
	if bad != nil {
		err = bad
	}
	return out, err
}

func entryKey(name string) []byte { return append([]byte{'d'}, name...) }

func (e *Entry) encode() []byte {
	keys := make(value.List, len(e.Keys))
	for i, k := range e.Keys {
		keys[i] = k
	}
	return AppendValue(nil, value.NewObject(
		value.Field{Key: "number", Value: value.FromInt(int64(e.Number))},
		value.Field{Key: "kind", Value: e.Kind},
		value.Field{Key: "keys", Value: keys},
		value.Field{Key: "row", Value: e.Row},
		value.Field{Key: "span", Value: value.FromInt(e.SpanMS)}))
}

func decodeEntry(name string, b []byte) (Entry, error) {
	v, err := DecodeValue(b)
	if err != nil {
		return Entry{}, fmt.Errorf("what %s was made as: %w", name, err)
	}
	bad := fmt.Errorf("%w: what %s was made as cannot be read", ErrDamaged, name)
	o, ok := v.(*value.Object)
	if !ok {
		return Entry{}, bad
	}
	e := Entry{Name: name}
	for i := range o.Len() {
		f := o.At(i)
		switch x := f.Value.(type) {
		case value.Number:
			n, ok := x.Int64()
			switch {
			case f.Key == "number" && ok && n > 0 && n <= math.MaxUint32:
				e.Number = uint32(n)
			case f.Key == "span" && ok:
				e.SpanMS = n
			}
		case string:
			switch f.Key {
			case "kind":
				e.Kind = x
			case "row":
				e.Row = x
			}
		case value.List:
			for _, k := range x {
				if s, ok := k.(string); ok {
					e.Keys = append(e.Keys, s)
				}
			}
		}
	}
	if e.Number == 0 || e.Kind == "" {
		return Entry{}, bad
	}
	return e, nil
}

// asked is a state that the program asks for.
type asked struct {
	Entry
	row  *types.Type
	span int64 // that of the stored rows, where it is another: their timers are set anew
}

// opening is one call of OpenDirectory.
type opening struct {
	*Directory
	store  Store
	rep    *Report
	asked  map[string]*asked
	lost   []Entry
	gone   []Entry        // what the program has no more, and holds nothing
	counts map[string]int // of what is lost: rows
	judged []*asked
	fresh  []*asked
}

func (o *opening) ask(p *plan.Plan) {
	people := map[string]string{} // by state: the identity space that it is keyed by
	for _, t := range p.Tables {
		if t.State == nil {
			continue
		}
		if t.Audience != nil && t.Audience.On.Space != nil {
			people[t.State.Name] = t.Audience.On.Space.Name
		} else if t.Space != nil {
			people[t.State.Name] = t.Space.Name
		}
	}
	for _, g := range p.Groups {
		for _, s := range g.States {
			o.spans[s.Name] = max(o.spans[s.Name], s.SpanMS)
			if o.asked[s.Name] != nil {
				continue
			}
			a := &asked{Entry: Entry{Name: s.Name, Kind: kindNames[s.Kind], SpanMS: s.SpanMS}, row: s.Row}
			for _, k := range s.Keys {
				a.Keys = append(a.Keys, keyText(k))
			}
			// The id of a person is a text, and no text that a record has.
			if space := people[s.Name]; space != "" {
				a.Keys = []string{space}
			}
			if s.Row != nil {
				a.Row = bare(s.Row).Structure()
			}
			o.asked[s.Name] = a
		}
	}
}

func sorted[T any](m map[string]T) []string {
	names := make([]string, 0, len(m))
	for n := range m {
		names = append(names, n)
	}
	slices.Sort(names)
	return names
}

// compare finds what is kept, new, orphaned and changed.
func (o *opening) compare() error {
	o.counts = map[string]int{}
	for _, name := range sorted(o.entries) {
		e, a := o.entries[name], o.asked[name]
		if a != nil && a.Kind == e.Kind && slices.Equal(a.Keys, e.Keys) {
			a.Number = e.Number
			o.rep.Kept = append(o.rep.Kept, *e)
			// A timer is due no later than the age of its row ends: a shorter one needs others.
			if a.row != nil && a.SpanMS != e.SpanMS && a.SpanMS > 0 && (e.SpanMS == 0 || a.SpanMS < e.SpanMS) {
				a.span = a.SpanMS
			}
			if a.row != nil && a.Row != e.Row || a.span > 0 {
				o.rep.Judged = append(o.rep.Judged, *e)
				o.judged = append(o.judged, a)
			} else if a.SpanMS != e.SpanMS {
				o.fresh = append(o.fresh, a)
			}
			continue
		}
		n, err := count(o.store, e.Number)
		if err != nil {
			return err
		}
		o.counts[name] = n
		switch {
		case n == 0, e.Kind == kindNames[ir.AnswerState]: // nothing is lost with it: answers can be had again
			o.gone = append(o.gone, *e)
		case a == nil:
			o.rep.Orphaned = append(o.rep.Orphaned, *e)
			o.lost = append(o.lost, *e)
		default:
			o.rep.Changed = append(o.rep.Changed, *e)
			o.lost = append(o.lost, *e)
		}
	}
	for _, name := range sorted(o.asked) {
		if a := o.asked[name]; a.Number == 0 {
			o.fresh = append(o.fresh, a)
		}
	}
	return nil
}

// refuse says what would be lost and what to do about it.
func (o *opening) refuse() error {
	var msgs []string
	why, do := ErrLoss, "write what is missing again"
	for _, e := range o.lost {
		name := e.Name + ", which holds " + e.holds(o.counts[e.Name]) + ", "
		a := o.asked[e.Name]
		switch {
		case a == nil:
			msgs = append(msgs, name+"is not in the program any more")
		case a.Kind != e.Kind:
			why = ErrChanged
			msgs = append(msgs, fmt.Sprintf("%swas made as %s and is %s now", name, e.Kind, a.Kind))
		default:
			why, do = ErrChanged, "key it as before, or give it another name"
			msgs = append(msgs, fmt.Sprintf("%sis keyed by %s there and by %s in the program, which would not find it again", name, keysText(e.Keys), keysText(a.Keys)))
		}
	}
	return &RefusedError{Msg: strings.Join(msgs, "; "), Err: why, Do: do + ", or start once with --accept-state-loss, which deletes it"}
}

func (e *Entry) holds(n int) string {
	what := map[string]string{"table": "row", "dedupe": "segment of claims", "changed": "object", "throttle": "bucket", "window": "cell", "identity": "cell", "audience": "member", "call": "answer"}[e.Kind]
	if n == 1 {
		return "1 " + what
	}
	return fmt.Sprintf("%d %ss", n, strings.Replace(what, "segment of", "segments of", 1))
}

func keysText(keys []string) string {
	switch len(keys) {
	case 0:
		return "nothing"
	case 1:
		return keys[0]
	}
	return "[" + strings.Join(keys, ", ") + "]"
}

// kindsOf are the first bytes of all that lies under a state's number.
var kindsOf = [...]byte{'c', 'l', 't'}

// count is how many cells and segments of claims a state has.
func count(store Store, number uint32) (n int, err error) {
	for _, kind := range kindsOf[:2] {
		if err := store.Scan(stateKey(kind, number), nil, func(_, _ []byte) bool { n++; return true }); err != nil {
			return 0, err
		}
	}
	return n, nil
}

// remove deletes all of a state, and last that it was there.
func (o *opening) remove(e Entry) error {
	for _, kind := range kindsOf {
		if err := pages(o.store, stateKey(kind, e.Number), func(key, _ []byte) ([]Write, error) {
			return []Write{{Key: bytes.Clone(key), Delete: true}}, nil
		}); err != nil {
			return err
		}
	}
	delete(o.entries, e.Name)
	return o.store.Commit([]Write{{Key: entryKey(e.Name), Delete: true}})
}

// make takes new states down, and others that only remember longer or shorter.
func (o *opening) make(next uint32) error {
	var ws []Write
	for _, a := range o.fresh {
		if a.Number == 0 {
			a.Number = next
			next++
			o.rep.New = append(o.rep.New, a.Entry)
		}
		o.entries[a.Name] = &a.Entry
		ws = append(ws, Write{Key: entryKey(a.Name), Val: a.encode()})
	}
	if len(ws) == 0 {
		return nil
	}
	return o.store.Commit(ws)
}

// unfinished is the type of rows of which some may be of the old type and some of
// the new one: they are judged again.
const unfinished = "?"

// rewrite brings the rows of a state to its new type. Those that belong to it as
// they are stay; of the others what the type makes of them is written, and fields
// that it does not name stay.
func (o *opening) rewrite(a *asked) error {
	e := a.Entry
	e.Row = unfinished
	if err := o.store.Commit([]Write{{Key: entryKey(a.Name), Val: e.encode()}}); err != nil {
		return err
	}
	if err := o.judge(a, func(key []byte, at, since int64, v, view value.Value) []Write {
		var ws []Write
		if !types.Member(v, a.row) {
			ws = append(ws, Write{Key: bytes.Clone(key), Val: AppendRowSince(nil, at, since, merged(v, view, a.row))})
		}
		if a.span > 0 && at <= math.MaxInt64-a.span*1000 && at != math.MinInt64 {
			ws = append(ws, Write{Key: timerKey(a.Number, at+a.span*1000, key[cellHead:]), Val: []byte{}})
		}
		return ws
	}); err != nil {
		return err
	}
	o.entries[a.Name] = &a.Entry
	return o.store.Commit([]Write{{Key: entryKey(a.Name), Val: a.encode()}})
}

// merged puts what a type makes of an object over the object, so that fields which
// it does not name are there when it names them again.
func merged(v, view value.Value, t *types.Type) value.Value {
	old, ok := v.(*value.Object)
	now, ok2 := view.(*value.Object)
	if !ok || !ok2 {
		return view
	}
	both := old.Clone()
	for i := range now.Len() {
		f := now.At(i)
		both.Set(f.Key, f.Value)
	}
	if types.Member(both, t) {
		return both
	}
	return view
}

// judge holds every row of a state against its new type; then, where it is given,
// writes what fn makes of it.
func (o *opening) judge(a *asked, fn func(key []byte, at, since int64, v, view value.Value) []Write) error {
	return pages(o.store, stateKey('c', a.Number), func(key, val []byte) ([]Write, error) {
		at, since, v, err := DecodeRowSince(val)
		if err != nil {
			return nil, fmt.Errorf("%s, row %s: %w", a.Name, KeyText(key[cellHead:]), err)
		}
		view, m := types.Judge(v, a.row, types.Mode{})
		if m != nil {
			return nil, o.misfit(a, key, m)
		}
		if fn == nil {
			return nil, nil
		}
		return fn(key, at, since, v, view), nil
	})
}

func (o *opening) misfit(a *asked, key []byte, m *types.Mismatch) error {
	do := "let the type take it, too (a field that may be missing is `f?: T`)"
	if e := o.entries[a.Name]; e != nil && e.Row != unfinished {
		do += ", or go back to the type that it was written with, " + e.Row
	}
	return &RefusedError{Err: ErrChanged, Do: do, Msg: fmt.Sprintf("%s, row %s: %v", a.Name, KeyText(key[cellHead:]), m)}
}

// KeyText is the key of a cell as JSON: its parts, in brackets where they are
// several.
func KeyText(key []byte) string {
	parts, err := value.DecodeKey(key)
	switch {
	case err != nil:
		return fmt.Sprintf("%x", key)
	case len(parts) == 1:
		return string(value.AppendJSON(nil, parts[0]))
	}
	return string(value.AppendJSON(nil, parts))
}

const cellHead = 1 + 4

// Pages of a pass over a state, so that it commits in transactions of bounded size.
const (
	pageRows  = 2000
	pageBytes = 1 << 20
)

// pages visits all keys with a prefix and commits what visit gives, a page at a
// time.
func pages(store Store, prefix []byte, visit func(key, val []byte) ([]Write, error)) error {
	var from []byte
	for {
		var ws []Write
		var bad error
		n, size := 0, 0
		more := false
		err := store.Scan(prefix, from, func(key, val []byte) bool {
			if n == pageRows || size > pageBytes {
				from, more = bytes.Clone(key), true
				return false
			}
			n++
			size += len(key) + len(val)
			var out []Write
			out, bad = visit(key, val)
			ws = append(ws, out...)
			return bad == nil
		})
		if bad != nil {
			err = bad
		}
		if err == nil && len(ws) > 0 {
			err = store.Commit(ws)
		}
		if err != nil || !more {
			return err
		}
	}
}

// keyText is the type of a part of a key as its bytes know it: a number is one
// whether it is declared an int or not, and a name says nothing.
func keyText(t *types.Type) string { return numbers(types.Widen(bare(t))).Structure() }

func numbers(t *types.Type) *types.Type {
	if t.Kind == types.Int {
		return types.NumberT
	}
	return overParts(t, numbers)
}

// bare is a type without names, its own and those of its parts: renaming a type
// changes nothing of what is stored.
func bare(t *types.Type) *types.Type {
	c := *overParts(t, bare)
	c.Name, c.Known = "", nil
	return &c
}

// overParts gives a type whose parts are what f makes of them.
func overParts(t *types.Type, f func(*types.Type) *types.Type) *types.Type {
	c := *t
	if c.Elem != nil {
		c.Elem = f(c.Elem)
	}
	if c.Rest != nil {
		c.Rest = f(c.Rest)
	}
	c.Members = slices.Clone(t.Members)
	for i := range c.Members {
		c.Members[i] = f(c.Members[i])
	}
	c.Fields = slices.Clone(t.Fields)
	for i := range c.Fields {
		c.Fields[i].Type = f(c.Fields[i].Type)
	}
	return &c
}
