package fn

import (
	"bytes"
	"errors"
	"io"

	"github.com/klauspost/compress/gzip"

	"github.com/sluice-dev/sluice/lang/types"
	"github.com/sluice-dev/sluice/lang/value"
)

var errGzip = errors.New("the bytes are not gzip, or cut short")

var gzipDecode = &types.Func{
	Name: "gzip.decode", Doc: "The bytes that gzip holds, several members as one; at most 4 MiB.",
	Params: params{param("b", types.BytesT, "gzip")}, Result: types.BytesT, Fails: true,
	Examples: ex(`string(gzip.decode(base64.decode("H4sIAAAAAAAC/8tIzcnJBwCGphA2BQAAAA==")))`, `"hello"`, `gzip.decode(base64.decode("aGVsbG8="))`, `fails`),
	Call: func(_ *types.Context, a args) (value.Value, error) {
		r, err := gzip.NewReader(bytes.NewReader(a[0].(value.Bytes)))
		if err != nil {
			return nil, errGzip
		}
		// One byte more than may be: a bomb is not inflated to its end.
		out, err := io.ReadAll(io.LimitReader(r, maxText+1))
		switch {
		case len(out) > maxText:
			return nil, tooLarge()
		case err != nil:
			return nil, errGzip
		}
		return value.Bytes(out), nil
	},
}
