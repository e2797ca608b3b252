// Package identity is the people of an identity space: which identifiers belong to
// one person, by rules that depend on nothing but the order of what is linked and
// the times that come with it. It keeps them in cells that the caller gives it and
// knows no clock, no store, no language (spec/identity.md has the rules and laws).
package identity

import "regexp"

// Cells are the cells of one state, as one writer sees them. What Get gives is not
// to be changed, and what Put takes is not changed afterwards.
type Cells interface {
	Get(key []byte) (val []byte, ok bool)
	Put(key, val []byte)
	Delete(key []byte)
}

// Type is one kind of identifier.
type Type struct {
	Name    string
	Canon   Canon
	Person  bool  // of a person, not of a device
	Limit   int   // how many one person may have within Per; 0: any number
	Per     int64 // microseconds of event time; 0: ever
	Country string
	Blocked []*regexp.Regexp // beside those that are blocked everywhere
}

// Canon is the canonical form of an identifier's values.
type Canon uint8

// The canonical forms, numbered as ir.Canon numbers them.
const (
	TrimText Canon = iota
	ExactText
	EmailText
	PhoneText
	UpperUUID
	LowerUUID
	LowerHex
)

// Config is what a space is made of.
type Config struct {
	Name  string
	Types []Type // the best rank first
	// Secret keys the hashes that outlive a person who is forgotten; empty where
	// nobody is ever forgotten.
	Secret []byte
	// Email and Phone give the canonical forms; ok is false where a text has none.
	// They are the library's, which this package must not know.
	Email func(s string) (string, bool)
	Phone func(s, country string) (string, bool)
}

// Given is an identifier as a record names it: Type indexes Config.Types; -1, in Find,
// Forget and commands, is a person's own id.
type Given struct {
	Type  int
	Value string
}

// ID is an identifier of a person.
type ID struct {
	Type        int
	Value       string // in its canonical form
	First, Last int64  // event time of the first and of the latest sight (to the day), microseconds
}

// Person is a person as of now.
type Person struct {
	ID        string // a UUID, for ever the same
	Anonymous string // their first own anonymous id, else one derived from ID
	IDs       []ID   // by rank, then in the order in which they were linked
	Known     bool   // has an identifier of a person
	Merges    int    // how many persons have become this one
	Created   uint64 // running number in the space
	Shared    []ID   // devices of theirs that too many users share
	// Former are the ids of those who became them; only Forget fills it in, see
	// Space.Former.
	Former []string
}

// Value gives the latest value of a type by event time; "" where there is none.
func (p *Person) Value(typ int) string {
	best := -1
	for i := range p.IDs {
		if p.IDs[i].Type == typ && (best < 0 || p.IDs[i].First >= p.IDs[best].First) {
			best = i
		}
	}
	if best < 0 {
		return ""
	}
	return p.IDs[best].Value
}

// Kind is the highest thing that a record did to a person.
type Kind uint8

// The kinds, lowest first.
const (
	Nothing Kind = iota
	Created
	Linked // also: an identifier moved here
	Known  // the first identifier of a person, and again the first of the best type
	Merged
	Forgotten
)

// String is the word of `from changes SPACE`.
func (k Kind) String() string {
	return [...]string{"", "created", "linked", "known", "merged", "forgotten"}[k]
}

// Reason says why an identifier was not linked.
type Reason string

// The reasons.
const (
	Blocked     Reason = "blocked"       // a value that means nobody, or is blocked by the program or an operator
	NoForm      Reason = "no form"       // no e-mail, no phone number, no UUID …
	TooLong     Reason = "too long"      // more than 400 bytes
	OverLimit   Reason = "limit"         // the person has as many of its type as it may
	OtherUser   Reason = "other user"    // it would join two users
	SharedID    Reason = "shared"        // a device of too many users
	TooMany     Reason = "too many"      // 1,000 identifiers, 100 merges, or 8 persons at once
	OwnedDevice Reason = "other's"       // a device of another user, who keeps it
	WasErased   Reason = "erased"        // older than a request to forget it
	Unlinked    Reason = "unlinked"      // an operator took it from this person
	NoIdea      Reason = "not usable"    // of the whole record: none is left
	Ambiguous   Reason = "several match" // of forget and commands: which person is meant is not clear
	SamePerson  Reason = "same person"   // of merge: they are one already
	NotApart    Reason = "nothing stays" // of unlink and split: they have no other identifier
	NoSecret    Reason = "no secret"     // of forget: nothing to key hashes with
)

// Rejected is an identifier of a record that was not linked.
type Rejected struct {
	Given
	Reason Reason
}

// Result is what Resolve did. Its person stands until the next call of the Space.
type Result struct {
	Person   *Person // nil: no identifier is usable
	Kind     Kind
	Merged   []*Person // who became Person, as they were, in the order of the merges
	Rejected []Rejected
}
