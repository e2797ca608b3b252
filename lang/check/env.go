package check

import (
	"github.com/sluice-dev/sluice/lang/types"
)

// Env is what the checker asks of the world: functions, modules and the rules
// of the event API that `emit track` speaks. It is data; asking has no effect.
type Env interface {
	// Func gives a function of the library, or nil.
	Func(name string) *types.Func
	// FuncNames lists the functions, for "did you mean".
	FuncNames() []string
	// Aggregate gives an aggregate of `window`, or nil; it has no code.
	Aggregate(name string) *types.Func
	// AggregateNames lists them, for "did you mean".
	AggregateNames() []string
	// Type gives a type that the library declares ("segment.Call"), or nil.
	Type(name string) *types.Type
	// Module gives the text of a module written in Route.
	Module(path string) (text string, ok bool)
	// ModuleNames lists the modules, for "did you mean".
	ModuleNames() []string
	// Schema gives the type of a JSON Schema, and the rules of it that a type cannot say.
	Schema(data []byte) (t *types.Type, open []string, err error)
	// Events are the rules of the event API.
	Events() Events
}

// Events are the rules of the API behind `emit track|identify|group|page|screen|alias`.
type Events interface {
	// Call gives the shape of a call; ok for every keyword of the grammar.
	Call(keyword string) (Call, bool)
	// PassType is the type that `.` must be of for `emit segment`.
	PassType() *types.Type
	// Reserved gives the types of the reserved traits of a call, or of the
	// properties of a semantic event; nil where nothing is reserved. Fields that
	// it does not name are the team's own.
	Reserved(keyword, event string) *types.Type
	// Names lists the semantic events.
	Names() []string
	// Nearest gives the semantic event that a name nearly is ("Completed Order"
	// for "Order Completed"), or "".
	Nearest(event string) string
	// Plan reads the file of a tracking plan.
	Plan(data []byte) (Plan, error)
	// Currency tells whether a code is one of ISO 4217.
	Currency(code string) bool
}

// Call is the shape of one call.
type Call struct {
	// Fields stand in the order in which they are sent, the name of the event
	// (Name) among them.
	Fields []CallField
	// Name is the field that the target of the emit gives ("event", "name"), or "".
	Name string
	// Body is the field that defaults to `.` ("properties", "traits"), or "".
	Body string
	// AnyOf lists the ids of which one must be given.
	AnyOf []string
}

// CallField is a field of a call.
type CallField struct {
	Name     string
	Type     *types.Type
	Required bool
	NonEmpty bool // a text in it is not ""
	Max      int  // characters of a text in it; 0: any number
}
