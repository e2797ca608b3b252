package golden

import (
	"encoding/base64"
	"strings"
	"time"

	"github.com/sluice-dev/sluice/lang/plan"
	"github.com/sluice-dev/sluice/lang/value"
	"github.com/sluice-dev/sluice/runtime/edge"
	"github.com/sluice-dev/sluice/runtime/sim"
)

// segmentKeys are what a row of Segment's calls may hold.
var segmentKeys = map[string]bool{"segment": true, "write_key": true, "headers": true, "json": true}

// segment judges a row {"segment":PATH,"write_key","headers","json"}: what an SDK sends
// to a path of `from segment`.
func (p *parser) segment(o *value.Object) error {
	if path, ok := textField(o, "segment"); !ok || !strings.HasPrefix(path, "/") {
		return p.errf("segment is a path, as \"/v1/batch\"")
	}
	for i := range o.Len() {
		f := o.At(i)
		if !segmentKeys[f.Key] {
			return p.errf("an input of Segment has no field %q", f.Key)
		}
		_, isText := f.Value.(string)
		_, isObject := f.Value.(*value.Object)
		switch f.Key {
		case "write_key":
			if !isText {
				return p.errf("write_key is text")
			}
		case "headers":
			if !isObject {
				return p.errf("headers is an object of texts")
			}
		}
	}
	if !o.Has("json") {
		return p.errf("an input of Segment has a json: the body, as an SDK sends it")
	}
	return nil
}

// calls are the records that a row of Segment's calls becomes.
func (c *Case) calls(s *Step, now time.Time, p *plan.Plan) ([]sim.Input, error) {
	in := edge.Incoming{Method: "POST", RemoteIP: "127.0.0.1", Millis: now.UnixMilli()}
	in.Path, _ = textField(s.Input, "segment")
	body, _ := s.Input.Get("json")
	in.Body = value.AppendJSON(nil, body)
	in.Headers = []edge.Header{{Name: "content-type", Value: "application/json"}}
	if key, _ := textField(s.Input, "write_key"); key != "" {
		in.Headers = append(in.Headers, edge.Header{Name: "authorization", Value: "Basic " + base64.StdEncoding.EncodeToString([]byte(key+":"))})
	}
	if v, ok := s.Input.Get("headers"); ok {
		hs := v.(*value.Object)
		for j := range hs.Len() {
			in.Headers = append(in.Headers, edge.Header{Name: hs.At(j).Key, Value: string(bytesOf(hs.At(j).Value))})
		}
	}
	front := edge.NewFront(p, edge.Options{Open: true})
	if front == nil {
		return nil, c.errf(s, "no route of the program reads Segment's calls")
	}
	a := front.Do(&in)
	if a.Status != edge.StatusOK {
		why := a.Text
		if a.Status == edge.StatusNotFound && front.Source(in.Path) == "" {
			why = "no route reads Segment's calls there: " + meant(front, in.Path)
		}
		return nil, c.errf(s, "%s answers %d: %s", in.Path, a.Status, why)
	}
	return s.logged(a, in.Millis), nil
}
