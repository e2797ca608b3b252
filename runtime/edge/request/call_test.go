package request

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/sluice-dev/sluice/lang/types"
	"github.com/sluice-dev/sluice/lang/value"
)

func read(t testing.TB, how Reading, text string) (string, time.Time) {
	t.Helper()
	v, err := value.DecodeJSON([]byte(text))
	if err != nil {
		t.Fatal(err)
	}
	got, at, f := how.Read(v, len(text))
	switch {
	case f == nil:
		return string(value.AppendJSON(nil, got)), at
	case f.Mismatch != nil:
		return f.Reason() + " " + f.Mismatch.Path, at
	}
	return f.Reason() + " " + f.Broken.Path, at
}

// TestRead: what becomes of a call on its way in.
func TestRead(t *testing.T) {
	received := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	any := types.MapOf(types.AnyT)
	sdk, hook := Reading{Received: received, ID: "made"}, Reading{Received: received, Type: any}
	for _, c := range []struct {
		name string
		how  Reading
		call string
		want string
	}{
		{"corrected", sdk, `{"type":"page","userId":"u","messageId":"m","timestamp":"2026-03-01T13:00:00Z","sentAt":"2026-03-01T13:00:01Z"}`,
			`{"type":"page","userId":"u","messageId":"m","timestamp":"2026-03-01T11:59:59.000Z","sentAt":"2026-03-01T13:00:01Z","originalTimestamp":"2026-03-01T13:00:00Z","receivedAt":"2026-03-01T12:00:00.000Z"}`},
		{"read again it stays", sdk, `{"type":"page","userId":"u","messageId":"m","timestamp":"2026-03-01T11:59:59.000Z","sentAt":"2026-03-01T13:00:01Z","originalTimestamp":"2026-03-01T13:00:00Z","receivedAt":"2026-03-01T12:00:00.000Z"}`,
			`{"type":"page","userId":"u","messageId":"m","timestamp":"2026-03-01T11:59:59.000Z","sentAt":"2026-03-01T13:00:01Z","originalTimestamp":"2026-03-01T13:00:00Z","receivedAt":"2026-03-01T12:00:00.000Z"}`},
		{"Segment's own is not", hook, `{"type":"page","timestamp":"2026-03-01T11:00:00Z","sentAt":"2026-03-01T13:00:01Z"}`, `{"type":"page","timestamp":"2026-03-01T11:00:00Z","sentAt":"2026-03-01T13:00:01Z"}`},
		{"no time", sdk, `{"type":"page","userId":"u","messageId":"m","timestamp":null}`, `{"type":"page","userId":"u","messageId":"m","timestamp":"2026-03-01T12:00:00.000Z"}`},
		{"no id", sdk, `{"type":"page","userId":"u","timestamp":0}`, `{"type":"page","userId":"u","timestamp":0,"messageId":"made"}`},
		{"spans that no clock makes", sdk, `{"type":"page","userId":"u","messageId":"m","timestamp":"0001-01-01T00:00:00Z","sentAt":"9999-01-01T00:00:00Z"}`,
			`{"type":"page","userId":"u","messageId":"m","timestamp":"0001-01-01T00:00:00Z","sentAt":"9999-01-01T00:00:00Z"}`},
		{"an empty category", hook, `{"type":"screen","category":"","timestamp":0}`, `{"type":"screen","timestamp":0}`},
		{"ids that are numbers", sdk, `{"type":"group","userId":"u","messageId":"m","groupId":7.0,"timestamp":0}`, `{"type":"group","userId":"u","messageId":"m","groupId":"7","timestamp":0}`},
		{"as an old page writes it", hook, `{"type":"alias","Previous ID":"p","User ID":"u","timestamp":0}`, `{"type":"alias","timestamp":0,"previousId":"p","userId":"u"}`},
		{"nobody is fine of Segment's own", hook, `{"type":"delete","timestamp":0}`, `{"type":"delete","timestamp":0}`},
		{"nobody is not of an SDK", sdk, `{"type":"page"}`, "no_user_anon_id .userId"},
		{"no deletion of an SDK", sdk, `{"type":"delete","userId":"u"}`, "bad_request .type"},
		{"no object", hook, `3`, "bad_request ."},
	} {
		t.Run(c.name, func(t *testing.T) {
			got, _ := read(t, c.how, c.call)
			if diff := cmp.Diff(c.want, got); diff != "" {
				t.Errorf("read (-want +got):\n%s", diff)
			}
		})
	}
}

// TestReadTimes: a call happened as long before it came as it was sent after it
// happened, whatever the clock of its sender says; and what was read is read alike again.
func TestReadTimes(t *testing.T) {
	received := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	how := Reading{Received: received, ID: "made"}
	rapid.Check(t, func(t *rapid.T) {
		millis := func(name string, most int64) time.Duration {
			return time.Duration(rapid.Int64Range(-most, most).Draw(t, name)) * time.Millisecond
		}
		const year = 365 * 24 * 3600 * 1000
		sent := received.Add(millis("clock", 20*year))
		age := millis("age", 10*year)
		o := value.NewObject(value.Field{Key: "type", Value: "page"}, value.Field{Key: "userId", Value: "u"},
			value.Field{Key: "timestamp", Value: value.FormatTime(sent.Add(-age))}, value.Field{Key: "sentAt", Value: value.FormatTime(sent)})
		got, at, f := how.Read(o, 1)
		if f != nil {
			t.Fatal(f)
		}
		if want := received.Add(-age); !at.Equal(want) {
			t.Fatalf("happened %s, want %s", at, want)
		}
		// Through its text, as a letter that is replayed.
		text := value.AppendJSON(nil, got)
		v, err := value.DecodeJSON(text)
		if err != nil {
			t.Fatal(err)
		}
		again, at2, f := Reading{Received: received.Add(time.Hour), ID: "another"}.Read(v, len(text))
		if f != nil || !at2.Equal(at) || string(value.AppendJSON(nil, again)) != string(text) {
			t.Fatalf("read again it is %s at %s, was %s at %s", value.AppendJSON(nil, again), at2, text, at)
		}
	})
}
