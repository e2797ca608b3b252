package stdlib

import (
	"github.com/sluice-dev/sluice/lang/types"
	"github.com/sluice-dev/sluice/lang/value"
)

// verify are the ways in which senders of webhooks sign. What a function gives is an
// object of scheme, key, header and prefix; runtime/edge reads it.
func verify() []*types.Func {
	key := types.Param{Name: "key", Type: types.SecretT, Doc: "what sender and receiver share"}
	return []*types.Func{
		signature("segment", "Segment's webhooks: X-Signature, the HMAC-SHA1 of the body, of a list that of its first element.", key),
		signature("standard_webhooks", "The Standard Webhooks headers webhook-id, webhook-timestamp and webhook-signature; they hold for 5 minutes.", key),
		signature("hmac_sha256", "The HMAC-SHA256 of the body in a header, in hex or base64, as GitHub, Shopify and many others sign.", key,
			types.Param{Name: "header", Type: types.StringT, Doc: "the header"},
			types.Param{Name: "prefix", Type: types.StringT, Doc: "what stands before the signature, as \"sha256=\"", Default: "", HasDef: true}),
	}
}

func signature(name, doc string, params ...types.Param) *types.Func {
	example := name + `(secret("SLUICE_NEVER_SET"))`
	if len(params) > 1 {
		example = name + `(secret("SLUICE_NEVER_SET"), "X-Hub-Signature-256", "sha256=")`
	}
	return &types.Func{
		Name: name, Doc: doc, Params: params, Result: types.OpaqueOf("verify"), Setting: true,
		Examples: []types.Example{{Expr: example, Want: `fails`}},
		Call: func(_ *types.Context, a []value.Value) (value.Value, error) {
			o := value.NewObject(value.Field{Key: "scheme", Value: name})
			for i, v := range a {
				o.Set(params[i].Name, v)
			}
			return o, nil
		},
	}
}
