package engine_test

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/sluice-dev/sluice/lang/value"
	"github.com/sluice-dev/sluice/runtime/edge"
	"github.com/sluice-dev/sluice/runtime/engine"
	"github.com/sluice-dev/sluice/runtime/kafka"
	"github.com/sluice-dev/sluice/runtime/receiver"
)

// hooked sends what is posted on, counted in a table.
const hooked = head + `
table seen: int = 0 keyed by string
route hook
from webhook "/hook" as Order { secret: secret("HOOK"), key: .user }
dedupe by .user, .seq within 1h
update seen[.user] = it + 1 as n
emit track "Hooked" { userId: .user, properties: { topic: .topic, seq: .seq, n } }
`

// edgeOf makes a server that outlives the engines of a test.
func (w *world) edgeOf() *edge.Server {
	w.t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		w.t.Fatal(err)
	}
	s := edge.NewServer(ln, slog.New(slog.NewTextHandler(w.log, nil)))
	ctx, stop := context.WithCancel(context.Background())
	var wg sync.WaitGroup
	wg.Go(func() { _ = s.Run(ctx) })
	w.t.Cleanup(func() { stop(); wg.Wait() })
	return s
}

// startHooked starts an engine behind a server.
func (w *world) startHooked(src string, s *edge.Server, o options) *running {
	w.t.Helper()
	cfg := w.config(src, o)
	cfg.Edge = s
	ctx, cancel := context.WithCancel(context.Background())
	r := &running{Engine: engine.New(cfg), w: w, cancel: cancel, done: make(chan struct{})}
	go func() {
		defer close(r.done)
		r.err = r.Run(ctx)
	}()
	w.t.Cleanup(func() { r.cancel(); <-r.done })
	return r
}

var poster = &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}

// post gives the status and Retry-After.
func post(t *testing.T, s *edge.Server, path, body string) string {
	t.Helper()
	resp, err := poster.Post("http://"+s.Addr()+path, "application/json", strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	_, _ = io.Copy(io.Discard, resp.Body)
	out := fmt.Sprint(resp.StatusCode)
	if resp.Header.Get("Retry-After") != "" {
		out += " later"
	}
	return out
}

// What is posted runs as a record of a topic does, by a group with state, through a
// restart, and on Apache Kafka, too; what is not of the type is a letter that holds the
// request.
func TestWebhook(t *testing.T) {
	onBrokers(t, func(t *testing.T, w *world) {
		r := w.receive(receiver.Options{})
		s := w.edgeOf()
		if got := post(t, s, "/hook/open", "{}"); got != "503 later" {
			t.Errorf("before the program runs: %s", got)
		}
		o := options{url: r.URL(), session: 6 * time.Second, env: map[string]string{"HOOK": "open"}, store: "store-" + w.suffix, state: t.TempDir()}
		sent := uint64(0)
		for _, round := range []uint64{1, 2} {
			e := w.startHooked(hooked, s, o)
			w.eventually("it takes requests", func() bool { return post(t, s, "/hook/open", "[]") == "200" })
			for range 20 {
				sent++
				w.ledger.Expect("hook", "u1", sent)
				if got := post(t, s, "/hook/open", order("hook", "u1", sent)); got != "200" {
					t.Fatalf("order %d: %s", sent, got)
				}
			}
			// The elements of a list run in its order; one of them is a repeat.
			w.ledger.Expect("hook", "u1", sent+1)
			if got := post(t, s, "/hook?token=open", "["+order("hook", "u1", sent+1)+","+order("hook", "u1", sent)+"]"); got != "200" {
				t.Fatalf("a list: %s", got)
			}
			sent++
			if got := post(t, s, "/hook/open", `{"user":7}`); got != "200" {
				t.Fatalf("what is not of the type: %s", got)
			}
			w.arrived()
			w.eventually("it has run", func() bool {
				at := row(e.Account(), "hook")
				return at.Dead == round && at.Dropped["duplicate"] == round // of a group they go on
			})
			e.stop()
			if got := post(t, s, "/hook/open", "{}"); got != "503 later" {
				t.Errorf("after the stop: %s", got)
			}
		}
		w.clean()
		letters := w.dead("hook")
		if len(letters) != 2 || !strings.Contains(string(letters[0].value), `"path":"/hook"`) || strings.Contains(string(letters[0].value), "open") {
			t.Errorf("letters %+v", letters)
		}
	})
}

// While the brokers are away senders are told to come again, and what was taken before
// and after arrives.
func TestWebhookWithoutBrokers(t *testing.T) {
	t.Parallel()
	role := brokerRole{Dir: t.TempDir(), Addr: freeAddr(t)}
	broker := spawn(t, "broker", role)
	w := newWorld(t, broker.line(t))
	r := w.receive(receiver.Options{})
	s := w.edgeOf()
	e := w.startHooked(hooked, s, options{url: r.URL(), session: 6 * time.Second, env: map[string]string{"HOOK": "open"}})
	w.eventually("it takes requests", func() bool { return post(t, s, "/hook/open", "[]") == "200" })
	w.ledger.Expect("hook", "u1", 1)
	if got := post(t, s, "/hook/open", order("hook", "u1", 1)); got != "200" {
		t.Fatalf("before the outage: %s", got)
	}
	w.arrived()
	broker.kill()
	if got := post(t, s, "/hook/open", order("hook", "u1", 2)); got != "503 later" {
		t.Errorf("in the outage: %s", got)
	}
	broker = spawn(t, "broker", role)
	broker.line(t)
	// The sender does as it was told. That the first attempt may be in the log, too, is
	// what `dedupe` is for.
	w.ledger.Expect("hook", "u1", 2)
	w.eventually("it is taken again", func() bool { return post(t, s, "/hook/open", order("hook", "u1", 2)) == "200" })
	w.arrived()
	e.stop()
	w.clean()
}

// TestWebhookTopic: the topic is made for what a request may hold, and keeps it.
func TestWebhookTopic(t *testing.T) {
	t.Parallel()
	w := onEmbedded(t)
	r := w.receive(receiver.Options{})
	s := w.edgeOf()
	e := w.startHooked(hooked, s, options{url: r.URL(), env: map[string]string{"HOOK": "open"}})
	w.eventually("it takes requests", func() bool { return post(t, s, "/hook/open", "[]") == "200" })
	name := kafka.InTopic(w.app(), "hook")
	limits, err := w.admin.MaxMessageBytes(t.Context(), name)
	if err != nil || limits[name] != edge.MaxRecord {
		t.Errorf("limit %d, %v", limits[name], err)
	}
	if got := post(t, s, "/hook/open", strings.Repeat("1", edge.MaxBody)); got != "200" {
		t.Errorf("the largest body: %s", got)
	}
	w.eventually("it is a letter", func() bool { return row(e.Account(), "hook").Dead == 1 })
	e.stop()
}

// An empty secret would let in whoever knows the path. All that is wrong of a list is
// told, each where it is written.
func TestWebhookSecretIsEmpty(t *testing.T) {
	w := onEmbedded(t)
	p := w.plan(head + `
route hook
from webhook "/hook" { secret: [env("A"), env("B", ""), secret("C"), secret("D")], verify: [hmac_sha256(secret("C"), "X"), hmac_sha256(secret("E"), "X")] }
emit log
`)
	_, err := engine.Resolve(p, engine.Lookup{
		Env: func(name string) (string, bool) { return "x", name != "B" },
		Secret: func(name string) (value.Secret, error) {
			return "", fmt.Errorf("%s is not set", name)
		},
	})
	text := fmt.Sprint(err)
	for _, want := range []string{":43: the secret of /hook is empty", ":57: secret: C is not set", ":70: secret: D is not set", ":93: secret: C is not set", ":124: secret: E is not set"} {
		if !strings.Contains(text, want) {
			t.Errorf("%q is not told:\n%s", want, text)
		}
	}
}

// What is signed is taken, once; what is not, or is signed with a key that is no more, is
// told so, and is in no log.
func TestWebhookSigned(t *testing.T) {
	t.Parallel()
	w := onEmbedded(t)
	r := w.receive(receiver.Options{})
	s := w.edgeOf()
	e := w.startHooked(head+`
route paid
from webhook "/paid" as Order { verify: [hmac_sha256(secret("NEW"), "X-Sig"), hmac_sha256(secret("OLD"), "X-Sig")], key: .user, id: .seq, quiet: 1h }
emit track "Paid" { userId: .user, properties: { topic: .topic, seq: .seq } }
`, s, options{url: r.URL(), env: map[string]string{"NEW": "new key", "OLD": "old key"}})
	signed := func(key, body string) string {
		t.Helper()
		req, err := http.NewRequest("POST", "http://"+s.Addr()+"/paid", strings.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		if key != "" {
			m := hmac.New(sha256.New, []byte(key))
			m.Write([]byte(body))
			req.Header.Set("X-Sig", hex.EncodeToString(m.Sum(nil)))
		}
		resp, err := poster.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		defer resp.Body.Close()
		text, _ := io.ReadAll(resp.Body)
		return fmt.Sprint(resp.StatusCode, " ", strings.TrimSpace(string(text)))
	}
	w.ledger.Expect("paid", "u1", 1)
	w.ledger.Expect("paid", "u1", 2)
	one := order("paid", "u1", 1)
	w.eventually("it takes requests", func() bool { return signed("new key", one) == "200 ok" })
	for _, c := range []struct{ key, body, want string }{
		{"old key", order("paid", "u1", 2), "200 ok"},
		{"new key", one, "200 ok"}, // sent again
		{"older key", order("paid", "u1", 3), "401 the signature is wrong: it was made with another key, or of other bytes than came"},
		{"", order("paid", "u1", 4), "401 the signature is missing: the header x-sig is not there"},
	} {
		if got := signed(c.key, c.body); got != c.want {
			t.Errorf("signed with %q: %s, want %s", c.key, got, c.want)
		}
	}
	w.arrived()
	w.eventually("it has run", func() bool { at := row(e.Account(), "paid"); return at.Completed == 2 && at.Dropped["duplicate"] == 1 })
	snap := e.Snapshot()
	q, there := snap.Quiet["/paid"]
	i := slices.IndexFunc(snap.Requests, func(r edge.Requests) bool { return r.Source == "/paid" })
	if q || !there || i < 0 || snap.Requests[i].Statuses[401] != 2 || snap.Requests[i].Statuses[200] != 3 {
		t.Errorf("quiet %v, requests %+v", snap.Quiet, snap.Requests)
	}
	e.stop()
}

// A key that cannot be one is told at start, with its place.
func TestWebhookKeyIsNone(t *testing.T) {
	w := onEmbedded(t)
	p := w.plan(head + `
route hook
from webhook "/hook" { verify: standard_webhooks(secret("S")) }
emit log
`)
	_, err := engine.Resolve(p, engine.Lookup{
		Env:    func(string) (string, bool) { return "x", true },
		Secret: func(string) (value.Secret, error) { return "whsec_???", nil },
	})
	if err == nil || !strings.Contains(err.Error(), "/hook: the key of its signatures begins with whsec_") || strings.Contains(err.Error(), "???") {
		t.Errorf("got %v", err)
	}
}
