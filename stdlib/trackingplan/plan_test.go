package trackingplan_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/sluice-dev/sluice/lang/diag"
	"github.com/sluice-dev/sluice/lang/value"
	"github.com/sluice-dev/sluice/stdlib/trackingplan"
)

const wrapped = `{"type":"object","properties":{"context":{},"properties":{"type":"object","required":["id"],"properties":{"id":{"type":"string"},"n":{"type":["integer","null"]}}}}}`
const bare = `{"type":"object","required":["id"],"properties":{"id":{"type":"string"},"n":{"type":["integer","null"]}}}`

// TestForms: a plan says the same in every form in which it is written.
func TestForms(t *testing.T) {
	for name, file := range map[string]string{
		"rules":      `{"rules":[{"key":"A","type":"TRACK","version":1,"jsonSchema":` + wrapped + `}]}`,
		"API":        `{"data":{"rules":[{"key":"A","type":"TRACK","version":1,"jsonSchema":` + wrapped + `}],"pagination":{}}}`,
		"list":       `[{"key":"A","type":"TRACK","version":1,"jsonSchema":` + bare + `}]`,
		"text":       `{"rules":[{"key":"A","type":"TRACK","jsonSchema":"` + strings.ReplaceAll(wrapped, `"`, `\"`) + `"}]}`,
		"Typewriter": `{"name":"p","rules":{"events":[{"name":"A","rules":` + wrapped + `}],"identify":{"properties":{"traits":{"type":"object"}}}}}`,
		"a mark":     "\ufeff" + `{"rules":[{"key":"A","type":"TRACK","jsonSchema":` + bare + `}]}`,
		"versions":   `{"rules":[{"key":"A","type":"TRACK","version":2,"jsonSchema":{"type":"object","properties":{"z":{}}}},{"key":"A","type":"TRACK","version":1,"jsonSchema":` + bare + `}]}`,
	} {
		p, err := trackingplan.Read([]byte(file))
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		body, ok := p.Body("track", "A")
		if got := "{ id: string, n: int?, ...: any }"; !ok || body.String() != got {
			t.Errorf("%s has %v, want %s", name, body, got)
		}
		if names := p.Names("track"); len(names) != 1 || names[0] != "A" || p.Covers("page") {
			t.Errorf("%s covers %v", name, names)
		}
	}
}

// TestRefuses: what is no plan says why, in one line.
func TestRefuses(t *testing.T) {
	for file, want := range map[string]string{
		`{`:  "the file is not JSON",
		`{}`: "the file is no tracking plan", `[]`: "the file is no tracking plan", `7`: "the file is no tracking plan",
		`[{"key":"A","type":"TRACK"}]`:                                                               "the file is no tracking plan",
		`[{"key":"A","type":"TRACK","jsonSchema":{"type":"objekt"}}]`:                                `the rule of "A": its schema is not JSON Schema at /type`,
		`[{"key":"A","type":"TRACK","jsonSchema":{"properties":{"a":{"$ref":"file:///etc/a"}}}}]`:    `the rule of "A": `,
		`[{"key":"A","type":"TRACK","jsonSchema":{"properties":{"a":{"$ref":"https://e.com/a"}}}}]`:  `the rule of "A": `,
		`[{"key":"A","type":"TRACK","jsonSchema":{"properties":{"a":{"pattern":"(?!a)"}}}}]`:         `the rule of "A": its schema is not JSON Schema at /properties/a/pattern`,
		`[{"key":"A","type":"TRACK","jsonSchema":"{"}]`:                                              `the rule of "A": `,
		`[{"key":"A","type":"COMMON","jsonSchema":{"properties":{"properties":{"type":"objekt"}}}}]`: "the common rule: ",
	} {
		_, err := trackingplan.Read([]byte(file))
		if err == nil || !strings.HasPrefix(err.Error(), want) || strings.Contains(err.Error(), "\n") {
			t.Errorf("%s: %v, want %s", file, err, want)
		}
	}
}

// TestJudge: bodies, and where they break a rule.
func TestJudge(t *testing.T) {
	p, err := trackingplan.Read([]byte(`[{"key":"A","type":"TRACK","jsonSchema":` + bare + `},{"key":"","type":"COMMON","jsonSchema":{"required":["userId"],"properties":{"properties":{"properties":{"v":{"const":1}}}}}}]`))
	if err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct{ call, name, body, path string }{
		{"track", "A", `{"id":"x","n":null,"v":1.0,"more":{}}`, ""},
		{"track", "A", `{"id":"x","n":7.0}`, ""},
		{"track", "A", `{"id":"x","n":7.5}`, ".properties.n"},
		{"track", "A", `{"id":null}`, ".properties.id"},
		{"track", "A", `{"id":"x","v":2}`, ".properties.v"},
		{"track", "A", `null`, ".properties.id"},
		{"track", "B", `{}`, "the event is not in the tracking plan"},
		{"page", "B", `{}`, ""}, {"identify", "", `{"id":7}`, ""},
	} {
		body, bad := value.DecodeJSON([]byte(tt.body))
		if bad != nil {
			t.Fatal(bad.Reason)
		}
		got, err := p.Judge(tt.call).Call(nil, []value.Value{tt.name, body})
		var f *diag.Failure
		switch {
		case tt.path == "" && (err != nil || !value.Equal(got, body)):
			t.Errorf("%s %s %s: %v", tt.call, tt.name, tt.body, err)
		case tt.path != "" && (!errors.As(err, &f) || f.Code != diag.NotPlanned || f.Path != tt.path && f.Message != tt.path):
			t.Errorf("%s %s %s: %v, want %s", tt.call, tt.name, tt.body, err, tt.path)
		}
	}
}

// TestRequiredOnly: a rule that only says what must be there is known when a script is
// checked, too.
func TestRequiredOnly(t *testing.T) {
	p, err := trackingplan.Read([]byte(`[{"key":"A","type":"TRACK","jsonSchema":{"properties":{"properties":{"required":["id"]}}}}]`))
	if err != nil {
		t.Fatal(err)
	}
	if body, _ := p.Body("track", "A"); body.String() != "{ id: any, ...: any }" {
		t.Errorf("the body is %v", body)
	}
}
