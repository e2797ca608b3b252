package engine

import (
	"io"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/sluice-dev/sluice/runtime/deliver"
	"github.com/sluice-dev/sluice/runtime/observe"
)

// TestConnectionTells: a connection that takes nothing is a condition as long as something
// waits for it. What is known of it then hangs on the next output, which a program gets
// only while it is ready.
func TestConnectionTells(t *testing.T) {
	h := &observe.Health{}
	c := &connection{name: "http crm", health: h, log: slog.New(slog.NewTextHandler(io.Discard, nil))}
	for _, tt := range []struct {
		name string
		h    deliver.Health
		want string // "": it is ready
	}{
		{"away, with something to send", deliver.Health{State: deliver.Down, Code: "timeout", Queued: 1}, "down: timeout"},
		{"away, and it is asking", deliver.Health{State: deliver.Down, Code: "timeout", OnWire: 1}, "down: timeout"},
		{"away, and all has ended", deliver.Health{State: deliver.Down, Code: "timeout"}, ""},
		{"busy", deliver.Health{State: deliver.Down, Code: "200 to be repeated", Queued: 3}, "busy: `retry_when` holds for one answer after another, last with 200"},
		{"refusing", deliver.Health{State: deliver.Refusing, Code: "422", Queued: 3}, "refusing: 50 outputs in a row"},
		{"refusing, and all has ended", deliver.Health{State: deliver.Refusing, Code: "422"}, ""},
		{"a wrong key", deliver.Health{State: deliver.Misconfiguration, Code: "401", Queued: 1}, "mend the secret (the file of NAME_FILE is read again"},
		{"no token", deliver.Health{State: deliver.Misconfiguration, Code: "token: 401", Queued: 1}, "no token is given, 401; mend `auth` or its secret"},
		{"a redirect", deliver.Health{State: deliver.Misconfiguration, Code: "302", Queued: 1}, "302 at the connection's address, a redirect, which is not followed"},
		{"a wrong address", deliver.Health{State: deliver.Misconfiguration, Code: "404", Queued: 1}, "404 at the connection's address; mend it and restart"},
		{"it waits as it was told", deliver.Health{State: deliver.Waiting, Queued: 1}, ""},
		{"up", deliver.Health{State: deliver.Running}, ""},
	} {
		c.tell(tt.h, time.Now())
		var got []string
		for _, n := range h.Conditions() {
			got = append(got, n.Reason)
		}
		if all := strings.Join(got, "; "); tt.want == "" && all != "" || tt.want != "" && (len(got) != 1 || !strings.Contains(all, tt.want)) {
			t.Errorf("%s: %q, want %q", tt.name, all, tt.want)
		}
	}
}
