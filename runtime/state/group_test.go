package state

import (
	"errors"
	"fmt"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/sluice-dev/sluice/runtime/event"
)

func drawTopic(t *rapid.T) (id event.TopicID) {
	copy(id[:], rapid.SliceOfN(rapid.Byte(), 16, 16).Draw(t, "topic"))
	return id
}

func drawProgress(t *rapid.T) *Progress {
	i64, u64, text := rapid.Int64(), rapid.Uint64(), rapid.StringN(0, 8, 20)
	p := &Progress{NextHeld: u64.Draw(t, "held"), Firing: Firing{i64.Draw(t, "now"), drawTopic(t), rapid.Int32().Draw(t, "partition"), i64.Draw(t, "offset")}}
	for range rapid.IntRange(0, 3).Draw(t, "inputs") {
		n := InputName{text.Draw(t, "route"), drawTopic(t), rapid.Int32().Draw(t, "partition")}
		p.Inputs = append(p.Inputs, InputProgress{n, i64.Draw(t, "next"), i64.Draw(t, "arrived"), i64.Draw(t, "timed"), Idle{i64.Draw(t, "at"), i64.Draw(t, "clock")}})
	}
	for range rapid.IntRange(0, 3).Draw(t, "states") {
		p.States = append(p.States, Mark{text.Draw(t, "state"), i64.Draw(t, "w"), i64.Draw(t, "told"), i64.Draw(t, "ended")})
	}
	for range rapid.IntRange(0, 3).Draw(t, "routes") {
		rc := RouteCount{Route: text.Draw(t, "route"), In: u64.Draw(t, "in"), Done: u64.Draw(t, "done"), Dead: u64.Draw(t, "dead")}
		for range rapid.IntRange(0, 2).Draw(t, "reasons") {
			rc.Dropped = append(rc.Dropped, DroppedCount{text.Draw(t, "reason"), u64.Draw(t, "n")})
		}
		for range rapid.IntRange(0, 2).Draw(t, "emits") {
			rc.Emits = append(rc.Emits, EmitCount{text.Draw(t, "emit"), u64.Draw(t, "emitted"), u64.Draw(t, "accepted"), u64.Draw(t, "dead"), u64.Draw(t, "held")})
		}
		p.Routes = append(p.Routes, rc)
	}
	return p
}

func drawHeld(t *rapid.T, no uint64) Held {
	i64, text := rapid.Int64(), rapid.StringN(0, 8, 20)
	bytes := rapid.SliceOfN(rapid.Byte(), 0, 20)
	h := Held{
		No: no, Route: text.Draw(t, "route"), Emit: text.Draw(t, "emit"),
		Origin: event.Origin{Topic: drawTopic(t), Partition: rapid.Int32().Draw(t, "partition"), Offset: i64.Draw(t, "offset"), Path: text.Draw(t, "path")},
		Lane:   rapid.Uint64().Draw(t, "lane"), Ordered: rapid.Bool().Draw(t, "ordered"), Tombstone: rapid.Bool().Draw(t, "tombstone"), NoKey: rapid.Bool().Draw(t, "no key"),
		Logged: i64.Draw(t, "logged"), Time: i64.Draw(t, "time"), NotBefore: i64.Draw(t, "not before"), Group: rapid.SampledFrom([]uint64{0, 0, 7, 1 << 63}).Draw(t, "group"),
		ID: bytes.Draw(t, "id"), Target: bytes.Draw(t, "target"), Key: bytes.Draw(t, "key"), Body: bytes.Draw(t, "body"), Headers: bytes.Draw(t, "headers"),
	}
	if rapid.Bool().Draw(t, "has order") {
		h.Order = bytes.Draw(t, "order")
	}
	if rapid.Bool().Draw(t, "has person") {
		h.Person = rapid.SliceOfN(rapid.Byte(), 1, 20).Draw(t, "person")
	}
	return h
}

// What a group writes about itself is read again as it was, of every group its own.
func TestGroupRoundTrip(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := NewMemory()
		groups := []string{"a", "ab"} // the one is the beginning of the other
		progress, intents, held := map[string]*Progress{}, map[string][]Intent{}, map[string][]Held{}
		var ws []Write
		for _, g := range groups {
			progress[g] = drawProgress(t)
			ws = append(ws, Write{Key: ProgressKey(g), Val: AppendProgress(nil, progress[g])})
			for no := range rapid.Uint64Range(0, 3).Draw(t, "intents") {
				in := Intent{no, InputName{"r", drawTopic(t), 3}, rapid.Int64().Draw(t, "first"), rapid.Int64().Draw(t, "last"), rapid.Int64().Draw(t, "now")}
				intents[g] = append(intents[g], in)
				ws = append(ws, Write{Key: IntentKey(g, no), Val: AppendIntent(nil, &in)})
			}
			for no := range rapid.Uint64Range(0, 3).Draw(t, "held") {
				h := drawHeld(t, no)
				held[g] = append(held[g], h)
				ws = append(ws, Write{Key: HeldKey(g, no), Val: AppendHeld(nil, &h)})
			}
		}
		if err := s.Commit(ws); err != nil {
			t.Fatal(err)
		}
		for _, g := range groups {
			p, err := ReadProgress(s, g)
			if diff := cmp.Diff(progress[g], p); err != nil || diff != "" {
				t.Fatalf("progress: %v\n%s", err, diff)
			}
			is, err := ReadIntents(s, g)
			if diff := cmp.Diff(intents[g], is); err != nil || diff != "" {
				t.Fatalf("intents: %v\n%s", err, diff)
			}
			hs, err := ReadHeld(s, g)
			if diff := cmp.Diff(held[g], hs); err != nil || diff != "" {
				t.Fatalf("held: %v\n%s", err, diff)
			}
		}
		if p, err := ReadProgress(s, "b"); p != nil || err != nil {
			t.Fatalf("progress of a group that never ran: %v, %v", p, err)
		}
	})
}

// A value that is cut, too long or of another format is damage, and never something
// else than what was written.
func TestGroupDamage(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := NewMemory()
		in, h := Intent{Input: InputName{Route: "r"}, Last: 3}, drawHeld(t, 0)
		values := map[string][]byte{
			string(ProgressKey("g")):  AppendProgress(nil, drawProgress(t)),
			string(IntentKey("g", 0)): AppendIntent(nil, &in),
			string(HeldKey("g", 0)):   AppendHeld(nil, &h),
		}
		for key, val := range values {
			for what, bad := range map[string][]byte{
				"cut":            val[:rapid.IntRange(0, len(val)-1).Draw(t, "cut")],
				"too long":       append(val[:len(val):len(val)], 0),
				"another format": append([]byte{groupFormat + 1}, val[1:]...),
			} {
				if err := s.Commit([]Write{{Key: []byte(key), Val: bad}}); err != nil {
					t.Fatal(err)
				}
				_, e1 := ReadProgress(s, "g")
				_, e2 := ReadIntents(s, "g")
				_, e3 := ReadHeld(s, "g")
				if err := errors.Join(e1, e2, e3); !errors.Is(err, ErrDamaged) {
					t.Fatalf("%q, %s: %v", key, what, err)
				}
			}
			if err := s.Commit([]Write{{Key: []byte(key), Delete: true}}); err != nil {
				t.Fatal(err)
			}
		}
		if err := s.Commit([]Write{{Key: append(IntentKey("g", 0), 0), Val: values[string(IntentKey("g", 0))]}}); err != nil {
			t.Fatal(err)
		}
		if _, err := ReadIntents(s, "g"); !errors.Is(err, ErrDamaged) {
			t.Fatalf("a key that is too long: %v", fmt.Sprint(err))
		}
	})
}
