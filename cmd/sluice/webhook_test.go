package main

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/sluice-dev/sluice/runtime/receiver"
)

// arrivedIDs are the message ids that a receiver took, by user.
type arrivedIDs struct {
	mu  sync.Mutex
	ids map[string]map[string]bool
	new chan struct{} // holds one: something came. Never closed.
}

func (a *arrivedIDs) took(e receiver.Event) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.ids[e.UserID] == nil {
		a.ids[e.UserID] = map[string]bool{}
	}
	a.ids[e.UserID][e.MessageID] = true
	select {
	case a.new <- struct{}{}:
	default:
	}
}

// all tells whether something of every user has come.
func (a *arrivedIDs) all(users []string) bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	for _, u := range users {
		if a.ids[u] == nil {
			return false
		}
	}
	return true
}

// program is a `sluice run` of a test.
type runningProgram struct {
	*exec.Cmd
	told  <-chan string
	hooks string // where webhooks are taken
}

func runProgram(t *testing.T, bin, dir, state string, flags ...string) *runningProgram {
	t.Helper()
	cmd := exec.Command(bin, append([]string{"run", "--admin", ":0", "--listen", ":0", "--state", state, dir}, flags...)...)
	cmd.Env = append(os.Environ(), "HOOK=open sesame")
	words, err := cmd.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = cmd.Process.Kill() })
	p := &runningProgram{Cmd: cmd, told: lines(words)}
	p.hooks = strings.TrimPrefix(await(t, p.told, "webhooks http"), "webhooks ")
	await(t, p.told, `"msg":"running"`)
	go func() {
		for range p.told { // else its pipe fills
		}
	}()
	return p
}

// TestWebhookKilled posts to a program on the embedded broker and kills it, broker and
// all, with SIGKILL: what was answered 200 arrives, under one id.
func TestWebhookKilled(t *testing.T) {
	got := &arrivedIDs{ids: map[string]map[string]bool{}, new: make(chan struct{}, 1)}
	r, err := receiver.Listen("127.0.0.1:0", receiver.Options{OnEvent: got.took})
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(context.Background())
	var side sync.WaitGroup
	side.Go(func() { _ = r.Run(ctx) })
	defer side.Wait()
	defer stop()
	dir, state := t.TempDir(), filepath.Join(t.TempDir(), "state")
	script := `app "hooked"
connection segment main { write_key: env("WRITE_KEY", "k"), url: "` + r.URL() + `" }
route signups
from webhook "/signup" as { email: string, n: int? } { secret: secret("HOOK"), key: .email }
emit track "Signed Up" { userId: .email, properties: { n?: .n } }
`
	if err := os.WriteFile(filepath.Join(dir, "a.route"), []byte(script), 0o644); err != nil {
		t.Fatal(err)
	}
	bin := build(t)
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	post := func(url, body string) int {
		resp, err := client.Post(url, "application/json", strings.NewReader(body))
		if err != nil {
			return 0
		}
		defer resp.Body.Close()
		_, _ = io.Copy(io.Discard, resp.Body)
		return resp.StatusCode
	}
	var mu sync.Mutex
	var taken []string // users whose request was answered 200
	for round := range 3 {
		p := runProgram(t, bin, dir, state)
		if code := post(p.hooks+"/signup", `{"email":"x"}`); code != http.StatusUnauthorized {
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
					if post(p.hooks+"/signup/open%20sesame", `{"email":"`+user+`"}`) != http.StatusOK {
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
		if err := p.Process.Kill(); err != nil {
			t.Fatal(err)
		}
		senders.Wait()
		_ = p.Wait()
	}
	p := runProgram(t, bin, dir, state)
	for !got.all(taken) {
		select {
		case <-got.new:
		case <-time.After(time.Minute):
			t.Fatal("not everything that was answered 200 has arrived")
		}
	}
	got.mu.Lock()
	for user, ids := range got.ids {
		if len(ids) != 1 {
			t.Errorf("%s has arrived under %d ids", user, len(ids))
		}
	}
	t.Logf("%d answered 200, %d arrived, each under one id", len(taken), len(got.ids))
	got.mu.Unlock()
	if err := p.Process.Signal(os.Interrupt); err != nil {
		t.Fatal(err)
	}
	if err := p.Wait(); err != nil {
		t.Errorf("run ended with %v", err)
	}
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
