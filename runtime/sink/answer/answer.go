// Package answer reads what an HTTP receiver answered and sorts it into the
// classes of delivery (engine.md, "Classes"). It is shared by every sink that
// speaks HTTP; what follows from a class is deliver's.
package answer

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/sluice-dev/sluice/runtime/deliver"
)

const (
	// excerptBytes of the answer's body are kept for a letter.
	excerptBytes = 512
	// drainBytes of it are read at most, so that the connection can be used again.
	drainBytes = 64 << 10
)

// Read takes a response or the error that came in its place. The body is drained
// and closed. constant says that the address is the same for every output: then a
// 404 is a wrong address and not a wrong event.
func Read(res *http.Response, err error, constant bool) deliver.Answer {
	if err != nil {
		return deliver.Answer{Class: deliver.Failed, Code: code(err)}
	}
	defer res.Body.Close()
	body, err := io.ReadAll(io.LimitReader(res.Body, drainBytes))
	if err != nil && res.StatusCode/100 == 2 {
		// An answer shorter than it announced: whether it was taken is not known.
		return deliver.Answer{Class: deliver.Failed, Code: "answer cut"}
	}
	a := deliver.Answer{Class: Class(res.StatusCode, constant), Code: strconv.Itoa(res.StatusCode), Wait: -1}
	if a.Class == deliver.Accepted {
		return a
	}
	a.Excerpt = strings.ToValidUTF8(string(body[:min(len(body), excerptBytes)]), "�")
	if wait, ok := RetryAfter(res.Header); ok || res.StatusCode == http.StatusTooManyRequests {
		a.Class = deliver.Gated
		if ok {
			a.Wait = wait
		}
	}
	return a
}

// Class sorts a status that bears no Retry-After.
func Class(status int, constant bool) deliver.Class {
	switch {
	case status/100 == 2:
		return deliver.Accepted
	case status == 429:
		return deliver.Gated
	case status == 501, status == 505, status == 511, status == 401, status == 403:
		return deliver.Misconfigured
	case status == 408, status == 410, status == 460, status/100 == 5, status/100 == 1:
		return deliver.Failed
	case status/100 == 3, status == 404, status == 405:
		if constant {
			return deliver.Misconfigured
		}
	}
	return deliver.Refused
}

// RetryAfter reads how long an answer asks to wait: seconds, or a date that is
// measured by the answer's own Date, since the clocks need not agree. Of several
// the longest counts; what cannot be read counts as missing.
func RetryAfter(h http.Header) (time.Duration, bool) {
	longest, found := time.Duration(0), false
	for _, v := range h.Values("Retry-After") {
		v = strings.TrimSpace(v)
		var d time.Duration
		if n, err := strconv.ParseInt(v, 10, 64); err == nil && n >= 0 {
			d = time.Duration(min(n, int64(365*24*time.Hour/time.Second))) * time.Second
		} else if at, err := http.ParseTime(v); err == nil {
			sent, err := http.ParseTime(h.Get("Date"))
			if err != nil {
				continue
			}
			d = max(0, at.Sub(sent))
		} else {
			continue
		}
		longest, found = max(longest, d), true
	}
	return longest, found
}

// code names a failed attempt in a word or two, without addresses or payload.
func code(err error) string {
	var ne net.Error
	var op *net.OpError
	switch {
	case errors.Is(err, context.Canceled):
		return "cancelled"
	case errors.As(err, &ne) && ne.Timeout():
		return "timeout"
	case errors.As(err, &op) && op.Op == "dial":
		return "cannot connect"
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
		return "connection cut"
	}
	return "network error"
}
