package op

import (
	"fmt"
	"strings"

	"github.com/sluice-dev/sluice/lang/diag"
	"github.com/sluice-dev/sluice/lang/ir"
	"github.com/sluice-dev/sluice/lang/token"
	"github.com/sluice-dev/sluice/lang/value"
	"github.com/sluice-dev/sluice/runtime/eval"
	"github.com/sluice-dev/sluice/runtime/identity"
)

// asking is what `resolve`, `find` and `forget` know of whom they are asked for.
type asking struct {
	place
	at    token.Span
	space *space
	ids   ir.Expr
	slot  ir.Slot
	seat  int // of the person, in the frame
}

func (c *compiler) asking(p place, s *ir.StageInfo, of *ir.Space, ids ir.Expr, slot ir.Slot) (asking, error) {
	a := asking{place: p, at: s.At, ids: ids, slot: slot, seat: c.seats}
	c.seats++
	if c.route.group != nil {
		a.space = c.route.group.spaceOf(of)
	}
	if a.space == nil {
		return a, fmt.Errorf("%s: the plan has no state for the identity space %s", p.node, of.Name)
	}
	return a, nil
}

func (s *asking) people(fr *Frame) *people { return fr.people[s.space.number] }

// given reads the identifiers of the object that a stage was given.
func (s *asking) given(fr *Frame) ([]identity.Given, *diag.Failure) {
	v, fail := eval.Expr(s.ids, &fr.eval)
	if fail != nil {
		return nil, fail
	}
	return s.read(fr, v)
}

func (s *asking) read(fr *Frame, v value.Value) ([]identity.Given, *diag.Failure) {
	o, ok := v.(*value.Object)
	if !ok {
		return nil, eval.Unfit(s.ids, v, "an object of identifiers")
	}
	fr.given = fr.given[:0]
	for i := range s.space.IDs {
		name := s.space.IDs[i].Name
		v, _ := o.Get(name)
		if v == nil {
			continue
		}
		text, ok := identifier(v)
		if !ok {
			from := s.ids
			if xs, ok := spelledOut(s.ids); ok {
				from = xs[name]
			}
			f := diag.Failf(diag.BadIdentifier, from.Span(), "%s is no identifier: text or a whole number is one", name)
			if f.Path = eval.PathText(from); from == s.ids {
				f.Path = eval.FieldText(name)
			}
			f.Excerpt = value.Excerpt(v, eval.ExcerptSize)
			return nil, f
		}
		fr.given = append(fr.given, identity.Given{Type: i, Value: text})
	}
	return fr.given, nil
}

// identifier gives the text of an identifier; false for what is none.
func identifier(v value.Value) (string, bool) {
	switch v := v.(type) {
	case string:
		return v, true
	case value.Number:
		if v.IsInt() {
			s, err := value.Plain(v)
			return s, err == nil
		}
	}
	return "", false
}

// resolve links identifiers, and binds the person to whom they belong.
type resolve struct {
	asking
	current ir.Slot
	orNull  bool
	ids     *ids
}

func (c *compiler) resolve(p place, s *ir.Resolve) error {
	st, err := c.newResolve(p, s)
	if err != nil {
		return err
	}
	c.add(st)
	return nil
}

func (c *compiler) newResolve(p place, s *ir.Resolve) (*resolve, error) {
	a, err := c.asking(p, &s.StageInfo, s.Space, s.IDs, s.Slot)
	return &resolve{asking: a, current: s.Current, orNull: s.OrNull, ids: &c.route.ids}, err
}

func (s *resolve) run(fr *Frame) int {
	if fr.behind(&s.place, s.ids, fr.key) {
		return ended
	}
	given, fail := s.given(fr)
	if fail != nil {
		return fr.fail(&s.place, fail)
	}
	p, fail := s.link(fr, given, fr.micros())
	switch {
	case fail != nil:
		return fr.fail(&s.place, fail)
	case p == nil:
		fr.visit(&s.place, 0)
		fr.eval.Slots[s.slot], fr.eval.Slots[s.current] = nil, nil
		return goOn
	}
	fr.visit(&s.place, 1)
	who := p.Whole()
	fr.eval.Slots[s.slot], fr.eval.Slots[s.current] = who, who
	fr.key = []byte(p.who.ID) // of its own: children keep it
	return goOn
}

// link links what is given; nil where none of it is usable and that is no failure.
func (s *resolve) link(fr *Frame, given []identity.Given, now int64) (*person, *diag.Failure) {
	pl := s.people(fr)
	var rejected []identity.Rejected
	if len(given) > 0 {
		fr.give(pl, given)
		r := pl.ids.Resolve(&pl.cells, given, now)
		if r.Person != nil {
			p := fr.seat(s.seat)
			if fail := fr.linked(pl, p, &r, now, s.at); fail != nil {
				return nil, fail
			}
			fr.who = p.who.ID
			fr.named(fr.who)
			return p, fr.full(s.at)
		}
		rejected = r.Rejected
	}
	if s.orNull {
		fr.who = ""
		return nil, nil
	}
	return nil, s.nobody(rejected)
}

// nobody says why no identifier is usable, without saying them.
func (s *resolve) nobody(rejected []identity.Rejected) *diag.Failure {
	f := diag.Failf(diag.NoIdentifier, s.at, "every identifier is null or missing")
	if len(rejected) > 0 {
		var why []string
		for i := range rejected {
			why = append(why, s.space.IDs[rejected[i].Type].Name+": "+because(rejected[i].Reason))
		}
		f = diag.Failf(diag.NoIdentifier, s.at, "no identifier is usable (%s)", strings.Join(why, ", "))
	}
	f.Help = "`as p?` goes on with null"
	return f
}

// because says a reason in words.
func because(r identity.Reason) string {
	switch r {
	case identity.Blocked:
		return "a value that means nobody"
	case identity.NoForm:
		return "not of its form"
	case identity.TooLong:
		return "longer than 400 bytes"
	case identity.OverLimit:
		return "the person has as many as they may"
	case identity.OtherUser:
		return "it would join two users"
	case identity.SharedID:
		return "shared by too many users"
	case identity.TooMany:
		return "more identifiers, merges or persons than one has"
	case identity.OwnedDevice:
		return "a device of another user"
	case identity.WasErased:
		return "older than the request to forget it"
	case identity.Unlinked:
		return "taken from this person by an operator"
	case identity.NoIdea:
		return "nobody is known by what it names"
	case identity.Ambiguous:
		return "several people match"
	case identity.SamePerson:
		return "they are one person already"
	case identity.NoSecret:
		return "there is no secret key for what is kept of whom is forgotten"
	case identity.NotApart:
		return "nothing of the person would stay"
	}
	return string(r)
}

// find looks a person up and changes nothing.
type find struct{ asking }

func (c *compiler) find(p place, s *ir.Find) error {
	a, err := c.asking(p, &s.StageInfo, s.Space, s.IDs, s.Slot)
	if err != nil {
		return err
	}
	c.add(&find{a})
	return nil
}

func (s *find) run(fr *Frame) int {
	given, fail := s.given(fr)
	if fail != nil {
		return fr.fail(&s.place, fail)
	}
	p := s.look(fr, given)
	if p == nil {
		fr.visit(&s.place, 0)
		fr.eval.Slots[s.slot] = nil
		return goOn
	}
	fr.visit(&s.place, 1)
	fr.eval.Slots[s.slot] = p.Whole()
	return goOn
}

// look looks up whom identifiers name; nil where they name nobody.
func (s *find) look(fr *Frame, given []identity.Given) *person {
	if len(given) == 0 {
		return nil
	}
	pl := s.people(fr)
	fr.give(pl, given)
	who, ambiguous := pl.ids.Find(&pl.cells, given)
	if who == nil {
		return nil
	}
	p := fr.seat(s.seat)
	p.take(s.space, who)
	p.ambiguous = ambiguous
	fr.named(p.who.ID)
	return p
}

// forget erases a person.
type forget struct{ asking }

func (c *compiler) forget(p place, s *ir.Forget) error {
	a, err := c.asking(p, &s.StageInfo, s.Space, s.IDs, s.Slot)
	if err != nil {
		return err
	}
	c.add(&forget{a})
	return nil
}

func (s *forget) run(fr *Frame) int {
	given, fail := s.given(fr)
	if fail != nil {
		return fr.fail(&s.place, fail)
	}
	out := forgotten(value.List{}, 0)
	if len(given) > 0 {
		var why identity.Reason
		if out, why, fail = fr.forget(s.people(fr), given, fr.micros(), s.at); fail == nil && why != "" {
			fail = diag.Failf(diag.SeveralPeople, s.at, "nobody was forgotten: %s", because(why))
			fail.Help = "give identifiers of one person only"
		}
		if fail != nil {
			return fr.fail(&s.place, fail)
		}
	}
	fr.eval.Slots[s.slot] = out
	return goOn
}
