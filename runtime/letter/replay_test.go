package letter_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/sluice-dev/sluice/runtime/event"
	"github.com/sluice-dev/sluice/runtime/letter"
)

func refusedOutput() letter.Letter {
	return letter.Letter{
		ID: "0123", Class: letter.Delivery, Origin: event.Origin{Offset: 7}, Topic: "orders", Route: "r", Stage: "emit", Emit: "track A", Code: "400",
		Message: "no", Help: "do", Span: "a.route:1:1", Field: ".x", Excerpt: "x", Attempts: 2, Round: 1, Value: []byte(`{"a":1}`), Key: []byte("k"), Order: []byte("o"),
		Headers: []event.Header{{Key: "sluice-at", Value: []byte("9/nowhere")}, {Key: "h", Value: []byte("v")}}, Target: "t", Time: 5, Persons: []string{"p"},
		Output: letter.Output{ID: "sl1-x", Lane: 1<<63 + 5, Ordered: true, Group: 9, RetryMS: 60_000},
	}
}

// A replay holds all that its letter held but why it failed, and says where the letter
// stands; headers of the original are never taken for ours.
func TestReplayIsItsLetter(t *testing.T) {
	l := refusedOutput()
	rec := l.Encode(0)
	hs := letter.AppendHeaders(nil, rec.Headers, letter.Place{Topic: "sluice.a.dead.r", Partition: 3}, true, false)
	r, err := letter.DecodeReplay(rec.Key, []byte(`{"a":2}`), hs)
	if err != nil {
		t.Fatal(err)
	}
	want := l
	want.Value = []byte(`{"a":2}`)
	want.Code, want.Message, want.Help, want.Span, want.Field, want.Excerpt = "", "", "", "", "", ""
	if d := cmp.Diff(want, r.Letter); d != "" {
		t.Errorf("replay (-letter +replay):\n%s", d)
	}
	if (r.At != letter.Place{Topic: "sluice.a.dead.r", Partition: 3}) || !r.Corrected {
		t.Errorf("it stands at %v, corrected %v", r.At, r.Corrected)
	}
	// Its own replay says where the next letter stands, once.
	again := letter.AppendHeaders(nil, hs, letter.Place{Topic: "x", Partition: 1}, false, true)
	r, err = letter.DecodeReplay(rec.Key, nil, again)
	if err != nil || r.At.Topic != "x" || r.Corrected || r.Value != nil {
		t.Errorf("the replay of a replay: %+v, %v", r, err)
	}
}

func TestReplayThatIsNone(t *testing.T) {
	l := refusedOutput()
	rec := l.Encode(0)
	for name, hs := range map[string][]event.Header{
		"no place":     rec.Headers,
		"a wild place": append(letter.AppendHeaders(nil, rec.Headers, letter.Place{}, false, false), event.Header{Key: "sluice-at", Value: []byte("x")}),
		"nothing":      nil,
	} {
		if _, err := letter.DecodeReplay(rec.Key, rec.Value, hs); err == nil {
			t.Errorf("%s: it is taken for a replay", name)
		}
	}
}

func TestRefused(t *testing.T) {
	for say, change := range map[string]func(*letter.Letter){
		"":                 func(*letter.Letter) {},
		"replayed 5 times": func(l *letter.Letter) { l.Round = letter.MaxRounds },
		"too large":        func(l *letter.Letter) { l.ByReference = true },
		"a version":        func(l *letter.Letter) { l.Output.ID = "" },
		"made itself":      func(l *letter.Letter) { l.Made = []byte{} },
	} {
		l := refusedOutput()
		change(&l)
		if got := l.Refused(); say == "" && got != "" || !strings.Contains(got, say) {
			t.Errorf("want %q: %q", say, got)
		}
	}
}

// A letter that would be too large gives up its way back before its value.
func TestTooLargeForItsWayBack(t *testing.T) {
	l := letter.Letter{ID: "1", Class: letter.Processing, Route: "r", Value: []byte("value"), Time: event.NoTime, Made: make([]byte, 4096)}
	rec := l.Encode(2048)
	got, err := letter.Decode(rec.Key, rec.Value, rec.Headers)
	if err != nil || got.ByReference || string(got.Value) != "value" || got.Made == nil || len(got.Made) != 0 {
		t.Errorf("%+v, %v", got, err)
	}
}

func TestTombstoneOfAReplay(t *testing.T) {
	l := letter.End(&event.Replay{Letter: "77", Topic: "sluice.a.dead.r", Partition: 4, At: "00/0/9"})
	rec := l.Encode(10)
	if string(rec.Key) != "77" || rec.Value != nil || rec.Topic != "sluice.a.dead.r" || rec.Partition != 4 || letter.Cause(rec.Headers) != "replayed 00/0/9" {
		t.Errorf("%+v", rec)
	}
}
