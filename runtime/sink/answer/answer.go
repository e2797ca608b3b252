// Package answer reads what an HTTP receiver answered, for every sink that speaks
// HTTP. What an answer means is judged by deliver.
package answer

import (
	"context"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"net/http"
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

// Read takes a response or the error that came in its place, at now. The body is
// drained and closed. dynamic says that the address holds something of the event:
// then a 404 is a wrong event and not a wrong address.
func Read(res *http.Response, err error, dynamic bool, now time.Time) deliver.Answer {
	if err != nil {
		return deliver.NoAnswer(Code(err))
	}
	defer res.Body.Close()
	body, err := io.ReadAll(io.LimitReader(res.Body, drainBytes))
	if err != nil && res.StatusCode/100 == 2 {
		// An answer shorter than it announced: whether it was taken is not known.
		return deliver.NoAnswer("answer cut")
	}
	return deliver.HTTPAnswer(deliver.HTTP{
		Status:     res.StatusCode,
		RetryAfter: res.Header.Values("Retry-After"),
		Date:       res.Header.Get("Date"),
		Excerpt:    strings.ToValidUTF8(string(body[:min(len(body), excerptBytes)]), "\uFFFD"),
		Dynamic:    dynamic,
	}, now.UnixNano())
}

// Code names a failed attempt in a word or two, without addresses or payload.
func Code(err error) string {
	var ne net.Error
	var op *net.OpError
	var dns *net.DNSError
	var cert *tls.CertificateVerificationError
	var record tls.RecordHeaderError
	switch {
	case errors.As(err, &dns) && dns.IsNotFound:
		return "no such host"
	case errors.As(err, &cert):
		return "certificate not accepted"
	case errors.Is(err, context.Canceled):
		return "cancelled"
	case errors.As(err, &ne) && ne.Timeout():
		return "timeout"
	case errors.As(err, &record), strings.Contains(err.Error(), "server gave HTTP response to HTTPS client"):
		return "no TLS is spoken there"
	case strings.Contains(err.Error(), "server response headers exceeded"):
		return "headers too large"
	case errors.As(err, &op) && op.Op == "dial":
		return "cannot connect"
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
		return "connection cut"
	}
	return "network error"
}
