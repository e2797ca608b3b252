package op_test

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/sluice-dev/sluice/runtime/event"
)

const crm = "connection http crm { url: \"https://crm.example.com\" }\n"

// desk is what a task knows of the calls of one record, by hand.
type desk struct {
	p        *player
	parked   map[uint64]bool
	answers  map[string]*event.Answer
	requests []string // that were sent, and when, in seconds behind noon, if not at once
	ids      []string // of them, as the receiver sees them
	at       int      // seconds behind noon when the next answer comes
	// reply answers a request; nil: it is not answered.
	reply func(request string) *event.Answer
}

func newDesk(p *player, reply func(string) *event.Answer) *desk {
	return &desk{p: p, parked: map[uint64]bool{}, answers: map[string]*event.Answer{}, reply: reply}
}

func (d *desk) Parked(lane uint64) bool        { return d.parked[lane] }
func (d *desk) Answer(id string) *event.Answer { return d.answers[id] }
func (d *desk) Rounds(call string) int {
	n := 0
	for id := range d.answers {
		if rest, ok := strings.CutPrefix(id, call+" "); ok {
			if round, err := strconv.Atoi(rest); err == nil {
				n = max(n, round+1)
			}
		}
	}
	return n
}

// run runs a record until it does not wait for an answer that comes.
func (d *desk) run(route int, rec *event.Record) event.Outcome {
	d.p.t.Helper()
	for range 1000 {
		rec.Calls = d
		o := d.p.record(route, rec)
		if o.Kind != event.Waits || o.Wait.Call == nil {
			return o
		}
		c := o.Wait.Call
		req := requestText(c.Out)
		if c.Out.NotBefore > 0 {
			at := int(time.Unix(0, c.Out.NotBefore).Sub(now).Seconds())
			req += fmt.Sprintf(" at %d", at)
			d.at = max(d.at, at)
		}
		d.requests = append(d.requests, req)
		d.ids = append(d.ids, string(c.Out.ID.Of(c.Out.Arena)))
		a := d.reply(requestText(c.Out))
		if a == nil {
			return o
		}
		a.At, a.Sum = now.Add(time.Duration(d.at)*time.Second).UnixMicro(), c.Out.Group
		if d.answers[c.ID] != nil {
			d.p.t.Fatalf("%s is asked for twice", c.ID)
		}
		d.answers[c.ID] = a
	}
	d.p.t.Fatal("it asks for ever")
	return event.Outcome{}
}

// requestText shows a request.
func requestText(o *event.Output) string {
	var b strings.Builder
	b.Write(o.Target.Of(o.Arena))
	event.EachHeader(o.Headers.Of(o.Arena), func(k string, v []byte) { fmt.Fprintf(&b, " %s=%s", k, v) })
	if body := o.Body.Of(o.Arena); len(body) > 0 {
		fmt.Fprintf(&b, " %s", body)
	}
	return b.String()
}

func answer(status int, body string, headers ...event.Header) *event.Answer {
	return &event.Answer{Status: status, Body: []byte(body), Headers: headers}
}

// always answers every request with the same.
func always(a *event.Answer) func(string) *event.Answer {
	return func(string) *event.Answer { c := *a; return &c }
}

func at(route, seconds int, v string) *event.Record {
	return &event.Record{Topic: "t", Partition: 3, Offset: int64(seconds), Key: []byte("k"), Value: []byte(v), Timestamp: now.UnixMilli() + int64(seconds)*1000}
}

// TestCallWaits: the first time the record waits with its request and nothing of it is
// left; the next time it goes on with the answer.
func TestCallWaits(t *testing.T) {
	p := play(t, crm+`table n: int = 0 keyed by string
from topic "t" as { id: string }
update n["all"] = it + 1 as now
emit log { above: now }
call http POST "/users/${.id}" via crm as r: { name: string, n: int? } {
  body: { id: .id }, query: { a: "x y" }, headers: { "X-Id": .id }
}
emit log { name: r.body.name, status: r.status, type: r.headers["content-type"], n: r.body.n, now }
`)
	d := newDesk(p, func(string) *event.Answer { return nil })
	rec := at(0, 0, `{"id":"a/b"}`)
	o := d.run(0, rec)
	p.want("first", show(o), `waits for call http POST "/users/${.id}" 0`)
	p.want("request", strings.Join(d.requests, "\n"), `POST /users/a%2Fb?a=x%20y X-Id=a/b {"id":"a/b"}`)
	p.want("nothing is left", p.rows()+p.outs(), "")
	c := o.Wait.Call
	if !o.Wait.Ordered || !c.Out.Ordered || c.Out.Lane != o.Wait.Lane || !c.Out.Alone || c.Index != 0 || c.Out.Group == 0 || c.Out.NotBefore != 0 || len(p.out.Buf) != 0 {
		t.Errorf("call %+v of %+v", c, c.Out)
	}
	id := d.ids[0]
	if d.run(0, rec); d.ids[1] != id || len(id) != len("sl1-")+32 || !strings.HasPrefix(id, "sl1-") {
		t.Errorf("ids %q", d.ids)
	}
	other := at(0, 1, `{"id":"a/b"}`)
	if d.run(0, other); d.ids[2] == id {
		t.Error("another record's call has the same id")
	}
	other.Replay = &event.Replay{Round: 1}
	d.run(0, other)
	other.Replay = &event.Replay{Round: 2}
	d.run(0, other)
	if slices.Sort(d.ids); len(slices.Compact(d.ids)) != 4 {
		t.Errorf("ids of two records and of two replays: %q", d.ids)
	}
	other.Replay = nil
	d.reply = always(answer(201, ` {"name":"Ann","n":1.0,"more":true}`, event.Header{Key: "Content-Type", Value: []byte("application/json")}))
	p.want("answered", show(d.run(0, rec)), "completed")
	p.want("outputs", p.outs(), `{"above":1}
{"name":"Ann","status":201,"type":"application/json","n":1.0,"now":1}`)
	p.want("once", p.rows(), `["all"] 1 0`)
	other.Key = nil
	d.answers = map[string]*event.Answer{}
	d.reply = func(string) *event.Answer { return nil }
	if o := d.run(0, other); o.Wait.Ordered || o.Wait.Call.Out.Ordered {
		t.Error("a record without a key has an order")
	}
}

// TestAnswersAreJudged: what fails a record, and with which words.
func TestAnswersAreJudged(t *testing.T) {
	typed := "call http GET \"/u\" via crm as r: { name: string, tags: [int] }\nemit log { got: r.body }\n"
	untyped := "call http GET \"/u\" via crm as r\nemit log { got: r.body, kind: type(r.body) }\n"
	for _, tt := range []struct {
		name, stages string
		a            *event.Answer
		want         string
	}{
		{"a fault", typed, &event.Answer{Fault: "timeout"}, "E0461 no answer that can be used: timeout"},
		{"a fault with a body", typed, &event.Answer{Status: 503, Body: []byte("busy"), Fault: "refused: 503"}, "E0462 the answer has status 503"},
		{"a status", typed, answer(404, `{"name":"x","tags":[]}`), `E0462 the answer has status 404 `},
		{"no status", typed, &event.Answer{}, "E0462 the answer has status 0"},
		{"a redirect", typed, answer(302, ``), "E0462 the answer has status 302, a redirect, which is not followed"},
		{"below 200", typed, answer(199, ``), "E0462 the answer has status 199"},
		{"299 is well", typed, answer(299, `{"name":"x","tags":[1]}`), `{"got":{"name":"x","tags":[1]}}`},
		{"HTML", typed, answer(200, "\n <!DOCTYPE html><html><body>Log in</body></html>"), "E0463 the answer is HTML, not JSON"},
		{"HTML without a doctype", typed, answer(200, "<HTML>"), "E0463 the answer is HTML, not JSON"},
		{"XML", typed, answer(200, "<?xml version=\"1.0\"?><a/>"), "E0463 the answer is XML, not JSON"},
		{"text", typed, answer(200, "ok"), "E0463 the answer is not JSON: "},
		{"bytes", typed, answer(200, "\xff\xfe"), "E0463 the answer is not JSON: not UTF-8 at byte 1"},
		{"another type", typed, answer(200, `{"name":"x","tags":[1,"2"]}`), "E0412 .body.tags[1] expected int, got "},
		{"not the type at all", typed, answer(200, `[]`), "E0412 .body expected "},
		{"answers are no source of texts", typed, answer(200, `{"name":"x","tags":"[1]"}`), "E0412 .body.tags expected "},
		{"no body", typed, answer(204, ""), "E0412 .body the answer has no body where "},
		{"a byte-order mark", typed, answer(200, "\ufeff{\"name\":\"x\",\"tags\":[]}"), `{"got":{"name":"x","tags":[]}}`},
		{"too large", untyped, answer(200, `"`+strings.Repeat("x", 5<<20)+`"`), "E0424 the answer is larger than 4 MiB"},
		{"JSON without a type", untyped, answer(200, `{"a":1.50}`), `{"got":{"a":1.50},"kind":"object"}`},
		{"text without a type", untyped, answer(200, "<html>\n"), `{"got":"<html>\n","kind":"string"}`},
		{"bytes without a type", untyped, answer(200, "a\xff"), "{\"got\":\"a\ufffd\",\"kind\":\"string\"}"},
		{"text as text", "call http GET \"/u\" via crm as r: string\nemit log { got: r.body }\n", answer(200, "\ufeffa,b\n1,2\n"), `{"got":"a,b\n1,2\n"}`},
		{"JSON text as text", "call http GET \"/u\" via crm as r: string\nemit log { got: r.body }\n", answer(200, `"x"`), `{"got":"x"}`},
		{"a number as text", "call http GET \"/u\" via crm as r: string\nemit log { got: r.body }\n", answer(200, "12345"), `{"got":"12345"}`},
		{"text or an object", "call http GET \"/u\" via crm as r: string | { a: int }\nemit log { got: r.body }\n", answer(200, `{"a":1}`), `{"got":{"a":1}}`},
		{"HTML that was given up", typed, &event.Answer{Status: 200, Body: []byte("<html>"), Fault: "not decodable"}, "E0463 the answer is HTML, not JSON"},
		{"what is well and was given up", typed, &event.Answer{Status: 200, Body: []byte(`{"name":"x","tags":[]}`), Fault: "200 to be repeated"}, "E0461 no answer that can be used: 200 to be repeated"},
		{"too large to come", typed, &event.Answer{Status: 200, Fault: "too large"}, "E0461 no answer that can be used: too large"},
		{"nothing without a type", untyped, answer(204, ""), `{"got":null,"kind":"null"}`},
		{"a name that is null", "call http GET \"/u\" via crm as r: { a: string }?\nemit log { got: r.body }\n", answer(204, ""), `{"got":null}`},
		{"not bound", "call http GET \"/u\" via crm\nemit log { got: 1 }\n", answer(200, "\xff<"), `{"got":1}`},
		{"accepted", "call http GET \"/u\" via crm as r: { ok: bool } { accept: it.body.ok == true and it.status == 200 }\nemit log { got: r.body }\n", answer(200, `{"ok":true}`), `{"got":{"ok":true}}`},
		{"not accepted", "call http GET \"/u\" via crm as r: { ok: bool } { accept: it.body.ok == true }\nemit log { got: r.body }\n", answer(200, `{"ok":false}`), "E0462 `accept` does not hold for the answer"},
		{"accepted by its status", "call http GET \"/u\" via crm as r: { name: string? } { accept: it.status in [200, 404] }\nemit log { got: r.body, status: r.status }\n", answer(404, `{"name":null}`), `{"got":{"name":null},"status":404}`},
		{"not accepted by its status", "call http GET \"/u\" via crm as r: { name: string? } { accept: it.status in [200, 404] }\nemit log { got: r.body }\n", answer(410, `{"name":null}`), "E0462 the answer has status 410"},
		{"a status that accept does not look at", "call http GET \"/u\" via crm as r: { ok: bool } { accept: it.body.ok == true }\nemit log { got: r.body }\n", answer(404, `{"ok":true}`), "E0462 the answer has status 404"},
		{"accepted by a header", "call http GET \"/u\" via crm { accept: it.headers[\"x\"] == \"2\" }\nemit log { got: 1 }\n", answer(200, "", event.Header{Key: "X", Value: []byte("1")}, event.Header{Key: "x", Value: []byte("2")}), `{"got":1}`},
	} {
		t.Run(tt.name, func(t *testing.T) {
			p := play(t, crm+"from topic \"t\" as { id: string }\n"+tt.stages)
			d := newDesk(p, always(tt.a))
			o := d.run(0, at(0, 0, `{"id":"a"}`))
			got := p.outs()
			if o.Kind == event.Failed {
				got = strings.TrimSpace(o.Fail.Code.ID+" "+o.Fail.Path) + " " + o.Fail.Message
				if o.Stage != "call" {
					t.Errorf("at %s", o.Stage)
				}
				if len(tt.a.Body) > 0 && o.Fail.Code.ID != "E0424" && o.Fail.Excerpt == "" {
					t.Error("it does not show what came")
				}
			}
			if !strings.HasPrefix(got+" ", tt.want) || o.Kind != event.Failed && got != tt.want {
				t.Errorf("got  %s\nwant %s", got, tt.want)
			}
		})
	}
}

// TestUntil: rounds are asked for until the condition holds, each due so long after the
// answer before it, and none beyond the span from the first answer on.
func TestUntil(t *testing.T) {
	p := play(t, crm+`from topic "t" as { id: string }
call http POST "/progress" via crm as job: { status: string } {
  body: { id: .id }, until: job.body.status in ["done", "error"], every: 30s, for: 2m
}
emit log { status: job.body.status }
`)
	n := 0
	d := newDesk(p, func(string) *event.Answer {
		if n++; n == 4 {
			return answer(200, `{"status":"done"}`)
		}
		return answer(200, `{"status":"busy"}`)
	})
	d.at = 5 // the first answer
	p.want("in the end", show(d.run(0, at(0, 0, `{"id":"a"}`))), "completed")
	p.want("output", p.outs(), `{"status":"done"}`)
	p.want("requests", strings.Join(d.requests, "\n"), `POST /progress {"id":"a"}
POST /progress {"id":"a"} at 35
POST /progress {"id":"a"} at 65
POST /progress {"id":"a"} at 95`)
	if slices.Sort(d.ids); len(slices.Compact(d.ids)) != 4 {
		t.Error("two rounds have one id")
	}

	d = newDesk(p, always(answer(200, `{"status":"busy"}`)))
	d.at = 5
	o := d.run(0, at(0, 1, `{"id":"a"}`))
	p.want("never", show(o)+" "+o.Fail.Message+" "+o.Fail.Excerpt, "E0464 at call asked 5 times in 2m, `until` never held {\"status\":\"busy\"}")
	p.want("requests", d.requests[4], `POST /progress {"id":"a"} at 125`)

	// A round that is refused ends it, whatever came before.
	n = 2
	d = newDesk(p, func(string) *event.Answer {
		if n--; n == 0 {
			return answer(500, "")
		}
		return answer(200, `{"status":"busy"}`)
	})
	p.want("refused", show(d.run(0, at(0, 2, `{"id":"a"}`))), "E0462 at call")
}

// TestCallsOfOneRecord: calls of elements and of children have names of their own.
func TestCallsOfOneRecord(t *testing.T) {
	p := play(t, crm+`from topic "t" as { ids: [string], more: [string] }
call http GET "/a" via crm as first: { id: string }
each .ids as x {
  call http GET "/a" via crm as r: { id: string } { query: { x, first: first.body.id } }
  where r.body.id != "none"
  emit log { x, id: r.body.id }
}
let l = .more
split l as y
call http GET "/c" via crm as r: { id: string } { query: { y } }
emit log { y, id: r.body.id, first: first.body.id }
`)
	n := 0
	d := newDesk(p, func(req string) *event.Answer {
		if strings.Contains(req, "x=q") {
			return answer(200, `{"id":"none"}`)
		}
		n++
		return answer(200, fmt.Sprintf(`{"id":"%d"}`, n))
	})
	o := d.run(0, at(0, 0, `{"ids":["p","q","r"],"more":["u","v"]}`))
	p.want("parent", show(o), "split")
	p.want("outputs", p.outs(), `{"x":"p","id":"2"}
{"x":"r","id":"3"}`)
	p.want("requests", strings.Join(d.requests, "\n"), `GET /a
GET /a?x=p&first=1
GET /a?x=q&first=1
GET /a?x=r&first=1`)
	var ids []string
	for id := range d.answers {
		ids = append(ids, id)
	}
	slices.Sort(ids)
	p.want("names", strings.Join(ids, ", "), "/0 call http GET /a#2 0, /1 call http GET /a#2 0, /2 call http GET /a#2 0, call http GET /a 0")
	d.requests = nil
	for i := range o.Children {
		child := o.Children[i]
		p.through = parks(t, p.run, p.run) // a child waits in the store
		p.want("child", show(d.run(0, &child)), "completed")
		p.through = nil
	}
	p.want("requests", strings.Join(d.requests, "\n"), "GET /c?y=u\nGET /c?y=v")
	p.want("outputs", p.outs(), `{"y":"u","id":"4","first":"1"}
{"y":"v","id":"5","first":"1"}`)
}

// TestBehindOthers: a record waits where another is parked under the ordering key in force
// there, and an emit also under a key of its own.
func TestBehindOthers(t *testing.T) {
	p := play(t, crm+`identity people { user_id }
table n: int = 0 keyed by string
from topic "t" as { id: string, stop: string?, email: string? }
update n["all"] = it + 1
where .stop != "early" else "early"
resolve people as p { user_id: .id }
where .stop != "person" else "person"
key by .id, "x"
emit topic "u" { key: "own:${.id}" }
where .stop != "topic" else "topic"
require .stop != "fails" else "fails"
call http GET "/a" via crm as r: { id: string }
emit log
`)
	lane := func(rec *event.Record, want string) uint64 {
		t.Helper()
		var lanes []uint64
		d := newDesk(p, always(answer(200, `{"id":"1"}`)))
		rec.Calls = spy{d, &lanes}
		p.record(0, rec)
		p.out.Reset()
		switch want {
		case "source":
			return lanes[0]
		case "person":
			return lanes[1]
		}
		return lanes[len(lanes)-1]
	}
	v := `{"id":"a"}`
	source, person := lane(at(0, 0, v), "source"), lane(at(0, 0, v), "person")
	var all []uint64
	d := newDesk(p, func(string) *event.Answer { return nil })
	rec := at(0, 0, v)
	rec.Calls = spy{d, &all}
	p.record(0, rec)
	if len(all) != 5 || all[0] != source || all[1] != person || all[2] != all[4] || slices.Contains(all[2:3], all[3]) {
		t.Fatalf("asked for lanes %d: source, person, key by (emit), the emit's own, key by (call)", all)
	}
	for _, tt := range []struct {
		name   string
		parked uint64
		v      string
		want   string
	}{
		{"at resolve", all[0], v, "waits behind another at resolve"},
		{"at key by", all[1], v, "waits behind another at key"},
		{"at an emit", all[2], v, "waits behind another at emit"},
		{"at an emit with a key of its own", all[3], v, "waits behind another at emit"},
		{"nobody is parked under its keys", 1, v, "waits for call http GET /a 0"},
		{"what ends above", all[0], `{"id":"a","stop":"early"}`, "dropped: early at where"},
		{"what ends below", all[1], `{"id":"a","stop":"person"}`, "dropped: person at where"},
		{"another key", all[0], `{"id":"b"}`, "waits behind another at resolve"}, // the record's own key is the same
		{"another person", all[1], `{"id":"b"}`, "waits for call http GET /a 0"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			before := p.stored()
			d := newDesk(p, func(string) *event.Answer { return nil })
			d.parked[tt.parked] = true
			o := d.run(0, at(0, 1, tt.v))
			p.want("ends", show(o), tt.want)
			if o.Kind == event.Waits {
				if o.Wait.Call == nil && (!o.Wait.Ordered || o.Wait.Lane != tt.parked) {
					t.Errorf("waits in lane %d", o.Wait.Lane)
				}
				p.want("nothing is left", p.stored(), before)
			}
		})
	}
	for _, l := range all {
		d.parked[l] = true
	}
	keyless := at(0, 0, v)
	keyless.Key, keyless.Calls = nil, everywhere{d}
	q := play(t, crm+"from topic \"t\" as { id: string }\nemit log\ncall http GET \"/a\" via crm\n")
	p.want("a record without a key waits behind nobody", show(q.record(0, keyless)), "waits for call http GET /a 0")
	clear(d.parked)
	rec = at(0, 0, v)
	rec.Key, rec.Calls = nil, d
	d.parked[all[0]] = true
	p.want("a record without a key", show(p.record(0, rec)), "waits for call http GET /a 0")
}

// everywhere has a record parked under every key.
type everywhere struct{ *desk }

func (everywhere) Parked(uint64) bool { return true }

// spy notes the lanes that a record asks for.
type spy struct {
	*desk
	lanes *[]uint64
}

func (s spy) Parked(lane uint64) bool {
	*s.lanes = append(*s.lanes, lane)
	return s.desk.Parked(lane)
}

// TestWaitsTellsNothing: a record that waits has merged nobody.
func TestWaitsTellsNothing(t *testing.T) {
	p := play(t, crm+`identity people { user_id, anonymous_id }
route a
from topic "t" as { user: string?, anon: string?, call: bool }
resolve people as p { user_id: .user, anonymous_id: .anon }
when .call {
  call http GET "/a" via crm
}
route b
from changes people as p
emit log { kind: .kind }
`)
	d := newDesk(p, func(string) *event.Answer { return nil })
	d.run(0, at(0, 0, `{"user":"u","call":false}`))
	d.run(0, at(0, 1, `{"anon":"x","call":false}`))
	p.outs()
	rec := at(0, 2, `{"user":"u","anon":"x","call":true}`)
	if o := d.run(0, rec); o.Kind != event.Waits || o.People != nil {
		t.Errorf("%s, %+v", show(o), o.People)
	}
	p.want("no change", p.outs(), "")
	d.reply = always(answer(200, ""))
	if o := d.run(0, rec); o.Kind != event.Completed || len(o.Who().Merges) == 0 {
		t.Errorf("%s, %+v", show(o), o.People)
	}
	p.want("told once", p.outs(), `{"kind":"merged"}`)
}

// TestCallBehindAnother: a call itself asks first who is parked, also where its answer is
// there, and a fault of the request fails before anything is sent.
func TestCallBehindAnother(t *testing.T) {
	p := play(t, crm+`from topic "t" as { id: string, q: any }
call http GET "/a" via crm as r: { id: string } { query: { q: .q } }
emit log
`)
	d := newDesk(p, always(answer(200, `{"id":"1"}`)))
	d.parked[laneOf(t, p)] = true
	p.want("behind", show(d.run(0, at(0, 0, `{"id":"a","q":1}`))), "waits behind another at call")
	p.want("nothing is sent", strings.Join(d.requests, ""), "")
	d.parked = map[uint64]bool{}
	p.want("no query", show(d.run(0, at(0, 0, `{"id":"a","q":[1]}`))), "E0460 .q at call")
	p.want("nothing is sent", strings.Join(d.requests, ""), "")
	if why := p.group.Route(0).NotFused("t"); !strings.Contains(why, "calls") {
		t.Errorf("not fused: %q", why)
	}
}

func laneOf(t *testing.T, p *player) uint64 {
	var lanes []uint64
	rec := at(0, 0, `{"id":"a","q":1}`)
	rec.Calls = spy{newDesk(p, nil), &lanes}
	p.record(0, rec)
	if len(lanes) == 0 {
		t.Fatal("it asked for no lane")
	}
	return lanes[0]
}

// TestCache: equal requests within the span, by the times of their records, are not sent
// again, and what a record cannot use is none.
func TestCache(t *testing.T) {
	p := play(t, crm+`from topic "t" as { id: string, want: string?, to: string? }
call http POST "/find" via crm as r: { name: string } {
  body: { id: .id }, headers: { "X-To": .to ?? "a" }, cache: 1h
  until: .want == null or r.body.name == .want, every: 1s, for: 1m
}
emit log { name: r.body.name, status: r.status, kind: r.headers.kind }
`)
	p.now = now.Add(24 * time.Hour)
	n := 0
	reply := func(req string) *event.Answer {
		n++
		if strings.Contains(req, "gone") {
			return answer(404, "")
		}
		return answer(201, fmt.Sprintf(`{"name":"n%d"}`, n), event.Header{Key: "Kind", Value: []byte("k")})
	}
	step := func(seconds int, v, outcome, out string, requests int) {
		t.Helper()
		d := newDesk(p, reply)
		what := fmt.Sprintf("%d %s", seconds, v)
		rec := at(0, seconds, v)
		if seconds < -1e6 {
			rec.Timestamp = event.NoTime
		}
		p.want(what, show(d.run(0, rec)), outcome)
		p.want(what, p.outs(), out)
		if len(d.requests) != requests {
			t.Errorf("%s: %d requests, want %d", what, len(d.requests), requests)
		}
	}
	step(0, `{"id":"a"}`, "completed", `{"name":"n1","status":201,"kind":"k"}`, 1)
	step(1, `{"id":"a"}`, "completed", `{"name":"n1","status":201,"kind":"k"}`, 0)
	step(-3600, `{"id":"a"}`, "completed", `{"name":"n1","status":201,"kind":"k"}`, 0) // before it was asked
	step(3599, `{"id":"a"}`, "completed", `{"name":"n1","status":201,"kind":"k"}`, 0)
	step(3, `{"id":"b"}`, "completed", `{"name":"n2","status":201,"kind":"k"}`, 1)
	step(3, `{"id":"b","to":"z"}`, "completed", `{"name":"n3","status":201,"kind":"k"}`, 1)
	step(3600, `{"id":"a"}`, "completed", `{"name":"n4","status":201,"kind":"k"}`, 1)
	step(7199, `{"id":"a"}`, "completed", `{"name":"n4","status":201,"kind":"k"}`, 0)
	step(-2e6, `{"id":"a"}`, "completed", `{"name":"n5","status":201,"kind":"k"}`, 1) // no time: not kept
	step(7199, `{"id":"a"}`, "completed", `{"name":"n4","status":201,"kind":"k"}`, 0)
	step(7199, `{"id":"a","want":"n6"}`, "completed", `{"name":"n6","status":201,"kind":"k"}`, 1) // the kept one is not what it waits for
	step(7199, `{"id":"a"}`, "completed", `{"name":"n6","status":201,"kind":"k"}`, 0)
	step(7199, `{"id":"gone"}`, "E0462 at call", "", 1)
	step(7199, `{"id":"gone"}`, "E0462 at call", "", 1)
	p.due(7199 + 3600)
	p.want("nothing is left", p.stored(), "")
}

// TestCacheOfWhatWasAsked: where the record asks for something else when its answer comes,
// that answer is not kept as one of it.
func TestCacheOfWhatWasAsked(t *testing.T) {
	p := play(t, crm+`from topic "t" as { id: string }
call http GET "/day" via crm as r: { n: int } { query: { day: time.format(now(), "2006-01-02") }, cache: 2d }
emit log { n: r.body.n }
`)
	n := 0
	d := newDesk(p, func(req string) *event.Answer {
		n++
		p.now = now.Add(24 * time.Hour) // it comes when the next day has begun
		return answer(200, fmt.Sprintf(`{"n":%d}`, n))
	})
	p.want("asked", show(d.run(0, at(0, 0, `{"id":"a"}`))), "completed")
	p.want("answered", p.outs(), `{"n":1}`)
	d = newDesk(p, func(req string) *event.Answer { return answer(200, `{"n":2}`) })
	p.want("asked", show(d.run(0, at(0, 1, `{"id":"a"}`))), "completed")
	p.want("the next day", p.outs()+" "+strings.Join(d.requests, ","), `{"n":2} GET /day?day=2026-03-02`)
	d = newDesk(p, nil)
	d.run(0, at(0, 2, `{"id":"a"}`))
	p.want("kept", p.outs(), `{"n":2}`)
}

// TestCallsOfOneSourceID: a request that is sent again while the first still waits asks
// under a name of its own, and is a repeat when the first has ended.
func TestCallsOfOneSourceID(t *testing.T) {
	p := play(t, crm+`from webhook "/p" as { id: string } { id: .id }
call http GET "/a" via crm as r: { id: string }
emit log { id: r.body.id }
`)
	request := func(offset int64) *event.Record {
		return &event.Record{Offset: offset, Value: []byte(`{"method":"POST","path":"/p","json":{"id":"a"}}`), Timestamp: now.UnixMilli()}
	}
	one, two := newDesk(p, func(string) *event.Answer { return nil }), newDesk(p, func(string) *event.Answer { return nil })
	p.want("first", show(one.run(0, request(0))), "waits for call http GET /a 0")
	p.want("again", show(two.run(0, request(1))), "waits for call http GET /a 0")
	if one.ids[0] == two.ids[0] {
		t.Error("both calls have one name")
	}
	one.reply, two.reply = always(answer(200, `{"id":"1"}`)), always(answer(200, `{"id":"2"}`))
	p.want("first", show(one.run(0, request(0))), "completed")
	p.want("again", show(two.run(0, request(1))), "dropped: duplicate at dedupe")
	p.want("once", p.outs(), `{"id":"1"}`)
}

// TestPersonWhileItWaited: a child that waits is one of whom its person has become, and
// ends where they were forgotten.
func TestPersonWhileItWaited(t *testing.T) {
	p := play(t, crm+`identity people { user_id, anonymous_id }
table n: int = 0 keyed by people merge sum
route a
from topic "t" as { user: string?, anon: string?, forget: string?, ids: [int] }
when .forget != null {
  forget people as f { anonymous_id: .forget }
}
resolve people as p { user_id: .user, anonymous_id: .anon }
split .ids as i
call http GET "/a" via crm as r: { id: string } { query: { i } }
update n[p] = it + i
emit topic "u" { value: { i, sum: n[p] } }
`)
	none := func(string) *event.Answer { return nil }
	children := func(seconds int, v string) []event.Record {
		o := newDesk(p, none).run(0, at(0, seconds, v))
		if o.Kind != event.Split {
			t.Fatal(show(o))
		}
		return o.Children
	}
	run := func(c event.Record) (event.Outcome, event.Output) {
		t.Helper()
		p.through = parks(t, p.run, p.run)
		defer func() { p.through = nil }()
		p.out.Reset()
		o := newDesk(p, always(answer(200, `{"id":"x"}`))).run(0, &c)
		if len(p.out.Outs) == 0 {
			return o, event.Output{}
		}
		return o, p.out.Outs[0]
	}
	anon := children(0, `{"anon":"x","ids":[1,2]}`)
	_, first := run(anon[0])
	user := children(1, `{"user":"u","ids":[10]}`)
	_, other := run(user[0])
	if first.Lane == other.Lane {
		t.Fatal("they are one person already")
	}
	merged := children(2, `{"user":"u","anon":"x","ids":[100]}`)
	_, now := run(merged[0])
	o, late := run(anon[1])
	if o.Kind != event.Completed || late.Lane != now.Lane || string(late.Person.Of(&p.out)) == "" {
		t.Errorf("%s in lane %d, their order is in %d", show(o), late.Lane, now.Lane)
	}
	p.want("their rows are one", string(late.Body.Of(&p.out)), `{"i":2,"sum":113}`)
	q := play(t, crm+`identity people { user_id }
from topic "t" as { user: string, ids: [int] }
resolve people as p { user_id: .user }
forget people as f { user_id: .user }
split .ids as i
call http GET "/a" via crm as r: { id: string } { query: { i } }
emit log { i }
`)
	d := newDesk(q, always(answer(200, `{"id":"x"}`)))
	q.through = parks(t, q.run, q.run)
	gone := d.run(0, at(0, 0, `{"user":"u","ids":[1]}`))
	p.want("forgotten by the record itself", show(d.run(0, &gone.Children[0])), "completed")

	again := children(3, `{"user":"u","ids":[1]}`)
	if o := newDesk(p, none).run(0, at(0, 4, `{"forget":"x","anon":"y","ids":[]}`)); o.Kind != event.Dropped {
		t.Fatal(show(o))
	}
	o, _ = run(again[0])
	p.want("forgotten while it waited", show(o), "dropped: forgotten at from")
}

// TestRoundsModel: when rounds are due and how they end is decided by the answers and
// their times alone, however often the record runs.
func TestRoundsModel(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		every, most := rapid.IntRange(1, 5).Draw(rt, "every"), rapid.IntRange(5, 20).Draw(rt, "for")
		p := play(t, fmt.Sprintf(crm+`from topic "t" as { id: string }
call http GET "/p" via crm as r: { s: string } { until: r.body.s == "done", every: %ds, for: %ds }
emit log { s: r.body.s }
`, every, most))
		d := newDesk(p, func(string) *event.Answer { return nil })
		rec := at(0, 0, `{"id":"a"}`)
		first, due := -1, -1
		for n := 0; ; n++ {
			var o event.Outcome
			for range rapid.IntRange(1, 3).Draw(rt, "runs") {
				if o = d.run(0, rec); o.Kind != event.Waits {
					continue
				}
				if id := o.Wait.Call.Spent; id != "" {
					d.answers[id] = &event.Answer{At: d.answers[id].At}
					delete(d.answers, o.Wait.Call.Over)
					if len(d.answers) > 2 { // the first and the last: however often, no more is kept
						rt.Fatalf("%d answers are kept behind round %d", len(d.answers), n)
					}
				} else if n > 0 {
					rt.Fatal("the answer before is not spent")
				}
			}
			if o.Kind != event.Waits || o.Wait.Call.ID != fmt.Sprintf("call http GET /p %d", n) {
				rt.Fatalf("round %d: %s", n, show(o))
			}
			want := int64(0)
			if due >= 0 {
				want = now.Add(time.Duration(due) * time.Second).UnixNano()
			}
			if got := o.Wait.Call.Out.NotBefore; got != want {
				rt.Fatalf("round %d is due at %d, want %d", n, got, want)
			}
			came := max(due, 0) + rapid.IntRange(0, 7).Draw(rt, "delay")
			status := rapid.SampledFrom([]string{"busy", "busy", "busy", "done", "fault", "404"}).Draw(rt, "answer")
			a := answer(200, `{"s":"`+status+`"}`)
			switch status {
			case "fault":
				a = &event.Answer{Fault: "timeout"}
			case "404":
				a.Status = 404
			}
			a.At = now.Add(time.Duration(came) * time.Second).UnixMicro()
			d.answers[o.Wait.Call.ID] = a
			if first < 0 {
				first = came
			}
			due = came + every
			end := map[string]string{"done": "completed", "fault": "E0461 at call", "404": "E0462 at call"}[status]
			if end == "" && due > first+most {
				end = "E0464 at call"
			}
			if end == "" {
				continue
			}
			p.out.Reset()
			for range 2 {
				if o = d.run(0, rec); show(o) != end {
					rt.Fatalf("round %d: %s, want %s", n, show(o), end)
				}
			}
			if end == "E0464 at call" && !strings.Contains(o.Fail.Message, fmt.Sprintf("asked %s in %ds", map[bool]string{true: "once", false: fmt.Sprintf("%d times", n+1)}[n == 0], most)) {
				rt.Fatal(o.Fail.Message)
			}
			return
		}
	})
}
