package golden

import (
	"cmp"
	"encoding/base64"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/sluice-dev/sluice/lang/diag"
	"github.com/sluice-dev/sluice/lang/plan"
	"github.com/sluice-dev/sluice/lang/value"
	"github.com/sluice-dev/sluice/runtime/edge"
	"github.com/sluice-dev/sluice/runtime/sim"
)

// webhookKeys are what a row of a webhook may hold.
var webhookKeys = map[string]bool{"webhook": true, "method": true, "query": true, "raw_query": true, "headers": true,
	"json": true, "form": true, "body": true, "body_base64": true}

// webhook judges a row {"webhook":PATH,"method","query","raw_query","headers"} with at
// most one of json, form, body and body_base64.
func (p *parser) webhook(o *value.Object) error {
	if path, ok := textField(o, "webhook"); !ok || !strings.HasPrefix(path, "/") {
		return p.errf("webhook is a path, as \"/hooks/x\"")
	}
	bodies := 0
	for i := range o.Len() {
		f := o.At(i)
		if !webhookKeys[f.Key] {
			return p.errf("an input of a webhook has no field %q", f.Key)
		}
		_, isText := f.Value.(string)
		_, isObject := f.Value.(*value.Object)
		switch f.Key {
		case "json":
			bodies++
		case "form", "body", "body_base64":
			bodies++
			if !isText {
				return p.errf("%s is text, as it is sent", f.Key)
			}
		case "method", "raw_query":
			if !isText {
				return p.errf("%s is text", f.Key)
			}
		case "query", "headers":
			if !isObject {
				return p.errf("%s is an object of texts", f.Key)
			}
		}
	}
	if bodies > 1 {
		return p.errf("a request has one body: json, form, body or body_base64")
	}
	if o.Has("query") && o.Has("raw_query") {
		return p.errf("a request has a query or a raw_query")
	}
	return nil
}

// requests are the records that a row of a webhook becomes: none, where it is answered
// without one.
func (c *Case) requests(s *Step, now time.Time, p *plan.Plan) ([]sim.Input, error) {
	bad := func(format string, a ...any) ([]sim.Input, error) {
		return nil, c.errf(s, format, a...)
	}
	in := edge.Incoming{RemoteIP: "127.0.0.1", Millis: now.UnixMilli()}
	in.Path, _ = textField(s.Input, "webhook")
	kind := ""
	for i := range s.Input.Len() {
		f := s.Input.At(i)
		text, _ := f.Value.(string)
		switch f.Key {
		case "method":
			in.Method = strings.ToUpper(text)
		case "raw_query":
			in.Query = text
		case "query":
			q, err := queryOf(f.Value.(*value.Object))
			if err != "" {
				return bad("query: %s", err)
			}
			in.Query = q
		case "headers":
			hs := f.Value.(*value.Object)
			for j := range hs.Len() {
				h := edge.Header{Name: hs.At(j).Key, Value: string(bytesOf(hs.At(j).Value))}
				if strings.EqualFold(h.Name, "content-type") {
					kind = h.Value
				}
				in.Headers = append(in.Headers, h)
			}
		case "json":
			in.Body = value.AppendJSON(nil, f.Value)
		case "form", "body":
			in.Body = []byte(text)
		case "body_base64":
			b, err := base64.StdEncoding.DecodeString(text)
			if err != nil {
				return bad("body_base64: %v", err)
			}
			in.Body = b
		}
	}
	if in.Method == "" {
		in.Method = "GET"
		if in.Body != nil {
			in.Method = "POST"
		}
	}
	if kind == "" {
		switch {
		case s.Input.Has("form"):
			in.Headers = append(in.Headers, edge.Header{Name: "content-type", Value: "application/x-www-form-urlencoded"})
		case s.Input.Has("json"):
			in.Headers = append(in.Headers, edge.Header{Name: "content-type", Value: "application/json"})
		}
	}
	front := edge.NewFront(p, edge.Options{Open: true})
	if front == nil {
		return bad("no route of the program reads a webhook")
	}
	a := front.Do(&in)
	if a.Status == edge.StatusNotFound {
		return bad("no route reads the webhook %s: %s", in.Path, meant(front, in.Path))
	}
	return s.logged(a, in.Millis), nil
}

// meant tells which paths there are, or which of them is nearly this one.
func meant(front *edge.Front, path string) string {
	if near := diag.Nearest(path, front.Paths()); near != "" {
		return "did you mean " + near + "?"
	}
	return "there are " + strings.Join(front.Paths(), ", ")
}

// logged are the records of an answer; of one without any it notes what was answered.
func (s *Step) logged(a *edge.Answer, millis int64) (out []sim.Input) {
	if len(a.Records) == 0 {
		s.answer = answered(a)
	}
	for _, r := range a.Records {
		out = append(out, sim.Input{Topic: r.Topic, Key: r.Key, Value: r.Value, Timestamp: millis})
	}
	return out
}

// queryOf writes parameters as a browser does; a list repeats its name.
func queryOf(o *value.Object) (query, bad string) {
	var parts []string
	add := func(name string, v value.Value) bool {
		switch v.(type) {
		case *value.Object, value.List, nil:
			return false
		}
		parts = append(parts, url.QueryEscape(name)+"="+url.QueryEscape(string(bytesOf(v))))
		return true
	}
	for i := range o.Len() {
		f := o.At(i)
		list, ok := f.Value.(value.List)
		if !ok {
			list = value.List{f.Value}
		}
		for _, v := range list {
			if !add(f.Key, v) {
				return "", f.Key + " is text, or a list of texts"
			}
		}
	}
	return strings.Join(parts, "&"), ""
}

// answered is an answer in words.
func answered(a *edge.Answer) string {
	out := strconv.Itoa(a.Status)
	if text := cmp.Or(a.Text, string(a.Body)); text != "" {
		out += ": " + text
	}
	return out
}
