// Package ir is the checked program: every name resolved, every expression
// typed, every possible failure known. check makes it, plan arranges it, the
// runtime evaluates it. It holds no text but names that a user will meet again
// (fields, events, topics, reasons) and spans.
package ir

import (
	"regexp"

	"github.com/sluice-dev/sluice/lang/diag"
	"github.com/sluice-dev/sluice/lang/token"
	"github.com/sluice-dev/sluice/lang/types"
	"github.com/sluice-dev/sluice/lang/value"
)

// Expr is a typed expression. Evaluating it on a record gives a member of Type
// or one of the failures of Fails (the law of types, language.md §2).
type Expr interface {
	Type() *types.Type
	Span() token.Span
	// Fails lists the codes of failures that this very node may cause; those of
	// its operands are theirs (see Walk).
	Fails() []*diag.Code
}

// Node is the common part of every expression.
type Node struct {
	T  *types.Type
	At token.Span
	F  []*diag.Code
}

// Type gives the static type.
func (n *Node) Type() *types.Type { return n.T }

// Span gives the source text that the expression stands for.
func (n *Node) Span() token.Span { return n.At }

// Fails gives the failures of this node alone.
func (n *Node) Fails() []*diag.Code { return n.F }

// Slot numbers a variable of a route's frame: `let`, `as x`, comprehension
// variables, parameters and locals of inlined functions, defaults of `with`.
type Slot int

type (
	// Const is a constant, folded where it was computed.
	Const struct {
		Node
		Value value.Value
	}
	// Current is `.`.
	Current struct{ Node }
	// Event is `$`, the event as it arrived (as its declared type shows it).
	Event struct{ Node }
	// Meta is `@name`. The name is one of the source's (topic, partition, offset,
	// key, headers, timestamp) or time, sample_rate.
	Meta struct {
		Node
		Name string
	}
	// Var reads a slot.
	Var struct {
		Node
		Slot Slot
		Name string // for people
	}
	// Field is X.name. Of null it gives null; of text, number or bool it fails (E0411).
	Field struct {
		Node
		X    Expr
		Name string
	}
	// Index is X[I]: text into an object or map, an int into a list (negative from
	// the end); out of range gives null.
	Index struct {
		Node
		X, I Expr
	}
	// TableGet is T[k]: the row of a key, the default or null where there is none. A
	// null among the keys fails (E0410).
	TableGet struct {
		Node
		Table *Table
		Keys  []Expr
	}
	// Call calls a function of the library. Where NullSubject is set the subject
	// (first argument) may be null and the function does not take it: the result
	// is then null and the other arguments are not evaluated. Args has one entry
	// a parameter (defaults filled in as Const), rest arguments follow.
	Call struct {
		Node
		Func        *types.Func
		Args        []Expr
		NullSubject bool
	}
	// Let evaluates Value into Slot, then Body: a local of a `def`, or the parameter
	// of an inlined call. Where NullSubject is set a null Value is the result and
	// Body is not evaluated.
	Let struct {
		Node
		Slot        Slot
		Value, Body Expr
		NullSubject bool
	}
	// Neg is -X.
	Neg struct {
		Node
		X Expr
	}
	// Not is not X.
	Not struct {
		Node
		X Expr
	}
	// Arith is X Op Y: numbers; time − time, time ± duration, duration ± duration,
	// duration × number, duration / duration, duration / number; text is not added.
	Arith struct {
		Node
		Op   ArithOp
		X, Y Expr
	}
	// Compare is X Op Y. Eq and Ne are total, the others need two numbers, texts,
	// times or durations.
	Compare struct {
		Node
		Op   CompareOp
		X, Y Expr
	}
	// And and Or evaluate Y only where X does not decide.
	And struct {
		Node
		X, Y Expr
	}
	// Or: see And.
	Or struct {
		Node
		X, Y Expr
	}
	// In is X in List, or X not in List.
	In struct {
		Node
		X, List Expr
		Not     bool
	}
	// Matches is X matches a constant RE2 pattern, unanchored. Of a null X it fails at check.
	Matches struct {
		Node
		X  Expr
		Re *regexp.Regexp
	}
	// Is is X is T, or X is not T: membership of the value.
	Is struct {
		Node
		X   Expr
		Of  *types.Type
		Not bool
	}
	// Cast is X | as T: judges like `as T` and fails with E0412. Null where X is null.
	Cast struct {
		Node
		X  Expr
		To *types.Type
	}
	// Coalesce is X ?? Y: Y where X is null.
	Coalesce struct {
		Node
		X, Y Expr
	}
	// Catch is X catch Y: Y where X fails.
	Catch struct {
		Node
		X, Y Expr
	}
	// If is if Cond then Then else Else.
	If struct {
		Node
		Cond, Then, Else Expr
	}
	// Match is match Subject { arms }. It is exhaustive: the last arm has neither
	// patterns nor condition, or the arms cover the subject's type.
	Match struct {
		Node
		Subject Expr // nil: the arms are conditions
		Slot    Slot // holds the subject while arms are tried; unused without one
		Arms    []Arm
	}
	// Arm is one arm of a Match.
	Arm struct {
		Cond Expr // a bool over Slot (equality with the patterns, `is`), or the arm's own condition; nil: else
		X    Expr
	}
	// List is [a, ...b].
	List struct {
		Node
		Items []Item
	}
	// Item is an element, or a list spread into the list (null spreads to nothing? no: it fails, E0410).
	Item struct {
		X      Expr
		Spread bool
	}
	// ListFor is [X for Value in In if Cond]; over an object Key and Value run.
	ListFor struct {
		Node
		For For
		X   Expr
	}
	// For is the head of a comprehension.
	For struct {
		Key, Value Slot
		HasKey     bool // `for k, v in o`; over a list k is the position
		In         Expr
		Cond       Expr // nil: every element
	}
	// Object is {…}: entries in order.
	Object struct {
		Node
		Entries []Entry
	}
	// Entry is one entry of an object.
	Entry struct {
		Kind EntryKind
		Key  string // Named
		KeyX Expr   // Computed: text
		X    Expr
		Opt  bool // `?:`: left out where X is null
	}
	// ObjectFor is { [Key]: X for … }. Keys that come twice fail (E0423).
	ObjectFor struct {
		Node
		For    For
		Key, X Expr
		Opt    bool
	}
	// Text is "a ${X} b". Null, lists and objects in it fail (E0410).
	Text struct {
		Node
		Parts []string // one more than Exprs
		Exprs []Expr
	}
)

// EntryKind tells what an entry of an object literal is.
type EntryKind uint8

// The kinds of entries.
const (
	Named    EntryKind = iota // key: X
	Computed                  // [KeyX]: X
	Spread                    // ...X: the fields of an object; null spreads nothing
)

// ArithOp is an arithmetic operator.
type ArithOp uint8

// The arithmetic operators.
const (
	Add ArithOp = iota
	Sub
	Mul
	Div
	Rem
)

// CompareOp is a comparison.
type CompareOp uint8

// The comparisons.
const (
	Eq CompareOp = iota
	Ne
	Lt
	Le
	Gt
	Ge
)

var arithNames = [...]string{"+", "-", "*", "/", "%"}
var compareNames = [...]string{"==", "!=", "<", "<=", ">", ">="}

// String gives the operator as it is written.
func (o ArithOp) String() string { return arithNames[o] }

// String gives the operator as it is written.
func (o CompareOp) String() string { return compareNames[o] }
