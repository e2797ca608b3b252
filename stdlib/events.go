package stdlib

import (
	"github.com/sluice-dev/sluice/lang/check"
	"github.com/sluice-dev/sluice/lang/types"
	"github.com/sluice-dev/sluice/stdlib/currency"
)

// events are Segment's rules as the checker asks for them.
type events struct{}

// The fields that every call has.
var (
	idFields   = []check.CallField{{Name: "userId", Type: types.StringT}, {Name: "anonymousId", Type: types.StringT}}
	tailFields = []check.CallField{
		{Name: "timestamp", Type: types.TimeT}, {Name: "messageId", Type: types.StringT},
		{Name: "context", Type: types.ObjectT}, {Name: "integrations", Type: types.ObjectT},
	}
	anyID = []string{"userId", "anonymousId"}
)

// fields puts a call together: ids, its own fields, what every call has.
func fields(own ...check.CallField) []check.CallField {
	return append(append(append([]check.CallField(nil), idFields...), own...), tailFields...)
}

func (events) Call(keyword string) (check.Call, bool) {
	switch keyword {
	case "track":
		return check.Call{
			Fields: fields(check.CallField{Name: "event", Type: types.StringT, Required: true}, check.CallField{Name: "properties", Type: types.ObjectT}),
			Name:   "event", Body: "properties", AnyOf: anyID,
		}, true
	case "identify":
		return check.Call{Fields: fields(check.CallField{Name: "traits", Type: types.ObjectT}), Body: "traits", AnyOf: anyID}, true
	case "group":
		return check.Call{
			Fields: fields(check.CallField{Name: "groupId", Type: types.StringT, Required: true}, check.CallField{Name: "traits", Type: types.ObjectT}),
			Body:   "traits", AnyOf: anyID,
		}, true
	case "page", "screen":
		own := []check.CallField{{Name: "name", Type: types.StringT}, {Name: "properties", Type: types.ObjectT}}
		if keyword == "page" {
			own = append([]check.CallField{{Name: "category", Type: types.StringT}}, own...)
		}
		return check.Call{Fields: fields(own...), Name: "name", Body: "properties", AnyOf: anyID}, true
	case "alias":
		return check.Call{Fields: append([]check.CallField{
			{Name: "userId", Type: types.StringT, Required: true}, {Name: "previousId", Type: types.StringT, Required: true},
		}, tailFields...)}, true
	}
	return check.Call{}, false
}

// passType is segment.Call: what a call is when it passes through. Ids and the
// messageId may be missing; whether they must not be is the receiver's rule.
var passType = func() *types.Type {
	text, object := types.Nullable(types.StringT), types.Nullable(types.ObjectT)
	call := func(kind string, own ...types.Field) *types.Type {
		return types.Row(nil, append(append([]types.Field{{Name: "type", Type: types.Lit(kind)}}, own...),
			types.Field{Name: "userId", Type: text}, types.Field{Name: "anonymousId", Type: text}, types.Field{Name: "messageId", Type: text},
			types.Field{Name: "timestamp", Type: types.Nullable(types.TimeT)}, types.Field{Name: "context", Type: object}, types.Field{Name: "integrations", Type: object})...)
	}
	return types.Named("segment.Call", types.Declared(
		call("track", types.Field{Name: "event", Type: types.StringT}, types.Field{Name: "properties", Type: object}),
		call("identify", types.Field{Name: "traits", Type: object}),
		call("group", types.Field{Name: "groupId", Type: types.StringT}, types.Field{Name: "traits", Type: object}),
		call("page", types.Field{Name: "name", Type: text}, types.Field{Name: "category", Type: text}, types.Field{Name: "properties", Type: object}),
		call("screen", types.Field{Name: "name", Type: text}, types.Field{Name: "category", Type: text}, types.Field{Name: "properties", Type: object}),
		call("alias", types.Field{Name: "previousId", Type: types.StringT}),
		call("delete"),
	))
}()

func (events) PassType() *types.Type { return passType }

func (events) Currency(code string) bool { return currency.Valid(code) }

// Reserved has no list yet: stdlib/segment brings it.
func (events) Reserved(string, string) *types.Type { return nil }

// Nearest has no list yet: stdlib/segment brings it.
func (events) Nearest(string) string { return "" }
