package fn

import (
	"github.com/sluice-dev/sluice/lang/types"
	"github.com/sluice-dev/sluice/lang/value"
	"github.com/sluice-dev/sluice/stdlib/segment"
)

// audienceChange is what segment.audience gives.
var audienceChange = types.Row(nil, types.Field{Name: "key", Type: types.StringT}, types.Field{Name: "id", Type: maybeText},
	types.Field{Name: "member", Type: types.BoolT}, types.Field{Name: "user", Type: types.StringT})

var segmentAudience = &types.Func{
	Name: "segment.audience",
	Doc: "What a call of Segment says of an audience: its key, its id, whether somebody is a member now, and who (the userId, else the e-mail address, else the anonymousId). " +
		"It is told alike by Audience Entered, Audience Exited and identify; null of every other call.",
	Params: params{param("c", segment.Call(), "call")},
	Result: types.Nullable(audienceChange),
	Examples: ex(
		`segment.audience({ type: "track", event: "Audience Entered", userId: "u1", properties: { audience_key: "vip", vip: true }, context: { personas: { computation_class: "audience", computation_id: "aud_1" } } } | as segment.Call)`,
		`{ key: "vip", id: "aud_1", member: true, user: "u1" }`,
		`segment.audience({ type: "identify", traits: { vip: false, email: "a@example.com" }, context: { personas: { computation_class: "audience", computation_key: "vip", computation_id: "aud_1" } } } | as segment.Call)`,
		`{ key: "vip", id: "aud_1", member: false, user: "a@example.com" }`,
		`segment.audience({ type: "track", event: "Audience Exited", anonymousId: "a1", properties: { audience_key: "vip" } } | as segment.Call)`,
		`{ key: "vip", id: null, member: false, user: "a1" }`,
		`segment.audience({ type: "identify", userId: "u1", traits: { plan: "pro" } } | as segment.Call)`, `null`,
		`segment.audience({ type: "track", event: "Trait Computed", userId: "u1", properties: { trait_key: "spend", spend: 7 }, context: { personas: { computation_class: "trait", computation_key: "spend" } } } | as segment.Call)`, `null`),
	Call: func(_ *types.Context, a args) (value.Value, error) {
		c := a[0].(*value.Object)
		key, member, ok := membership(c)
		who := firstText(textAt(c, "userId"), emailOf(c), textAt(c, "anonymousId"))
		if !ok || who == nil {
			return nil, nil
		}
		return value.NewObject(value.Field{Key: "key", Value: key}, value.Field{Key: "id", Value: textAt(c, "context", "personas", "computation_id")},
			value.Field{Key: "member", Value: member}, value.Field{Key: "user", Value: who}), nil
	},
}

// membership reads an audience's key and whether somebody is a member. An event may
// have another name than Segment's own; then the field of the key says it.
func membership(c *value.Object) (key string, member, ok bool) {
	class := textAt(c, "context", "personas", "computation_class")
	of := class == "audience" || class == "journey_step"
	kind, event := textAt(c, "type"), textAt(c, "event")
	said := event == "Audience Entered" || event == "Audience Exited"
	var fields string
	switch {
	case kind == "track" && (of || said):
		fields = "properties"
		key, _ = textAt(c, "properties", "audience_key").(string)
	case kind == "identify" && of:
		fields = "traits"
	default:
		return "", false, false
	}
	if key == "" {
		key, _ = textAt(c, "context", "personas", "computation_key").(string)
	}
	if key == "" {
		return "", false, false
	}
	if in := objectAt(c, fields); in != nil {
		v, _ := in.Get(key)
		if member, ok = v.(bool); ok {
			return key, member, true
		}
	}
	return key, event == "Audience Entered", said
}
