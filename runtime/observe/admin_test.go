package observe

import (
	"io"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/sluice-dev/sluice/runtime/edge"
	"github.com/sluice-dev/sluice/runtime/event"
	"github.com/sluice-dev/sluice/runtime/state"
	"github.com/sluice-dev/sluice/runtime/task"
)

func report() *task.Report {
	return &task.Report{Format: 1, App: "shop", Since: "2026-03-01T12:00:00Z", Routes: []task.RouteReport{{
		Route: "orders", In: 10, Completed: 7, Dropped: map[string]uint64{"not final": 2}, Dead: 1,
		Emits: []task.EmitReport{{ID: "track Order Completed", To: "segment main", Emitted: 7, Accepted: 4, Held: 2, InFlight: 1}},
	}}}
}

func get(t *testing.T, h *Health, path string) (int, string) {
	t.Helper()
	w := httptest.NewRecorder()
	Admin(h, func() Snapshot {
		return Snapshot{Account: report(), InFlight: 99, Connections: map[string]string{"segment main": "401"}, Watermarks: map[string]float64{"orders": 1.5},
			States: []State{
				{"dedupe seen", state.Counts{Memory: true, Keys: 5, Bytes: 195, Reads: 12, Hits: 3, Writes: 9, Evictions: 4, Watermark: 1_500_000}},
				{"table taken", state.Counts{Reads: 7, Hits: 6, Writes: 2, Evictions: 1, Watermark: event.NoMicros}},
			},
			Requests: []edge.Requests{
				{Source: "/hook", Statuses: map[int]uint64{200: 3, 401: 1}, Count: 4, Seconds: 0.5, Buckets: map[float64]uint64{.1: 3, .5: 4}, Replaced: 2, Macros: map[string]uint64{"idfa": 7}},
				{Statuses: map[int]uint64{404: 6}, Count: 6},
			},
			UnderWay: 5, Quiet: map[string]bool{"/hook": true, "/other": false}}
	}).ServeHTTP(w, httptest.NewRequest("GET", path, nil))
	b, _ := io.ReadAll(w.Body)
	return w.Code, string(b)
}

func TestReadyTellsWhyNot(t *testing.T) {
	h := &Health{}
	if code, body := get(t, h, "/readyz"); code != 200 {
		t.Errorf("ready: %d %s", code, body)
	}
	at := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	if !h.Set("connection segment main", "401: the write key is not taken", at) {
		t.Error("a new condition is news")
	}
	if h.Set("connection segment main", "401: the write key is not taken", at.Add(time.Second)) {
		t.Error("the same condition again is no news")
	}
	code, body := get(t, h, "/readyz")
	want := `{"reasons":[{"name":"connection segment main","reason":"401: the write key is not taken","since":"2026-03-01T12:00:00Z"}],"status":"not ready"}`
	if code != 503 || strings.TrimSpace(body) != want {
		t.Errorf("not ready: %d %s\nwant %s", code, body, want)
	}
	if code, _ := get(t, h, "/livez"); code != 200 {
		t.Errorf("alive all the same: %d", code)
	}
	if !h.Clear("connection segment main") || h.Clear("connection segment main") {
		t.Error("a condition is cleared once")
	}
}

// TestAlarmLeavesItReady: an alarm is told, and takes nobody out of service.
func TestAlarmLeavesItReady(t *testing.T) {
	h := &Health{}
	at := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	if !h.Alarm("webhook /hook", "no request was taken for 1h0m0s", at) || h.Alarm("webhook /hook", "no request was taken for 1h0m0s", at) {
		t.Error("an alarm is news once")
	}
	code, body := get(t, h, "/readyz")
	want := `{"alarms":[{"name":"webhook /hook","reason":"no request was taken for 1h0m0s","since":"2026-03-01T12:00:00Z"}],"reasons":[],"status":"ready"}`
	if code != 200 || strings.TrimSpace(body) != want {
		t.Errorf("with an alarm: %d %s\nwant %s", code, body, want)
	}
	if !h.Clear("webhook /hook") {
		t.Error("an alarm is cleared like a condition")
	}
}

func TestMetrics(t *testing.T) {
	_, body := get(t, &Health{}, "/metrics")
	for _, want := range []string{
		`sluice_records_total{outcome="completed",route="orders"} 7`,
		`sluice_records_total{outcome="dropped: not final",route="orders"} 2`,
		`sluice_records_total{outcome="dead",route="orders"} 1`,
		`sluice_outputs_total{emit="track Order Completed",outcome="accepted",route="orders"} 4`,
		`sluice_outputs_held{emit="track Order Completed",route="orders"} 2`,
		`sluice_in_flight 99`,
		`sluice_watermark_age_seconds{route="orders"} 1.5`,
		`sluice_connection_up{connection="segment main",reason="401"} 0`,
		`sluice_state_keys{state="dedupe seen"} 5`,
		`sluice_state_bytes{state="dedupe seen"} 195`,
		`sluice_state_reads_total{state="dedupe seen"} 12`,
		`sluice_state_hits_total{state="dedupe seen"} 3`,
		`sluice_state_writes_total{state="dedupe seen"} 9`,
		`sluice_state_evictions_total{state="dedupe seen"} 4`,
		`sluice_state_watermark_seconds{state="dedupe seen"} 1.5`,
		`sluice_state_hits_total{state="table taken"} 6`,
		`sluice_requests_total{source="/hook",status="200"} 3`,
		`sluice_requests_total{source="/hook",status="401"} 1`,
		`sluice_requests_total{source="none",status="404"} 6`,
		`sluice_request_duration_seconds_bucket{source="/hook",le="0.1"} 3`,
		`sluice_request_duration_seconds_count{source="/hook"} 4`,
		`sluice_request_duration_seconds_sum{source="/hook"} 0.5`,
		`sluice_request_replaced_total{source="/hook"} 2`,
		`sluice_request_macros_total{field="idfa",source="/hook"} 7`,
		`sluice_requests_in_flight 5`,
		`sluice_webhook_quiet{source="/hook"} 1`,
		`sluice_webhook_quiet{source="/other"} 0`,
	} {
		if !strings.Contains(body, want+"\n") {
			t.Errorf("missing %s", want)
		}
	}
	for _, unwanted := range []string{`sluice_state_keys{state="table taken"}`, `sluice_state_watermark_seconds{state="table taken"}`} {
		if strings.Contains(body, unwanted) {
			t.Errorf("%s is not known", unwanted)
		}
	}
}

func TestAccountTable(t *testing.T) {
	var b strings.Builder
	if err := WriteAccount(&b, report()); err != nil {
		t.Fatal(err)
	}
	const want = `   route  in  completed  dropped  dead  in flight
  orders  10          7        2     1          0

                           emit            to  emitted  accepted  dead  held  in flight
  orders: track Order Completed  segment main        7         4     0     2          1
orders dropped: not final 2
`
	if b.String() != want {
		t.Errorf("got\n%s\nwant\n%s", b.String(), want)
	}
}
