package main

import (
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/sluice-dev/sluice/runtime/receiver"
)

// TestWebhookKilled posts to a program and kills it, on the embedded broker broker and
// all, with SIGKILL: what was answered 200 arrives, under one id.
func TestWebhookKilled(t *testing.T) { onBrokers(t, testWebhookKilled) }

func testWebhookKilled(t *testing.T, flags ...string) {
	got := newArrived[string]() // ids, by user
	r := receiving(t, receiver.Options{OnEvent: func(e receiver.Event) { got.add(e.UserID, e.MessageID) }})
	dir, state := folder(t, `app "`+appName("hooked")+`"
connection segment main { write_key: env("WRITE_KEY", "k"), url: "`+r.URL()+`" }
route signups
from webhook "/signup" as { email: string, n: int? } { secret: secret("HOOK"), key: .email }
emit track "Signed Up" { userId: .email, properties: { n?: .n } }
`), filepath.Join(t.TempDir(), "state")
	bin := build(t)
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	var mu sync.Mutex
	var taken []string // users whose request was answered 200
	for round := range 3 {
		p := runProgram(t, bin, dir, state, flags...)
		if code, _ := tryPost(client, p.hooks+"/signup", `{"email":"x"}`); code != http.StatusUnauthorized {
			t.Fatalf("without the secret: %d", code)
		}
		kill := make(chan struct{}) // closed when enough was answered
		var once sync.Once
		var senders sync.WaitGroup
		answered := 0
		for s := range 4 {
			senders.Go(func() {
				for i := 0; ; i++ {
					user := fmt.Sprintf("u%d-%d-%d", round, s, i)
					if code, _ := tryPost(client, p.hooks+"/signup/open%20sesame", `{"email":"`+user+`"}`); code != http.StatusOK {
						return // killed: whether it is in the log nobody knows
					}
					mu.Lock()
					taken = append(taken, user)
					if answered++; answered == 40 {
						once.Do(func() { close(kill) })
					}
					mu.Unlock()
				}
			})
		}
		<-kill
		p.kill(t)
		senders.Wait()
	}
	p := runProgram(t, bin, dir, state, flags...)
	got.wait(t, func(of map[string][]string) bool {
		return !slices.ContainsFunc(taken, func(user string) bool { return of[user] == nil })
	})
	got.mu.Lock()
	for user, n := range idsOf(got.of) {
		if n != 1 {
			t.Errorf("%s has arrived under %d ids", user, n)
		}
	}
	t.Logf("%d answered 200, %d arrived, each under one id", len(taken), len(got.of))
	got.mu.Unlock()
	p.end(t)
}

// TestDevWebhook: dev feeds requests through the same front, asks for no secret, and
// takes requests at one address through a save.
func TestDevWebhook(t *testing.T) {
	dir := t.TempDir()
	script := filepath.Join(dir, "a.route")
	save := func(word string) {
		text := "app \"hooked\"\nroute hook\nfrom webhook \"/hook\" as { id: string } { secret: secret(\"HOOK_NEVER_SET\") }\nemit log \"" + word + "\" { id: .id }\n"
		if err := os.WriteFile(script, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	save("first")
	if err := os.WriteFile(filepath.Join(dir, "sample.jsonl"), []byte(`{"webhook":"/hook","json":[{"id":"a"},{"id":"b"}]}`+"\n"+`{"webhook":"/hook","query":{"id":"c"}}`+"\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(build(t), "dev", "--admin", ":0", "--listen", ":0", dir)
	arrivals, told := talking(t, cmd)
	_, url, _ := strings.Cut(await(t, told, "webhooks http"), "webhooks ")
	url, _, _ = strings.Cut(url, " ")
	await(t, told, "3 events fed")
	for range 3 {
		await(t, arrivals, "log first")
	}
	ask := func() {
		resp, err := http.Get(url + "/hook?id=d")
		if err != nil {
			t.Fatal(err)
		}
		defer resp.Body.Close()
		if resp.StatusCode != http.StatusOK {
			t.Errorf("answered %s", resp.Status)
		}
	}
	ask()
	await(t, arrivals, "log first")
	save("second")
	await(t, told, "started again")
	ask()
	await(t, arrivals, "log second")
	if err := cmd.Process.Signal(os.Interrupt); err != nil {
		t.Fatal(err)
	}
	for range told { // read to the end before Wait closes the pipes
	}
	for range arrivals {
	}
	if err := cmd.Wait(); err != nil {
		t.Errorf("dev ended with %v", err)
	}
}
