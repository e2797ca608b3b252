package types

import (
	"fmt"
	"slices"

	"github.com/sluice-dev/sluice/lang/diag"
)

// Bound is a call that checks.
type Bound struct {
	// Result is the type of the call, null of its subject included.
	Result *Type
	// NullSubject: the subject may be null and the function does not take it; the
	// call is then null and the other arguments are not evaluated.
	NullSubject bool
	// Failures are the codes that the call may fail with when it runs.
	Failures []*diag.Code
}

// BindFault is what is wrong with a call.
type BindFault uint8

// The faults of a call.
const (
	BadArity    BindFault = iota // too few or too many arguments
	BadArgument                  // an argument is not of the parameter's type
	NullHere                     // an argument other than the subject may be null
	NotConstant                  // the parameter demands a constant
	NotInferred                  // the arguments do not fit together
)

// BindError says why a call does not check.
type BindError struct {
	Fault   BindFault
	Arg     int    // index of the argument; -1 for the call as a whole
	Message string // lower case, no period
	Help    string // what to write instead; may be ""
	Want    *Type  // BadArgument: the parameter's type
	Got     *Type  // BadArgument: the argument's
}

// Error gives the message.
func (e *BindError) Error() string { return e.Message }

// Bind checks a call of f with arguments of the given types, constants among
// them as Literal. A null subject gives null, a null anywhere else is refused
// (language.md §3).
func Bind(f *Func, args []*Type) (Bound, *BindError) {
	if e := arity(f, len(args)); e != nil {
		return Bound{}, e
	}
	var b Bound
	given := make([]*Type, len(args), max(len(args), len(f.Params)))
	copy(given, args)
	if len(args) > 0 && !f.TakesNull && MayBeNull(args[0]) {
		b.NullSubject = true
		given[0] = NonNull(args[0])
	}
	for i := range given {
		p := &f.Params[min(i, len(f.Params)-1)]
		if e := argument(f, p, i, given[i]); e != nil {
			if b.NullSubject && i == 0 && e.Got != nil {
				e.Got = args[0]
			}
			return Bound{}, e
		}
	}
	if b.NullSubject && given[0].Kind == Never {
		b.Result = NullT // there is never anything to call with
		return b, nil
	}
	for i := len(given); i < len(f.Params); i++ {
		given = append(given, TypeOf(f.Params[i].Default))
	}
	b.Failures = failures(f, given)
	b.Result = f.Result
	if f.Infer != nil {
		t, err := f.Infer(given)
		if err != nil {
			return Bound{}, &BindError{Fault: NotInferred, Arg: -1, Message: fmt.Sprintf("%s: %s", f.Name, err)}
		}
		b.Result = t
	}
	if b.NullSubject {
		b.Result = Nullable(b.Result)
	}
	return b, nil
}

func failures(f *Func, args []*Type) []*diag.Code {
	codes := slices.Clip(f.Codes)
	if f.Fails || f.FailsFor != nil && f.FailsFor(args) {
		codes = append(codes, diag.FuncFailed)
	}
	return codes
}

// arity checks the number of arguments.
func arity(f *Func, n int) *BindError {
	least, most := 0, len(f.Params)
	for i := range f.Params {
		if !f.Params[i].HasDef {
			least = i + 1
		}
	}
	rest := most > 0 && f.Params[most-1].Rest
	if n >= least && (n <= most || rest) {
		return nil
	}
	want := fmt.Sprintf("%d to %d arguments", least, most)
	switch {
	case rest:
		want = "at least " + count(least)
	case least == most:
		want = count(most)
	}
	return &BindError{Fault: BadArity, Arg: -1,
		Message: fmt.Sprintf("%s takes %s, not %d", f.Name, want, n), Help: Signature(f)}
}

func count(n int) string {
	switch n {
	case 0:
		return "no arguments"
	case 1:
		return "1 argument"
	}
	return fmt.Sprintf("%d arguments", n)
}

// argument checks one argument against its parameter.
func argument(f *Func, p *Param, i int, t *Type) *BindError {
	want := p.Type
	if want == nil {
		want = AnyT
		if i > 0 || !f.TakesNull {
			want = SomeT
		}
	}
	if i > 0 && MayBeNull(t) && !MayBeNull(want) && Assignable(NonNull(t), want) {
		return &BindError{Fault: NullHere, Arg: i,
			Message: fmt.Sprintf("%q of %s may be null here", p.Name, f.Name), Help: "`require` it or add `??`"}
	}
	if !Assignable(t, want) {
		e := &BindError{Fault: BadArgument, Arg: i, Want: want, Got: t,
			Message: fmt.Sprintf("%q of %s takes %s, not %s", p.Name, f.Name, want.Brief(), t.Brief())}
		if t.Kind == Any && want.Kind != Any {
			e.Help = "cast it: `| as " + castText(want) + "`"
		}
		return e
	}
	if p.Const && t.Kind != Literal {
		return &BindError{Fault: NotConstant, Arg: i, Message: fmt.Sprintf("%q of %s must be a constant", p.Name, f.Name)}
	}
	return nil
}

// castText is a type as it stands behind `| as`.
func castText(t *Type) string {
	s := t.Brief()
	if t.Kind == Union && t.Name == "" {
		return "(" + s + ")"
	}
	return s
}
