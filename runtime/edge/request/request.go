// Package request is a request to a webhook as it stands in the log: its form as
// bytes, and the value that a route sees of it. Whoever takes requests writes it,
// and the arrival of a record reads it; both see the same value.
//
// It knows no server, no clock and no route.
package request

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"unicode/utf8"

	"github.com/sluice-dev/sluice/lang/value"
)

// Request is one request, or one element of one whose body is a list.
type Request struct {
	Method   string
	Path     string        // of the webhook, without a secret
	Query    string        // as sent, without a token
	Headers  *value.Object // texts, names in small letters
	RemoteIP string
	WriteKey string // of a call of Segment
	Body     []byte // what was sent, no longer compressed; empty: nothing
	// Element is the place of the body in the list that was sent; Whole where it was
	// none.
	Element int
}

// Whole is the Element of a request that is one record.
const Whole = -1

// logged is the form in the log: a row of a golden case, with the path under its own
// name. Exactly one of the last four is there, or none.
type logged struct {
	Method  string          `json:"method"`
	Path    string          `json:"path"`
	Query   string          `json:"raw_query,omitempty"`
	Headers json.RawMessage `json:"headers,omitempty"`
	IP      string          `json:"remote_ip,omitempty"`
	Key     string          `json:"write_key,omitempty"`
	Element *int            `json:"element,omitempty"`
	JSON    json.RawMessage `json:"json,omitempty"`
	Form    *string         `json:"form,omitempty"`
	Body    *string         `json:"body,omitempty"`
	Base64  *string         `json:"body_base64,omitempty"`
}

// Append writes the request as it is logged. A body that is JSON stands in it byte for
// byte, blanks around it aside, so that any tool can look into it.
func (r *Request) Append(dst []byte) []byte {
	text := func(name, s string) {
		dst = append(value.AppendJSON(dst, name), ':')
		dst = value.AppendJSON(dst, s)
	}
	dst = append(dst, '{')
	text("method", r.Method)
	dst = append(dst, ',')
	text("path", r.Path)
	if r.Query != "" {
		dst = append(dst, ',')
		text("raw_query", strings.ToValidUTF8(r.Query, "\ufffd"))
	}
	if r.Headers != nil && r.Headers.Len() > 0 {
		dst = append(dst, `,"headers":`...)
		dst = value.AppendJSON(dst, r.Headers)
	}
	if r.RemoteIP != "" {
		dst = append(dst, ',')
		text("remote_ip", r.RemoteIP)
	}
	if r.WriteKey != "" {
		dst = append(dst, ',')
		text("write_key", r.WriteKey)
	}
	if r.Element != Whole {
		dst = fmt.Appendf(dst, `,"element":%d`, r.Element)
	}
	switch b := r.Body; {
	case len(b) == 0:
	case !utf8.Valid(b):
		dst = append(dst, ',')
		text("body_base64", base64.StdEncoding.EncodeToString(b))
	case r.IsForm():
		dst = append(dst, ',')
		text("form", string(b))
	case json.Valid(b):
		dst = append(dst, `,"json":`...)
		dst = append(dst, bytes.Trim(b, " \t\r\n")...)
	default:
		dst = append(dst, ',')
		text("body", string(b))
	}
	return append(dst, '}')
}

// Parse reads what Append wrote.
func Parse(b []byte) (*Request, error) {
	var l logged
	if err := json.Unmarshal(b, &l); err != nil {
		return nil, fmt.Errorf("not a request as it is logged: %w", err)
	}
	if l.Method == "" || l.Path == "" {
		return nil, errors.New("not a request as it is logged: it has no method and path")
	}
	r := &Request{Method: l.Method, Path: l.Path, Query: l.Query, Headers: value.NewObject(), RemoteIP: l.IP, WriteKey: l.Key, Element: Whole}
	if l.Headers != nil {
		v, err := value.DecodeJSON(l.Headers)
		hs, ok := v.(*value.Object)
		if err != nil || !ok {
			return nil, errors.New("not a request as it is logged: its headers are no object")
		}
		for i := range hs.Len() {
			if s, ok := hs.At(i).Value.(string); ok {
				r.Headers.Set(strings.ToLower(hs.At(i).Key), s)
			}
		}
	}
	if l.Element != nil {
		r.Element = *l.Element
	}
	switch {
	case l.JSON != nil:
		r.Body = l.JSON
	case l.Form != nil:
		r.Body = []byte(*l.Form)
	case l.Body != nil:
		r.Body = []byte(*l.Body)
	case l.Base64 != nil:
		body, err := base64.StdEncoding.DecodeString(*l.Base64)
		if err != nil {
			return nil, fmt.Errorf("not a request as it is logged: its body: %w", err)
		}
		r.Body = body
	}
	return r, nil
}

// Header gives a header by its name in small letters; "" where it was not sent.
func (r *Request) Header(name string) string {
	if r.Headers == nil {
		return ""
	}
	v, _ := r.Headers.Get(name)
	s, _ := v.(string)
	return s
}

// IsForm tells whether the body is a form, whatever it looks like.
func (r *Request) IsForm() bool {
	kind, _, _ := strings.Cut(r.Header("content-type"), ";")
	return strings.EqualFold(strings.TrimSpace(kind), "application/x-www-form-urlencoded")
}

// Empty tells whether there is nothing to read: neither query nor body, or an empty
// list as body.
func (r *Request) Empty() bool {
	body := strings.Trim(string(r.Body), " \t\r\n")
	if body == "" {
		return len(Parameters(r.Query)) == 0
	}
	if r.Element != Whole || r.IsForm() || r.IsMultipart() || body[0] != '[' {
		return false
	}
	return strings.Trim(body[1:], " \t\r\n") == "]"
}
