package ir

import (
	"regexp"

	"github.com/sluice-dev/sluice/lang/token"
	"github.com/sluice-dev/sluice/lang/types"
)

// Space is an identity space: the people that a program knows, told apart by ranked
// identifiers.
type Space struct {
	Name  string
	Doc   string
	At    token.Span
	IDs   []Identifier // the best rank first
	State *State       // of kind IdentityState, shared under the space's name
	// Person is the type of a person: id, the identifiers by name, anonymous_id, ids,
	// known, merged, ambiguous.
	Person *types.Type
	// Tables are those keyed by the space that routes write, by name, without
	// audiences: a merge moves their rows in this order.
	Tables []*Table
}

// Identifier is one kind of identifier of a space.
type Identifier struct {
	Name    string
	At      token.Span
	Canon   Canon
	Person  bool  // of a person, not of a device
	Limit   int   // how many one person may have within PerMS; 0: any number
	PerMS   int64 // 0: ever
	Country string
	// Form is the library's function behind EmailText (email.normalize) and PhoneText
	// (phone.e164, of a text and Country); nil of the others.
	Form    *types.Func
	Blocked []*regexp.Regexp // beside those that are blocked everywhere
}

// Canon is the form in which values of an identifier are compared.
type Canon uint8

// The canonical forms.
const (
	TrimText  Canon = iota // without blanks around it
	ExactText              // as it is
	EmailText              // trimmed, lower case, NFKC
	PhoneText              // E.164, read in the identifier's Country
	UpperUUID              // a UUID in capitals, never all zeros
	LowerUUID              // a UUID in small letters, never all zeros
	LowerHex               // hex digits in small letters
)

// Audience is what makes a table of booleans of another table: a key is a member
// from where Enter holds until Leave does.
type Audience struct {
	On           *Table
	It           Slot // holds the row of On, its default where there is none
	Slots        int  // size of the frame that Enter and Leave need
	Enter, Leave Expr
}

type (
	// Resolve links the identifiers of IDs and names the person they belong to. The
	// person orders outputs below and gives Segment calls their ids.
	Resolve struct {
		StageInfo
		Space *Space
		IDs   Expr // an object; fields by the names of identifiers, null leaves out
		Slot  Slot // p
		Name  string
		// Current is the slot that holds the person whom Segment calls below are about.
		Current Slot
		OrNull  bool // `as p?`: null where no identifier is usable; else it fails
	}
	// Find looks the person up and changes nothing; Slot is null where there is none.
	Find struct {
		StageInfo
		Space *Space
		IDs   Expr
		Slot  Slot
		Name  string
	}
	// Forget erases the person: Slot holds { ids: [{ type, value }], rows }.
	Forget struct {
		StageInfo
		Space *Space
		IDs   Expr
		Slot  Slot
		Name  string
	}
)
