package edge_test

import (
	"crypto/hmac"
	"crypto/sha1"
	"encoding/hex"
	"strings"
	"testing"

	"github.com/sluice-dev/sluice/lang/value"
	"github.com/sluice-dev/sluice/runtime/edge"
)

func signature(t testing.TB, fields ...string) *edge.Signature {
	t.Helper()
	o := value.NewObject()
	for i := 0; i < len(fields); i += 2 {
		o.Set(fields[i], fields[i+1])
	}
	s, err := edge.NewSignature(o)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

const signedScript = `app "shop"
route s
from webhook "/segment" { verify: segment(secret("A")) }
emit log
route w
from webhook "/standard" { verify: [standard_webhooks(secret("A")), standard_webhooks(secret("B"))], challenge: .challenge }
emit log
route g
from webhook "/github" { secret: secret("S"), verify: hmac_sha256(secret("A"), "X-Hub-Signature-256", "sha256=") }
emit log
`

func signedFront(t testing.TB, open bool) *edge.Front {
	return edge.NewFront(compile(t, signedScript), edge.Options{Open: open, Keys: map[string]edge.Keys{
		"/segment":  {Signatures: []*edge.Signature{signature(t, "scheme", "segment", "key", "shared")}},
		"/standard": {Signatures: []*edge.Signature{signature(t, "scheme", "standard_webhooks", "key", "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"), signature(t, "scheme", "standard_webhooks", "key", "the old one")}},
		"/github":   {Secrets: []value.Secret{"s"}, Signatures: []*edge.Signature{signature(t, "scheme", "hmac_sha256", "key", "It's a Secret to Everybody", "header", "X-Hub-Signature-256", "prefix", "sha256=")}},
	}})
}

// hmacSHA1 is how Segment signs.
func hmacSHA1(key, body string) string {
	m := hmac.New(sha1.New, []byte(key))
	m.Write([]byte(body))
	return hex.EncodeToString(m.Sum(nil))
}

// TestSignatures: what is signed with one of the keys is taken, anything else is 401 and
// says why. The signatures of /standard and /github are those that their
// specifications print.
func TestSignatures(t *testing.T) {
	const (
		at       = 1614265330 // seconds
		std      = "webhook-id: msg_p5jXN8AQM9LWM0D4loKWxJek\nwebhook-timestamp: 1614265330\nwebhook-signature: "
		right    = "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="
		body     = `{"test": 2432232314}`
		github   = "x-hub-signature-256: sha256=757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17"
		shop64   = "x-hub-signature-256: sha256=dXEH6g6yUJ/CESIczphLijdXC211hsIsRvQ3nIsEPhc="
		ok       = "200"
		wrong    = "401 the signature is wrong"
		late     = "401 the signature is too old"
		missing  = "401 the signature is missing: the header "
		tooEarly = at - 301
	)
	for _, c := range []struct {
		name, target, headers, body string
		now                         int64
		want                        string
	}{
		{"standard", "/standard", std + right, body, at, ok},
		{"of several signatures one holds", "/standard", std + "v1,AAAA v1a,zzz " + right + " v1,BBBB", body, at, ok},
		{"at the end of its time", "/standard", std + right, body, at + 300, ok},
		{"one that was overheard and is sent again", "/standard", std + right, body, at + 301, late},
		{"one from the future", "/standard", std + right, body, tooEarly, late},
		{"another body", "/standard", std + right, body + " ", at, wrong},
		{"another id", "/standard", strings.Replace(std, "msg_p", "msg_q", 1) + right, body, at, wrong},
		{"another time, to make it last", "/standard", strings.Replace(std, "1614265330", "1614265630", 1) + right, body, at + 300, wrong},
		{"a time that is none", "/standard", strings.Replace(std, "1614265330", "now", 1) + right, body, at, "401 the signature has no time"},
		{"cut", "/standard", std + right[:20], body, at, wrong},
		{"empty", "/standard", std, body, at, missing + "webhook-signature"},
		{"no id", "/standard", "webhook-timestamp: 1614265330\nwebhook-signature: " + right, body, at, missing + "webhook-id"},
		{"none", "/standard", "", body, at, missing + "webhook-signature"},
		{"of another scheme", "/standard", "x-signature: " + hmacSHA1("shared", body), body, at, missing + "webhook-signature"},
		{"the first question is not signed", "/standard?challenge=hello", "", "", at, "200 =hello"},
		{"nor is one in a body", "/standard", "", `{"challenge":77}`, at, "200 =77"},

		{"github", "/github/s", github, "Hello, World!", at, ok},
		{"base64", "/github?token=s", shop64, "Hello, World!", at, ok},
		{"capitals", "/github/s", strings.Replace(github, "757107ea", "757107EA", 1), "Hello, World!", at, ok},
		{"without its prefix", "/github/s", strings.Replace(github, "sha256=", "", 1), "Hello, World!", at, wrong},
		{"another body", "/github/s", github, "Hello, World", at, wrong},
		{"not hex", "/github/s", "x-hub-signature-256: sha256=zz", "Hello, World!", at, wrong},
		{"a signature and a wrong secret", "/github/x", github, "Hello, World!", at, "401 the secret of this webhook"},
		{"a secret and no signature", "/github/s", "", "Hello, World!", at, missing + "x-hub-signature-256"},

		{"segment", "/segment", "X-Signature: " + hmacSHA1("shared", `{"a":1}`), `{"a":1}`, at, ok},
		{"of a batch the first element", "/segment", "X-Signature: " + hmacSHA1("shared", `{"a": 1}`), "[ {\"a\": 1} ,{\"b\":2}]", at, ok},
		{"of a batch the second", "/segment", "X-Signature: " + hmacSHA1("shared", `{"b":2}`), `[{"a":1},{"b":2}]`, at, wrong},
		{"with another key", "/segment", "X-Signature: " + hmacSHA1("Shared", `{"a":1}`), `{"a":1}`, at, wrong},
		{"written anew", "/segment", "X-Signature: " + hmacSHA1("shared", `{"a":1}`), `{"a": 1}`, at, wrong},

		{"what was compressed is signed", "/segment", "content-encoding: gzip\nX-Signature: " + hmacSHA1("shared", `{"a":1}`), gz(`{"a":1}`), at, ok},
		{"what is compressed is signed", "/segment", "content-encoding: gzip\nX-Signature: " + hmacSHA1("shared", gz(`{"a":1}`)), gz(`{"a":1}`), at, ok},
	} {
		t.Run(strings.TrimPrefix(c.target, "/")+" "+c.name, func(t *testing.T) {
			method := "POST"
			if c.body == "" {
				method = "GET"
			}
			in := incoming(method, c.target, "", c.body)
			in.Millis = c.now * 1000
			for line := range strings.SplitSeq(c.headers, "\n") {
				name, v, _ := strings.Cut(line, ": ")
				in.Headers = append(in.Headers, edge.Header{Name: name, Value: v})
			}
			a := signedFront(t, false).Do(in)
			got := "200"
			switch {
			case a.Status != 200:
				got = "401 " + a.Text
			case a.Body != nil:
				got = "200 =" + string(a.Body)
			}
			if !strings.HasPrefix(got, c.want) {
				t.Errorf("got %s, want %s", got, c.want)
			}
			if records := len(a.Records); (records > 0) != (got == "200") {
				t.Errorf("%d records of %s", records, got)
			}
			if got := signedFront(t, true).Do(in); got.Status != 200 {
				t.Errorf("where requests count as signed: %d %s", got.Status, got.Text)
			}
		})
	}
}

// TestChallengeIsText: a condition that holds for no request is no answer to all of them.
func TestChallengeIsText(t *testing.T) {
	f := edge.NewFront(compile(t, `app "shop"
route a
from webhook "/a" { challenge: .answer }
emit log
`), edge.Options{})
	for body, want := range map[string]string{`{"answer":"yes"}`: "yes", `{"answer":5}`: "5", `{"answer":false}`: "", `{"answer":true}`: "", `{"answer":""}`: "", `{"n":1}`: "", `{"answer":[1]}`: ""} {
		a := f.Do(incoming("POST", "/a", "", body))
		if a.Status != 200 || string(a.Body) != want || (len(a.Records) == 1) != (want == "") {
			t.Errorf("%s: answered %d %q with %d records", body, a.Status, a.Body, len(a.Records))
		}
	}
}

// TestNoSignature: where a signature is asked for and there is no key, none holds.
func TestNoSignature(t *testing.T) {
	f := edge.NewFront(compile(t, signedScript), edge.Options{})
	if a := f.Do(incoming("POST", "/segment", "", "{}")); a.Status != 401 || len(a.Records) > 0 {
		t.Errorf("answered %d with %d records", a.Status, len(a.Records))
	}
}

// TestSignatureKeys: a key that signs nothing is refused at start.
func TestSignatureKeys(t *testing.T) {
	for _, c := range []struct{ scheme, key, header, want string }{
		{"segment", "", "", "the key of its signatures is empty"},
		{"standard_webhooks", "whsec_", "", "not base64"},
		{"standard_webhooks", "whsec_*", "", "not base64"},
		{"hmac_sha256", "k", "", "has no name"},
		{"sha1", "k", "", "there is no signature"},
	} {
		_, err := edge.NewSignature(value.NewObject(value.Field{Key: "scheme", Value: c.scheme}, value.Field{Key: "key", Value: value.Secret(c.key)}, value.Field{Key: "header", Value: c.header}))
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%+v: %v", c, err)
		}
	}
}

// TestOddities: what a sender should look at is counted, by fields that are declared.
func TestOddities(t *testing.T) {
	for _, c := range []struct {
		target, header, body string
		replaced             int
		macros               map[string]int
	}{
		{"/open?id={id}&a=1", "", "", 0, map[string]int{"id": 1}},
		{"/open?id=%7Bid%7D&x=%5By%5D&z=__Z__", "", "", 0, map[string]int{"id": 1, "other": 2}},
		{"/open?id=%ff&%fe=1&a=%c3%a9", "", "", 2, nil},
		{"/open?id=undefined", "content-type: application/x-www-form-urlencoded", "id=%%25ID%%25&a=%ff", 1, map[string]int{"id": 2}},
		{"/open?id={}&a=[1]", "", "", 0, nil},
		{"/open", "content-type: multipart/form-data; boundary=b", "--b\r\nContent-Disposition: form-data; name=\"id\"\r\n\r\n{id}\r\n--b\r\nContent-Disposition: form-data; name=\"a\"\r\n\r\n\xff\r\n--b--\r\n", 1, map[string]int{"id": 1}},
		{"/open", "", `{"id":"[id]","x":"%%X%%","a":{"id":"{id}"},"b":"[object]"}`, 0, map[string]int{"id": 1, "other": 2}},
		{"/open", "", `[{"id":"${ID}"},{"id":"undefined"},"{id}",{"id":"{\"a\":1}"}]`, 0, map[string]int{"id": 2}},
		{"/open", "", `{"id":"{id}"`, 0, nil},
	} {
		a := front(t, true).Do(incoming("PUT", c.target, c.header, c.body))
		if a.Status != 200 || a.Replaced != c.replaced || len(a.Macros) != len(c.macros) {
			t.Errorf("%s: %d replaced, macros %v, want %d and %v", c.target, a.Replaced, a.Macros, c.replaced, c.macros)
		}
		for field, n := range c.macros {
			if a.Macros[field] != n {
				t.Errorf("%s: macros %v, want %v", c.target, a.Macros, c.macros)
			}
		}
	}
}
