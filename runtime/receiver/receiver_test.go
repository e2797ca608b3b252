package receiver

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/klauspost/compress/gzip"
	"github.com/segmentio/analytics-go/v3"
)

// post sends body as a batch or single call and gives status and answer.
func post(t *testing.T, h http.Handler, path, body string, change ...func(*http.Request)) (int, map[string]any) {
	t.Helper()
	req := httptest.NewRequest("POST", path, strings.NewReader(body))
	req.Header.Set("Content-Type", "application/json")
	req.SetBasicAuth("key", "")
	for _, c := range change {
		c(req)
	}
	rec := httptest.NewRecorder()
	h.ServeHTTP(rec, req)
	var got map[string]any
	if err := json.Unmarshal(rec.Body.Bytes(), &got); err != nil {
		t.Fatalf("answer is not JSON: %s", rec.Body)
	}
	return rec.Code, got
}

func TestWhatSegmentWouldDiscardIsRefusedByReason(t *testing.T) {
	pad := func(n int) string {
		const head = `{"type":"track","event":"e","userId":"u","properties":{"p":"`
		return head + strings.Repeat("x", n-len(head)-3) + `"}}`
	}
	for _, tt := range []struct {
		name, event, code string // no code: accepted
	}{
		{"track", `{"type":"track","event":"e","userId":"u"}`, ""},
		{"anonymous identify", `{"type":"identify","anonymousId":"a","traits":{}}`, ""},
		{"null user beside an anonymous id", `{"type":"page","userId":null,"anonymousId":"a"}`, ""},
		{"group", `{"type":"group","groupId":"g","userId":"u"}`, ""},
		{"alias", `{"type":"alias","userId":"u","previousId":"p"}`, ""},
		{"key written with an escape", `{"\u0074ype":"track","event":"e","userId":"u"}`, ""},
		{"the last of two members counts", `{"type":"x","userId":1,"userId":"u","type":"page"}`, ""},
		{"exactly 32 KiB", pad(MaxEventBytes), ""},
		{"messageId of 100 characters", `{"type":"page","userId":"u","messageId":"` + strings.Repeat("é", 100) + `"}`, ""},

		{"a byte over 32 KiB", pad(MaxEventBytes + 1), "bad_request"},
		{"messageId of 101 characters", `{"type":"page","userId":"u","messageId":"` + strings.Repeat("é", 101) + `"}`, "bad_request"},
		{"no ids", `{"type":"track","event":"e"}`, "no_user_anon_id"},
		{"empty user", `{"type":"track","event":"e","userId":"","anonymousId":"a"}`, "id_not_string"},
		{"number as user", `{"type":"track","event":"e","userId":7}`, "id_not_string"},
		{"track without event", `{"type":"track","userId":"u"}`, "event_not_defined"},
		{"null event", `{"type":"track","userId":"u","event":null}`, "event_not_defined"},
		{"number as event", `{"type":"track","userId":"u","event":1}`, "event_not_string"},
		{"empty event", `{"type":"track","userId":"u","event":""}`, "event_not_string"},
		{"list as properties", `{"type":"track","userId":"u","event":"e","properties":[]}`, "properties_not_object"},
		{"text as traits", `{"type":"identify","userId":"u","traits":"t"}`, "traits_not_object"},
		{"empty page name", `{"type":"page","userId":"u","name":""}`, "name_not_string"},
		{"number as category", `{"type":"page","userId":"u","category":3}`, "category_not_string"},
		{"group without group", `{"type":"group","userId":"u"}`, "id_required"},
		{"alias without previous", `{"type":"alias","userId":"u"}`, "id_required"},
		{"advertising id as number", `{"type":"page","userId":"u","context":{"device":{"advertisingId":1}}}`, "device_advertisingid_should_be_string"},
		{"list as context", `{"type":"page","userId":"u","context":[]}`, "bad_request"},
		{"time without zone", `{"type":"page","userId":"u","timestamp":"2026-01-02T03:04:05"}`, "bad_request"},
		{"unknown call", `{"type":"trck","userId":"u"}`, "bad_request"},
		{"no call", `{"userId":"u"}`, "bad_request"},
		{"not an object", `7`, "bad_request"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			r := New(Options{})
			good := `{"type":"page","userId":"before"}`
			status, got := post(t, r, "/v1/batch", `{"batch":[`+good+`,`+tt.event+`]}`)
			if tt.code == "" {
				if status != 200 || r.Stats().Events != 2 {
					t.Errorf("answered %d %v with %d events taken, want 200 and both", status, got, r.Stats().Events)
				}
				return
			}
			if status != 400 || got["code"] != tt.code {
				t.Fatalf("answered %d %v, want 400 %s", status, got, tt.code)
			}
			p := got["errors"].([]any)[0].(map[string]any)
			if p["index"] != 1.0 || p["code"] != tt.code || p["message"] == "" {
				t.Errorf("told the problem as %v, want index 1 and %s", p, tt.code)
			}
			if n := r.Stats().Events; n != 0 {
				t.Errorf("took %d events of a refused request", n)
			}
		})
	}
}

func TestWholeRequests(t *testing.T) {
	const page = `{"type":"page","userId":"u"}`
	many := func(n int) string { return `{"batch":[` + strings.Repeat(page+",", n-1) + page + `]}` }
	big := `{"batch":[` + strings.Repeat(`{"type":"page","userId":"u","name":"`+strings.Repeat("x", 30000)+`"},`, 18) + page + `]}`
	gz := func(s string) string {
		var b bytes.Buffer
		w := gzip.NewWriter(&b)
		_, _ = io.WriteString(w, s)
		_ = w.Close()
		return b.String()
	}
	zipped := func(r *http.Request) { r.Header.Set("Content-Encoding", "gzip") }
	noAuth := func(r *http.Request) { r.Header.Del("Authorization") }
	for _, tt := range []struct {
		name, path, body string
		change           func(*http.Request)
		status           int
		taken            uint64
		code             any
	}{
		{"2,500 events", "/v1/batch", many(2500), nil, 200, 2500, nil},
		{"2,501 events", "/v1/batch", many(2501), nil, 400, 0, "bad_request"},
		{"over 500 KiB", "/v1/batch", big, nil, 400, 0, "bad_request"},
		{"gzip", "/v1/batch", gz(many(3)), zipped, 200, 3, nil},
		{"gzip of more than 500 KiB", "/v1/batch", gz(`{"batch":[` + page + strings.Repeat(" ", 50<<20) + `]}`), zipped, 400, 0, "bad_request"},
		{"broken gzip", "/v1/batch", "\x1f\x8bno", zipped, 400, 0, "bad_request"},
		{"unknown encoding", "/v1/batch", many(1), func(r *http.Request) { r.Header.Set("Content-Encoding", "br") }, 400, 0, "bad_request"},
		{"broken JSON", "/v1/batch", many(1)[1:], nil, 400, 0, "bad_request"},
		{"broken UTF-8", "/v1/batch", `{"batch":[{"type":"page","userId":"` + "\xff" + `"}]}`, nil, 400, 0, "bad_request"},
		{"two values", "/v1/batch", many(1) + "{}", nil, 400, 0, "bad_request"},
		{"not an object", "/v1/batch", "[]", nil, 400, 0, "bad_request"},
		{"space around", "/v1/batch", " \n" + many(1) + "\n", nil, 200, 1, nil},
		{"empty batch", "/v1/batch", `{"batch":[]}`, nil, 400, 0, "empty_batch"},
		{"no batch", "/v1/batch", `{}`, nil, 400, 0, "empty_batch"},
		{"batch is an object", "/v1/batch", `{"batch":{}}`, nil, 400, 0, "empty_batch"},
		{"other content type", "/v1/batch", many(1), func(r *http.Request) { r.Header.Set("Content-Type", "text/html") }, 400, 0, "bad_request"},
		{"GET", "/v1/batch", many(1), func(r *http.Request) { r.Method = "GET" }, 405, 0, "method"},
		{"key in the body", "/v1/batch", `{"writeKey":"key","batch":[` + page + `]}`, noAuth, 200, 1, nil},
		{"no key", "/v1/batch", many(1), noAuth, 401, 0, "invalid_write_key"},
		{"wrong key", "/v1/batch", many(1), func(r *http.Request) { r.SetBasicAuth("other", "") }, 401, 0, "invalid_write_key"},
		{"wrong key in the body", "/v1/batch", `{"writeKey":"other","batch":[` + page + `]}`, noAuth, 401, 0, "invalid_write_key"},
		{"import", "/v1/import", many(2), nil, 200, 2, nil},
		{"single call", "/v1/track", `{"event":"e","userId":"u"}`, nil, 200, 1, nil},
		{"single call, short path", "/v1/i", `{"userId":"u","writeKey":"key"}`, noAuth, 200, 1, nil},
		{"single call of another type", "/v1/track", page, nil, 400, 0, "bad_request"},
		{"single call, bad", "/v1/group", `{"userId":"u"}`, nil, 400, 0, "id_required"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			r := New(Options{WriteKey: "key"})
			change := tt.change
			if change == nil {
				change = func(*http.Request) {}
			}
			status, got := post(t, r, tt.path, tt.body, change)
			if status != tt.status || got["code"] != tt.code || r.Stats().Events != tt.taken {
				t.Errorf("answered %d %v, took %d; want %d %v and %d", status, got, r.Stats().Events, tt.status, tt.code, tt.taken)
			}
		})
	}
}

func TestTakesWhatSegmentsOwnClientSends(t *testing.T) {
	var got []Event
	r := New(Options{WriteKey: "key", OnEvent: func(e Event) { e.Raw, e.At = nil, time.Time{}; got = append(got, e) }})
	srv := httptest.NewServer(r)
	defer srv.Close()
	at := time.Date(2026, 1, 2, 3, 4, 5, 6000000, time.UTC)
	cl, err := analytics.NewWithConfig("key", analytics.Config{Endpoint: srv.URL, Logger: analytics.StdLogger(log.New(io.Discard, "", 0))})
	if err != nil {
		t.Fatal(err)
	}
	for _, m := range []analytics.Message{
		analytics.Track{MessageId: "1", UserId: "u", Event: "Signed Up", Timestamp: at,
			Properties: analytics.Properties{"topic": "t", "seq": 4, "user": "x"}},
		analytics.Identify{MessageId: "2", AnonymousId: "a", Timestamp: at, Traits: analytics.Traits{"seq": 5}},
		analytics.Group{MessageId: "3", UserId: "u", GroupId: "g", Timestamp: at},
		analytics.Page{MessageId: "4", UserId: "u", Name: "Home", Timestamp: at},
		analytics.Alias{MessageId: "5", UserId: "u", PreviousId: "p", Timestamp: at,
			Context: &analytics.Context{Extra: map[string]any{"topic": "c", "seq": 6}}},
	} {
		if err := cl.Enqueue(m); err != nil {
			t.Fatal(err)
		}
	}
	if err := cl.Close(); err != nil {
		t.Fatal(err)
	}
	for i := range got {
		if age := time.Since(got[i].SentAt); age < 0 || age > time.Minute {
			t.Errorf("sentAt of message %d is %v old", i, age)
		}
		got[i].SentAt = time.Time{}
	}
	want := []Event{
		{Call: "track", MessageID: "1", UserID: "u", Name: "Signed Up", Timestamp: at, Topic: "t", User: "x", Seq: 4, Numbered: true},
		{Call: "identify", MessageID: "2", Anonymous: "a", Timestamp: at, User: "a", Seq: 5, Numbered: true},
		{Call: "group", MessageID: "3", UserID: "u", Timestamp: at, User: "u"},
		{Call: "page", MessageID: "4", UserID: "u", Name: "Home", Timestamp: at, User: "u"},
		{Call: "alias", MessageID: "5", UserID: "u", Timestamp: at, Topic: "c", User: "u", Seq: 6, Numbered: true},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("events (-want +got):\n%s", diff)
	}
}

func TestChosenEventsAreRefusedWithTheirRequest(t *testing.T) {
	r := New(Options{Refuse: func(e Event) string {
		if e.UserID == "bad" {
			return "not this one"
		}
		return ""
	}})
	status, got := post(t, r, "/v1/batch", `{"batch":[{"type":"page","userId":"u"},{"type":"page","userId":"bad"}]}`)
	if status != 400 || got["code"] != "refused" || !strings.Contains(fmt.Sprint(got["errors"]), "not this one") {
		t.Errorf("answered %d %v, want 400 refused", status, got)
	}
	if status, _ = post(t, r, "/v1/batch", `{"batch":[{"type":"page","userId":"u"}]}`); status != 200 {
		t.Errorf("the good half was answered %d", status)
	}
}

func TestFaults(t *testing.T) {
	const body = `{"batch":[{"type":"page","userId":"u","messageId":"m"}]}`
	send := func(t *testing.T, f Fault) (*Receiver, *http.Response, error) {
		r := New(Options{Fault: func(uint64) Fault { return f }, Ledger: NewLedger()})
		srv := httptest.NewServer(r)
		t.Cleanup(srv.Close)
		req, _ := http.NewRequest("POST", srv.URL+"/v1/batch", strings.NewReader(body))
		req.Header.Set("Content-Type", "application/json")
		req.SetBasicAuth("k", "")
		res, err := srv.Client().Do(req)
		if err == nil {
			res.Body.Close()
		}
		return r, res, err
	}
	t.Run("429 in seconds", func(t *testing.T) {
		r, res, err := send(t, Fault{Status: 429, RetryAfter: 1500 * time.Millisecond})
		if err != nil || res.StatusCode != 429 || res.Header.Get("Retry-After") != "2" || r.Stats().Events != 0 {
			t.Errorf("answer %v %v, took %d", res, err, r.Stats().Events)
		}
	})
	t.Run("429 with a date", func(t *testing.T) {
		before := time.Now()
		_, res, err := send(t, Fault{Status: 429, RetryAfter: 3 * time.Second, AsDate: true})
		if err != nil {
			t.Fatal(err)
		}
		at, err := http.ParseTime(res.Header.Get("Retry-After"))
		if err != nil || at.Before(before.Add(3*time.Second).Truncate(time.Second)) {
			t.Errorf("Retry-After %q (%v), want a date 3 s on", res.Header.Get("Retry-After"), err)
		}
	})
	t.Run("503", func(t *testing.T) {
		r, res, err := send(t, Fault{Status: 503})
		if err != nil || res.StatusCode != 503 || res.Header.Get("Retry-After") != "" || r.Stats().Events != 0 {
			t.Errorf("answer %v %v, took %d", res, err, r.Stats().Events)
		}
	})
	t.Run("cut after taking", func(t *testing.T) {
		r, res, err := send(t, Fault{Cut: true})
		if err == nil {
			t.Fatalf("got an answer: %v", res)
		}
		if got := r.opts.Ledger.Report().Accepted; got != 1 || r.Stats().Events != 1 {
			t.Errorf("ledger saw %d events, stats %d, want the one that was taken", got, r.Stats().Events)
		}
	})
}

func TestEventsAreNumberedByWhatTheyHold(t *testing.T) {
	l := NewLedger()
	r := New(Options{Ledger: l, Number: func(ev *Event) {
		var m struct{ Properties struct{ ID string } }
		if err := json.Unmarshal(ev.Raw, &m); err != nil {
			t.Error(err)
		}
		if n, err := fmt.Sscanf(m.Properties.ID, "o%d", &ev.Seq); n == 1 && err == nil {
			ev.Topic, ev.Numbered = ev.Name, true
		}
	}})
	l.Expect("Paid", "u", 7)
	l.Expect("own", "u", 1)
	post(t, r, "/v1/batch", `{"batch":[
		{"type":"track","event":"Paid","userId":"u","messageId":"1","properties":{"id":"o7"}},
		{"type":"track","event":"Paid","userId":"u","messageId":"2","properties":{"id":"o9","topic":"own","seq":1}},
		{"type":"track","event":"Paid","userId":"u","messageId":"3","properties":{"id":"none"}}]}`)
	if got := l.Report(); !got.Clean() || got.Distinct != 3 || got.Unnumbered != 1 {
		t.Errorf("report %+v", got)
	}
}

func TestSharesGiveTheirSharesAndRepeat(t *testing.T) {
	s := Shares{Seed: 7, TooMany: 0.02, Unavailable: 0.05, Cut: 0.03}
	const n = 100_000
	var tooMany, dates, unavailable, cut float64
	for i := range uint64(n) {
		f := s.Fault(i)
		if f != s.Fault(i) {
			t.Fatalf("request %d meets %v, then %v", i, f, s.Fault(i))
		}
		switch {
		case f.Cut:
			cut++
		case f.Status == 503:
			unavailable++
		case f.Status == 429:
			tooMany++
			if f.AsDate {
				dates++
			}
			if f.RetryAfter != time.Second {
				t.Fatalf("Retry-After %v, want a second", f.RetryAfter)
			}
		}
	}
	for _, c := range []struct {
		name      string
		got, want float64
	}{{"429", tooMany / n, 0.02}, {"503", unavailable / n, 0.05}, {"cut", cut / n, 0.03}, {"dates", dates / tooMany, 0.5}} {
		if c.got < c.want*0.9 || c.got > c.want*1.1 {
			t.Errorf("%s: share %.4f, want about %.4f", c.name, c.got, c.want)
		}
	}
	if other := (Shares{Seed: 8, TooMany: 0.5}); func() bool {
		for i := range uint64(100) {
			if other.Fault(i) != (Shares{Seed: 9, TooMany: 0.5}).Fault(i) {
				return false
			}
		}
		return true
	}() {
		t.Error("two seeds give the same faults")
	}
}

func TestOtherPathsAreCaptured(t *testing.T) {
	r := New(Options{})
	req := httptest.NewRequest("PUT", "/hook?x=1", strings.NewReader("hello"))
	req.Header.Set("Idempotency-Key", "k")
	rec := httptest.NewRecorder()
	r.ServeHTTP(rec, req)
	got := r.Captures()
	if rec.Code != 200 || len(got) != 1 {
		t.Fatalf("answered %d, captured %d", rec.Code, len(got))
	}
	if c := got[0]; c.Method != "PUT" || c.URL != "/hook?x=1" || string(c.Body) != "hello" || c.Header.Get("Idempotency-Key") != "k" {
		t.Errorf("captured %+v", c)
	}
	for range maxCaptures + 5 {
		r.ServeHTTP(httptest.NewRecorder(), httptest.NewRequest("POST", "/hook", strings.NewReader("x")))
	}
	if n := len(r.Captures()); n != maxCaptures {
		t.Errorf("keeps %d captures, want the latest %d", n, maxCaptures)
	}
}

func TestCountCountsWithoutLooking(t *testing.T) {
	r := New(Options{Count: true, WriteKey: "key"})
	status, _ := post(t, r, "/v1/batch", `{"sentAt":"x","batch":[{"a":[1,{"b":"}]"}]},{"\"":"\\"},{}],"context":{}}`)
	if status != 200 || r.Stats().Events != 3 {
		t.Errorf("answered %d, counted %d events, want 200 and 3", status, r.Stats().Events)
	}
	if status, _ = post(t, r, "/v1/batch", `{"batch":[{}]}`, func(q *http.Request) { q.SetBasicAuth("no", "") }); status != 401 {
		t.Errorf("wrong key answered %d, want 401", status)
	}
	if status, _ = post(t, r, "/v1/batch", `{}`); status != 400 {
		t.Errorf("nothing to count answered %d, want 400", status)
	}
}

func TestListenServesUntilItsContextEnds(t *testing.T) {
	r, err := Listen("127.0.0.1:0", Options{})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	var wg sync.WaitGroup
	wg.Go(func() {
		if err := r.Run(ctx); err != nil {
			t.Error(err)
		}
	})
	res, err := http.Post(r.URL()+"/v1/page", "application/json", strings.NewReader(`{"userId":"u","writeKey":"k"}`))
	if err != nil {
		t.Fatal(err)
	}
	res.Body.Close()
	if res.StatusCode != 200 {
		t.Errorf("answered %d", res.StatusCode)
	}
	cancel()
	wg.Wait()
	if c, err := net.Dial("tcp", r.ln.Addr().String()); err == nil {
		c.Close()
		t.Error("still listens after Run")
	}
}

func BenchmarkBatch(b *testing.B) {
	const event = `{"type":"track","messageId":"sl1-0123456789abcdef01234567%06d","userId":"u%d","event":"Order Completed","timestamp":"2026-01-02T03:04:05.678Z","properties":{"seq":%d,"topic":"orders","order_id":"o-1","revenue":12.5,"currency":"EUR","products":[{"product_id":"p1","name":"Shoe","price":4.5,"quantity":1},{"product_id":"p2","name":"Sock","price":8,"quantity":1}]}}`
	const n = 250
	bodies := make([][]byte, 16)
	for k := range bodies {
		var s strings.Builder
		s.WriteString(`{"sentAt":"2026-01-02T03:04:05.678Z","batch":[`)
		for i := range n {
			if i > 0 {
				s.WriteByte(',')
			}
			fmt.Fprintf(&s, event, k*n+i, i%50, k*n+i)
		}
		s.WriteString(`]}`)
		var z bytes.Buffer
		w, _ := gzip.NewWriterLevel(&z, gzip.BestSpeed)
		_, _ = io.WriteString(w, s.String())
		_ = w.Close()
		bodies[k] = z.Bytes()
	}
	for _, bm := range []struct {
		name string
		o    Options
	}{{"Strict", Options{Ledger: NewLedger()}}, {"Count", Options{Count: true}}} {
		b.Run(bm.name, func(b *testing.B) {
			r := New(bm.o)
			b.ReportAllocs()
			for i := 0; b.Loop(); i++ {
				req := httptest.NewRequest("POST", "/v1/batch", bytes.NewReader(bodies[i%len(bodies)]))
				req.Header.Set("Content-Type", "application/json")
				req.Header.Set("Content-Encoding", "gzip")
				req.SetBasicAuth("k", "")
				rec := httptest.NewRecorder()
				if r.ServeHTTP(rec, req); rec.Code != 200 {
					b.Fatal(rec.Body)
				}
			}
			b.ReportMetric(float64(n)*float64(b.N)/b.Elapsed().Seconds(), "events/s")
		})
	}
}
