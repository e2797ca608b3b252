package edge

import (
	"bytes"
	"crypto/hmac"
	"crypto/sha1" //nolint:gosec // it is what Segment signs with
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"hash"
	"strconv"
	"strings"

	"github.com/sluice-dev/sluice/lang/value"
)

// Signature is one way in which a sender signs what it sends, and its key.
type Signature struct {
	scheme scheme
	key    []byte
	header string // name of the header, in small letters
	prefix string // what stands in it before the signature
}

// scheme is what is signed, and how.
type scheme uint8

const (
	segmentScheme  scheme = iota // X-Signature: HMAC-SHA1 of the body, hex
	standardScheme               // Standard Webhooks: id, time and body
	hmacScheme                   // HMAC-SHA256 of the body in a header, hex or base64
)

// tolerance is how far the time of a signature may be from ours, in seconds.
const tolerance = 5 * 60

// standardPrefix begins the secrets of Standard Webhooks, which are base64.
const standardPrefix = "whsec_"

// NewSignature reads what a function of the type `verify` gives.
func NewSignature(o *value.Object) (*Signature, error) {
	text := func(name string) string { return value.Reveal(o.Find(name)) }
	s := &Signature{key: []byte(text("key")), header: strings.ToLower(text("header")), prefix: text("prefix")}
	if len(s.key) == 0 {
		return nil, errors.New("the key of its signatures is empty: anybody could sign")
	}
	switch name := text("scheme"); name {
	case "segment":
		s.scheme, s.header = segmentScheme, "x-signature"
	case "standard_webhooks":
		s.scheme, s.header = standardScheme, "webhook-signature"
		if b64, ok := strings.CutPrefix(string(s.key), standardPrefix); ok {
			key, err := base64.StdEncoding.DecodeString(b64)
			if err != nil || len(key) == 0 {
				return nil, errors.New("the key of its signatures begins with whsec_ and goes on with something that is not base64")
			}
			s.key = key
		}
	case "hmac_sha256":
		s.scheme = hmacScheme
		if s.header == "" {
			return nil, errors.New("the header of its signatures has no name")
		}
	default:
		return nil, fmt.Errorf("there is no signature %q", name)
	}
	return s, nil
}

// Words that a sender is told. They say what is wrong and nothing of the key.
const (
	noSignature    = "the signature is missing: the header %s is not there"
	wrongSignature = "the signature is wrong: it was made with another key, or of other bytes than came"
	noTime         = "the signature has no time: webhook-timestamp is no number of seconds since 1970"
	oldSignature   = "the signature is too old, or from the future: it holds for 5 minutes, so that what was overheard cannot be sent again"
)

// judge tells why none of some signatures holds for a request; "" where one does. All
// of them are tried, in a time that tells nothing of the keys.
func judge(list []*Signature, in *Incoming, body []byte) string {
	ok, why := 0, ""
	for _, s := range list {
		right, said := s.holds(in, body)
		ok |= right
		// That there is none is told only where that is all there is to tell.
		if why == "" || strings.HasPrefix(why, "the signature is missing") {
			why = said
		}
	}
	switch {
	case ok == 1:
		return ""
	case why == "": // there are none
		return wrongSignature
	}
	return why
}

// holds tells whether the signature holds, 1 or 0, and else why it does not. What is
// signed are the bytes as they came; where those are compressed, some senders sign what
// they compress.
func (s *Signature) holds(in *Incoming, body []byte) (ok int, why string) {
	given := headerOf(in, s.header)
	if given == "" {
		return 0, fmt.Sprintf(noSignature, s.header)
	}
	bodies := [][]byte{in.Body}
	if !bytes.Equal(in.Body, body) {
		bodies = append(bodies, body)
	}
	switch s.scheme {
	case segmentScheme:
		for _, b := range bodies {
			ok |= s.equal(s.sum(sha1.New, b), unhex(given))
			if first := firstElement(b); first != nil {
				ok |= s.equal(s.sum(sha1.New, first), unhex(given))
			}
		}
	case standardScheme:
		id, at := headerOf(in, "webhook-id"), headerOf(in, "webhook-timestamp")
		if id == "" {
			return 0, fmt.Sprintf(noSignature, "webhook-id")
		}
		seconds, err := strconv.ParseInt(at, 10, 64)
		if err != nil {
			return 0, noTime
		}
		for _, b := range bodies {
			want := s.sum(sha256.New, []byte(id+"."+at+"."), b)
			for one := range strings.FieldsSeq(given) {
				if b64, is := strings.CutPrefix(one, "v1,"); is {
					sig, _ := base64.StdEncoding.DecodeString(b64)
					ok |= s.equal(want, sig)
				}
			}
		}
		// Behind the sums: who does not know the key is told nothing of our clock.
		if now := in.Millis / 1000; ok == 1 && (seconds < now-tolerance || seconds > now+tolerance) {
			return 0, oldSignature
		}
	case hmacScheme:
		sig, is := strings.CutPrefix(given, s.prefix)
		if !is {
			return 0, wrongSignature
		}
		for _, b := range bodies {
			want := s.sum(sha256.New, b)
			ok |= s.equal(want, unhex(sig))
			for _, enc := range []*base64.Encoding{base64.StdEncoding, base64.RawStdEncoding, base64.URLEncoding, base64.RawURLEncoding} {
				if got, err := enc.DecodeString(sig); err == nil {
					ok |= s.equal(want, got)
				}
			}
		}
	}
	if ok == 1 {
		return 1, ""
	}
	return 0, wrongSignature
}

func (s *Signature) sum(of func() hash.Hash, parts ...[]byte) []byte {
	m := hmac.New(of, s.key)
	for _, p := range parts {
		m.Write(p)
	}
	return m.Sum(nil)
}

// equal is 1 where two sums are the same.
func (s *Signature) equal(want, got []byte) int { return subtle.ConstantTimeCompare(want, got) }

func unhex(s string) []byte {
	b, err := hex.DecodeString(s)
	if err != nil {
		return nil
	}
	return b
}

// headerOf gives the last header of a name.
func headerOf(in *Incoming, name string) string {
	out := ""
	for _, h := range in.Headers {
		if strings.EqualFold(h.Name, name) {
			out = strings.TrimSpace(h.Value)
		}
	}
	return out
}

// firstElement gives the bytes of the first element of a list, as they came; nil where
// the body is none. Segment signs a batch by it alone.
func firstElement(body []byte) []byte {
	d := json.NewDecoder(bytes.NewReader(body))
	if t, err := d.Token(); err != nil || t != json.Delim('[') {
		return nil
	}
	var first json.RawMessage
	if !d.More() || d.Decode(&first) != nil {
		return nil
	}
	return first
}
