package types

import (
	"github.com/sluice-dev/sluice/lang/diag"
	"github.com/sluice-dev/sluice/lang/value"
)

// Param is a parameter of a function.
type Param struct {
	Name    string
	Type    *Type       // nil means "T", the function's type variable (see Func.Infer)
	Doc     string      //
	Default value.Value // used when the argument is left out
	HasDef  bool
	// Rest marks the last parameter when it may be given any number of times, at
	// least once ("…").
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
	Name   string // "upper", "url.path"
	Doc    string // one sentence
	Params []Param
	// Sign is the signature with T in it, "first(list: [T]) -> T?", where the types of
	// parameters and result cannot say that they go together.
	Sign     string
	Result   *Type // for a non-null subject; nil when Infer gives it
	Fails    bool  // "!": it fails on bad input
	Examples []Example
	// Codes are the failures that it may cause besides E0422: the limits of numbers,
	// names that collide.
	Codes []*diag.Code
	// FailsFor says, where it is set, for which types of arguments the function
	// fails although Fails is false: a time zone that is no constant may not exist.
	FailsFor func(args []*Type) bool
	// TakesNull: the first parameter takes null itself; otherwise a null subject
	// gives null without a call (language.md §3).
	TakesNull bool
	// Impure functions (now) read the Context.
	Impure bool
	// Setting functions (env, secret) stand in options of connections and sources
	// only, and are evaluated once at start.
	Setting bool
	// Infer gives the result type from the arguments' types where the signature
	// has a type variable, or an error text for the checker ("list of numbers
	// expected"). Constant arguments come as Literal types, parameters left out as
	// the type of their default, and the subject without null unless TakesNull.
	// nil: Result holds.
	Infer func(args []*Type) (*Type, error)
	// Call computes the result. The arguments are of the parameters' types, null
	// only where a type says so; defaults are filled in; rest arguments follow.
	// An error is a failure of the record (E0422 unless it is a *diag.Failure).
	Call func(c *Context, args []value.Value) (value.Value, error)
}

// Context is what impure functions may know.
type Context struct {
	Now func() value.Value // processing time of the slice, a time.Time
	// Env and Secret look up settings; nil outside the options of connections.
	// Env tells whether the variable is set; Secret fails where there is none.
	Env    func(name string) (text string, ok bool)
	Secret func(name string) (value.Secret, error)
}
