// Package stdlib is the world that the checker asks about: it wires the functions
// of fn, the settings, the modules of mod and the rules of segment into one
// check.Env. It knows the language and nothing of what runs it.
package stdlib

import (
	"slices"

	"github.com/sluice-dev/sluice/lang/check"
	"github.com/sluice-dev/sluice/lang/types"
	"github.com/sluice-dev/sluice/stdlib/fn"
	"github.com/sluice-dev/sluice/stdlib/mod"
)

// env implements check.Env. It is built once and only read.
type env struct {
	*Registry
	events events
}

// Env gives the library of this version.
func Env() check.Env {
	r, err := NewRegistry(Funcs()...)
	if err != nil {
		panic("stdlib: " + err.Error()) // a declaration of ours is wrong, TestRegistry finds it
	}
	return &env{Registry: r}
}

// Funcs lists all functions, the settings among them.
func Funcs() []*types.Func { return slices.Concat(fn.All(), settings(), verify()) }

func (e *env) Aggregate(name string) *types.Func {
	for _, f := range fn.Aggregates() {
		if f.Name == name {
			return f
		}
	}
	return nil
}

func (e *env) AggregateNames() []string {
	var out []string
	for _, f := range fn.Aggregates() {
		out = append(out, f.Name)
	}
	return out
}

func (e *env) FuncLater(name string) bool { return slices.Contains(laterFuncs, name) }

func (e *env) Type(name string) *types.Type {
	if name == "segment.Call" {
		return e.events.PassType()
	}
	return nil
}

func (e *env) Module(path string) (string, bool) { return mod.Text(path) }

func (e *env) ModuleNames() []string { return mod.Names() }

func (e *env) ModuleLater(string) bool { return false } // all are there

func (e *env) Events() check.Events { return e.events }

// laterFuncs belong to the language and are not there yet; each leaves this list
// when it comes.
var laterFuncs = []string{
	"ip.country",
}
