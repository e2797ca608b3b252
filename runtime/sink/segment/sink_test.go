package segment

import (
	"context"
	"encoding/json"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/sluice-dev/sluice/lang/value"
	"github.com/sluice-dev/sluice/runtime/deliver"
	"github.com/sluice-dev/sluice/runtime/event"
	"github.com/sluice-dev/sluice/runtime/receiver"
)

func outputs(bodies ...string) []*event.Output {
	a := &event.Arena{}
	for _, b := range bodies {
		start := uint32(len(a.Buf))
		a.Buf = append(a.Buf, b...)
		a.Outs = append(a.Outs, event.Output{Arena: a, Body: event.Bytes{Start: start, End: uint32(len(a.Buf))}})
	}
	var outs []*event.Output
	for i := range a.Outs {
		outs = append(outs, &a.Outs[i])
	}
	return outs
}

const (
	one = `{"type":"track","messageId":"m1","timestamp":"2026-03-01T12:00:00.000Z","userId":"u1","event":"Signed Up","properties":{"plan":"pro"}}`
	two = `{"type":"identify","messageId":"m2","timestamp":"2026-03-01T12:00:00.000Z","userId":"u1","traits":{}}`
)

func TestSendIsTakenByTheStrictReceiver(t *testing.T) {
	for _, gzip := range []bool{false, true} {
		var got []receiver.Event
		srv := httptest.NewServer(receiver.New(receiver.Options{WriteKey: "KEY", OnEvent: func(e receiver.Event) { got = append(got, e) }}))
		defer srv.Close()
		s := New(Config{URL: srv.URL + "/", WriteKey: "KEY", Version: "1", Gzip: gzip})
		defer s.Close()
		for i := range 3 { // buffers are reused
			if a := s.Send(context.Background(), outputs(one, two), i+1, time.Now()); a.Class != deliver.Accepted {
				t.Fatalf("gzip %v: class %d %s %s", gzip, a.Class, a.Code, a.Excerpt)
			}
		}
		if len(got) != 6 || got[0].MessageID != "m1" || got[1].MessageID != "m2" {
			t.Errorf("gzip %v: arrived %+v", gzip, got)
		}
	}
}

func TestWrongKeyIsConfiguration(t *testing.T) {
	srv := httptest.NewServer(receiver.New(receiver.Options{WriteKey: "KEY"}))
	defer srv.Close()
	s := New(Config{URL: srv.URL, WriteKey: "OTHER", Version: "1"})
	if a := s.Send(context.Background(), outputs(one), 1, time.Now()); a.Class != deliver.Misconfigured || a.Code != "401" {
		t.Errorf("class %d code %s, want misconfigured 401", a.Class, a.Code)
	}
}

// A key that was changed is found without a restart.
func TestAKeyIsReadAgainAfterA401(t *testing.T) {
	srv := httptest.NewServer(receiver.New(receiver.Options{WriteKey: "new"}))
	defer srv.Close()
	now := value.Secret("old")
	s := New(Config{URL: srv.URL, WriteKey: "old", Version: "1", Again: func() (value.Secret, error) { return now, nil }})
	defer s.Close()
	if a := s.Send(context.Background(), outputs(one), 1, time.Now()); a.Class != deliver.Misconfigured {
		t.Errorf("an old key: %+v", a)
	}
	now = "new"
	for range 2 {
		if a := s.Send(context.Background(), outputs(one), 1, time.Now()); a.Class != deliver.Accepted {
			t.Errorf("a new one: %+v", a)
		}
	}
}

func TestNobodyThere(t *testing.T) {
	srv := httptest.NewServer(nil)
	srv.Close()
	s := New(Config{URL: srv.URL, WriteKey: "KEY", Version: "1"})
	if a := s.Send(context.Background(), outputs(one), 1, time.Now()); a.Class != deliver.Failed || a.Code != "cannot connect" {
		t.Errorf("class %d code %q", a.Class, a.Code)
	}
}

// Segment corrects times by sentAt: it must be the clock of this attempt.
func TestSentAtIsOfTheAttempt(t *testing.T) {
	for _, at := range []time.Time{time.Unix(1, 0), time.Unix(2, 5_000_000)} {
		var body struct {
			Batch  []json.RawMessage
			SentAt time.Time
		}
		b := appendBody(nil, outputs(one, two), "1", at)
		if err := json.Unmarshal(b, &body); err != nil {
			t.Fatal(err)
		}
		if !body.SentAt.Equal(at) || len(body.Batch) != 2 || string(body.Batch[0]) != one {
			t.Errorf("body %s", b)
		}
		if extra := len(b) - len(one) - len(two) - 1; extra > EnvelopeBytes {
			t.Errorf("the envelope has %d bytes, EnvelopeBytes says %d", extra, EnvelopeBytes)
		}
	}
}
