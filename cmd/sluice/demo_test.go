package main

import (
	"bytes"
	"fmt"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/sluice-dev/sluice/runtime/receiver"
	"github.com/sluice-dev/sluice/runtime/sim"
)

// TestTheDemosJudgeAndScriptsAgree runs the demo's events through its program in
// memory, with crashes, and holds what is sent against what the shop expects: the
// demo's own judgement can be believed.
func TestTheDemosJudgeAndScriptsAgree(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "shop")
	if err := writeProgram(dir); err != nil {
		t.Fatal(err)
	}
	p, err := load(dir, false)
	if err != nil || !p.OK() {
		t.Fatal(err, p.Diags)
	}
	var know profiles
	l := receiver.NewLedger()
	r := receiver.New(receiver.Options{Ledger: l, Number: number, OnEvent: func(e receiver.Event) {
		if !e.Repeat {
			know.judge(&e)
		}
	}})
	w, err := sim.New(p.Plan, sim.Options{Now: time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC), Partitions: 2})
	if err != nil {
		t.Fatal(err)
	}
	s := newShop()
	const events = 6000
	again, seen := 0, map[string]bool{}
	for n := range events {
		e := s.next(w.Now())
		if e.arrives {
			l.Expect(e.topic, e.user, e.seq)
			know.expect(e)
		}
		if seen[string(e.value)] {
			again++
		}
		seen[string(e.value)] = true
		w.Produce(sim.Input{Topic: e.topic, Key: []byte(e.user), Value: e.value, Timestamp: w.Now().UnixMilli()})
		switch {
		case n%1000 == 999:
			w.Crash()
		case n%50 == 0:
			w.Advance(time.Millisecond)
		}
	}
	if err := w.Finish(); err != nil {
		t.Fatal(err)
	}
	for _, x := range w.Taken() {
		body := fmt.Appendf(nil, `{"batch":[%s]}`, x.Body)
		req := httptest.NewRequest("POST", "/v1/batch", bytes.NewReader(body))
		req.Header.Set("Content-Type", "application/json")
		req.SetBasicAuth("k", "")
		res := httptest.NewRecorder()
		r.ServeHTTP(res, req)
		if res.Code != 200 {
			t.Fatalf("%d %s\n%s", res.Code, res.Body, x.Body)
		}
	}
	got := l.Report()
	if !got.Clean() || got.Unnumbered > 0 || know.wrong > 0 {
		t.Errorf("%+v\n%d %s", got, know.wrong, know.first)
	}
	if got.Expected < events/2 || again < events/20 {
		t.Errorf("of %d events %d are expected, %d come again: too few to judge by", events, got.Expected, again)
	}
	reasons := map[string]int{}
	for _, e := range w.Ends() {
		reasons[e.Route.Name+" "+e.Reason]++
	}
	for _, want := range []string{"orders duplicate", "payments duplicate", "refunds duplicate", "users unchanged", "orders not final", "users deleted", "payments not processed"} {
		if reasons[want] == 0 {
			t.Errorf("no record ended as %s: %v", want, reasons)
		}
	}
}

// TestTheDemosJudgeSeesWhatIsWrong: an identify with a trait too many, and one event
// under two ids.
func TestTheDemosJudgeSeesWhatIsWrong(t *testing.T) {
	for _, tt := range []struct {
		name, message string
		wrong, twice  int
	}{
		{"right", `{"type":"identify","userId":"u1","messageId":"b","traits":{"lastName":"u1-1","plan":"pro"}}`, 0, 0},
		{"a trait that did not change", `{"type":"identify","userId":"u1","messageId":"b","traits":{"lastName":"u1-1","plan":"pro","email":"x"}}`, 1, 0},
		{"a trait is missing", `{"type":"identify","userId":"u1","messageId":"b","traits":{"lastName":"u1-1"}}`, 1, 0},
		{"a repeat got through", `{"type":"track","event":"Order Completed","userId":"u1","messageId":"b","properties":{"order_id":"u1-1"}}`, 0, 1},
	} {
		var know profiles
		l := receiver.NewLedger()
		r := receiver.New(receiver.Options{Ledger: l, Number: number, OnEvent: func(e receiver.Event) { know.judge(&e) }})
		know.expect(shopEvent{topic: topicUsers, user: "u1", seq: 1, traits: map[string]any{"lastName": "u1-1", "plan": "pro"}})
		order := `{"type":"track","event":"Order Completed","userId":"u1","messageId":"a","properties":{"order_id":"u1-1"}}`
		req := httptest.NewRequest("POST", "/v1/batch", strings.NewReader(`{"batch":[`+order+`,`+tt.message+`]}`))
		req.Header.Set("Content-Type", "application/json")
		req.SetBasicAuth("k", "")
		r.ServeHTTP(httptest.NewRecorder(), req)
		if got := l.Report(); know.wrong != tt.wrong || got.Duplicated != tt.twice || got.Distinct != 2 {
			t.Errorf("%s: %d wrong, %+v", tt.name, know.wrong, got)
		}
	}
}
