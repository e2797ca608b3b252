package main

import (
	"fmt"
	"io"
	"strings"
	"time"
)

// progress is one line that is rewritten on a terminal, and a line every five
// seconds elsewhere.
type progress struct {
	w     io.Writer
	total int
	began time.Time
	live  bool
	next  time.Time
}

func newProgress(w io.Writer, total int) *progress {
	now := time.Now()
	return &progress{w: w, total: total, began: now, live: terminal(w), next: now.Add(5 * time.Second)}
}

func (p *progress) show(n int) {
	now := time.Now()
	if !p.live && now.Before(p.next) {
		return
	}
	p.next = now.Add(5 * time.Second)
	const width = 30
	full := width * n / max(1, p.total)
	line := fmt.Sprintf("[%s%s] %d/%d produced  %.0f/s", strings.Repeat("#", full), strings.Repeat(".", width-full), n, p.total, float64(n)/now.Sub(p.began).Seconds())
	if p.live {
		fmt.Fprintf(p.w, "\r\033[K%s", line)
	} else {
		fmt.Fprintln(p.w, line)
	}
}

// note prints a line of its own.
func (p *progress) note(s string) {
	if p.live {
		fmt.Fprint(p.w, "\r\033[K")
	}
	fmt.Fprintln(p.w, s)
}

func (p *progress) end() {
	if p.live {
		fmt.Fprintln(p.w)
	}
}
