package fn

import (
	"crypto/sha1"
	"strings"

	"github.com/sluice-dev/sluice/lang/types"
	"github.com/sluice-dev/sluice/lang/value"
	"github.com/sluice-dev/sluice/stdlib/segment"
)

var (
	maybeText = types.Nullable(types.StringT)
	callIDs   = types.Row(nil, types.Field{Name: "user_id", Type: maybeText}, types.Field{Name: "anonymous_id", Type: maybeText}, types.Field{Name: "email", Type: maybeText})
)

var segmentIDs = &types.Func{
	Name:   "segment.ids",
	Doc:    "Who a call of Segment is about, as `resolve` takes it. The e-mail address is that of the traits, of the context's traits, or of the properties.",
	Params: params{param("c", segment.Call(), "call")},
	Result: callIDs,
	Examples: ex(`segment.ids({ type: "identify", userId: "u1", traits: { email: "a@example.com" } } | as segment.Call)`, `{ user_id: "u1", anonymous_id: null, email: "a@example.com" }`,
		`segment.ids({ type: "delete", anonymousId: "a1", context: { traits: { email: "a@example.com" } } } | as segment.Call)`, `{ user_id: null, anonymous_id: "a1", email: "a@example.com" }`),
	Call: func(_ *types.Context, a args) (value.Value, error) {
		c := a[0].(*value.Object)
		return value.NewObject(
			value.Field{Key: "user_id", Value: textAt(c, "userId")},
			value.Field{Key: "anonymous_id", Value: textAt(c, "anonymousId")},
			value.Field{Key: "email", Value: emailOf(c)},
		), nil
	},
}

// emailOf gives the e-mail address of a call.
func emailOf(c *value.Object) value.Value {
	return firstText(textAt(c, "traits", "email"), textAt(c, "context", "traits", "email"), textAt(c, "properties", "email"))
}

// textAt gives the text at a path of an object; null where there is none.
func textAt(o *value.Object, path ...string) value.Value {
	if s, ok := o.Find(path...).(string); ok && s != "" {
		return s
	}
	return nil
}

func firstText(vs ...value.Value) value.Value {
	for _, v := range vs {
		if v != nil {
			return v
		}
	}
	return nil
}

var segmentEventName = onText("segment.event_name", "Segment's own name of an event: one of its specification however it is written, others as Words In Capitals.",
	ex(`segment.event_name("order_completed")`, `"Order Completed"`, `segment.event_name("Completed Order")`, `"Order Completed"`, `segment.event_name("level_up")`, `"Level Up"`),
	func(s string) string {
		if name, ok := segment.Name(s); ok {
			return name
		}
		return joined(s, " ", func(_ int, w string) string { return capital(w) })
	})

// anonymousSpace is the namespace of the ids that segment.anonymous_id gives: a UUID
// of our own, the same for ever.
var anonymousSpace = [16]byte{0x73, 0x6c, 0x75, 0x69, 0x63, 0x65, 0x4f, 0x6e, 0x8a, 0x6e, 0x6f, 0x6e, 0x79, 0x6d, 0x69, 0x64}

var segmentAnonymousID = &types.Func{
	Name:   "segment.anonymous_id",
	Doc:    "A UUID made of several values, the same for ever: an anonymousId for whom no other is known. The number 1 and the text \"1\" give two.",
	Params: params{many("seed", types.SomeT, "values")},
	Result: types.StringT,
	Examples: ex(`segment.anonymous_id("koacme-ios", "KI31") == segment.anonymous_id("koacme-ios", "KI31")`, `true`,
		`segment.anonymous_id("a", "bc") == segment.anonymous_id("ab", "c")`, `false`, `uuid.valid(segment.anonymous_id("a"))`, `true`),
	Call: func(_ *types.Context, a args) (value.Value, error) {
		b := anonymousSpace[:]
		for _, v := range a {
			b = value.AppendKey(b[:len(b):len(b)], v)
		}
		return uuid5(sha1.Sum(b)), nil
	},
}

var segmentIDOK = &types.Func{
	Name:     "segment.id_ok",
	Doc:      "Whether an id may stand for one person: not blank, no macro, and none of the words that many senders give for nobody.",
	Params:   params{param("s", types.StringT, "id")},
	Result:   types.BoolT,
	Examples: ex(`segment.id_ok("u1")`, `true`, `segment.id_ok("Anonymous")`, `false`, `segment.id_ok("00000000-0000-0000-0000-000000000000")`, `false`, `segment.id_ok("{user_id}")`, `false`),
	Call: func(_ *types.Context, a args) (value.Value, error) {
		s, ok := value.Nonblank(a[0].(string))
		return ok && !isNobody(s), nil
	},
}

// isNobody tells whether an id is one that senders give for nobody, in quotes, too.
func isNobody(s string) bool {
	if n := len(s); n > 2 && (s[0] == '"' || s[0] == '\'') && s[n-1] == s[0] {
		s = s[1 : n-1]
	}
	return nobody[strings.ToLower(s)] || strings.Trim(s, "0-") == ""
}

var nobody = map[string]bool{
	"anonymous": true, "anonymousid": true, "guest": true, "distinctid": true, "distinct_id": true, "id": true, "email": true,
	"not_authenticated": true, "undefined": true, "null": true, "none": true, "nan": true, "true": true, "false": true,
	"invalid": true, "unknown": true, "n/a": true, "test": true, "void": true, "-1": true, "": true,
}
