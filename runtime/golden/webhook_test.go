package golden

import (
	"strings"
	"testing"
	"testing/fstest"

	"github.com/sluice-dev/sluice/lang/program"
	"github.com/sluice-dev/sluice/stdlib"
)

// TestRequestsThatCannotBe: a row says what is wrong with it, and where.
func TestRequestsThatCannotBe(t *testing.T) {
	load := func(script string) *program.Program {
		p := program.Load(fstest.MapFS{"a.route": {Data: []byte(script)}}, stdlib.Env(), program.Options{AllowNoApp: true})
		if !p.OK() {
			t.Fatal(p.Diags)
		}
		return p
	}
	hooks := load("from webhook \"/hooks/signup\" as { id: string }\nemit log\n")
	topics := load("from topic \"t\"\nemit log\n")
	for _, c := range []struct {
		name, row string
		p         *program.Program
		want      string
	}{
		{"a path that nobody reads", `{"webhook":"/hooks/singup","json":{}}`, hooks, "c.txtar:2: no route reads the webhook /hooks/singup: did you mean /hooks/signup?"},
		{"one far from all", `{"webhook":"/x","json":{}}`, hooks, "c.txtar:2: no route reads the webhook /x: there are /hooks/signup"},
		{"a program without webhooks", `{"webhook":"/x"}`, topics, "c.txtar:2: no route of the program reads a webhook"},
		{"a query of objects", `{"webhook":"/hooks/signup","query":{"a":{}}}`, hooks, "c.txtar:2: query: a is text, or a list of texts"},
		{"a body that is no base64", `{"webhook":"/hooks/signup","body_base64":"*"}`, hooks, "c.txtar:2: body_base64: illegal base64 data at input byte 0"},
	} {
		t.Run(c.name, func(t *testing.T) {
			k, err := Parse("c", []byte("-- in --\n"+c.row+"\n-- out --\n"))
			if err != nil {
				t.Fatal(err)
			}
			v, _ := Run(c.p.Plan, k, Options{})
			if v.Err == nil || !strings.Contains(v.Err.Error(), c.want) {
				t.Errorf("got %v, want %s", v.Err, c.want)
			}
		})
	}
}
