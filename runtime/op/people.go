package op

import (
	"slices"
	"strings"

	"github.com/sluice-dev/sluice/lang/diag"
	"github.com/sluice-dev/sluice/lang/ir"
	"github.com/sluice-dev/sluice/lang/token"
	"github.com/sluice-dev/sluice/lang/value"
	"github.com/sluice-dev/sluice/runtime/event"
	"github.com/sluice-dev/sluice/runtime/identity"
)

// told is what a record did to a person, to be told at its end: the changes of a
// space come behind those of rows and audiences, and of one person there is one.
type told struct {
	of    *space
	id    string
	kind  identity.Kind
	other value.Value // who was merged in, first
	was   value.Value // of one who is forgotten: as they were
	at    int64
}

// did is what the record at hand did to people.
type did struct {
	told    []told
	winners []string // whom others were merged into
	merges  []event.LaneMerge
	erased  []string
}

// reset forgets what the record did. Nothing is used again: others hold on to it.
func (d *did) reset() {
	if d.told != nil || d.winners != nil || d.merges != nil || d.erased != nil {
		*d = did{}
	}
}

// linked carries out what identity did to a person, and binds them.
func (fr *Frame) linked(pl *people, p *person, r *identity.Result, now int64, at token.Span) *diag.Failure {
	p.take(pl.space, r.Person)
	if len(r.Merged) > 0 {
		losers := make([]loser, len(r.Merged))
		for i, who := range r.Merged {
			var l person
			l.take(pl.space, who)
			losers[i] = loser{who.ID, value.AppendTextKey(nil, who.ID), l.Whole()}
		}
		if fail := fr.merged(pl.space, p.who.ID, losers, now, at); fail != nil {
			return fail
		}
	}
	for _, id := range fr.did.winners {
		p.merged = p.merged || id == p.who.ID
	}
	fr.note(told{of: pl.space, id: p.who.ID, kind: r.Kind, at: now})
	return nil
}

// merged carries out that people became another.
func (fr *Frame) merged(sp *space, winner string, losers []loser, now int64, at token.Span) *diag.Failure {
	if fail := fr.join(sp, winner, losers, now, at); fail != nil {
		return fail
	}
	d := &fr.did
	d.winners = append(d.winners, winner)
	for _, l := range losers {
		fr.unnote(sp, l.id)
		for i, r := range fr.group.routes {
			d.merges = append(d.merges, event.LaneMerge{Route: i, From: r.ids.laneOf([]byte(l.id)), Into: r.ids.laneOf([]byte(winner))})
		}
	}
	fr.note(told{of: sp, id: winner, kind: identity.Merged, other: losers[0].was, at: now})
	return nil
}

// note keeps what was done to a person, if it is more than what was before.
func (fr *Frame) note(t told) {
	if t.kind == identity.Nothing || !t.of.told {
		return
	}
	d := &fr.did
	for i := range d.told {
		if o := &d.told[i]; o.of == t.of && o.id == t.id {
			if t.kind > o.kind {
				*o = t
			}
			return
		}
	}
	d.told = append(d.told, t)
}

// unnote forgets what was done to one who became another: of that the other tells.
func (fr *Frame) unnote(sp *space, id string) {
	d := &fr.did
	for i := range d.told {
		if d.told[i].of == sp && d.told[i].id == id {
			d.told = append(d.told[:i:i], d.told[i+1:]...)
			return
		}
	}
}

// close ends a record whose effects take place: it tells what became of people, and
// the outcome who they are.
func (fr *Frame) close(end *event.Outcome) {
	d := &fr.did
	if end.Kind == event.Waits {
		return // it runs again, and nothing has come of it yet
	}
	if end.Kind == event.Failed {
		if len(fr.persons) > 0 || len(fr.gave) > 0 {
			end.People = &event.People{Persons: fr.persons, Named: fr.identifiers()}
		}
		return
	}
	for i := range d.told {
		t := &d.told[i]
		// Who is still there is looked up when the change runs: it may be after others.
		about := value.Value(t.id)
		if t.was != nil {
			about = t.was
		}
		fr.change(t.of.state, t.at, about, value.NewObject(
			value.Field{Key: "kind", Value: t.kind.String()}, value.Field{Key: "other", Value: t.other}))
	}
	if d.merges != nil || d.erased != nil {
		end.People = &event.People{Merges: d.merges, Erased: d.erased}
	}
}

// forgotten is `f` of a `forget`: whose identifiers went, and how many rows.
func forgotten(ids value.List, rows int) *value.Object {
	return value.NewObject(value.Field{Key: "ids", Value: ids}, value.Field{Key: "rows", Value: value.FromInt(int64(rows))})
}

// forget erases a person: who they are, their rows, and what the group keeps under
// one of their identifiers. why is set where it is not clear who is meant.
func (fr *Frame) forget(pl *people, given []identity.Given, now int64, at token.Span) (out *value.Object, why identity.Reason, fail *diag.Failure) {
	fr.give(pl, given)
	who, why := pl.ids.Forget(&pl.cells, given, now)
	switch {
	case why != "":
		return nil, why, nil
	case who == nil:
		// Nobody is known by it, and something may be remembered under it, or stand in
		// letters of records that failed.
		rows, fail := fr.eraseAll(pl.named(nil, given), now)
		return forgotten(value.List{}, rows), "", fail
	}
	var p person
	p.take(pl.space, who)
	fr.named(p.who.ID)
	was := p.Whole()
	rows := 0
	key := value.AppendTextKey(nil, p.who.ID)
	for _, t := range pl.tables {
		r, fail := t.row(fr, key, now, at, was)
		if fail != nil {
			return nil, "", fail
		}
		if r.there {
			rows++
			fr.cells.Delete(t.state, key)
			t.tell(fr, key, r.v, nil, "delete", now, was)
		}
	}
	for _, t := range pl.tables {
		t.leave(fr, key, "delete", now, was)
	}
	n, fail := fr.eraseAll(pl.named(erasable(&p.who), given), now)
	if fail != nil {
		return nil, "", fail
	}
	fr.note(told{of: pl.space, id: p.who.ID, kind: identity.Forgotten, was: was, at: now})
	return forgotten(idsValue(pl.space, p.who.IDs), rows+n), "", fr.full(at)
}

// named adds identifiers that a stage was given to keys, in their canonical forms.
func (pl *people) named(keys []string, given []identity.Given) []string {
	for _, g := range given {
		if g.Type < 0 {
			continue
		}
		if v, why := pl.ids.Canon(g.Type, g.Value); why == "" && !slices.Contains(keys, v) {
			keys = append(keys, v)
		}
	}
	return keys
}

// eraseAll erases what the group keeps under keys, and has the other groups, and who
// keeps letters, do the same.
func (fr *Frame) eraseAll(keys []string, now int64) (rows int, fail *diag.Failure) {
	if rows, fail = fr.erase(keys, now); fail == nil {
		fr.did.erased = append(fr.did.erased, keys...)
	}
	return rows, fail
}

// erase takes away what the group keeps under keys of a person, where the key is
// nothing else: rows of tables, which it counts, objects of `changed by`, buckets and
// open panes. Memories of `dedupe` hold hashes only, and are left.
func (fr *Frame) erase(keys []string, now int64) (rows int, fail *diag.Failure) {
	for i, s := range fr.group.plan.States {
		if len(s.Keys) != 1 {
			continue
		}
		for _, k := range keys {
			for _, key := range keysOf(k) {
				switch s.Kind {
				case ir.TableState:
					t := fr.group.tables[i]
					if t == nil || t.Space != nil {
						continue
					}
					n, fail := fr.eraseRow(t, key, now)
					if fail != nil {
						return 0, fail
					}
					rows += n
				case ir.ChangedState, ir.ThrottleState, ir.WindowState:
					fr.eraseUnder(i, key, s.Kind == ir.WindowState)
				}
			}
		}
	}
	return rows, nil
}

// keysOf are the keys that a text makes: the text, and the number that it is.
func keysOf(text string) [][]byte {
	out := [][]byte{value.AppendTextKey(nil, text)}
	if n, ok := value.ParseNumber(text); ok && n.Text() == text {
		out = append(out, value.AppendNumberKey(nil, n))
	}
	return out
}

// eraseRow takes a row away, whatever it holds.
func (fr *Frame) eraseRow(t *table, key []byte, now int64) (int, *diag.Failure) {
	r, fail := fr.stored(t.state, key, nil, token.Span{})
	switch {
	case fail != nil:
		fr.cells.Delete(t.state, key)
		return 1, t.follow(fr, key, row{}, "delete", now, nil)
	case !r.there:
		return 0, nil
	}
	return 1, t.drop(fr, key, r, now)
}

// eraseUnder takes a cell away, and with below those whose keys begin with its key.
// Timers of theirs find nothing when they are due.
func (fr *Frame) eraseUnder(s int, key []byte, below bool) {
	if _, ok := fr.cells.Get(s, key); ok {
		fr.cells.Delete(s, key)
	}
	for from := key; below; {
		rows := fr.cells.Rows(s, from)
		if len(rows) == 0 {
			return
		}
		for _, r := range rows {
			if !strings.HasPrefix(string(r.Key), string(key)) {
				return
			}
			fr.cells.Delete(s, r.Key)
			from = r.Key
		}
	}
}

// named notes that the record is about a person: its letter, if it fails, bears their id.
func (fr *Frame) named(id string) {
	if !slices.Contains(fr.persons, id) {
		fr.persons = append(fr.persons, id)
	}
}

// gave is an identifier that the record gave a stage.
type gave struct {
	space int // number of its space
	identity.Given
}

// give notes identifiers that the record gives a stage: if it fails, nothing of it is
// linked, and its letter is found by them alone.
func (fr *Frame) give(pl *people, given []identity.Given) {
	for _, g := range given {
		if g.Type >= 0 { // else a person's own id, in a command
			fr.gave = append(fr.gave, gave{pl.number, g})
		}
	}
}

// identifiers are those that the record gave, in their canonical forms.
func (fr *Frame) identifiers() (out []string) {
	for _, g := range fr.gave {
		if v, why := fr.people[g.space].ids.Canon(g.Type, g.Value); why == "" && !slices.Contains(out, v) {
			out = append(out, v)
		}
	}
	return out
}

// nobody begins a record: it has named nobody.
func (fr *Frame) nobody() { fr.persons, fr.gave, fr.who = fr.persons[:0], fr.gave[:0], "" }

// about writes whom an output is about, for its letter.
func (fr *Frame) about(o *event.Output) {
	if fr.who != "" {
		start := fr.here()
		fr.raw(fr.who)
		o.Person = event.Bytes{Start: start, End: fr.here()}
	}
}
