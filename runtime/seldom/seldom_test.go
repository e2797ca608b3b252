package seldom_test

import (
	"bytes"
	"log/slog"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/sluice-dev/sluice/runtime/seldom"
)

// TestLogger: the same line is told once in 10 s, whichever of the loggers made of one
// tells it; another is told at once.
func TestLogger(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var b bytes.Buffer
		l := seldom.Logger(slog.New(slog.NewTextHandler(&b, &slog.HandlerOptions{Level: slog.LevelInfo})))
		one, two := l.With("connection", "main"), l.With("connection", "main")
		other := l.With("connection", "other").WithGroup("g")
		for range 30 {
			one.Warn("no answer", "broker", 1)
			two.Warn("no answer", "broker", 1)
			two.Warn("no answer", "broker", 2)
			other.Warn("no answer", "broker", 1)
			one.Debug("nobody hears it")
			time.Sleep(time.Second)
		}
		for line, want := range map[string]int{"connection=main broker=1": 3, "connection=main broker=2": 3, "connection=other g.broker=1": 3, "nobody": 0} {
			if n := strings.Count(b.String(), line); n != want {
				t.Errorf("%q was told %d times in 30 s, want %d:\n%s", line, n, want, &b)
			}
		}
	})
}

// TestLoggerForgets: what differs each time takes no more memory than the last thousand.
func TestLoggerForgets(t *testing.T) {
	var b bytes.Buffer
	l := seldom.Logger(slog.New(slog.NewTextHandler(&b, nil)))
	for i := range 2500 {
		l.Warn("port", "n", i)
	}
	l.Warn("port", "n", 2499)
	if n := strings.Count(b.String(), "\n"); n != 2500 {
		t.Errorf("%d lines, want 2500", n)
	}
}
