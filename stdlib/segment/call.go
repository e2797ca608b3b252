package segment

import "github.com/sluice-dev/sluice/lang/types"

// call is segment.Call: what a call is when it passes through. Ids and the
// messageId may be missing; whether they must not be is the receiver's rule. In _metadata
// Segment's own clients say which destinations they have reached themselves.
var call = func() *types.Type {
	text, object := types.Nullable(types.StringT), types.Nullable(types.ObjectT)
	one := func(kind string, own ...types.Field) *types.Type {
		return types.Row(nil, append(append([]types.Field{{Name: "type", Type: types.Lit(kind)}}, own...),
			types.Field{Name: "userId", Type: text}, types.Field{Name: "anonymousId", Type: text}, types.Field{Name: "messageId", Type: text},
			types.Field{Name: "timestamp", Type: types.Nullable(types.TimeT)}, types.Field{Name: "context", Type: object}, types.Field{Name: "integrations", Type: object},
			types.Field{Name: "channel", Type: types.AnyT}, types.Field{Name: "_metadata", Type: types.AnyT})...)
	}
	return types.Named("segment.Call", types.Declared(
		one("track", types.Field{Name: "event", Type: types.StringT}, types.Field{Name: "properties", Type: object}),
		one("identify", types.Field{Name: "traits", Type: object}),
		one("group", types.Field{Name: "groupId", Type: types.StringT}, types.Field{Name: "traits", Type: object}),
		one("page", types.Field{Name: "name", Type: text}, types.Field{Name: "category", Type: text}, types.Field{Name: "properties", Type: object}),
		one("screen", types.Field{Name: "name", Type: text}, types.Field{Name: "category", Type: text}, types.Field{Name: "properties", Type: object}),
		one("alias", types.Field{Name: "previousId", Type: types.StringT}),
		one("delete"),
	))
}()

// Call is the type segment.Call.
func Call() *types.Type { return call }
