package letter

import (
	"fmt"
	"testing"

	"github.com/sluice-dev/sluice/runtime/event"
)

func TestAbout(t *testing.T) {
	keys := NewKeys([]string{"0e9a1f6c-5b1d-5c3e-8f11-2a3b4c5d6e7f", "ann@example.com", "u7", "AABBCCDD-0011-2233-4455-66778899AABB", ""})
	for _, tt := range []struct {
		name string
		l    Letter
		want bool
	}{
		{"it bears the person's id", Letter{Persons: []string{"other", "0e9a1f6c-5b1d-5c3e-8f11-2a3b4c5d6e7f"}}, true},
		{"its record has an identifier as its key", Letter{Key: []byte("u7")}, true},
		{"its record gave an identifier", Letter{Persons: Named([]string{"other"}, []string{"u8", "ann@example.com"})}, true},
		{"its record gave others", Letter{Persons: Named(nil, []string{"u8", "bob@example.com"})}, false},
		{"an address as its producer writes it", Letter{Key: []byte(" Ann@Example.COM")}, true},
		{"a device's id in small letters", Letter{Key: []byte("aabbccdd-0011-2233-4455-66778899aabb")}, true},
		{"ids of users have capitals", Letter{Key: []byte("U7")}, false},
		{"somebody else", Letter{Persons: []string{"other"}, Key: []byte("u8")}, false},
		{"a record without a key", Letter{}, false},
		{"an empty key", Letter{Key: []byte{}}, false},
		{"a header of the original of that name", Letter{Headers: []event.Header{{Key: "sluice-person", Value: []byte("u7")}}}, false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			tt.l.ID, tt.l.Class, tt.l.Route = "x", Processing, "r"
			if got := keys.About(tt.l.Encode(0).Headers); got != tt.want {
				t.Errorf("about %v, want %v", got, tt.want)
			}
		})
	}
}

// What names more persons than it can bear holds nothing of them.
func TestALetterOfMany(t *testing.T) {
	l := &Letter{ID: "x", Class: Processing, Route: "r", Value: []byte("v"), Key: []byte("k"), Time: event.NoTime}
	for i := range maxPersons + 1 {
		if r := l.Encode(0); string(r.Value) != "v" {
			t.Fatalf("with %d persons the value is %q", i, r.Value)
		}
		l.Persons = append(l.Persons, fmt.Sprint("person ", i))
	}
	r := l.Encode(0)
	got, err := Decode(r.Key, r.Value, r.Headers)
	if err != nil || !got.ByReference || got.Value != nil || got.Key != nil || len(got.Persons) != maxPersons {
		t.Errorf("read %+v, %v", got, err)
	}
	if r.Size() > 50<<10 {
		t.Errorf("%d bytes of envelope", r.Size())
	}
}

// A tombstone is a null under the letter's id, and no letter.
func TestTombstone(t *testing.T) {
	r := Tombstone([]byte("x"))
	if r.Value != nil || string(r.Key) != "x" {
		t.Errorf("%+v", r)
	}
	if _, err := Decode(r.Key, r.Value, r.Headers); err == nil {
		t.Error("it was read as a letter")
	}
}
