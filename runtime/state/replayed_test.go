package state

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/sluice-dev/sluice/runtime/event"
)

// What waits in the store of a letter that is replayed still knows which letter it is.
func TestWhatWaitsKnowsItsLetter(t *testing.T) {
	about := &event.Replay{Letter: "0123456789abcdef0123456789abcdef", Round: 3, Topic: "sluice.a.dead.r", Partition: 7, At: "00/0/12", Corrected: true}
	s := NewMemory()
	h := Held{No: 1, Route: "r", Emit: "e", ID: []byte("id"), Target: []byte{}, Key: []byte{}, Body: []byte("b"), Headers: []byte{}, Person: []byte("p"), Replay: about}
	p := Parked{Order: []byte("00000001"), Route: "r", Record: []byte("x"), Replay: about}
	if err := s.Commit([]Write{{Key: HeldKey("g", 1), Val: AppendHeld(nil, &h)}, {Key: ParkedKey("g", p.Order), Val: AppendParked(nil, &p)}, {Key: ReplayedKey("r", about.Letter), Val: []byte{1}}}); err != nil {
		t.Fatal(err)
	}
	hs, err := ReadHeld(s, "g")
	if err != nil || len(hs) != 1 || !cmp.Equal(hs[0].Replay, about) || string(hs[0].Person) != "p" {
		t.Errorf("held %+v, %v", hs, err)
	}
	ps, err := ReadParked(s, "g")
	if err != nil || len(ps) != 1 || !cmp.Equal(ps[0].Replay, about) {
		t.Errorf("parked %+v, %v", ps, err)
	}
	c, err := Open(s, nil)
	if err != nil {
		t.Fatal(err)
	}
	if !c.Has(ReplayedKey("r", about.Letter)) || c.Has(ReplayedKey("r", "other")) || c.Err() != nil {
		t.Errorf("the letter that has ended is not known, or another is: %v", c.Err())
	}
	// Where its route begins anew the letter does.
	if err := s.Commit([]Write{{Key: ProgressKey("g"), Val: AppendProgress(nil, &Progress{})}, {Key: ReplayedKey("other", about.Letter), Val: []byte{1}}}); err != nil {
		t.Fatal(err)
	}
	if _, err := Forget(s, "g", "r", event.TopicID{}); err != nil || c.Has(ReplayedKey("r", about.Letter)) || !c.Has(ReplayedKey("other", about.Letter)) {
		t.Errorf("after Forget the letter has ended, or that of another route has not: %v", err)
	}
}
