package deliver

import (
	"strconv"
	"strings"
	"time"
)

// HTTP is what an HTTP receiver answered.
type HTTP struct {
	Status     int
	RetryAfter []string // the values of the header, as they came
	Date       string   // the answer's own date; "" for none
	Excerpt    string   // the beginning of the body
	// Dynamic: the address holds something of the record, so that a wrong address
	// is the record's fault and not the configuration's.
	Dynamic bool
	// Call: somebody waits for the answer. Any but those that say "later" is one.
	Call bool
}

// HTTPAnswer gives an HTTP answer its class (language.md §11 Answers).
func HTTPAnswer(h HTTP, now int64) Answer {
	a := Answer{Class: h.class(), Code: strconv.Itoa(h.Status), Excerpt: h.Excerpt, Wait: -1}
	if a.Class == Accepted {
		return a
	}
	for _, v := range h.RetryAfter {
		if w, ok := retryAfter(v, h.Date, now); ok {
			a.Wait = max(a.Wait, w) // the longest of several
		}
	}
	if a.Wait >= 0 || h.Status == 429 {
		a.Class = Gated
	}
	return a
}

// NoAnswer is the answer of a request that got none, or one cut short: code says
// in a word why ("timeout", "refused", "cut").
func NoAnswer(code string) Answer { return Answer{Class: Failed, Code: code, Wait: -1} }

func (h *HTTP) class() Class {
	if h.Call {
		return callClass(h.Status)
	}
	return classOf(h.Status, h.Dynamic)
}

// callClass is what an answer to a call means (language.md, "Requests").
func callClass(status int) Class {
	switch {
	case status >= 200 && status < 300:
		return Accepted
	case status == 408 || status == 429 || status < 200 || status >= 500:
		return Failed
	}
	return Refused
}

func classOf(status int, dynamic bool) Class {
	switch status {
	case 408, 410, 460, 429: // 429 is gated whatever it says
		return Failed
	case 401, 403, 501, 505, 511:
		return Misconfigured
	case 404, 405:
		if dynamic {
			return Refused
		}
		return Misconfigured
	}
	switch {
	case status >= 200 && status < 300:
		return Accepted
	case status >= 300 && status < 400:
		if dynamic {
			return Refused
		}
		return Misconfigured
	case status >= 400 && status < 500:
		return Refused
	}
	// 5xx, and what is no status of HTTP at all.
	return Failed
}

// maxSeconds bounds a Retry-After before it is multiplied; any max_retry_after is
// shorter.
const maxSeconds = 10 * 365 * 24 * 3600

// retryAfter reads one value of Retry-After, in seconds or as a date that is
// compared with the answer's own: receivers' clocks are wrong by hours. What
// cannot be read counts as missing.
func retryAfter(v, date string, now int64) (time.Duration, bool) {
	v = strings.TrimSpace(v)
	if v == "" {
		return 0, false
	}
	if strings.Trim(v, "0123456789") == "" {
		n, err := strconv.ParseInt(v, 10, 64)
		if err != nil || n > maxSeconds { // digits that do not fit are very many
			n = maxSeconds
		}
		return time.Duration(n) * time.Second, true
	}
	at, ok := httpDate(v)
	if !ok {
		return 0, false
	}
	from, ok := httpDate(strings.TrimSpace(date))
	if !ok {
		from = time.Unix(0, now)
	}
	return min(max(0, at.Sub(from)), maxSeconds*time.Second), true
}

// httpDate reads the three forms of RFC 9110, 5.6.7.
func httpDate(s string) (time.Time, bool) {
	for _, layout := range [...]string{"Mon, 02 Jan 2006 15:04:05 GMT", time.RFC850, time.ANSIC} {
		if t, err := time.Parse(layout, s); err == nil {
			return t, true
		}
	}
	return time.Time{}, false
}
