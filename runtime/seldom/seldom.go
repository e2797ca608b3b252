// Package seldom keeps a log from telling the same thing with every attempt: clients of
// Kafka warn at each connection that fails, a broker at each record for which the disk has
// no room.
package seldom

import (
	"context"
	"fmt"
	"log/slog"
	"sync"
	"time"
)

const (
	// again is how long what was told is not told again.
	again = 10 * time.Second
	// kept is how many different lines are remembered.
	kept = 1000
)

// Logger is a logger that tells a line with the same words and attributes once in 10 s.
func Logger(l *slog.Logger) *slog.Logger {
	return slog.New(&handler{Handler: l.Handler(), said: &said{at: map[string]time.Time{}}})
}

type handler struct {
	slog.Handler
	with string // the attributes that every line bears
	said *said  // shared by all that were made of one Logger
}

type said struct {
	mu sync.Mutex
	at map[string]time.Time // by line
}

// Handle passes on what is news.
func (h *handler) Handle(ctx context.Context, r slog.Record) error {
	line := fmt.Append(nil, h.with, r.Level, r.Message)
	r.Attrs(func(a slog.Attr) bool {
		line = fmt.Append(line, " ", a)
		return true
	})
	if !h.said.news(string(line), r.Time) {
		return nil
	}
	return h.Handler.Handle(ctx, r)
}

func (s *said) news(line string, now time.Time) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if at, ok := s.at[line]; ok && now.Sub(at) < again {
		return false
	}
	if len(s.at) >= kept {
		clear(s.at)
	}
	s.at[line] = now
	return true
}

// WithAttrs is slog.Handler's.
func (h *handler) WithAttrs(as []slog.Attr) slog.Handler {
	return &handler{h.Handler.WithAttrs(as), h.with + fmt.Sprint(as), h.said}
}

// WithGroup is slog.Handler's.
func (h *handler) WithGroup(name string) slog.Handler {
	return &handler{h.Handler.WithGroup(name), h.with + name + ".", h.said}
}
