package stdlib

import (
	"github.com/sluice-dev/sluice/lang/types"
	"github.com/sluice-dev/sluice/lang/value"
)

// oauth2 gives how an http connection comes by its token: an object of token_url, id,
// secret and scope.
var oauth2 = &types.Func{
	Name: "oauth2", Doc: "`auth:` of an http connection: OAuth 2 client credentials.",
	Params: []types.Param{
		{Name: "token_url", Type: types.StringT, Doc: "where tokens are given"},
		{Name: "id", Type: types.StringT, Doc: "the client"},
		{Name: "secret", Type: types.SecretT, Doc: "its secret"},
		{Name: "scope", Type: types.StringT, Doc: "what is asked for, several apart by a blank", Default: "", HasDef: true},
	},
	Result: types.OpaqueOf("auth"), Setting: true,
	Examples: []types.Example{{Expr: `oauth2("https://id.example.com/token", "me", secret("SLUICE_NEVER_SET"))`, Want: `fails`}},
	Call: func(_ *types.Context, a []value.Value) (value.Value, error) {
		return value.NewObject(
			value.Field{Key: "token_url", Value: a[0]},
			value.Field{Key: "id", Value: a[1]},
			value.Field{Key: "secret", Value: a[2]},
			value.Field{Key: "scope", Value: a[3]},
		), nil
	},
}
