package fn

import (
	"github.com/sluice-dev/sluice/lang/diag"
	"github.com/sluice-dev/sluice/lang/token"
	"github.com/sluice-dev/sluice/lang/types"
	"github.com/sluice-dev/sluice/lang/value"
)

// bytesOf gives the bytes of a text or of bytes.
func bytesOf(v value.Value) []byte {
	if s, ok := v.(string); ok {
		return []byte(s)
	}
	return v.(value.Bytes)
}

var jsonDecode = &types.Func{
	Name:     "json.decode",
	Doc:      "The one JSON value that a text or bytes hold.",
	Params:   params{param("s", textOrBytes, "JSON")},
	Result:   types.AnyT,
	Fails:    true,
	Examples: ex(`json.decode("{\"a\":[1,2.50]}")`, `{ a: [1, 2.5] }`, `json.decode("null")`, `null`, `json.decode("{\"a\":1,}")`, `fails`, `json.decode("")`, `fails`),
	Call: func(_ *types.Context, a args) (value.Value, error) {
		v, err := value.DecodeJSON(bytesOf(a[0]))
		if err != nil {
			f := diag.Failf(diag.FuncFailed, token.Span{}, "json.decode: %s", err)
			f.Help = err.Help
			return nil, f
		}
		return v, nil
	},
}

var jsonEncode = &types.Func{
	Name:      "json.encode",
	Doc:       "The value as compact JSON, fields in their order.",
	Params:    params{param("x", types.AnyT, "the value")},
	Result:    types.StringT,
	TakesNull: true,
	Examples:  ex(`json.encode({ b: 1.50, a: [null] })`, `"{\"b\":1.50,\"a\":[null]}"`, `json.encode(null)`, `"null"`, `json.encode("\"")`, `"\"\\\"\""`),
	Call: func(_ *types.Context, a args) (value.Value, error) {
		return text(string(value.AppendJSON(nil, a[0])))
	},
}

var jsonValid = &types.Func{
	Name:     "json.valid",
	Doc:      "Whether `json.decode` would succeed.",
	Params:   params{param("s", textOrBytes, "JSON")},
	Result:   types.BoolT,
	Examples: ex(`json.valid("[1]")`, `true`, `json.valid("[1")`, `false`),
	Call: func(_ *types.Context, a args) (value.Value, error) {
		_, err := value.DecodeJSON(bytesOf(a[0]))
		return err == nil, nil
	},
}
