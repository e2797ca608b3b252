package kafka

import (
	"bytes"
	"log/slog"
	"strings"
	"testing"

	"github.com/twmb/franz-go/pkg/kgo"
)

// TestLogger: a warning of franz-go becomes a line without what is another at each attempt.
func TestLogger(t *testing.T) {
	var b bytes.Buffer
	l := logger{slog.New(slog.NewTextHandler(&b, nil))}
	l.Log(kgo.LogLevelError, " group manage loop errored", "group", "g", "err", "refused", "consecutive_errors", 3, "backoff", 102025507)
	if got := b.String(); !strings.Contains(got, `level=WARN msg="kafka client: group manage loop errored" group=g err=refused`+"\n") {
		t.Error(got)
	}
}
