package engine

import (
	"errors"
	"log/slog"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"github.com/sluice-dev/sluice/lang/program"
	"github.com/sluice-dev/sluice/lang/value"
	"github.com/sluice-dev/sluice/stdlib"
)

// resolve resolves a program of connections with a key that may change.
func resolve(t *testing.T, key *string, connections string) (*Settings, error) {
	t.Helper()
	p := program.Load(fstest.MapFS{"a.route": {Data: []byte("app \"t\"\n" + connections)}}, stdlib.Env(), program.Options{})
	if !p.OK() {
		for _, d := range p.Diags {
			t.Error(d.Code.ID, d.Message)
		}
		t.FailNow()
	}
	return Resolve(p.Plan, Lookup{
		Env: func(name string) (string, bool) { return name, true },
		Secret: func(name string) (value.Secret, error) {
			if *key == "" {
				return "", errors.New(name + " is not set")
			}
			return value.Secret(*key), nil
		},
	})
}

// TestHTTPSettings: what a connection says, with its secrets, which are nowhere text and
// are read again.
func TestHTTPSettings(t *testing.T) {
	key := "s3cret"
	s, err := resolve(t, &key, `
connection http crm {
  url: "https://${env("host.example.com")}/v1"
  headers: { Authorization: "Bearer ${secret("KEY")}", "X-Team": 7 }
  query: { token: secret("KEY") }
  body: { auth: { key: secret("KEY") } }
  auth: oauth2("https://id.example.com", "me", secret("KEY"), "all")
  rate: 50/s
  timeout: 5s
  retry: 2h
  private: true
}
connection http fast = crm { batch: 20 or 1s }
connection http web { }
`)
	if err != nil {
		t.Fatal(err)
	}
	by := map[string]*HTTP{}
	for i := range s.HTTPs {
		by[s.HTTPs[i].Name] = &s.HTTPs[i]
	}
	crm, fast, web := by["crm"], by["fast"], by["web"]
	if h := crm.Sink; h.URL != "https://host.example.com/v1" || !h.Private || h.Timeout != 5*time.Second || crm.Retry != 2*time.Hour || crm.Rate.N != 50 || h.Auth.Scope != "all" {
		t.Errorf("%+v", crm)
	}
	if fast.Shares != "crm" || fast.Batch.Count != 20 || web.Shares != "web" || web.Retry != time.Hour || web.Sink.Private || web.Sink.URL != "" {
		t.Errorf("fast %+v, web %+v", fast.Deliver, web.Deliver)
	}
	header := func(h *HTTP) value.Value { v, _ := h.Sink.Headers.Get("Authorization"); return v }
	if header(crm) != value.Secret("Bearer s3cret") {
		t.Errorf("a text with a secret in it is %T", header(crm))
	}
	key = "new"
	again, err := crm.Sink.Again()
	if v, _ := again.Headers.Get("Authorization"); err != nil || v != value.Secret("Bearer new") || again.Auth.Secret != "new" {
		t.Errorf("read again: %v %v", v, err)
	}
	key = ""
	if _, err := crm.Sink.Again(); err == nil {
		t.Error("a secret that is gone is read again")
	}
}

// TestHTTPSettingsThatCannotBe: what is wrong with a connection shows at start.
func TestHTTPSettingsThatCannotBe(t *testing.T) {
	key := "two\nlines"
	if _, err := resolve(t, &key, `connection http crm { url: "https://crm.example.com", headers: { Authorization: secret("KEY") } }`); err == nil || !strings.Contains(err.Error(), "line break") || strings.Contains(err.Error(), "two") {
		t.Errorf("a line break in a header: %v", err)
	}
	key = "k"
	s, err := resolve(t, &key, `connection http crm { url: env("crm.example.com") }`)
	if err != nil {
		t.Fatal(err)
	}
	e := &Engine{cfg: Config{Settings: s}, log: slog.Default()}
	if err := e.httpConnections(); err == nil || !strings.Contains(err.Error(), "https://") {
		t.Errorf("an address without https: %v", err)
	}
}
