// Package stdlib is the world that the checker asks about: it wires the functions
// of fn, the settings, the modules of mod and the rules of segment into one
// check.Env. It knows the language and nothing of what runs it.
package stdlib

import (
	"errors"
	"net/netip"
	"slices"

	"github.com/sluice-dev/sluice/lang/check"
	"github.com/sluice-dev/sluice/lang/types"
	"github.com/sluice-dev/sluice/stdlib/fn"
	"github.com/sluice-dev/sluice/stdlib/mod"
	"github.com/sluice-dev/sluice/stdlib/schema"
)

// env implements check.Env. It is built once and only read.
type env struct {
	*Registry
	events events
}

// World is what the library looks up elsewhere.
type World struct {
	// Country gives the code of an IP address's country; nil where there is no database.
	Country func(netip.Addr) (code string, ok bool)
}

// Env gives the library of this version, with nothing to look up.
func Env() check.Env { return EnvOf(World{}) }

// EnvOf gives the library of this version.
func EnvOf(w World) check.Env {
	funcs := slices.Clone(Funcs())
	for i, f := range funcs {
		if f.Name == "ip.country" {
			funcs[i] = countryFunc(f, w)
		}
	}
	r, err := NewRegistry(funcs...)
	if err != nil {
		panic("stdlib: " + err.Error()) // a declaration of ours is wrong, TestRegistry finds it
	}
	return &env{Registry: r}
}

// countryFunc is ip.country over the database that there is. Without one it does not
// check: a country that is always null would be believed.
func countryFunc(f *types.Func, w World) *types.Func {
	if w.Country != nil {
		return fn.IPCountry(w.Country)
	}
	none := *f
	none.Infer = func([]*types.Type) (*types.Type, error) {
		return nil, errors.New("no database of IP addresses is there: --ip-database, or the variable SLUICE_IP_DATABASE, names one")
	}
	return &none
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

func (e *env) Type(name string) *types.Type {
	if name == "segment.Call" {
		return e.events.PassType()
	}
	return nil
}

func (e *env) Module(path string) (string, bool) { return mod.Text(path) }

func (e *env) ModuleNames() []string { return mod.Names() }

func (e *env) Schema(data []byte) (*types.Type, []string, error) { return schema.Read(data) }

func (e *env) Events() check.Events { return e.events }
