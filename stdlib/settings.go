package stdlib

import (
	"fmt"

	"github.com/sluice-dev/sluice/lang/types"
	"github.com/sluice-dev/sluice/lang/value"
)

// settings are the functions that stand in options of connections and sources.
// They are evaluated once at start, with a types.Context that can look things up.
// A sasl is an object of mechanism, user and password.
func settings() []*types.Func {
	secret := []types.Param{{Name: "user", Type: types.StringT, Doc: "the user"}, {Name: "password", Type: types.SecretT, Doc: "the password"}}
	return []*types.Func{
		{
			Name: "env", Doc: "A variable of the environment; fails at start when it is unset and no default is given.",
			Params: []types.Param{
				{Name: "name", Type: types.StringT, Doc: "the variable"},
				{Name: "default", Type: types.Nullable(types.StringT), Doc: "the text when it is unset", HasDef: true},
			},
			Result: types.StringT, Fails: true, Setting: true, Impure: true,
			Examples: []types.Example{{Expr: `env("SLUICE_NEVER_SET", "localhost:9092")`, Want: `"localhost:9092"`}},
			Call: func(c *types.Context, a []value.Value) (value.Value, error) {
				if text, ok := c.Env(a[0].(string)); ok {
					return text, nil
				}
				if a[1] == nil {
					return nil, fmt.Errorf("the variable %s is not set", a[0])
				}
				return a[1], nil
			},
		},
		{
			Name: "secret", Doc: "The variable NAME, or the content of the file that NAME_FILE names; it is never printed.",
			Params: []types.Param{{Name: "name", Type: types.StringT, Doc: "the variable"}},
			Result: types.SecretT, Fails: true, Setting: true, Impure: true,
			Examples: []types.Example{{Expr: `secret("SLUICE_NEVER_SET")`, Want: `fails`}},
			Call: func(c *types.Context, a []value.Value) (value.Value, error) {
				s, err := c.Secret(a[0].(string))
				if err != nil {
					return nil, err
				}
				return s, nil
			},
		},
		sasl("plain", "PLAIN", "SASL PLAIN: user and password.", secret),
		sasl("scram_sha_256", "SCRAM-SHA-256", "SASL SCRAM with SHA-256.", secret),
		sasl("scram_sha_512", "SCRAM-SHA-512", "SASL SCRAM with SHA-512.", secret),
		oauth2,
	}
}

func sasl(name, mechanism, doc string, params []types.Param) *types.Func {
	return &types.Func{
		Name: name, Doc: doc, Params: params, Result: types.OpaqueOf("sasl"), Setting: true,
		Examples: []types.Example{{Expr: name + `("me", secret("SLUICE_NEVER_SET"))`, Want: `fails`}},
		Call: func(_ *types.Context, a []value.Value) (value.Value, error) {
			return value.NewObject(
				value.Field{Key: "mechanism", Value: mechanism},
				value.Field{Key: "user", Value: a[0]},
				value.Field{Key: "password", Value: a[1]},
			), nil
		},
	}
}
