package op_test

import (
	"fmt"
	"slices"
	"testing"

	"github.com/sluice-dev/sluice/lang/ir"
	"github.com/sluice-dev/sluice/runtime/event"
)

// An output knows whom it is about, inside of an each and behind it, and a record that
// fails all whom it has named: their letters are found by that.
func TestLettersKnowWhomTheyAreAbout(t *testing.T) {
	w := newTown()
	inner := w.resolve()
	inner.StageInfo, inner.IDs, inner.Slot = key("resolve", "people#2"), object("user_id", slot(0, "x")), 8
	fail := &ir.Require{StageInfo: info("require"), Cond: &ir.Compare{Op: ir.Ne, X: cur("fail"), Y: lit(true)}, Why: lit("told to")}
	w.route("in", logged("none", "x", lit("0")), w.resolve(), logged("a", "x", lit("1")),
		&ir.Each{StageInfo: info("each"), In: cur("others"), Slot: 0, Name: "x", Body: []ir.Stage{inner, logged("b", "x", lit("2"))}},
		logged("c", "x", lit("3")), fail)
	w.changes("of_people", nil)
	tw := w.twins(t)
	tw.say("in", 0, `{"user":"1","others":["2","3"]}`) // the evaluators agree
	for _, p := range []*player{tw.fused, tw.reference} {
		who := map[string]string{"": ""}
		for user := range slices.Values([]string{"1", "2", "3"}) {
			p.out.Reset()
			p.send(p.route("in"), 1, fmt.Sprintf(`{"user":%q,"others":[]}`, user))
			who[user] = about(&p.out.Outs[1])
		}
		if who["1"] == "" || who["1"] == who["2"] || who["2"] == who["3"] {
			t.Fatalf("who is who: %v", who)
		}
		p.out.Reset()
		p.send(p.route("in"), 2, `{"user":"1","others":["2","3"]}`)
		var got []string
		for i := range p.out.Outs {
			got = append(got, about(&p.out.Outs[i]))
		}
		if want := []string{"", who["1"], who["2"], who["3"], who["1"]}; !slices.Equal(got, want) {
			t.Errorf("outputs are about %v, want %v", got, want)
		}
		end := p.send(p.route("in"), 3, `{"user":"1","email":" Ann@x.com","others":["2","1"],"fail":true}`)
		if want := []string{who["1"], who["2"]}; end.Kind != event.Failed || !slices.Equal(end.Who().Persons, want) {
			t.Errorf("the failed record names %v, want %v", end.Who().Persons, want)
		}
		if want := []string{"1", "ann@x.com", "2"}; !slices.Equal(end.Who().Named, want) {
			t.Errorf("the failed record gave %v, want %v", end.Who().Named, want)
		}
		// The next one names nobody of them.
		end = p.send(p.route("in"), 4, `{"user":"3","others":[],"fail":true}`)
		if want := []string{who["3"]}; !slices.Equal(end.Who().Persons, want) {
			t.Errorf("the failed record names %v, want %v", end.Who().Persons, want)
		}
		// A change is about its person.
		p.out.Reset()
		p.send(p.route("in"), 5, `{"user":"4","others":[]}`)
		if n := len(p.out.Outs); n != 4 || about(&p.out.Outs[3]) == "" || about(&p.out.Outs[3]) != about(&p.out.Outs[2]) {
			t.Errorf("%d outputs, of the change about %q", n, about(&p.out.Outs[n-1]))
		}
	}
}

func about(o *event.Output) string { return string(o.Person.Of(o.Arena)) }
