package syntax

// Expr is an expression.
type Expr interface {
	Node
	expr()
}

// LitKind is the kind of a literal.
type LitKind uint8

// The kinds of literals.
const (
	NumberLit LitKind = iota + 1
	UnitLit           // a duration or a size: ParseUnit
	TextLit           // "text" without ${ } or `raw`
	BoolLit
	NullLit
)

// The expressions. Every node spans its text exactly, without blanks around it.
type (
	// Lit is a literal.
	Lit struct {
		node
		Kind  LitKind
		Text  string // as written
		Value string // of a text: decoded; else Text
	}
	// Text is a string with ${ }: Parts[0] Exprs[0] Parts[1] … Parts[n].
	Text struct {
		node
		Parts []string // decoded
		Raw   []string // as written, with quotes and the brackets of ${ }
		Exprs []Expr
	}
	// Root is `.` or `$`.
	Root struct {
		node
		Sigil string
	}
	// Meta is `@name`.
	Meta struct {
		node
		Name string
	}
	// Name is a variable, `it` included.
	Name struct {
		node
		Name string
	}
	// Field is `Of.Name`.
	Field struct {
		node
		Of       Expr
		Name     string
		NameSpan Word // the name alone; for the smallest text of a diagnostic
	}
	// Index is `Of[Keys]`; several keys only for tables.
	Index struct {
		node
		Of   Expr
		Keys []Expr
	}
	// Call is `Func(Args)`; of `x | f(y)` the first argument is x.
	Call struct {
		node
		Func  Word // the whole dotted name, "email.normalize"
		Args  []Expr
		Piped bool
	}
	// Unary is `-X` or `not X`.
	Unary struct {
		node
		Op string
		X  Expr
	}
	// Binary is `X Op Y`; Op is one of or and == != < <= > >= in "not in"
	// matches ?? catch + - * / %.
	Binary struct {
		node
		Op     string
		OpSpan Word // the operator alone
		X, Y   Expr
	}
	// Is is `X is T` or `X is not T`.
	Is struct {
		node
		X   Expr
		Not bool
		T   TypePrim
	}
	// Cast is `X | as T`.
	Cast struct {
		node
		X Expr
		T *TypeTerm
	}
	// Cond is `if If then Then else Else`.
	Cond struct {
		node
		If, Then, Else Expr
	}
	// Paren is `(X)`.
	Paren struct {
		node
		X Expr
	}
	// List is `[Items]`, or `[Items[0].X For]`.
	List struct {
		node
		Items []*Item
		For   *For
	}
	// Item is an element of a list.
	Item struct {
		node
		Spread bool // `...X`
		X      Expr
	}
	// For is `for V in In if If` or `for K, V in In if If`.
	For struct {
		node
		K, V   Word // K is unset where only one name is given
		In, If Expr // If is nil where there is none
	}
	// Object is `{ Entries }`, or `{ Entries[0] For }`.
	Object struct {
		node
		Entries []*Entry
		For     *For
	}
	// Entry is one field of an object: `Key: X`, `[Computed]: X`, `Key` alone
	// (Short, X is nil), `...X` (Spread; X is nil for the bare `...`).
	Entry struct {
		node
		Key      Key
		Computed Expr
		Opt      bool // "?:"
		Spread   bool
		Short    bool
		X        Expr
	}
	// Key is the name of a field in braces.
	Key struct {
		node
		Text   string // decoded
		Quoted bool
	}
	// Match is `match Subject { Arms }`; Subject is nil where there is none.
	Match struct {
		node
		Subject Expr
		Arms    []*ExprArm
	}
	// ExprArm is `Pats => X` or `else => X`.
	ExprArm struct {
		node
		Pats []*Pattern
		Else bool
		X    Expr
	}
	// Pattern is a literal, or `is Is`; without a subject a condition X.
	Pattern struct {
		node
		X  Expr
		Is TypePrim
	}
)

func (*Lit) expr()    {}
func (*Text) expr()   {}
func (*Root) expr()   {}
func (*Meta) expr()   {}
func (*Name) expr()   {}
func (*Field) expr()  {}
func (*Index) expr()  {}
func (*Call) expr()   {}
func (*Unary) expr()  {}
func (*Binary) expr() {}
func (*Is) expr()     {}
func (*Cast) expr()   {}
func (*Cond) expr()   {}
func (*Paren) expr()  {}
func (*List) expr()   {}
func (*Object) expr() {}
func (*Match) expr()  {}

// Unparen takes the parentheses off an expression.
func Unparen(x Expr) Expr {
	for {
		p, ok := x.(*Paren)
		if !ok {
			return x
		}
		x = p.X
	}
}
