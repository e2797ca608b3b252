// Package types is the static side of Route: what the checker knows of a value
// before it runs, how a value is judged against a declared type, and Func, the
// one declaration that check and evaluation of a function share. It takes
// types and values and gives types, values and words about them; it must not
// know of scripts, spans, sources or time of day.
//
// The law of types (language.md §2) is what everything here serves: a value is
// always a member (Member) of the type that is inferred for it. So where a rule
// cannot be exact, it gives a type with more members, never with fewer.
package types

import (
	"github.com/sluice-dev/sluice/lang/value"
)

// Kind is the shape of a type.
type Kind uint8

// The kinds of types.
const (
	Never    Kind = iota // no value: the type of fail(…)
	Any                  // every value, null included unless NotNull
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
// never with ==. Make them with the constructors: they keep unions flat and
// say in one way what could be said in two.
type Type struct {
	Kind   Kind
	Name   string  // the declared name ("Order", "kochava.Postback"), for people; "" for anonymous ones. Of Opaque: which
	Elem   *Type   // List, Map
	Fields []Field // Object, in declared order
	Rest   *Type   // Object: type of fields that are not declared (`...: T`); nil: there are none to read
	// Open says of an Object that the value may hold more fields than declared;
	// they cannot be read. Declared types are open (Row), literals are not, and
	// neither is what `as T` gives (View): its other fields are gone.
	Open    bool
	Members []*Type     // Union: flat, at least two, no unions inside
	Lit     value.Value // Literal: string, value.Number or bool
	// Known are the literals that an open enum names: `"paid" | string` is String
	// with Known "paid". They say nothing of the values, only what to propose for
	// a misspelt one, so Equal does not look at them.
	Known []value.Value
	// NotNull takes null out of Any: what is left of an `any` below `!= null`.
	NotNull bool
}

// Field is a declared field.
type Field struct {
	Name     string
	Type     *Type
	Optional bool        // the field may be missing (`f?: T`, and `f: T?`, where missing reads as null, and with a default)
	Default  value.Value // stands in for missing and null; nil when HasDef is false
	HasDef   bool
}

// mayMiss tells whether a member of the type may lack the field. One with a
// default does not: what `as T` gives has it filled in.
func (f *Field) mayMiss() bool { return f.Optional && !f.HasDef }

// read is the type of the field's value, null where it may be missing.
func (f *Field) read() *Type {
	if f.mayMiss() {
		return Nullable(f.Type)
	}
	return f.Type
}

// The types that need no parts. They are shared and never changed.
var (
	NeverT    = &Type{Kind: Never}
	AnyT      = &Type{Kind: Any}
	SomeT     = &Type{Kind: Any, NotNull: true} // anything but null: `any` in the signature of a function
	NullT     = &Type{Kind: Null}
	BoolT     = &Type{Kind: Bool}
	NumberT   = &Type{Kind: Number}
	IntT      = &Type{Kind: Int}
	StringT   = &Type{Kind: String}
	TimeT     = &Type{Kind: Time}
	DurationT = &Type{Kind: Duration}
	BytesT    = &Type{Kind: Bytes}
	ObjectT   = &Type{Kind: Map, Elem: AnyT} // `object`
	SecretT   = &Type{Kind: Opaque, Name: "secret"}
)

// Builtin gives the type that a reserved name stands for where a type is
// written (`int`, `object`), or nil.
func Builtin(name string) *Type {
	switch name {
	case "any":
		return AnyT
	case "null":
		return NullT
	case "bool":
		return BoolT
	case "number":
		return NumberT
	case "int":
		return IntT
	case "string":
		return StringT
	case "time":
		return TimeT
	case "duration":
		return DurationT
	case "bytes":
		return BytesT
	case "object":
		return ObjectT
	}
	return nil
}

// BuiltinNames lists what Builtin knows, for "did you mean".
func BuiltinNames() []string {
	return []string{"any", "bool", "bytes", "duration", "int", "null", "number", "object", "string", "time"}
}

// OpaqueOf is a type of connections and options, such as `rate`.
func OpaqueOf(name string) *Type { return &Type{Kind: Opaque, Name: name} }

// ListOf is [elem].
func ListOf(elem *Type) *Type { return &Type{Kind: List, Elem: elem} }

// MapOf is {string: elem}.
func MapOf(elem *Type) *Type { return &Type{Kind: Map, Elem: elem} }

// Lit is the type of one constant: a string, a Number or a bool.
func Lit(v value.Value) *Type { return &Type{Kind: Literal, Lit: v} }

// Obj is the closed object of exactly these fields: the type of a literal.
func Obj(fields ...Field) *Type { return &Type{Kind: Object, Fields: fields} }

// Row is an object type as it is written in a declaration. Its values may have
// more fields (Open) unless rest says what the others are. A field that takes
// null may also be missing.
func Row(rest *Type, fields ...Field) *Type {
	fs := make([]Field, len(fields))
	copy(fs, fields)
	for i := range fs {
		fs[i].Optional = fs[i].Optional || fs[i].HasDef || MayBeNull(fs[i].Type)
	}
	return &Type{Kind: Object, Fields: fs, Rest: rest, Open: rest == nil}
}

// Named gives the type a declared name. Unions and scalars may have one, too.
func Named(name string, t *Type) *Type {
	c := *t
	c.Name = name
	return &c
}

// TypeOf is the type of a constant, as narrow as types can say it: a Literal
// for text, numbers and bools.
func TypeOf(v value.Value) *Type {
	switch v := v.(type) {
	case value.List:
		elems := make([]*Type, len(v))
		for i, e := range v {
			elems[i] = TypeOf(e)
		}
		return ListOf(UnionOf(elems...))
	case *value.Object:
		fields := make([]Field, v.Len())
		for i := range fields {
			f := v.At(i)
			fields[i] = Field{Name: f.Key, Type: TypeOf(f.Value)}
		}
		return Obj(fields...)
	}
	switch value.KindOf(v) {
	case value.KindNull:
		return NullT
	case value.KindTime:
		return TimeT
	case value.KindDuration:
		return DurationT
	case value.KindBytes:
		return BytesT
	case value.KindSecret:
		return SecretT
	}
	return Lit(v)
}

// Widen takes literals back to the type they are constants of, at every depth:
// what a value that starts as 0 may become.
func Widen(t *Type) *Type {
	switch t.Kind {
	case Literal:
		return base(t.Lit)
	case List:
		return ListOf(Widen(t.Elem))
	case Map:
		return MapOf(Widen(t.Elem))
	case Union:
		ms := make([]*Type, len(t.Members))
		for i, m := range t.Members {
			ms[i] = Widen(m)
		}
		return UnionOf(ms...)
	case Object:
		c := *t
		c.Name, c.Fields = "", append([]Field(nil), t.Fields...)
		for i := range c.Fields {
			c.Fields[i].Type = Widen(c.Fields[i].Type)
		}
		return &c
	}
	return t
}

// base is the kind of type that a literal is a constant of.
func base(lit value.Value) *Type {
	switch v := lit.(type) {
	case string:
		return StringT
	case bool:
		return BoolT
	case value.Number:
		if v.IsInt() {
			return IntT
		}
		return NumberT
	}
	panic("types: not a literal")
}

// Field gives the declared field of an Object.
func (t *Type) Field(name string) (*Field, bool) {
	for i := range t.Fields {
		if t.Fields[i].Name == name {
			return &t.Fields[i], true
		}
	}
	return nil, false
}

// members are the alternatives of a type: those of a union, else itself.
func (t *Type) members() []*Type {
	if t.Kind == Union {
		return t.Members
	}
	return []*Type{t}
}
