package golden

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/sluice-dev/sluice/lang/value"
)

func obj(t *testing.T, s string) *value.Object {
	t.Helper()
	v, err := value.DecodeJSON([]byte(s))
	if err != nil {
		t.Fatalf("%s: %s", s, err.Reason)
	}
	return v.(*value.Object)
}

func TestCompare(t *testing.T) {
	type row struct{ json, lane string }
	tests := []struct {
		name string
		want []string
		got  []row
		diff []Difference
	}{
		{"numbers compare exactly, not by their text", []string{`{"to":"log","n":1.0}`}, []row{{`{"to":"log","n":1}`, ""}}, nil},
		{"large numbers keep their last digit", []string{`{"to":"log","n":9007199254740993}`}, []row{{`{"to":"log","n":9007199254740992}`, ""}},
			[]Difference{{"out[0].n", "9007199254740993", "9007199254740992"}}},
		{"an unlisted field fails", []string{`{"to":"log"}`}, []row{{`{"to":"log","n":1}`, ""}}, []Difference{{"out[0].n", absent, "1"}}},
		{"... admits more fields", []string{`{"to":"log","...":true}`}, []row{{`{"to":"log","n":1}`, ""}}, nil},
		{"... admits more fields in depth", []string{`{"to":"log","p":{"a":1,"...":true}}`}, []row{{`{"to":"log","p":{"b":2,"a":1}}`, ""}}, nil},
		{"missing is not null", []string{`{"to":"log","n":null}`}, []row{{`{"to":"log"}`, ""}}, []Difference{{"out[0].n", "null", absent}}},
		{"a name binds once and must match after", []string{`{"to":"log","a":"$x"}`, `{"to":"log","b":"$x"}`},
			[]row{{`{"to":"log","a":1}`, ""}, {`{"to":"log","b":2}`, ""}}, []Difference{{"out[1].b", `"$x"`, "2"}}},
		{"two names are two values", []string{`{"to":"log","a":"$x","b":"$y"}`}, []row{{`{"to":"log","a":1,"b":1}`, ""}},
			[]Difference{{"out[0]", `{"to":"log","a":"$x","b":"$y"}`, `{"to":"log","a":1,"b":1}`}}},
		{"what comes out unlisted fails", nil, []row{{`{"to":"log"}`, ""}}, []Difference{{"out", absent, `{"to":"log"}`}}},
		{"what does not come fails", []string{`{"to":"log"}`}, nil, []Difference{{"out[0]", `{"to":"log"}`, absent}}},
		{"another order between lanes is no difference", []string{`{"to":"log","n":1}`, `{"to":"log","n":2}`},
			[]row{{`{"to":"log","n":2}`, "b"}, {`{"to":"log","n":1}`, "a"}}, nil},
		{"one lane keeps its order", []string{`{"to":"log","n":1}`, `{"to":"log","n":2}`},
			[]row{{`{"to":"log","n":2}`, "a"}, {`{"to":"log","n":1}`, "a"}},
			[]Difference{{"out[1]", "behind out[0]", "before it: one ordering key keeps its order"}}},
		{"one wrong field does not shift the others", []string{`{"to":"log","n":1,"x":1}`, `{"to":"log","n":2,"x":1}`},
			[]row{{`{"to":"log","n":1,"x":9}`, ""}, {`{"to":"log","n":2,"x":1}`, ""}}, []Difference{{"out[0].x", "1", "9"}}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			var want []Row
			for _, w := range tt.want {
				want = append(want, Row{Obj: obj(t, w)})
			}
			var got []ActualRow
			for _, g := range tt.got {
				got = append(got, ActualRow{Obj: obj(t, g.json), Lane: g.lane})
			}
			if d := cmp.Diff(tt.diff, section("out", want, got, bindings{})); d != "" {
				t.Errorf("differences (-want +got):\n%s", d)
			}
		})
	}
}

func TestParseErrorsSayWhere(t *testing.T) {
	tests := []struct{ name, text, want string }{
		{"no input section", "# x\n-- out --\n", "c.txtar:2: the case has no section -- in --"},
		{"bad JSON", "-- in --\n{\"topic\":\"t\",}\n-- out --\n", "c.txtar:2: byte 13: comma before }"},
		{"unknown section", "-- in --\n-- want --\n", "c.txtar:2: unknown section \"want\": there are in, http, out, dead, dropped, tables, tables after"},
		{"an identity", "-- in --\n-- tables --\n{\"identity\":\"people\",\"ids\":{}}\n", "c.txtar:3: ids are an object: {\"user_id\":\"u1\",\"email\":[\"a@x.io\",\"b@x.io\"]}"},
		{"a table without a name", "-- in --\n-- tables after --\n{\"key\":[1]}\n", "c.txtar:3: a row of a table needs its name: {\"table\":\"NAME\",\"key\":[…],\"row\":…}"},
		{"a key that is no list", "-- in --\n-- tables --\n{\"table\":\"t\",\"key\":1,\"row\":1}\n", "c.txtar:3: key is the list of the key's parts: [\"a\"], or [\"a\", 1] of two"},
		{"a table without a row", "-- in --\n-- tables --\n{\"table\":\"t\",\"key\":[1]}\n", "c.txtar:3: a row of a table needs its row"},
		{"a row before that admits more", "-- in --\n-- tables --\n{\"table\":\"t\",\"key\":[1],\"row\":1,\"...\":true}\n", "c.txtar:3: a row of a table has no field \"...\""},
		{"a time that is none", "-- in --\n-- tables after --\n{\"table\":\"t\",\"key\":[1],\"row\":1,\"at\":\"soon\"}\n", ""},
		{"a file", "-- in --\n{\"file\":\"x\"}\n-- out --\n", "c.txtar:2: a line of a file is {\"file\": NAME, \"line\": …}, and nothing else stands there"},
		{"a webhook without a path", "-- in --\n{\"webhook\":\"x\"}\n-- out --\n", "c.txtar:2: webhook is a path, as \"/hooks/x\""},
		{"a field of no webhook", "-- in --\n{\"webhook\":\"/x\",\"value\":1}\n-- out --\n", "c.txtar:2: an input of a webhook has no field \"value\""},
		{"two bodies", "-- in --\n{\"webhook\":\"/x\",\"json\":1,\"form\":\"a\"}\n-- out --\n", "c.txtar:2: a request has one body: json, form, body or body_base64"},
		{"two queries", "-- in --\n{\"webhook\":\"/x\",\"query\":{},\"raw_query\":\"a\"}\n-- out --\n", "c.txtar:2: a request has a query or a raw_query"},
		{"a misspelt field", "-- in --\n{\"topic\":\"t\",\"valeu\":1}\n-- out --\n", "c.txtar:2: an input has no field \"valeu\""},
		{"a bad now", "now: yesterday\n-- in --\n-- out --\n", ""},
		{"a bad step", "-- in --\nadvance never\n-- out --\n", "c.txtar:2: advance takes a duration like 30m, found \"never\""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			_, err := Parse("c", []byte(tt.text))
			if err == nil {
				t.Fatal("no error")
			}
			if tt.want != "" && err.Error() != tt.want {
				t.Errorf("got  %s\nwant %s", err, tt.want)
			}
		})
	}
}
