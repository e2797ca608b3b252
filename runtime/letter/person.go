package letter

import (
	"encoding/hex"
	"strings"

	"github.com/zeebo/xxh3"

	"github.com/sluice-dev/sluice/runtime/event"
)

// Keys are what a person who is forgotten was known by: their id, those of persons who
// became them, and their identifiers.
type Keys map[string]bool

// Named gives what a letter bears of persons whom its record named, by their ids, and of
// the identifiers that it gave: of these a hash each, because the value that holds them
// need not be in the letter.
func Named(persons, identifiers []string) []string {
	var out []string
	out = append(out, persons...)
	for _, id := range identifiers {
		out = append(out, hashed(plain(id)))
	}
	return out
}

// hashMark begins the hash of an identifier: no id of a person does.
const hashMark = "#"

// IsPerson tells whether one of Letter.Persons is the id of a person.
func IsPerson(p string) bool { return !strings.HasPrefix(p, hashMark) }

func hashed(key string) string {
	h := xxh3.HashString128(key).Bytes()
	return hashMark + hex.EncodeToString(h[:])
}

// NewKeys makes a set of keys. E-mail addresses, and ids of letters and digits as
// devices have them, count in capitals as in small letters: the canonical form of an
// identifier need not be the one that a producer writes into its keys.
func NewKeys(keys []string) Keys {
	k := make(Keys, len(keys))
	for _, key := range keys {
		if key = plain(key); key != "" {
			k[key], k[hashed(key)] = true, true
		}
	}
	return k
}

func plain(key string) string {
	key = strings.TrimSpace(key)
	if strings.Contains(key, "@") || isUUID(key) {
		return strings.ToLower(key)
	}
	return key
}

func isUUID(s string) bool {
	if len(s) != 36 {
		return false
	}
	for i := range len(s) {
		if i == 8 || i == 13 || i == 18 || i == 23 {
			if s[i] != '-' {
				return false
			}
		} else if strings.IndexByte("0123456789abcdefABCDEF", s[i]) < 0 {
			return false
		}
	}
	return true
}

// About tells whether a record of a dead topic is about one of the persons: it bears
// their id or the hash of an identifier, or the record or output in it has one of the
// keys as its own.
func (k Keys) About(headers []event.Header) bool {
	for _, h := range headers {
		if (h.Key == hPerson || h.Key == hKey) && k[plain(string(h.Value))] {
			return true
		}
	}
	return false
}

// Tombstone is what takes the place of a letter that is erased: a null under its id.
// Whoever writes it sees that it comes to the letter's own partition.
func Tombstone(id []byte) Record {
	return tombstone(id, "forgotten")
}

func tombstone(id []byte, cause string) Record {
	return Record{Key: id, Headers: []event.Header{{Key: hVersion, Value: []byte(version)}, {Key: hCause, Value: []byte(cause)}}, Timestamp: event.NoTime}
}
