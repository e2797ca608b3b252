package engine_test

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/sluice-dev/sluice/runtime/event"
	"github.com/sluice-dev/sluice/runtime/kafka"
	"github.com/sluice-dev/sluice/runtime/receiver"
	"github.com/sluice-dev/sluice/runtime/task"
)

// report asks for a report as Kochava's API wants it: submit, poll, fetch; and keeps a
// table of it, of which only what changed is sent. Its ticks are told by the test: no
// planned one is near.
const report = `app "app~"
connection kafka main { brokers: env("BROKERS") }
connection segment main { write_key: secret("KEY"), url: env("URL") }
connection http reports { url: env("REPORTS"), body: { api_key: secret("KEY") }, private: true }
connection http web { private: true }
type Job = { status: string, report_token: string? }
type Progress = { status: "queued" | "running" | "completed" | "error", report: string? }
type Row = { campaign: string, clicks: int = 0, cost: number = 0 }
type Kept = { clicks: int, cost: number }
table performance: Kept keyed by string ttl 400d

route report
from every 3000d
split ["ios", "android"] as app
call http POST "/summary" via reports as job: Job {
  body: { app_guid: app, day: string(.time) }
  until: job.body.report_token != null, every: 200ms, for: 5m      # while an equal one runs there is no token
}
call http POST "/progress" via reports as done: Progress {
  body:  { app_guid: app, token: job.body.report_token }
  until: done.body.status in ["completed", "error"], every: 200ms, for: 5m
}
require done.body.report != null else "report ${done.body.status}"
call http GET done.body.report via web as rows: [Row]
split rows.body as row
let id = "${app}/${row.campaign}"
update performance[id] = pick(row, "clicks", "cost")
map row
changed by id within 400d
emit group { anonymousId: "kochava-report", groupId: id }

route dump
from table performance every 3000d
emit topic "dump~" { key: @key, value: { clicks: .clicks, cost: .cost } }
`

// reports is an API for reports that are made in a while: an equal one that is under way
// gives no token, and the first polls find it queued or running.
type reports struct {
	mu      sync.Mutex
	url     string
	day     int
	jobs    map[string]*job // by what was asked for
	submits int
	met     map[string]int // how often a request of each kind came
	// hold is called with the kind of every request before it is answered.
	hold func(kind string, nth int)
}

type job struct {
	token    string
	polls    int
	finished bool
}

func (r *reports) ServeHTTP(w http.ResponseWriter, q *http.Request) {
	body, _ := io.ReadAll(q.Body)
	var in struct {
		App   string `json:"app_guid"`
		Key   string `json:"api_key"`
		Token string `json:"token"`
	}
	_ = json.Unmarshal(body, &in)
	kind := strings.Trim(q.URL.Path, "/")
	kind, _, _ = strings.Cut(kind, "/")
	r.mu.Lock()
	r.met[kind]++
	nth := r.met[kind]
	hold := r.hold
	r.mu.Unlock()
	if hold != nil {
		hold(kind, nth)
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	reply := func(v any) { _ = json.NewEncoder(w).Encode(v) }
	switch {
	case kind != "report" && in.Key != "right":
		w.WriteHeader(http.StatusUnauthorized)
	case kind == "summary":
		j := r.jobs[in.App]
		if j != nil && !j.finished {
			if j.polls++; j.polls > 3 { // nobody asks for it: it ends all the same
				j.finished = true
			}
			reply(map[string]any{"status": "queued"})
			return
		}
		r.submits++
		r.jobs[in.App] = &job{token: fmt.Sprintf("t%d-%s", r.submits, in.App)}
		reply(map[string]any{"status": "queued", "report_token": r.jobs[in.App].token})
	case kind == "progress":
		j := r.jobs[in.App]
		if j == nil || j.token != in.Token {
			reply(map[string]any{"status": "error"})
			return
		}
		if j.polls++; j.polls < 3 {
			reply(map[string]any{"status": []string{"queued", "running"}[j.polls-1]})
			return
		}
		j.finished = true
		reply(map[string]any{"status": "completed", "report": r.url + "/report/" + in.App})
	default:
		app := q.URL.Path[len("/report/"):]
		cost := 100 + r.day
		reply([]map[string]any{
			{"campaign": "spring", "clicks": 10 * r.day, "cost": 12.5},
			{"campaign": "autumn", "clicks": 7, "cost": cost},
			{"campaign": app, "clicks": 3, "cost": 1},
		})
	}
}

// TestReportKilledInEachPhase: a job that submits, polls and fetches is killed while each
// of its requests is under way, and while what it made is sent. It ends with one correct
// table and one event for each row; of the next day's only what changed is sent.
func TestReportKilledInEachPhase(t *testing.T) {
	onBrokers(t, func(t *testing.T, w *world) {
		w.topics(1, "dump")
		api := &reports{day: 1, jobs: map[string]*job{}, met: map[string]int{}}
		srv := httptest.NewServer(api)
		defer srv.Close()
		api.url = srv.URL
		var mu sync.Mutex
		groups := map[string][]string{} // by message: the traits
		order := []string{}
		r := w.receive(receiver.Options{WriteKey: "right", OnEvent: func(e receiver.Event) {
			mu.Lock()
			if len(groups[e.MessageID]) == 0 {
				order = append(order, e.MessageID)
			}
			groups[e.MessageID] = append(groups[e.MessageID], string(e.Raw))
			mu.Unlock()
		}})
		role := engineRole{
			Script: strings.ReplaceAll(report, "~", "-"+w.suffix), State: t.TempDir(), Session: 6 * time.Second,
			Env: map[string]string{"BROKERS": strings.Join(w.brokers, ","), "URL": r.URL(), "KEY": "right", "REPORTS": srv.URL},
		}
		e := spawn(t, "engine", role)
		defer func() {
			if t.Failed() {
				t.Log(e.stderr())
			}
		}()
		if l := e.line(t); l != "ready" {
			t.Fatalf("it says %q", l)
		}
		own := kafka.OwnTopic(w.app(), "performance")
		tick := func(route string, day int) {
			due := time.Now().Add(time.Duration(day) * 10 * time.Second).UnixMicro()
			w.send(kafka.Record{Topic: own, Value: task.TickNote(route, due), Timestamp: event.NoTime})
		}
		// Each request of the list is met, the engine is killed, and the request answered
		// to nobody.
		phases := []struct {
			kind string
			nth  int
		}{{"summary", 1}, {"summary", 4}, {"progress", 1}, {"progress", 5}, {"report", 1}, {"report", 3}}
		met, goOn := make(chan int), make(chan bool)
		next := 0
		var hold sync.Mutex
		api.hold = func(kind string, nth int) {
			hold.Lock()
			defer hold.Unlock()
			if next < len(phases) && phases[next].kind == kind && nth >= phases[next].nth {
				met <- next
				next++
				<-goOn
			}
		}
		tick("report", 20)
		for n := range phases {
			select {
			case <-met:
			case <-time.After(time.Minute):
				t.Fatalf("phase %v is never reached: %v", phases[n], api.met)
			}
			e.kill()
			goOn <- true
			e = spawn(t, "engine", role)
		}
		got := func() int { mu.Lock(); defer mu.Unlock(); return len(groups) }
		w.eventually("every row is sent", func() bool { return got() >= 6 })
		e.kill() // what was accepted may not be stored
		e = spawn(t, "engine", role)
		table := func(day int) map[string]string {
			before := len(w.read(w.topic("dump")))
			tick("dump", day)
			w.eventually("the table is told", func() bool { return len(w.read(w.topic("dump"))) >= before+6 })
			out := map[string]string{}
			for _, rec := range w.read(w.topic("dump"))[before:] {
				out[string(rec.Key)] = string(rec.Value)
			}
			return out
		}
		want := map[string]string{
			"ios/spring": `{"clicks":10,"cost":12.5}`, "ios/autumn": `{"clicks":7,"cost":101}`, "ios/ios": `{"clicks":3,"cost":1}`,
			"android/spring": `{"clicks":10,"cost":12.5}`, "android/autumn": `{"clicks":7,"cost":101}`, "android/android": `{"clicks":3,"cost":1}`,
		}
		if got := table(21); fmt.Sprint(got) != fmt.Sprint(want) {
			t.Errorf("the table is %v, want %v", got, want)
		}
		// Restated: the clicks of spring and the cost of autumn.
		api.mu.Lock()
		api.day = 2
		for _, j := range api.jobs {
			j.finished = true
		}
		api.mu.Unlock()
		tick("report", 22)
		w.eventually("what changed is sent", func() bool { return got() >= 10 })
		want["ios/spring"], want["android/spring"] = `{"clicks":20,"cost":12.5}`, `{"clicks":20,"cost":12.5}`
		want["ios/autumn"], want["android/autumn"] = `{"clicks":7,"cost":102}`, `{"clicks":7,"cost":102}`
		if got := table(23); fmt.Sprint(got) != fmt.Sprint(want) {
			t.Errorf("the table is then %v, want %v", got, want)
		}
		mu.Lock()
		defer mu.Unlock()
		if len(order) != 10 {
			t.Errorf("%d events, want 6 and 4: %v", len(order), groups)
		}
		for id, all := range groups {
			for _, raw := range all[1:] {
				if !strings.Contains(raw, id) {
					t.Errorf("%s: %s", id, raw)
				}
			}
		}
		for _, id := range order[6:] {
			raw := groups[id][0]
			spring, autumn := strings.Contains(raw, `/spring"`), strings.Contains(raw, `/autumn"`)
			if !spring && !autumn || spring != strings.Contains(raw, `"clicks":20`) || autumn != strings.Contains(raw, `"cost":102`) || strings.Contains(raw, `"campaign"`) {
				t.Errorf("of what changed came %s", raw)
			}
		}
		if l := w.dead("report"); len(l) > 0 {
			t.Errorf("letters: %v", l)
		}
		t.Logf("submitted %d times, requests %v", api.submits, api.met)
	})
}
