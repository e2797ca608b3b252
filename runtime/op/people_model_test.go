package op_test

import (
	"fmt"
	"math/rand"
	"testing"

	"github.com/sluice-dev/sluice/lang/ir"
	"github.com/sluice-dev/sluice/lang/types"
	"github.com/sluice-dev/sluice/lang/value"
	"github.com/sluice-dev/sluice/runtime/event"
	"github.com/sluice-dev/sluice/runtime/state"
)

// ledger follows what is told of a town: what it holds must be what the cells hold.
type ledger struct {
	t       *testing.T
	rows    map[string]map[string]value.Value // by table and key
	members map[string]bool
}

// take takes the changes of one record.
func (l *ledger) take(p *player, changes []state.Change) {
	told := map[string]string{} // changes of people, by their id
	var merged []string
	for _, ch := range changes {
		o := ch.Value.(*value.Object)
		get := func(name string) value.Value { v, _ := o.Get(name); return v }
		s := p.plan.States[ch.State]
		key, _ := get("key").(string)
		switch s.Kind {
		case ir.TableState:
			rows := l.rows[s.Shared]
			if !value.Equal(rows[key], get("old")) {
				l.t.Fatalf("%s of %s: old is %v, and was %v", s.Name, key, get("old"), rows[key])
			}
			if rows[key] = get("new"); rows[key] == nil {
				delete(rows, key)
			}
		case ir.AudienceState:
			is := get("member") == true
			if get("cause") == "merge" {
				id, _ := get("other").(*value.Object).Get("id")
				delete(l.members, id.(string)) // of the loser it is told by this
			} else if l.members[key] == is {
				l.t.Fatalf("%s of %s is told to be %v, which it was", s.Name, key, is)
			}
			if l.members[key] = is; !is {
				delete(l.members, key)
			}
		case ir.IdentityState:
			id, ok := ch.Person.(string)
			if !ok {
				v, _ := ch.Person.(*value.Object).Get("id")
				id = v.(string)
			}
			kind := get("kind").(string)
			if told[id] != "" {
				l.t.Fatalf("of %s both %s and %s are told", id, told[id], kind)
			}
			told[id] = kind
			if other, ok := get("other").(*value.Object); ok {
				v, _ := other.Get("id")
				merged = append(merged, v.(string))
			}
		}
	}
	for _, id := range merged {
		if told[id] != "" {
			l.t.Fatalf("%s was merged into another, and %s is told of them", id, told[id])
		}
	}
}

// check compares with the cells.
func (l *ledger) check(p *player) {
	for i, s := range p.plan.States {
		n := 0
		for _, r := range p.cells.Rows(i, nil) {
			if s.Kind != ir.TableState && s.Kind != ir.AudienceState {
				continue
			}
			key, err := value.DecodeKey(r.Key)
			if err != nil {
				l.t.Fatal(err)
			}
			_, v, err := state.DecodeRow(r.Val)
			if err != nil {
				l.t.Fatal(err)
			}
			n++
			if k := key[0].(string); s.Kind == ir.TableState && !value.Equal(l.rows[s.Shared][k], v) || s.Kind == ir.AudienceState && !l.members[k] {
				l.t.Fatalf("%s of %s is %v, and was told %v %v", s.Name, k, v, l.rows[s.Shared][k], l.members[k])
			}
		}
		if s.Kind == ir.TableState && n != len(l.rows[s.Shared]) || s.Kind == ir.AudienceState && n != len(l.members) {
			l.t.Fatalf("%s has %d cells, and was told %v %v", s.Name, n, l.rows[s.Shared], l.members)
		}
	}
}

// Random records of few people, whose identifiers meet in every way: the evaluators
// agree to the last byte of the cells; what is told makes what is stored; sums are kept
// by merges; members are within the limits of their audience; and of a person one
// change is told a record.
func TestPeopleAtRandom(t *testing.T) {
	seeds := int64(60)
	if testing.Short() {
		seeds = 12
	}
	merges, forgotten, refused := 0, 0, 0
	for seed := range seeds {
		r := rand.New(rand.NewSource(seed))
		w := newTown()
		ltv := w.table("ltv", "sum", types.NumberT, num("0"))
		name := w.table("name", []string{"first", "last", "keep"}[r.Intn(3)], types.StringT, nil)
		high := w.audience("high", ltv, "5", "3")
		two := w.resolve()
		two.StageInfo, two.Slot = key("resolve", "people#2"), 8
		two.IDs, two.OrNull = object("user_id", cur("user2"), "anonymous_id", cur("anon2")), true
		w.route("in", w.resolve(), update(ltv), update(name), two,
			logged("p", "p", person, "q", slot(8, "q"), "sum", &ir.TableGet{Table: ltv, Keys: []ir.Expr{get(person, "id")}}, "in", &ir.TableGet{Table: high, Keys: []ir.Expr{get(person, "id")}}),
			&ir.Require{StageInfo: info("require"), Cond: &ir.Compare{Op: ir.Ne, X: cur("fail"), Y: lit(true)}, Why: lit("told to")})
		w.route("gone", w.forget()...)
		for _, tb := range []*ir.Table{ltv, name, high} {
			w.changes("of_"+tb.Name, tb)
		}
		w.changes("of_people", nil)
		tw := w.twins(t)
		l := &ledger{t: t, rows: map[string]map[string]value.Value{"ltv": {}, "name": {}}, members: map[string]bool{}}
		tw.fused.told = func(ch []state.Change) { l.take(tw.fused, ch) }
		sum, erased := 0, false
		for i := range 60 {
			field := func(name, prefix string, n int) string {
				if r.Intn(3) == 0 {
					return ""
				}
				return fmt.Sprintf(`%q:"%s%d",`, name, prefix, r.Intn(n))
			}
			n := r.Intn(7) - 2
			v := fmt.Sprintf(`{%s%s%s%s%s"ltv":%d,"name":"n%d","fail":%v}`, field("user", "u", 3), field("email", "e@x.com", 4), field("anon", "a", 6),
				field("user2", "u", 3), field("anon2", "a", 6), n, r.Intn(3), r.Intn(8) == 0)
			at := i*3600 - 300*3600 + r.Intn(7200)
			var end event.Outcome
			route := "in"
			if r.Intn(25) == 0 {
				route = "gone"
			}
			d := tw.both(func(p *player) { end = p.send(p.route(route), at, v) })
			if d != "" {
				t.Fatalf("seed %d: the evaluators differ on %s: %s", seed, v, d)
			}
			if x, y := tw.fused.stored(), tw.reference.stored(); x != y {
				t.Fatalf("seed %d: the cells differ after %s:\n%s\n%s", seed, v, x, y)
			}
			switch {
			case end.Kind == event.Failed:
				refused++
			case route == "in":
				sum += n
				merges += len(end.Who().Merges) / len(tw.fused.plan.Routes)
			case len(end.Who().Erased) > 0:
				erased = true
				forgotten++
			}
			l.check(tw.fused)
			total := 0
			for k, v := range l.rows["ltv"] {
				n, _ := v.(value.Number).Int64()
				total += int(n)
				if is := l.members[k]; is && n < 3 || !is && n >= 5 {
					t.Fatalf("seed %d: a row of %d and a member %v", seed, n, is)
				}
			}
			if total != sum && !erased {
				t.Fatalf("seed %d: the rows sum up to %d, what was added to %d", seed, total, sum)
			}
		}
	}
	if merges < 100*int(seeds)/60 || forgotten < int(seeds)/6 || refused == 0 {
		t.Errorf("too little happens: %d merges, %d forgotten, %d refused", merges, forgotten, refused)
	}
	t.Logf("%d merges, %d forgotten, %d failed", merges, forgotten, refused)
}
