package fn

import (
	"crypto/hmac"
	"crypto/md5"
	"crypto/sha1"
	"crypto/sha256"
	"encoding/hex"

	"github.com/sluice-dev/sluice/lang/types"
	"github.com/sluice-dev/sluice/lang/value"
)

// digest declares a hash in hexadecimal digits.
func digest(name, doc string, examples []types.Example, sum func([]byte) []byte) *types.Func {
	return &types.Func{
		Name: name, Doc: doc, Params: params{param("x", textOrBytes, "text or bytes")}, Result: types.StringT, Examples: examples,
		Call: func(_ *types.Context, a args) (value.Value, error) {
			return hex.EncodeToString(sum(bytesOf(a[0]))), nil
		},
	}
}

var hashSHA256 = digest("hash.sha256", "SHA-256 in hexadecimal digits, lower case.",
	ex(`hash.sha256("abc")`, `"ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"`,
		`hash.sha256("")`, `"e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"`),
	func(b []byte) []byte { s := sha256.Sum256(b); return s[:] })

var hashSHA1 = digest("hash.sha1", "SHA-1 in hexadecimal digits, lower case: for those who still ask for it.",
	ex(`hash.sha1("abc")`, `"a9993e364706816aba3e25717850c26c9cd0d89d"`, `hash.sha1("")`, `"da39a3ee5e6b4b0d3255bfef95601890afd80709"`),
	func(b []byte) []byte { s := sha1.Sum(b); return s[:] })

var hashMD5 = digest("hash.md5", "MD5 in hexadecimal digits, lower case: for those who still ask for it.",
	ex(`hash.md5("abc")`, `"900150983cd24fb0d6963f7d28e17f72"`, `hash.md5("")`, `"d41d8cd98f00b204e9800998ecf8427e"`),
	func(b []byte) []byte { s := md5.Sum(b); return s[:] })

var hashHMAC = &types.Func{
	Name:   "hash.hmac_sha256",
	Doc:    "HMAC with SHA-256 in hexadecimal digits, lower case.",
	Params: params{param("x", textOrBytes, "text or bytes"), param("key", types.StringT, "key")},
	Result: types.StringT,
	Examples: ex(`hash.hmac_sha256("The quick brown fox jumps over the lazy dog", "key")`, `"f7bc83f430538424b13298e6aa6fb143ef4d59a14946175997479dbc2d1a3cd8"`,
		`hash.hmac_sha256("", "")`, `"b613679a0814d9ec772f95d778c35fc5ff1697c493715653c6c712144292c5ad"`),
	Call: func(_ *types.Context, a args) (value.Value, error) {
		m := hmac.New(sha256.New, []byte(a[1].(string)))
		m.Write(bytesOf(a[0]))
		return hex.EncodeToString(m.Sum(nil)), nil
	},
}
