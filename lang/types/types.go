// Package types is the static side of Route: what the checker knows of a value
// before it runs, how a value is judged against a declared type, and Func, the
// one declaration that check and evaluation of a function share.
package types

import (
	"github.com/sluice-dev/sluice/lang/value"
)

// Kind is the shape of a type.
type Kind uint8

// The kinds of types.
const (
	Never    Kind = iota // no value: the type of fail(…)
	Any                  // every value, null included
	Null                 // only null
	Bool                 //
	Number               // an exact decimal
	Int                  // a number without a fractional part; 3146.0 is one
	String               //
	Time                 //
	Duration             //
	Bytes                //
	Literal              // one constant: "paid", 3, true
	List                 // of Elem
	Object               // Fields, and Rest for the others
	Map                  // {string: Elem}: any key, all values of Elem; `object` is {string: any}
	Union                // one of Members
	Opaque               // what only connections and options hold: secret, sasl, verify, auth, rate, size, limit, choice; named by Name
)

// Type is a static type. Types are immutable and shared; compare with Equal,
// never with ==.
type Type struct {
	Kind    Kind
	Name    string      // the declared name ("Order", "kochava.Postback"), for people; "" for anonymous ones. Of Opaque: which
	Elem    *Type       // List, Map
	Fields  []Field     // Object, in declared order
	Rest    *Type       // Object: type of fields that are not declared (`...: T`); nil: there are none to read
	Open    bool        // Object: the value may hold more fields than declared; they cannot be read (a row of `as T`)
	Members []*Type     // Union: flat, at least two, no unions inside
	Lit     value.Value // Literal: string, value.Number or bool
}

// Field is a declared field.
type Field struct {
	Name     string
	Type     *Type
	Optional bool        // the field may be missing (`f?: T`, and `f: T?`, where missing reads as null, and with a default)
	Default  value.Value // stands in for missing and null; nil when HasDefault is false
	HasDef   bool
}

// Param is a parameter of a function.
type Param struct {
	Name    string
	Type    *Type       // nil means "T", the function's type variable (see Func.Infer)
	Doc     string      //
	Default value.Value // used when the argument is left out
	HasDef  bool
	// Rest marks the last parameter when it may be given any number of times ("…").
	Rest bool
	// Const demands a constant argument (patterns, literal paths).
	Const bool
}

// Example is a call and what it gives: `upper("é")` and `"É"`; a Want of the
// form `fails` or `error E0301` says that it fails at run time or does not check.
type Example struct{ Expr, Want string }

// Func is a function of the library: signature, doc, examples and code in one
// declaration. Nothing about it is written twice.
type Func struct {
	Name     string // "upper", "url.path"
	Doc      string // one sentence
	Params   []Param
	Result   *Type // for a non-null subject; nil when Infer gives it
	Fails    bool  // "!": it fails on bad input
	Examples []Example
	// TakesNull: the first parameter takes null itself; otherwise a null subject
	// gives null without a call (language.md §3).
	TakesNull bool
	// Impure functions (now) read the Context.
	Impure bool
	// Infer gives the result type from the arguments' types where the signature
	// has a type variable, or an error text for the checker ("list of numbers
	// expected"). Constant arguments come as Literal types. nil: Result holds.
	Infer func(args []*Type) (*Type, error)
	// Call computes the result. The arguments are of the parameters' types, null
	// only where a type says so; defaults are filled in; rest arguments follow.
	// An error is a failure of the record (E0422 unless it is a *diag.Failure).
	Call func(c *Context, args []value.Value) (value.Value, error)
}

// Context is what impure functions may know.
type Context struct {
	Now func() value.Value // processing time of the slice, a time.Time
}
