package engine

import (
	"context"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/sluice-dev/sluice/runtime/observe"
)

// TestQuiet: an alarm is raised once nothing came for as long as a webhook says, stays
// while nothing comes, and goes with the next request; the program is ready all the time.
func TestQuiet(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		began := time.Now()
		var taken sync.Map // path → ms
		health := &observe.Health{}
		var told []string
		q := &silences{
			after: map[string]time.Duration{"/busy": time.Hour, "/idle": 10 * time.Minute}, since: began, quiet: map[string]bool{},
			taken: func(path string) int64 {
				at, _ := taken.Load(path)
				ms, _ := at.(int64)
				return ms
			},
		}
		q.tell = func(path string, after time.Duration, quiet bool) {
			told = append(told, fmt.Sprintf("%s %v %v", time.Since(began), path, quiet))
			(&Engine{health: health, log: slog.New(slog.DiscardHandler)}).alarm(path, after, quiet)
		}
		ctx, stop := context.WithCancel(t.Context())
		ended := make(chan struct{})
		go func() { q.run(ctx); close(ended) }()
		after := func(d time.Duration) {
			time.Sleep(time.Until(began.Add(d))) // of the bubble's clock
			synctest.Wait()
		}
		alarms := func(want string) {
			t.Helper()
			var names []string
			for _, a := range health.Alarms() {
				names = append(names, a.Name)
			}
			if got := strings.Join(names, ", "); got != want || len(health.Conditions()) != 0 {
				t.Errorf("after %v alarms %q, want %q; not ready by %v", time.Since(began), got, want, health.Conditions())
			}
		}
		after(9*time.Minute + 59*time.Second)
		alarms("")
		after(10 * time.Minute)
		alarms("webhook /idle")
		taken.Store("/busy", time.Now().UnixMilli())
		after(time.Hour)
		alarms("webhook /idle")
		taken.Store("/idle", time.Now().UnixMilli())
		after(time.Hour + time.Second)
		alarms("")
		after(70 * time.Minute)
		alarms("webhook /busy, webhook /idle")
		if all := q.all(); !all["/busy"] || !all["/idle"] {
			t.Errorf("metrics show %v", all)
		}
		stop()
		<-ended
		want := "10m0s /idle true; 1h0m1s /idle false; 1h10m0s /busy true; 1h10m0s /idle true"
		last := told[len(told)-2:]
		if last[0] > last[1] { // of one look, in any order
			last[0], last[1] = last[1], last[0]
		}
		if got := strings.Join(told, "; "); got != want {
			t.Errorf("told %s, want %s", got, want)
		}
	})
}
