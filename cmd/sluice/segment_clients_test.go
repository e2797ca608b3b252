package main

import (
	"bytes"
	"compress/gzip"
	"context"
	"crypto/hmac"
	"crypto/sha1" //nolint:gosec // it is what Segment signs with
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/segmentio/analytics-go/v3"

	"github.com/sluice-dev/sluice/runtime/receiver"
)

// wire stands between a client and the program: it keeps what the client sends, and
// answers the first requests as it is told.
type wire struct {
	*httptest.Server
	mu      sync.Mutex
	to      string
	answers []int               // of requests that are not passed on
	sent    map[string]sentCall // by messageId: as it was sent last
	tries   map[string]int      // by messageId
	sentAts map[string]struct{} // of envelopes
}

// sentCall is a call as a client sent it: with what the envelope says, and when.
type sentCall struct {
	call          map[string]any
	sentAt        time.Time
	before, after time.Time
}

func newWire(t *testing.T, to string) *wire {
	w := &wire{to: to, sent: map[string]sentCall{}, tries: map[string]int{}, sentAts: map[string]struct{}{}}
	w.Server = httptest.NewServer(w)
	t.Cleanup(w.Close)
	return w
}

func (w *wire) ServeHTTP(out http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		http.Error(out, err.Error(), http.StatusInternalServerError)
		return
	}
	w.mu.Lock()
	status := 0
	if len(w.answers) > 0 {
		status, w.answers = w.answers[0], w.answers[1:]
	}
	w.mu.Unlock()
	before := time.Now()
	if status == 0 {
		if err := w.pass(out, r, body); err != nil {
			http.Error(out, err.Error(), http.StatusInternalServerError)
			return
		}
	} else {
		out.Header().Set("Retry-After", "1")
		out.WriteHeader(status)
	}
	w.keep(r, body, before, time.Now())
}

// pass sends a request on, and gives the answer back.
func (w *wire) pass(out http.ResponseWriter, r *http.Request, body []byte) error {
	req, err := http.NewRequestWithContext(r.Context(), r.Method, w.to+r.URL.RequestURI(), bytes.NewReader(body))
	if err != nil {
		return err
	}
	maps.Copy(req.Header, r.Header)
	req.Header.Set("X-Forwarded-Host", r.Host) // so that settings name this server
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	maps.Copy(out.Header(), resp.Header)
	out.WriteHeader(resp.StatusCode)
	_, err = io.Copy(out, resp.Body)
	return err
}

func (w *wire) keep(r *http.Request, body []byte, before, after time.Time) {
	if r.Header.Get("Content-Encoding") == "gzip" {
		z, err := gzip.NewReader(bytes.NewReader(body))
		if err != nil {
			return
		}
		body, _ = io.ReadAll(z)
	}
	var e struct {
		Batch   []map[string]any
		Context map[string]any
		SentAt  time.Time
	}
	if json.Unmarshal(body, &e) != nil {
		return
	}
	var one map[string]any
	if e.Batch == nil && json.Unmarshal(body, &one) == nil && one["type"] != nil {
		e.Batch, e.Context = append(e.Batch, one), nil
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.sentAts[e.SentAt.String()] = struct{}{}
	for _, c := range e.Batch {
		if len(e.Context) > 0 {
			all := maps.Clone(e.Context)
			own, _ := c["context"].(map[string]any)
			maps.Copy(all, own)
			c["context"] = all
		}
		id := fmt.Sprint(c["messageId"])
		now := sentCall{c, e.SentAt, before, after}
		if old, ok := w.sent[id]; ok && old.sentAt.Equal(e.SentAt) {
			now.before = old.before // either may be the one that was taken
		}
		w.sent[id] = now
		w.tries[id]++
	}
}

// took keeps a call that the receiver took, by its messageId.
func took(a *arrived[map[string]any]) func(receiver.Event) {
	return func(e receiver.Event) {
		var c map[string]any
		if json.Unmarshal(e.Raw, &c) == nil {
			a.add(e.MessageID, c)
		}
	}
}

// passedOn is a call as it must arrive: what is of the specification, nothing that is
// null, and ids of groups as texts. Its timestamp is compared by itself.
func passedOn(c map[string]any) map[string]any {
	out := map[string]any{}
	for _, name := range []string{"type", "messageId", "userId", "anonymousId", "event", "name", "category", "groupId", "previousId", "properties", "traits", "context", "integrations", "channel", "_metadata"} {
		v := c[name]
		if n, ok := v.(float64); ok && name == "groupId" {
			v = fmt.Sprint(n)
		}
		if v != nil && !(name == "category" && v == "") {
			out[name] = v
		}
	}
	return out
}

// compare compares what a client sent with what arrived, field by field.
func compare(t *testing.T, a *arrived[map[string]any], w *wire, n int) {
	t.Helper()
	a.wait(t, func(of map[string][]map[string]any) bool {
		w.mu.Lock()
		defer w.mu.Unlock()
		for id := range w.sent {
			if of[id] == nil {
				return false
			}
		}
		return len(w.sent) >= n
	})
	w.Close() // when every answer has been given, all is noted
	a.mu.Lock()
	defer a.mu.Unlock()
	if len(w.sent) != n {
		t.Errorf("%d calls were sent, want %d", len(w.sent), n)
	}
	for id, s := range w.sent {
		got := a.of[id]
		if len(got) != 1 {
			t.Errorf("%s arrived %d times", id, len(got))
		}
		text, _ := got[0]["timestamp"].(string)
		delete(got[0], "timestamp")
		if diff := cmp.Diff(passedOn(s.call), got[0]); diff != "" {
			t.Errorf("%s (-sent +arrived):\n%s", id, diff)
		}
		said, _ := s.call["timestamp"].(string)
		ts, err := time.Parse(time.RFC3339Nano, said)
		at, err2 := time.Parse(time.RFC3339Nano, text)
		if err != nil || err2 != nil {
			t.Errorf("%s was sent with the timestamp %q and arrived with %q", id, said, text)
			continue
		}
		// received − (sentAt − timestamp); printing cuts below the millisecond.
		early, late := s.before.Add(-s.sentAt.Sub(ts)).Add(-2*time.Millisecond), s.after.Add(-s.sentAt.Sub(ts))
		if at.Before(early) || at.After(late) {
			t.Errorf("%s has the time %s, want one between %s and %s", id, text, early, late)
		}
	}
}

// TestSegmentClients: what clients of Segment send to a program comes out at Segment as
// they meant it, once.
func TestSegmentClients(t *testing.T) { onBrokers(t, testSegmentClients) }

func testSegmentClients(t *testing.T, flags ...string) {
	got := newArrived[map[string]any]()
	r := receiving(t, receiver.Options{OnEvent: took(got)})
	dir := folder(t, `app "`+appName("passed")+`"
connection segment main { write_key: env("WRITE_KEY", "k"), url: "`+r.URL()+`", batch: 100 or 5ms }
route clients
from segment "/v1" { write_keys: [secret("APP_KEY")] }
emit segment
route audiences
from segment webhook "/aud" { signature: [secret("OLD_SIGN"), secret("SIGN")] }
emit segment
`)
	for _, name := range []string{"APP_KEY", "OLD_SIGN", "SIGN"} {
		t.Setenv(name, name)
	}
	p := runProgram(t, build(t), dir, filepath.Join(t.TempDir(), "state"), flags...)

	t.Run("analytics-go", func(t *testing.T) {
		w := newWire(t, p.hooks)
		w.answers = []int{503}
		sendByGo(t, w.URL)
		compare(t, got, w, 7)
	})
	t.Run("analytics-node", func(t *testing.T) {
		w := newWire(t, p.hooks)
		w.answers = []int{429, 503}
		sendByNPM(t, "node.mjs", nodeClient, "HOST="+w.URL)
		compare(t, got, w, 8)
		for id, n := range w.tries {
			if n < 3 {
				t.Errorf("%s was sent %d times: the client was to try again", id, n)
			}
		}
		if len(w.sentAts) < 2 {
			t.Error("the client was to say anew when it sent")
		}
	})
	for name, env := range map[string]string{"analytics.js": "", "analytics.js in batches": "yes"} {
		t.Run(name, func(t *testing.T) {
			w := newWire(t, p.hooks)
			sendByNPM(t, "browser.mjs", browserClient, "HOST="+w.URL, "BATCHES="+env)
			compare(t, got, w, 5)
		})
	}
	for _, c := range []struct {
		name, path string
		calls      int
		header     []string
		gzip       bool
	}{
		{"python", "/v1/batch", 7, []string{"Content-Type: application/json", "User-Agent: analytics-python/2.4.0", "Authorization: Basic QVBQX0tFWTo="}, true},
		{"kotlin", "/v1/b", 5, []string{"Content-Type: text/plain", "User-Agent: analytics-kotlin/1.19.2"}, true},
		{"swift", "/v1/b", 2, []string{"Content-Type: application/json; charset=utf-8", "User-Agent: analytics-swift/1.7.3"}, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			w := newWire(t, p.hooks)
			body, err := os.ReadFile(filepath.Join("testdata", "clients", c.name+".json"))
			if err != nil {
				t.Fatal(err)
			}
			for range 2 { // the second time as one that had no answer
				if code, text := replay(t, w.URL+c.path, body, c.header, c.gzip); code != http.StatusOK || text != `{"success":true}` {
					t.Errorf("answered %d %s", code, text)
				}
			}
			compare(t, got, w, c.calls)
		})
	}
	t.Run("webhook", func(t *testing.T) {
		w := newWire(t, p.hooks)
		first := `{"type":"track","event":"Audience Entered","userId":"w-1","messageId":"personas_1","timestamp":"2026-03-01T12:00:00.000Z","properties":{"audience_key":"vip","vip":true}}`
		body := "[" + first + `,{"type":"identify","anonymousId":"w-2","messageId":"personas_2","timestamp":"2026-03-01T12:00:00.000Z"}]`
		m := hmac.New(sha1.New, []byte("SIGN"))
		m.Write([]byte(first))
		signed := "X-Signature: " + hex.EncodeToString(m.Sum(nil))
		if code, _ := replay(t, w.URL+"/aud", []byte(strings.Replace(body, "w-1", "w-9", 1)), []string{signed}, false); code != http.StatusUnauthorized {
			t.Errorf("with the signature of another event: %d", code)
		}
		if code, _ := replay(t, w.URL+"/aud", []byte(body), []string{signed}, false); code != http.StatusOK {
			t.Errorf("signed: %d", code)
		}
		got.wait(t, func(of map[string][]map[string]any) bool {
			return len(of["personas_1"]) == 1 && len(of["personas_2"]) == 1
		})
	})
	p.end(t)
}

// replay sends recorded bytes, compressed and of unknown length where the client does so.
func replay(t *testing.T, url string, body []byte, header []string, compressed bool) (int, string) {
	t.Helper()
	var b bytes.Buffer
	b.Write(body)
	if compressed {
		b.Reset()
		z := gzip.NewWriter(&b)
		if _, err := z.Write(body); err != nil {
			t.Fatal(err)
		}
		if err := z.Close(); err != nil {
			t.Fatal(err)
		}
	}
	req, err := http.NewRequest(http.MethodPost, url, io.MultiReader(&b))
	if err != nil {
		t.Fatal(err)
	}
	if compressed {
		req.Header.Set("Content-Encoding", "gzip")
	}
	for _, h := range header {
		name, v, _ := strings.Cut(h, ": ")
		req.Header.Set(name, v)
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	text, _ := io.ReadAll(resp.Body)
	return resp.StatusCode, string(text)
}

// sendByGo sends every kind of call with analytics-go.
func sendByGo(t *testing.T, url string) {
	t.Helper()
	c, err := analytics.NewWithConfig("APP_KEY", analytics.Config{Endpoint: url, BatchSize: 7, RetryAfter: func(int) time.Duration { return time.Millisecond }})
	if err != nil {
		t.Fatal(err)
	}
	at := time.Date(2026, 3, 1, 12, 0, 0, 250_000_000, time.UTC)
	own := &analytics.Context{Locale: "de-DE", Extra: map[string]any{"tenant": "t-1"}}
	for _, m := range []analytics.Message{
		analytics.Identify{UserId: "g-1", Traits: analytics.Traits{"email": "g@example.com", "plan": nil}, Context: own, Timestamp: at},
		analytics.Track{UserId: "g-1", Event: "Order Completed", Properties: analytics.Properties{"revenue": 12.5, "products": []any{map[string]any{"sku": "<a>"}}}, Integrations: analytics.Integrations{"All": false}, Timestamp: at},
		analytics.Track{AnonymousId: "g-anon", Event: "Seen", MessageId: "own-go", Timestamp: at},
		analytics.Page{UserId: "g-1", Name: "Install", Properties: analytics.Properties{"url": "https://example.com"}, Timestamp: at},
		analytics.Screen{UserId: "g-1", Name: "Home", Timestamp: at},
		analytics.Group{UserId: "g-1", GroupId: "7", Traits: analytics.Traits{"name": "ACME"}, Timestamp: at},
		analytics.Alias{UserId: "g-1", PreviousId: "g-old", Timestamp: at},
	} {
		if err := c.Enqueue(m); err != nil {
			t.Fatal(err)
		}
	}
	// The seventh sends them; Close would give up after one try.
	t.Cleanup(func() { _ = c.Close() })
}

// Segment's clients for Node and for browsers, as npm has them.
var (
	nodeClient    = []string{"@segment/analytics-node@3.1.0"}
	browserClient = []string{"@segment/analytics-next@1.84.3", "jsdom@29.1.1"}
)

// sendByNPM sends every kind of call with a script that needs packages of npm.
func sendByNPM(t *testing.T, script string, packages []string, env ...string) {
	t.Helper()
	missing := t.Skipf
	if os.Getenv("SLUICE_REQUIRE_NODE") != "" {
		missing = t.Fatalf
	}
	node, err := exec.LookPath("node")
	if err != nil {
		missing("node is not here")
	}
	if v, err := exec.Command(node, "--version").Output(); err != nil || !(len(v) > 3 && v[1] >= '2' && v[2] >= '0' && v[2] <= '9') {
		missing("node %s is too old for the clients, which need 20", v)
	}
	dir, err := os.UserCacheDir()
	if err != nil {
		missing("no place for what npm brings: %v", err)
	}
	dir = filepath.Join(dir, "sluice-ci", strings.NewReplacer("/", "-", "@", "").Replace(strings.Join(packages, "-")))
	whole := filepath.Join(dir, "whole")
	if _, err := os.Stat(whole); err != nil {
		if err := os.MkdirAll(dir, 0o755); err != nil {
			t.Fatal(err)
		}
		ctx, stop := context.WithTimeout(t.Context(), 2*time.Minute)
		defer stop()
		args := append([]string{"install", "--no-audit", "--no-fund", "--prefix", dir}, packages...)
		if out, err := exec.CommandContext(ctx, "npm", args...).CombinedOutput(); err != nil {
			missing("npm does not bring %s: %v\n%s", packages, err, out)
		}
		if err := os.WriteFile(whole, nil, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	text, err := os.ReadFile(filepath.Join("testdata", "clients", script))
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, script), text, 0o644); err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), node, filepath.Join(dir, script))
	cmd.Env = append(os.Environ(), env...)
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("the client: %v\n%s", err, out)
	}
}
