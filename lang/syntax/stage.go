package syntax

// Stage is one step of a route.
type Stage interface {
	Node
	stage()
}

// The stages, one struct each, named after their keyword.
type (
	// Where is `where Cond else "why"`.
	Where struct {
		head
		Cond Expr  `parser:"'where' @@"`
		Why  Const `parser:"( (?! 'else' '=>') 'else' @@ )?"`
	}
	// Map is `map X`.
	Map struct {
		head
		X Expr `parser:"'map' @@"`
	}
	// Set is `set { a: E }` or `set .a = E, .b = E`.
	Set struct {
		head
		Block *SetBlock `parser:"'set' ( @@"`
		Paths []*Assign `parser:"| @@ ( ',' @@ )* )"`
	}
	// Assign is `Path = X`.
	Assign struct {
		head
		Path Path `parser:"@@ '='"`
		X    Expr `parser:"@@"`
	}
	// Unset is `unset .a, .b.c`.
	Unset struct {
		head
		Paths []*Path `parser:"'unset' @@ ( ',' @@ )*"`
	}
	// Let is `let Name = X`: a stage, a constant or a local of a def.
	Let struct {
		head
		Name Word `parser:"'let' @@ '='"`
		X    Expr `parser:"@@"`
	}
	// Require is `require Cond else "why"`.
	Require struct {
		head
		Cond Expr `parser:"'require' @@"`
		Why  Expr `parser:"'else' @@"`
	}
	// Drop is `drop "why"`; the reason is a label of a metric.
	Drop struct {
		head
		Why Const `parser:"'drop' @@"`
	}
	// Fail is `fail "why"`.
	Fail struct {
		head
		Why Expr `parser:"'fail' @@"`
	}
	// Replay is `replay`.
	Replay struct {
		head
		On bool `parser:"@'replay'"`
	}
	// When is `when C { … } else when D { … } else { … }`.
	When struct {
		head
		Cases []*Case `parser:"@@ ( (?= 'else' 'when') 'else' @@ )*"`
		Else  *Block  `parser:"( (?! 'else' '=>') 'else' @@ )?"`
	}
	// Case is `when Cond { … }`.
	Case struct {
		head
		Cond Expr   `parser:"'when' @@"`
		Then *Block `parser:"@@"`
	}
	// MatchStage is `match Subject { … }`; Subject is nil where there is none.
	MatchStage struct {
		head
		Subject Expr `parser:"'match' ( (?! '{') @@ )?"`
		Arms    Arms `parser:"@@"`
	}
	// Each is `each In as As { … }`.
	Each struct {
		head
		In   Expr   `parser:"'each' @@"`
		As   Word   `parser:"'as' @@"`
		Body *Block `parser:"@@"`
	}
	// Split is `split In as As`.
	Split struct {
		head
		In Expr `parser:"'split' @@"`
		As Word `parser:"( 'as' @@ )?"`
	}
	// By is `by Keys`.
	By struct {
		head
		Keys []Expr `parser:"'by' @@ ( ',' @@ )*"`
	}
	// Dedupe is `dedupe Name by … within 24h`.
	Dedupe struct {
		head
		Name   Word `parser:"'dedupe' ( (?! 'by') @@ )?"`
		By     By   `parser:"@@"`
		Within Unit `parser:"'within' @@"`
	}
	// Changed is `changed by … within 395d`.
	Changed struct {
		head
		By     By   `parser:"'changed' @@"`
		Within Unit `parser:"'within' @@"`
	}
	// Sample is `sample 10% by …`.
	Sample struct {
		head
		Percent Number `parser:"'sample' @@ '%'"`
		By      By     `parser:"@@"`
	}
	// Throttle is `throttle 100/s by … burst 50 else drop`; Else is unset,
	// drop, fail or wait, Max the longest wait.
	Throttle struct {
		head
		Rate  Rate   `parser:"'throttle' @@"`
		By    By     `parser:"@@"`
		Burst Number `parser:"( 'burst' @@ )?"`
		Else  Word   `parser:"( (?! 'else' '=>') 'else' @@"`
		Max   Unit   `parser:"  @@? )?"`
	}
	// Update is `update Table[Keys] = X as As was Was`.
	Update struct {
		head
		Table Word `parser:"'update' @@"`
		Index Keys `parser:"@@ '='"`
		X     Expr `parser:"@@"`
		As    Word `parser:"( 'as' @@ )?"`
		Was   Word `parser:"( 'was' @@ )?"`
	}
	// Delete is `delete Table[Keys]`.
	Delete struct {
		head
		Table Word `parser:"'delete' @@"`
		Index Keys `parser:"@@"`
	}
	// Identify is `resolve|find|forget Space as As { … }`; Null is the `?`.
	Identify struct {
		head
		Verb  string `parser:"@( 'resolve' | 'find' | 'forget' )"`
		Space Word   `parser:"@@"`
		As    Word   `parser:"'as' @@"`
		Null  bool   `parser:"@'?'?"`
		IDs   Object `parser:"@@"`
	}
	// Time is `time by X`.
	Time struct {
		head
		By Expr `parser:"'time' 'by' @@"`
	}
	// OrderKey is `key by …`.
	OrderKey struct {
		head
		By By `parser:"'key' @@"`
	}
	// With is `with { … }`.
	With struct {
		head
		X Object `parser:"'with' @@"`
	}
	// Window is `window session 5m by … as … every … grace … { … } late { … }`.
	Window struct {
		head
		Session bool   `parser:"'window' @'session'?"`
		Length  Unit   `parser:"@@"`
		By      By     `parser:"@@"`
		As      Word   `parser:"( 'as' @@ )?"`
		Every   Unit   `parser:"( 'every' @@ )?"`
		Grace   Unit   `parser:"( 'grace' @@ )?"`
		Fields  Object `parser:"@@"`
		Late    *Block `parser:"( 'late' @@ )?"`
	}
	// HTTPCall is `call http Method URL via … as As: Type { … }`.
	HTTPCall struct {
		head
		Method Word    `parser:"'call' 'http' @@"`
		URL    Target  `parser:"@@"`
		Via    Word    `parser:"( 'via' @@ )?"`
		As     Word    `parser:"( 'as' @@"`
		Type   *Type   `parser:"  ( ':' @@ )? )?"`
		Object *Object `parser:"( (?! EOL) @@ )?"`
	}
	// Emit is `emit …`.
	Emit struct {
		head
		Call EmitCall `parser:"'emit' @@"`
	}
	// BadStage is a stage that could not be read. Binds are the names it would
	// have bound, as far as that can be seen, so that their use below is no
	// second mistake.
	BadStage struct {
		node
		Keyword Word
		Binds   []Word
		Part    Stage // what was read, where it only broke a rule; else nil
	}
)

// Block is `{ … }` of stages.
type Block struct {
	node
	Stages []Stage
	faults []*fault
}

// Arms is `{ … }` of a match.
type Arms struct {
	node
	List   []*Arm
	faults []*fault
}

// Arm is `Pats => stage`, `Pats => { … }` or `else => …`. A body without
// braces is a Block of one stage (Braced is false).
type Arm struct {
	node
	Pats   []*Pattern
	Else   bool
	Braced bool
	Body   *Block
}

// EmitCall is what stands behind `emit`.
type EmitCall interface {
	Node
	emit()
}

// The kinds of emit.
type (
	// Tail is what ends every emit.
	Tail struct {
		Via    Word    `parser:"( 'via' @@ )?"`
		As     Word    `parser:"( 'as' @@ )?"`
		Object *Object `parser:"( (?! EOL) @@ )?"` // or nil
	}
	// EmitTrack is `track Name`.
	EmitTrack struct {
		head
		Name Target `parser:"'track' @@"`
		Tail
	}
	// EmitView is `page Name` or `screen Name`.
	EmitView struct {
		head
		Kind string  `parser:"@( 'page' | 'screen' )"`
		Name *Target `parser:"@@?"` // or nil
		Tail
	}
	// EmitCalls is `identify`, `group`, `alias` or `segment`.
	EmitCalls struct {
		head
		Kind string `parser:"@( 'identify' | 'group' | 'alias' | 'segment' )"`
		Tail
	}
	// EmitTopic is `topic Topic`.
	EmitTopic struct {
		head
		Topic Target `parser:"'topic' @@"`
		Tail
	}
	// EmitHTTP is `http Method URL`.
	EmitHTTP struct {
		head
		Method Word    `parser:"'http' @@"`
		URL    *Target `parser:"@@?"` // or nil
		Tail
	}
	// EmitLog is `log Message`.
	EmitLog struct {
		head
		On      bool    `parser:"@'log'"`
		Message *Target `parser:"@@?"` // or nil
		Tail
	}
)

func (*EmitTrack) emit() {}
func (*EmitView) emit()  {}
func (*EmitCalls) emit() {}
func (*EmitTopic) emit() {}
func (*EmitHTTP) emit()  {}
func (*EmitLog) emit()   {}

func (*Where) stage()      {}
func (*Map) stage()        {}
func (*Set) stage()        {}
func (*Unset) stage()      {}
func (*Let) stage()        {}
func (*Require) stage()    {}
func (*Drop) stage()       {}
func (*Fail) stage()       {}
func (*Replay) stage()     {}
func (*When) stage()       {}
func (*MatchStage) stage() {}
func (*Each) stage()       {}
func (*Split) stage()      {}
func (*Dedupe) stage()     {}
func (*Changed) stage()    {}
func (*Sample) stage()     {}
func (*Throttle) stage()   {}
func (*Update) stage()     {}
func (*Delete) stage()     {}
func (*Identify) stage()   {}
func (*Time) stage()       {}
func (*OrderKey) stage()   {}
func (*With) stage()       {}
func (*Window) stage()     {}
func (*HTTPCall) stage()   {}
func (*Emit) stage()       {}
func (*BadStage) stage()   {}
