package fn

import (
	"crypto/sha1"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"strings"

	"github.com/sluice-dev/sluice/lang/types"
	"github.com/sluice-dev/sluice/lang/value"
)

// sumOf is the hash of values by what makes them equal: 1 and 1.0 have one, 1 and
// "1" have two. It is for ever: ids and experiments depend on it.
func sumOf(vs args) [32]byte {
	var b []byte
	for _, v := range vs {
		b = value.AppendKey(b, v)
	}
	return sha256.Sum256(b)
}

var hashShort = &types.Func{
	Name:     "hash.short",
	Doc:      "32 hexadecimal digits: an id made of several values, the same for ever. The number 1 and the text \"1\" give two.",
	Params:   params{many("x", types.SomeT, "values")},
	Result:   types.StringT,
	Examples: ex(`hash.short("a", 1) == hash.short("a", 1.0)`, `true`, `hash.short("ab", "c") == hash.short("a", "bc")`, `false`, `hash.short("a")`, `"c19707cfef339e190548ffd6777de53f"`),
	Call: func(_ *types.Context, a args) (value.Value, error) {
		s := sumOf(a)
		return hex.EncodeToString(s[:16]), nil
	},
}

var errBuckets = errors.New("there must be at least one bucket")

var hashBucket = &types.Func{
	Name:   "hash.bucket",
	Doc:    "A number from 0 to n-1, the same for a value for ever: for experiments.",
	Params: params{param("x", types.SomeT, "value"), param("n", types.IntT, "buckets")},
	Result: types.IntT,
	Infer: func(a []*types.Type) (*types.Type, error) {
		if a[1].Kind == types.Literal && a[1].Lit.(value.Number).Sign() <= 0 {
			return nil, errBuckets
		}
		return types.IntT, nil
	},
	FailsFor: openArgs(1),
	Examples: ex(`hash.bucket("u1", 1)`, `0`, `hash.bucket("u1", 100) == hash.bucket("u1", 100)`, `true`, `hash.bucket("u1", 0)`, `error E0301`),
	Call: func(_ *types.Context, a args) (value.Value, error) {
		n := small(a[1])
		if n <= 0 {
			return nil, errBuckets
		}
		s := sumOf(a[:1])
		return num(int(binary.BigEndian.Uint64(s[:8]) % uint64(n))), nil
	},
}

// uuidBytes reads a UUID as everybody writes it: 8-4-4-4-12 digits, in either case.
func uuidBytes(s string) (b [16]byte, ok bool) {
	if len(s) != 36 || s[8] != '-' || s[13] != '-' || s[18] != '-' || s[23] != '-' {
		return b, false
	}
	digits := s[:8] + s[9:13] + s[14:18] + s[19:23] + s[24:]
	n, err := hex.Decode(b[:], []byte(digits))
	return b, err == nil && n == 16
}

// namespaces of RFC 9562.
var namespaces = map[string]string{
	"dns": "6ba7b810-9dad-11d1-80b4-00c04fd430c8", "url": "6ba7b811-9dad-11d1-80b4-00c04fd430c8",
	"oid": "6ba7b812-9dad-11d1-80b4-00c04fd430c8", "x500": "6ba7b814-9dad-11d1-80b4-00c04fd430c8",
}

var uuidV5 = &types.Func{
	Name:   "uuid.v5",
	Doc:    "The UUID of a name in a namespace: the same input gives the same id.",
	Params: params{param("namespace", types.StringT, "a UUID, or \"dns\", \"url\", \"oid\", \"x500\""), param("name", types.StringT, "name")},
	Result: types.StringT,
	Fails:  true,
	Examples: ex(`uuid.v5("dns", "www.example.com")`, `"2ed6657d-e927-568b-95e1-2665a8aea6a2"`,
		`uuid.v5("6BA7B810-9DAD-11D1-80B4-00C04FD430C8", "www.example.com")`, `"2ed6657d-e927-568b-95e1-2665a8aea6a2"`, `uuid.v5("mine", "x")`, `fails`),
	Call: func(_ *types.Context, a args) (value.Value, error) {
		space := a[0].(string)
		if known, ok := namespaces[space]; ok {
			space = known
		}
		b, ok := uuidBytes(space)
		if !ok {
			return nil, errors.New("the namespace is no UUID, nor dns, url, oid or x500")
		}
		return uuid5(sha1.Sum(append(b[:], a[1].(string)...))), nil
	},
}

// uuid5 writes the digest of a namespace and a name as a UUID of version 5.
func uuid5(u [sha1.Size]byte) string {
	u[6] = u[6]&0x0f | 0x50
	u[8] = u[8]&0x3f | 0x80
	h := hex.EncodeToString(u[:16])
	return strings.Join([]string{h[:8], h[8:12], h[12:16], h[16:20], h[20:]}, "-")
}

var uuidValid = &types.Func{
	Name:     "uuid.valid",
	Doc:      "Whether a text is a UUID of any version, in either case.",
	Params:   params{param("s", types.StringT, "text")},
	Result:   types.BoolT,
	Examples: ex(`uuid.valid("2ED6657D-e927-568b-95e1-2665a8aea6a2")`, `true`, `uuid.valid("2ed6657de927568b95e12665a8aea6a2")`, `false`, `uuid.valid("")`, `false`),
	Call: func(_ *types.Context, a args) (value.Value, error) {
		_, ok := uuidBytes(a[0].(string))
		return ok, nil
	},
}
