package trackingplan

import (
	"bytes"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/santhosh-tekuri/jsonschema/v6"
	"github.com/santhosh-tekuri/jsonschema/v6/kind"

	"github.com/sluice-dev/sluice/lang/diag"
	"github.com/sluice-dev/sluice/lang/token"
	"github.com/sluice-dev/sluice/lang/types"
	"github.com/sluice-dev/sluice/lang/value"
)

// Judge gives the function that a bound emit passes its body through: of the name of
// the event and the properties or traits it gives those again, or fails.
func (p *Plan) Judge(call string) *types.Func {
	return &types.Func{
		Name: "plan", Doc: "What the tracking plan admits.", Fails: true, Codes: []*diag.Code{diag.NotPlanned}, TakesNull: true, Result: types.AnyT,
		Params: []types.Param{{Name: "name", Type: types.Nullable(types.StringT), Doc: "event"}, {Name: "body", Type: types.AnyT, Doc: "properties or traits"}},
		Call: func(_ *types.Context, a []value.Value) (value.Value, error) {
			name, _ := a[0].(string)
			if f := p.judge(call, name, a[1]); f != nil {
				return nil, f
			}
			return a[1], nil
		},
	}
}

// JudgeCall gives the function that `emit segment` passes its call through.
func (p *Plan) JudgeCall() *types.Func {
	return &types.Func{
		Name: "plan", Doc: "What the tracking plan admits.", Fails: true, Codes: []*diag.Code{diag.NotPlanned}, TakesNull: true, Result: types.AnyT,
		Params: []types.Param{{Name: "call", Type: types.AnyT, Doc: "call"}},
		Call: func(_ *types.Context, a []value.Value) (value.Value, error) {
			c, ok := a[0].(*value.Object)
			if !ok {
				return a[0], nil
			}
			get := func(name string) value.Value { v, _ := c.Get(name); return v }
			call, _ := get("type").(string)
			name, _ := get("event").(string)
			if call == "page" || call == "screen" {
				name, _ = get("name").(string)
			}
			if f := p.judge(call, name, get(bodyKey(call))); f != nil {
				return nil, f
			}
			return c, nil
		},
	}
}

// judge tells what is wrong with a body; nil where it is right, and where the plan has
// no rules for such calls.
func (p *Plan) judge(call, name string, body value.Value) *diag.Failure {
	if !p.Covers(call) {
		return nil
	}
	r := p.rules[call][name]
	if r == nil && call != "track" {
		return nil // pages and screens of other names are nobody's mistake
	}
	if r == nil {
		f := diag.Failf(diag.NotPlanned, token.Span{}, "the event is not in the tracking plan")
		f.Excerpt = value.Excerpt(name, 80)
		return f
	}
	if body == nil {
		body = &value.Object{}
	}
	doc, err := jsonschema.UnmarshalJSON(bytes.NewReader(value.AppendJSON(nil, body)))
	if err != nil {
		return diag.Failf(diag.NotPlanned, token.Span{}, "the body is no JSON: %s", err)
	}
	for _, schema := range []*jsonschema.Schema{r.schema, r.common} {
		if schema == nil {
			continue
		}
		if err := schema.Validate(doc); err != nil {
			return broken(err, bodyKey(call))
		}
	}
	return nil
}

// broken is the first rule that an event breaks, as a failure of the record.
func broken(err error, at string) *diag.Failure {
	var e *jsonschema.ValidationError
	if !errors.As(err, &e) {
		return diag.Failf(diag.NotPlanned, token.Span{}, "the tracking plan cannot judge it: %s", err)
	}
	for len(e.Causes) > 0 {
		slices.SortStableFunc(e.Causes, func(a, b *jsonschema.ValidationError) int {
			return slices.Compare(a.InstanceLocation, b.InstanceLocation)
		})
		e = e.Causes[0]
	}
	path := append([]string{at}, e.InstanceLocation...)
	message := "the tracking plan says otherwise"
	switch k := e.ErrorKind.(type) {
	case *kind.Required:
		path = append(path, k.Missing[0])
		message = "the tracking plan needs it"
	case *kind.AdditionalProperties:
		slices.Sort(k.Properties)
		path = append(path, k.Properties[0])
		message = "it is not in the tracking plan"
	case *kind.Type:
		message = fmt.Sprintf("the tracking plan wants %s, this is %s", strings.Join(k.Want, " or "), k.Got)
	case *kind.Enum, *kind.Const:
		message = "it is none of the values that the tracking plan lists"
	case *kind.Pattern:
		message = "it does not match the pattern of the tracking plan: " + k.Want
	case *kind.Format:
		message = "the tracking plan wants a " + k.Want
	}
	f := diag.Failf(diag.NotPlanned, token.Span{}, "%s", message)
	f.Path = pathOf(path)
	return f
}

// pathOf writes .properties.lines[1].qty.
func pathOf(parts []string) string {
	var b strings.Builder
	for _, p := range parts {
		if _, err := strconv.Atoi(p); err == nil {
			b.WriteString("[" + p + "]")
			continue
		}
		b.WriteString("." + p)
	}
	return b.String()
}
