package syntax

// Decl is a declaration, or a `let` above the first route (a constant).
type Decl interface {
	Node
	decl()
}

// The declarations. The tags are the grammar of the head; what has a node of
// its own reads itself.
type (
	// AppDecl is `app "shop"`.
	AppDecl struct {
		head
		Name Const `parser:"'app' @@"`
	}
	// UseDecl is `use a/b as c`.
	UseDecl struct {
		head
		Path []Word `parser:"'use' @@ ( '/' @@ )*"`
		As   Word   `parser:"( 'as' @@ )?"`
	}
	// TypeDecl is `type Name = Type` or `type Name = schema "file"`.
	TypeDecl struct {
		head
		Name   Word  `parser:"'type' @@ '='"`
		Schema Const `parser:"( (?= 'schema' Const ) 'schema' @@"`
		Type   *Type `parser:"| @@ )"`
	}
	// DefDecl is `def Name(Params) -> Result = Body`; with locals the body
	// stands in braces.
	DefDecl struct {
		head
		Name   Word     `parser:"'def' @@ '(':Glued"`
		Params []*Param `parser:"( @@ ( (?! ','? ')') ',' @@ )* ','? )? ')'"`
		Result *Type    `parser:"( '->' @@ )?"`
		Locals []*Let   `parser:"( '{' @@*"`
		Last   Expr     `parser:"  @@ '}'"`
		Short  Expr     `parser:"| '=' @@ )"`
	}
	// Param is `Name: Type`.
	Param struct {
		head
		Name Word  `parser:"@@ ':'"`
		Type *Type `parser:"@@"`
	}
	// TableDecl is `table Name: Type = Default keyed by Keys …`.
	TableDecl struct {
		head
		Name    Word        `parser:"'table' @@ ':'"`
		Type    *Type       `parser:"@@"`
		Default Expr        `parser:"( '=' @@ )?"`
		Keys    []*TableKey `parser:"'keyed' 'by' @@ ( ',' @@ )*"`
		TTL     Unit        `parser:"( 'ttl' @@ )?"`
		Merge   Word        `parser:"( 'merge' @@ )?"`
		From    *TableFrom  `parser:"( (?! EOL) @@ )?"`
	}
	// TableKey is a path into the row, or a type or identity space.
	TableKey struct {
		head
		Path *Path     `parser:"  @@"`
		Type *TypeTerm `parser:"| @@"`
	}
	// TableFrom is `from file "…"` or `from topic "…"` of a loaded table.
	TableFrom struct {
		head
		Kind    Word     `parser:"'from' @@"`
		Name    Const    `parser:"@@"`
		Options *Options `parser:"( (?! EOL) @@ )?"`
	}
	// IdentDecl is `identity Name { … }`.
	IdentDecl struct {
		head
		Name Word        `parser:"'identity' @@"`
		IDs  Identifiers `parser:"@@"`
	}
	// AudDecl is `audience Name on Table { enter: …, leave: … }`.
	AudDecl struct {
		head
		Name    Word     `parser:"'audience' @@"`
		On      Word     `parser:"'on' @@"`
		Options *Options `parser:"@@"`
	}
	// ConnDecl is `connection Kind Name = Parent { … }`.
	ConnDecl struct {
		head
		Kind    Word     `parser:"'connection' @@"`
		Name    Word     `parser:"@@"`
		Parent  Word     `parser:"( '=' @@ )?"`
		Options *Options `parser:"@@"`
	}
	// BadDecl is a declaration that could not be read. Keyword and Name are
	// what its line begins with; a name that is wanted elsewhere is known by
	// it, and the one mistake is not told twice.
	BadDecl struct {
		node
		Keyword Word
		Name    Word
	}
)

// Body is what the function gives, in whichever form it was written.
func (d *DefDecl) Body() Expr {
	if d.Short != nil {
		return d.Short
	}
	return d.Last
}

func (*AppDecl) decl()   {}
func (*UseDecl) decl()   {}
func (*TypeDecl) decl()  {}
func (*DefDecl) decl()   {}
func (*TableDecl) decl() {}
func (*IdentDecl) decl() {}
func (*AudDecl) decl()   {}
func (*ConnDecl) decl()  {}
func (*Let) decl()       {}
func (*BadDecl) decl()   {}
