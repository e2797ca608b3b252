package syntax

// RouteHead is `route Name was Was { … }`.
type RouteHead struct {
	head
	Name    Label    `parser:"'route' ( (?! EOL) @@"`
	Was     Label    `parser:"  ( 'was' @@ )? )?"`
	Options *Options `parser:"( (?! EOL) @@ )?"`
}

// From is the source of a route.
type From struct {
	head
	Source Source `parser:"'from' @@"`
}

// Source is what stands behind `from`.
type Source interface {
	Node
	source()
}

// The sources. Options are nil where none are given.
type (
	// FromTopic is `topic "a" as A, "b" as B`.
	FromTopic struct {
		head
		Topics  []*Topic `parser:"'topic' @@ ( ',' @@ )*"`
		Options *Options `parser:"( (?! EOL) @@ )?"`
	}
	// Topic is one topic; a type also holds for the topics before it that
	// have none.
	Topic struct {
		head
		Name Const `parser:"@@"`
		As   *As   `parser:"@@?"`
	}
	// As is `as Type strict`.
	As struct {
		head
		Type   *Type `parser:"'as' @@"`
		Strict bool  `parser:"@'strict'?"`
	}
	// FromTopics is "topics `pattern`".
	FromTopics struct {
		head
		Pattern Raw      `parser:"'topics' @@"`
		As      *As      `parser:"@@?"`
		Options *Options `parser:"( (?! EOL) @@ )?"`
	}
	// FromWebhook is `webhook "/path"`.
	FromWebhook struct {
		head
		Path    Const    `parser:"'webhook' @@"`
		As      *As      `parser:"@@?"`
		Options *Options `parser:"( (?! EOL) @@ )?"`
	}
	// FromFile is `file "name"`.
	FromFile struct {
		head
		Path    Const    `parser:"'file' @@"`
		As      *As      `parser:"@@?"`
		Options *Options `parser:"( (?! EOL) @@ )?"`
	}
	// FromSegment is `segment "/path"` or `segment webhook "/path"`.
	FromSegment struct {
		head
		Webhook bool     `parser:"'segment' @'webhook'?"`
		Path    Const    `parser:"@@"`
		Options *Options `parser:"( (?! EOL) @@ )?"`
	}
	// FromEvery is `every 1d at "06:00" zone "UTC"`.
	FromEvery struct {
		head
		Tick    Tick     `parser:"'every' @@"`
		Options *Options `parser:"( (?! EOL) @@ )?"`
	}
	// Tick is when a schedule fires.
	Tick struct {
		head
		Every Unit  `parser:"@@"`
		At    Const `parser:"( 'at' @@ )?"`
		Zone  Const `parser:"( 'zone' @@ )?"`
	}
	// FromDead is `dead route`.
	FromDead struct {
		head
		Route   Label    `parser:"'dead' @@"`
		Options *Options `parser:"( (?! EOL) @@ )?"`
	}
	// FromChanges is `changes name as p`.
	FromChanges struct {
		head
		Of      Word     `parser:"'changes' @@"`
		As      Word     `parser:"( 'as' @@ )?"`
		Options *Options `parser:"( (?! EOL) @@ )?"`
	}
	// FromTable is `table name as p every 1d`.
	FromTable struct {
		head
		Table   Word     `parser:"'table' @@"`
		As      Word     `parser:"( 'as' @@ )?"`
		Tick    Tick     `parser:"'every' @@"`
		Options *Options `parser:"( (?! EOL) @@ )?"`
	}
	// BadSource stands in a `from` that could not be read.
	BadSource struct{ node }
)

func (*FromTopic) source()   {}
func (*FromTopics) source()  {}
func (*FromWebhook) source() {}
func (*FromFile) source()    {}
func (*FromSegment) source() {}
func (*FromEvery) source()   {}
func (*FromDead) source()    {}
func (*FromChanges) source() {}
func (*FromTable) source()   {}
func (*BadSource) source()   {}
