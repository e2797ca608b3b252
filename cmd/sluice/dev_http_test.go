package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// TestDevSendsNothingOut: in dev requests over HTTP go to the local receiver, whatever
// they are addressed to, without a token; http.jsonl answers them, and each arrival
// is a line.
func TestDevSendsNothingOut(t *testing.T) {
	dir := t.TempDir()
	for name, text := range map[string]string{
		"a.route": `app "away"
connection http crm { url: env("CRM_URL"), headers: { Authorization: "Bearer ${secret("CRM_TOKEN")}" }, auth: oauth2("https://id.example.com/token", "me", secret("CRM_SECRET")) }
connection http web { }
route sends
from topic "in" as { id: string, hook: string }
emit http POST "/v1/track" via crm { body: { id: .id } }
emit http POST .hook via web { body: { id: .id } }
route asks
from topic "in" as { id: string, hook: string }
call http GET "/users/${.id}" via crm as r: { name: string }
emit log "asked ${r.body.name}" { id: .id }
`,
		"sample.jsonl": `{"topic":"in","key":"a","value":{"id":"a","hook":"https://hooks.example.com/x"}}`,
		"http.jsonl":   `{"method":"GET","url":"/users/a","reply":{"body":{"name":"Ann"}}}`,
	} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	cmd := exec.Command(build(t), "dev", "--admin", ":0", "--listen", ":0", dir)
	arrivals, told := talking(t, cmd)
	await(t, told, "1 event fed")
	left := map[string]bool{"http POST /v1/track": true, "http POST .hook": true, "call http GET": true, " log ": true}
	for len(left) > 0 {
		l := await(t, arrivals, " ms")
		for want := range left {
			if strings.Contains(l, want) {
				delete(left, want)
			}
		}
	}
	save := func(text string) {
		if err := os.WriteFile(filepath.Join(dir, "http.jsonl"), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	save(`{"method":"GET","url":"/users/a","repl":1}`) // an answer with a mistake leaves the old ones
	await(t, told, "the old program and its answers go on")
	save(`{"method":"GET","url":"/users/a","reply":{"body":{"name":"Bea"}}}`)
	await(t, told, "started again")
}
