package edge

import (
	"encoding/base64"
	"net/netip"
	"slices"
	"strings"

	"github.com/sluice-dev/sluice/lang/value"
	"github.com/sluice-dev/sluice/runtime/edge/request"
)

// What Segment's SDKs are answered.

const jsonType = "application/json"

// success is what Segment answers to all that it could read, and below it which calls
// it would discard: each becomes a letter of its own.
func success(l *letterbox) *Answer {
	o := value.NewObject(value.Field{Key: "success", Value: true})
	a := &Answer{Status: StatusOK, Type: jsonType}
	if l != nil {
		a.Records = l.records
		var list value.List
		for _, b := range l.broken {
			list = append(list, value.NewObject(value.Field{Key: "index", Value: value.FromInt(int64(b.index))}, value.Field{Key: "code", Value: b.reason}))
		}
		if len(list) > 0 {
			o.Put("discarded", list)
		}
	}
	a.Body = value.AppendJSON(nil, o)
	return a
}

// codes are the words of an answer's status, as a client may print them.
var codes = map[int]string{
	StatusBadRequest: "invalid_request", StatusUnauthorized: "invalid_write_key", StatusNotFound: "not_found", StatusNotAllowed: "method_not_allowed",
	StatusEntityTooLarge: "payload_too_large", StatusUnsupported: "unsupported_encoding", StatusTooMany: "rate_limited", StatusUnavailable: "unavailable",
}

// Dress gives an answer the form that its sender expects, whoever made it.
func (f *Front) Dress(in *Incoming, a *Answer) {
	if p, rest := f.find(in.Path); p != nil {
		if s, ok := p.(*segmentIn); ok {
			s.dress(in, rest, a)
		}
	}
}

// dress makes words an object of JSON, or the image that was asked for, and tells browsers
// that pages of other addresses may read the answer.
func (s *segmentIn) dress(in *Incoming, rest string, a *Answer) {
	switch {
	case a.Text == "":
	case pixelKind(rest) != "":
		*a = *image(a)
	default:
		code := codes[a.Status]
		if code == "" {
			code = "error"
		}
		a.Body = value.AppendJSON(nil, value.NewObject(value.Field{Key: "code", Value: code}, value.Field{Key: "message", Value: a.Text}))
		a.Text, a.Type = "", jsonType
	}
	origin := headerOf(in, "origin")
	if origin == "" {
		return
	}
	a.Headers = append(a.Headers, Header{"Access-Control-Allow-Origin", origin}, Header{"Vary", "Origin"}, Header{"Access-Control-Expose-Headers", "Retry-After"})
	if in.Method == "OPTIONS" {
		a.Headers = append(a.Headers, Header{"Access-Control-Allow-Methods", "GET, POST, OPTIONS"},
			Header{"Access-Control-Allow-Headers", "authorization, content-type, content-encoding, x-retry-count"}, Header{"Access-Control-Max-Age", "86400"})
	}
}

// settingsOf reads "projects/KEY/settings".
func settingsOf(rest string) (key string, ok bool) {
	rest, ok = strings.CutPrefix(rest, "projects/")
	if !ok {
		return "", false
	}
	key, ok = strings.CutSuffix(rest, "/settings")
	return request.Unescape(key), ok && key != "" && !strings.Contains(key, "/")
}

// settings is what a client asks for before it sends: that its calls come here, and
// that it measures nothing of itself.
func (s *segmentIn) settings(in *Incoming, key string) *Answer {
	if !s.knows(key) {
		return &Answer{Status: StatusNotFound, Text: noWriteKey}
	}
	host := headerOf(in, "x-forwarded-host")
	if host == "" {
		host = headerOf(in, "host")
	}
	base, _, _ := strings.Cut(in.Path, "/projects/")
	to := value.NewObject(value.Field{Key: "apiKey", Value: key}, value.Field{Key: "apiHost", Value: host + base})
	switch proto := headerOf(in, "x-forwarded-proto"); {
	case proto == "http" || proto == "https":
		to.Put("protocol", proto)
	case isLocal(host): // where nobody stands in front that speaks TLS
		to.Put("protocol", "http")
	}
	return &Answer{Status: StatusOK, Type: jsonType, Body: value.AppendJSON(nil, value.NewObject(
		value.Field{Key: "integrations", Value: value.NewObject(value.Field{Key: "Segment.io", Value: to})},
		value.Field{Key: "plan", Value: value.NewObject()},
		value.Field{Key: "metrics", Value: value.NewObject(value.Field{Key: "sampleRate", Value: value.FromInt(0)})},
	))}
}

// isLocal tells whether a host with its port is this machine.
func isLocal(host string) bool {
	if a, err := netip.ParseAddrPort(host); err == nil {
		return a.Addr().IsLoopback()
	}
	name, _, _ := strings.Cut(host, ":")
	if a, err := netip.ParseAddr(host); err == nil {
		return a.IsLoopback()
	}
	return strings.EqualFold(name, "localhost")
}

// clientIP is the address of the client: where the request came by a machine of one's
// own network, the first that this one names. "" where it names none.
func clientIP(in *Incoming) string {
	a, err := netip.ParseAddr(in.RemoteIP)
	if err != nil {
		return ""
	}
	if a = a.Unmap(); a.IsLoopback() || a.IsPrivate() || a.IsLinkLocalUnicast() {
		first, _, _ := strings.Cut(headerOf(in, "x-forwarded-for"), ",")
		if f, err := netip.ParseAddr(strings.TrimSpace(first)); err == nil {
			return f.Unmap().String()
		}
		return ""
	}
	return a.String()
}

// pixel is a call in an image's address, as e-mails hold it.
type pixel struct {
	*segmentIn
	kind string
}

// gif is an image of one transparent point.
var gif = []byte("GIF89a\x01\x00\x01\x00\x80\x00\x00\x00\x00\x00\x00\x00\x00!\xf9\x04\x01\x00\x00\x00\x00,\x00\x00\x00\x00\x01\x00\x01\x00\x00\x02\x02D\x01\x00;")

// take answers with the image whatever came: nobody would read anything else. Why a
// call was not taken stands in a header.
func (p *pixel) take(in *Incoming) *Answer {
	a := p.call(in)
	out := image(a)
	if a.Status != StatusOK {
		out.Status, out.Counted = StatusOK, a.Status
	}
	return out
}

// image is an answer as an image: why the call was not taken stands in a header.
func image(a *Answer) *Answer {
	out := &Answer{Status: a.Status, Body: gif, Type: "image/gif", Records: a.Records, Headers: append(slices.Clone(a.Headers), Header{"Cache-Control", "no-store"})}
	if a.Text != "" {
		out.Headers = append(out.Headers, Header{"Sluice-Refused", a.Text})
	}
	return out
}

// pixelKind is the type of the call that an image's path asks for; "" of others.
func pixelKind(rest string) string {
	kind, ok := strings.CutPrefix(rest, "pixel/")
	if kind = callPaths[kind]; !ok || kind == batch {
		return ""
	}
	return kind
}

func (p *pixel) call(in *Incoming) *Answer {
	_, given := request.Without(in.Query, "data")
	body := in.Body
	if len(given) > 0 {
		body = pixelData(given[len(given)-1])
	} else if in.Method == "POST" {
		var no *Answer
		if body, no = inflated(in); no != nil {
			return no
		}
		if b := pixelData(string(body)); objectIn(b) {
			body = b
		}
	}
	o, why := objectOf(body)
	if o == nil {
		return &Answer{Status: StatusBadRequest, Text: strings.Map(plainRune, why)}
	}
	key := p.writeKey(in, o)
	if !p.knows(key) {
		return &Answer{Status: StatusUnauthorized, Text: noWriteKey}
	}
	return p.one(in, o, key, p.kind, true)
}

func objectIn(b []byte) bool {
	o, _ := objectOf(b)
	return o != nil
}

// plainRune takes out what a header cannot hold.
func plainRune(r rune) rune {
	if r < ' ' || r > '~' {
		return '?'
	}
	return r
}

// pixelData reads base64 of any kind, in which a + may have become a blank; anything
// else is JSON as it stands.
func pixelData(s string) []byte {
	t := strings.TrimRight(strings.NewReplacer(" ", "+", "-", "+", "_", "/").Replace(s), "=")
	if b, err := base64.RawStdEncoding.DecodeString(t); err == nil {
		return b
	}
	return []byte(s)
}
