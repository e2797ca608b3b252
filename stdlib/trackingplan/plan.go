// Package trackingplan reads a team's tracking plan: what its events are called and
// what they have. It takes the file as Segment's API, Terraform and Typewriter write
// it, and gives types to compare a script with and rules to judge events by.
package trackingplan

import (
	"bytes"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/santhosh-tekuri/jsonschema/v6"

	"github.com/sluice-dev/sluice/lang/types"
)

// Plan is a tracking plan. It is built once and only read.
type Plan struct {
	rules map[string]map[string]*rule // by call, and by name of the event
}

// rule is what one event must be.
type rule struct {
	version int
	schema  *jsonschema.Schema // of the properties or traits
	body    *types.Type
	common  *jsonschema.Schema // of the body of every call, nil where the plan has none
}

// entry is a rule as a file has it.
type entry struct {
	Key, Type string
	version   int
	schema    map[string]any
}

var errShape = errors.New("the file is no tracking plan: rules of key, type and jsonSchema are expected")

// Read reads the file of a plan.
func Read(data []byte) (*Plan, error) {
	doc, err := jsonschema.UnmarshalJSON(bytes.NewReader(bytes.TrimPrefix(data, []byte("\ufeff"))))
	if err != nil {
		return nil, fmt.Errorf("the file is not JSON: %w", err)
	}
	entries, err := entriesOf(doc)
	if err != nil {
		return nil, err
	}
	p := &Plan{rules: map[string]map[string]*rule{}}
	common := map[string]*jsonschema.Schema{}
	for _, e := range entries {
		if e.Type != "COMMON" {
			continue
		}
		// Of a rule for all messages only the part of the body is ours to judge.
		fields, _ := e.schema["properties"].(map[string]any)
		for _, key := range []string{"properties", "traits"} {
			if inner, ok := fields[key].(map[string]any); ok {
				if common[key], err = compile("common-"+key, inner); err != nil {
					return nil, fmt.Errorf("the common rule: %w", err)
				}
			}
		}
	}
	for i, e := range entries {
		call := strings.ToLower(e.Type)
		if !slices.Contains([]string{"track", "identify", "group", "page", "screen"}, call) {
			continue
		}
		name := e.Key
		if call == "identify" || call == "group" {
			name = ""
		}
		if old := p.rules[call][name]; old != nil && old.version <= e.version {
			continue // without an event_version Segment judges by the oldest
		}
		body := bodyOf(call, e.schema)
		s, err := compile(fmt.Sprintf("rule%d", i), body)
		if err != nil {
			return nil, fmt.Errorf("the rule of %q: %w", e.Key, err)
		}
		if p.rules[call] == nil {
			p.rules[call] = map[string]*rule{}
		}
		p.rules[call][name] = &rule{e.version, s, typeOf(body), common[bodyKey(call)]}
	}
	if len(p.rules) == 0 {
		return nil, errShape
	}
	return p, nil
}

// entriesOf finds the rules: a list, or under rules, or under data.rules; the plans of
// older Typewriters have them under rules.events.
func entriesOf(doc any) ([]entry, error) {
	switch d := doc.(type) {
	case []any:
		return rulesOf(d)
	case map[string]any:
		if inner, ok := d["data"].(map[string]any); ok {
			return entriesOf(inner)
		}
		switch r := d["rules"].(type) {
		case []any:
			return rulesOf(r)
		case map[string]any:
			return legacy(r)
		}
	}
	return nil, errShape
}

func rulesOf(list []any) ([]entry, error) {
	var out []entry
	for _, x := range list {
		o, _ := x.(map[string]any)
		e := entry{version: intOf(o["version"])}
		e.Key, _ = o["key"].(string)
		e.Type, _ = o["type"].(string)
		switch s := o["jsonSchema"].(type) {
		case map[string]any:
			e.schema = s
		case string: // Terraform keeps it as text
			v, err := jsonschema.UnmarshalJSON(strings.NewReader(s))
			if err != nil {
				return nil, fmt.Errorf("the rule of %q: %w", e.Key, err)
			}
			e.schema, _ = v.(map[string]any)
		}
		if e.Type == "" || e.schema == nil {
			return nil, errShape
		}
		out = append(out, e)
	}
	return out, nil
}

func legacy(r map[string]any) ([]entry, error) {
	var out []entry
	events, _ := r["events"].([]any)
	for _, x := range events {
		o, _ := x.(map[string]any)
		e := entry{Type: "TRACK", version: intOf(o["version"])}
		e.Key, _ = o["name"].(string)
		e.schema, _ = o["rules"].(map[string]any)
		if e.Key == "" || e.schema == nil {
			return nil, errShape
		}
		out = append(out, e)
	}
	for _, call := range []string{"identify", "group"} {
		if s, ok := r[call].(map[string]any); ok {
			out = append(out, entry{Type: strings.ToUpper(call), schema: s})
		}
	}
	return out, nil
}

func intOf(v any) int {
	var n int
	_, _ = fmt.Sscan(fmt.Sprint(v), &n)
	return n
}

// bodyOf gives the schema of the properties or traits, which stands in the schema of
// the message, or is the schema.
func bodyOf(call string, schema map[string]any) map[string]any {
	key := bodyKey(call)
	fields, _ := schema["properties"].(map[string]any)
	inner, ok := fields[key].(map[string]any)
	if !ok {
		return schema
	}
	for name := range fields {
		if !slices.Contains([]string{"context", "traits", "properties"}, name) {
			return schema // a property that happens to be called so
		}
	}
	return inner
}

// bodyKey is what the body of a call is called.
func bodyKey(call string) string {
	if call == "identify" || call == "group" {
		return "traits"
	}
	return "properties"
}

// refuse loads nothing: a plan refers to itself only.
type refuse struct{}

func (refuse) Load(url string) (any, error) {
	return nil, fmt.Errorf("%s stands outside of the plan", url)
}

func compile(name string, schema map[string]any) (*jsonschema.Schema, error) {
	c := jsonschema.NewCompiler()
	c.DefaultDraft(jsonschema.Draft7)
	c.AssertFormat()
	c.UseLoader(refuse{})
	url := "plan:///" + name + ".json"
	if err := c.AddResource(url, schema); err != nil {
		return nil, err
	}
	s, err := c.Compile(url)
	if err != nil {
		return nil, schemaError(err)
	}
	return s, nil
}

// schemaError says in a line where a schema is none.
func schemaError(err error) error {
	var of *jsonschema.SchemaValidationError
	var e *jsonschema.ValidationError
	if !errors.As(err, &of) || !errors.As(of.Err, &e) {
		line, _, _ := strings.Cut(err.Error(), "\n")
		return fmt.Errorf("its schema cannot be read: %s", line)
	}
	for len(e.Causes) > 0 {
		e = e.Causes[0]
	}
	return fmt.Errorf("its schema is not JSON Schema at /%s", strings.Join(e.InstanceLocation, "/"))
}

// Covers tells whether the plan has rules for a call at all.
func (p *Plan) Covers(call string) bool { return len(p.rules[call]) > 0 }

// Body gives the type of the properties of an event, or of the traits of identify and
// group, whose name is "".
func (p *Plan) Body(call, name string) (*types.Type, bool) {
	r := p.rules[call][name]
	if r == nil {
		return nil, false
	}
	return r.body, true
}

// Names lists the events of a call that are planned, sorted.
func (p *Plan) Names(call string) []string {
	var out []string
	for name := range p.rules[call] {
		out = append(out, name)
	}
	slices.Sort(out)
	return out
}
