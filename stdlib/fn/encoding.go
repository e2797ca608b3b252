package fn

import (
	"encoding/base64"
	"encoding/hex"
	"errors"
	"strings"

	"github.com/sluice-dev/sluice/lang/types"
	"github.com/sluice-dev/sluice/lang/value"
)

var base64Encode = &types.Func{
	Name:     "base64.encode",
	Doc:      "The bytes in base64, standard alphabet.",
	Params:   params{param("x", textOrBytes, "text or bytes")},
	Result:   types.StringT,
	Examples: ex(`base64.encode("é?")`, `"w6k/"`, `base64.encode("")`, `""`),
	Call: func(_ *types.Context, a args) (value.Value, error) {
		return text(base64.StdEncoding.EncodeToString(bytesOf(a[0])))
	},
}

var base64Decode = &types.Func{
	Name:     "base64.decode",
	Doc:      "The bytes that base64 stands for, in the standard or the URL alphabet, with or without padding.",
	Params:   params{param("s", types.StringT, "base64")},
	Result:   types.BytesT,
	Fails:    true,
	Examples: ex(`string(base64.decode("w6k_"))`, `"é?"`, `string(base64.decode("YQ"))`, `"a"`, `base64.decode("a")`, `fails`, `base64.decode("?")`, `fails`),
	Call: func(_ *types.Context, a args) (value.Value, error) {
		s := strings.NewReplacer("-", "+", "_", "/").Replace(strings.TrimRight(a[0].(string), "="))
		// Decoders skip line ends, which are no part of either alphabet.
		b, err := base64.RawStdEncoding.DecodeString(s)
		if err != nil || strings.ContainsAny(s, "\r\n") {
			return nil, errors.New("the text is not base64")
		}
		return value.Bytes(b), nil
	},
}

var hexEncode = &types.Func{
	Name:     "hex.encode",
	Doc:      "The bytes in hexadecimal digits, lower case.",
	Params:   params{param("x", textOrBytes, "text or bytes")},
	Result:   types.StringT,
	Examples: ex(`hex.encode("é")`, `"c3a9"`, `hex.encode("")`, `""`),
	Call: func(_ *types.Context, a args) (value.Value, error) {
		return text(hex.EncodeToString(bytesOf(a[0])))
	},
}

var hexDecode = &types.Func{
	Name:     "hex.decode",
	Doc:      "The bytes that hexadecimal digits stand for, in either case.",
	Params:   params{param("s", types.StringT, "hexadecimal digits")},
	Result:   types.BytesT,
	Fails:    true,
	Examples: ex(`string(hex.decode("C3a9"))`, `"é"`, `hex.decode("abc")`, `fails`),
	Call: func(_ *types.Context, a args) (value.Value, error) {
		b, err := hex.DecodeString(a[0].(string))
		if err != nil {
			return nil, errors.New("the text is not in hexadecimal digits, two for each byte")
		}
		return value.Bytes(b), nil
	},
}
