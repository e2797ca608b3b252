package golden

import (
	"fmt"
	"strings"

	"github.com/sluice-dev/sluice/lang/ir"
	"github.com/sluice-dev/sluice/lang/value"
	"github.com/sluice-dev/sluice/runtime/sim"
	sinkhttp "github.com/sluice-dev/sluice/runtime/sink/http"
)

// answer reads a row of `-- http --`.
func (p *parser) answer(l string) error {
	o, err := p.object(l)
	if err != nil {
		return err
	}
	r := sim.AnswerRow{Times: 1}
	var ok bool
	for i := range o.Len() {
		switch f := o.At(i); f.Key {
		case "method":
			if r.Method, ok = f.Value.(string); !ok || r.Method != strings.ToUpper(r.Method) {
				return p.errf("method is a word in capitals, as POST")
			}
		case "url":
			if r.URL, ok = f.Value.(string); !ok {
				return p.errf("url is the address as the stage makes it")
			}
		case "times":
			n, _ := f.Value.(value.Number)
			t, whole := n.Int64()
			if f.Value == nil || !whole || t < 1 || t > maxTimes {
				return p.errf("times is a whole number from 1 to %d", maxTimes)
			}
			r.Times = int(t)
		case "reply":
			reply, ok := f.Value.(*value.Object)
			if !ok {
				return p.errf("reply is an object of status, headers and body")
			}
			if r.Reply, err = p.reply(reply); err != nil {
				return err
			}
		default:
			return p.errf("a row of http has no field %q: it has method, url, reply, times", f.Key)
		}
	}
	if r.Method == "" || !o.Has("url") || !o.Has("reply") {
		return p.errf("a row of http needs method, url and reply")
	}
	p.c.HTTP = append(p.c.HTTP, Answer{p.line, r})
	return nil
}

const maxTimes = 1_000_000

// reply reads what a receiver says.
func (p *parser) reply(o *value.Object) (sinkhttp.Got, error) {
	g := sinkhttp.Got{Status: 200}
	for i := range o.Len() {
		switch f := o.At(i); f.Key {
		case "status":
			n, _ := f.Value.(value.Number)
			s, whole := n.Int64()
			if f.Value == nil || !whole || s < 200 || s > 599 {
				return g, p.errf("status is a whole number from 200 to 599")
			}
			g.Status = int(s)
		case "headers":
			hs, ok := f.Value.(*value.Object)
			if !ok {
				return g, p.errf("headers is an object of texts")
			}
			all := map[string][]string{}
			for j := range hs.Len() {
				v, ok := hs.At(j).Value.(string)
				if !ok {
					return g, p.errf("headers is an object of texts")
				}
				name := strings.ToLower(hs.At(j).Key)
				all[name] = append(all[name], v)
			}
			g.Headers, g.RetryAfter = sinkhttp.Headers(all), all["retry-after"]
			if d := all["date"]; len(d) > 0 {
				g.Date = d[0]
			}
		case "body":
			g.Body = bytesOf(f.Value)
		default:
			return g, p.errf("a reply has no field %q: it has status, headers, body", f.Key)
		}
	}
	return g, nil
}

// Answer is a row of `-- http --`.
type Answer struct {
	Line int
	Row  sim.AnswerRow
}

// answers are those of the case, for one run.
func (c *Case) answers() *sim.Answers {
	rows := make([]*sim.AnswerRow, len(c.HTTP))
	for i := range c.HTTP {
		r := c.HTTP[i].Row
		rows[i] = &r
	}
	return sim.NewAnswers(rows)
}

// asked notes what became of the answers, and the calls that found none.
func (a *Actual) asked(w *sim.World, of *sim.Answers) {
	for _, r := range of.Unused() {
		a.Unused = append(a.Unused, fmt.Sprintf("%s %s (used %d of %d)", r.Method, r.URL, r.Used(), r.Times))
	}
	seen := map[string]bool{}
	for _, u := range w.Unanswered() {
		if !seen[u] {
			a.Unanswered = append(a.Unanswered, u)
		}
		seen[u] = true
	}
}

// requestRow adds what an emit sent over HTTP.
func requestRow(o *value.Object, t *sim.Taken) {
	method, url, _ := strings.Cut(t.Target, " ")
	o.Put("method", method)
	o.Put("url", url)
	if h := headers(t.Headers); h.Len() > 0 {
		o.Put("headers", h)
	}
	sink := t.Emit.Sink.(*ir.HTTPSink)
	switch {
	case sink.Item != nil:
		o.Put("item", decoded(t.Body))
	case len(t.Body) > 0:
		o.Put("body", decoded(t.Body))
	}
	o.Put("idempotency_key", t.ID)
}
