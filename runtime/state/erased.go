package state

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"fmt"

	"github.com/zeebo/xxh3"
)

// Erased is a person who was forgotten, as far as letters of theirs are concerned. It
// is stored before the record that forgot them persists, so no crash loses it.
type Erased struct {
	// Keys are what they were known by, until their letters have been erased.
	Keys []string `json:"keys,omitempty"`
	// Sums are hashes of Keys, for letters that come later; they hold no identifier.
	Sums []ErasedSum `json:"sums,omitempty"`
	At   int64       `json:"at"` // when they were forgotten, milliseconds since 1970
}

// ErasedSum is the hash of one key.
type ErasedSum [16]byte

// SumErased hashes a key.
func SumErased(key string) ErasedSum { return xxh3.HashString128(key).Bytes() }

// MarshalText and UnmarshalText write it as hex digits.
func (s ErasedSum) MarshalText() ([]byte, error) { return hex.AppendEncode(nil, s[:]), nil }

// UnmarshalText: see MarshalText.
func (s *ErasedSum) UnmarshalText(b []byte) error {
	if hex.DecodedLen(len(b)) != len(s) {
		return fmt.Errorf("%q is not 32 hex digits", b)
	}
	_, err := hex.Decode(s[:], b)
	return err
}

var erasedPrefix = []byte("merased/")

// NewErased makes the entry of a person.
func NewErased(keys []string, at int64) *Erased {
	x := &Erased{Keys: keys, At: at}
	for _, k := range keys {
		x.Sums = append(x.Sums, SumErased(k))
	}
	return x
}

// key is made of the hashes: the same person erased again, by a replay, is one entry.
func (x *Erased) key() []byte {
	h := xxh3.New()
	for i := range x.Sums {
		_, _ = h.Write(x.Sums[i][:])
	}
	sum := h.Sum128().Bytes()
	return append(bytes.Clone(erasedPrefix), sum[:]...)
}

// Put is the write that stores it, Remove the one that removes it.
func (x *Erased) Put() Write {
	b, err := json.Marshal(x)
	if err != nil {
		panic("state: an erased person does not encode: " + err.Error())
	}
	return Write{Key: x.key(), Val: b}
}

// Remove: see Put.
func (x *Erased) Remove() Write { return Write{Key: x.key(), Delete: true} }

// ReadErased lists who was forgotten.
func ReadErased(store Store) ([]*Erased, error) {
	var out []*Erased
	var bad error
	err := store.Scan(erasedPrefix, nil, func(_, val []byte) bool {
		var x *Erased
		if x, bad = decodeErased(val); bad != nil {
			return false
		}
		out = append(out, x)
		return true
	})
	if bad != nil {
		err = bad
	}
	return out, err
}

func decodeErased(val []byte) (*Erased, error) {
	x := &Erased{}
	if err := json.Unmarshal(val, x); err != nil {
		return nil, fmt.Errorf("%w: who was forgotten cannot be read: %w", ErrDamaged, err)
	}
	return x, nil
}
