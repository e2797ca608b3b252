package stdlib

import (
	"fmt"

	"github.com/sluice-dev/sluice/lang/types"
)

// Registry is a set of functions by name. It is built once and only read.
type Registry struct {
	byName map[string]*types.Func
	names  []string
}

// NewRegistry makes a registry. It refuses two functions of one name, and one
// that has no doc or no examples: the reference and the tests are made of them.
func NewRegistry(funcs ...*types.Func) (*Registry, error) {
	r := &Registry{byName: make(map[string]*types.Func, len(funcs))}
	for _, f := range funcs {
		switch {
		case f.Name == "":
			return nil, fmt.Errorf("a function has no name")
		case r.byName[f.Name] != nil:
			return nil, fmt.Errorf("%s is registered twice", f.Name)
		case f.Doc == "":
			return nil, fmt.Errorf("%s has no doc", f.Name)
		case len(f.Examples) == 0:
			return nil, fmt.Errorf("%s has no examples", f.Name)
		case f.Call == nil:
			return nil, fmt.Errorf("%s has no code", f.Name)
		case f.Result == nil: // also where Infer knows better: signatures show it
			return nil, fmt.Errorf("%s has no result", f.Name)
		}
		for i, p := range f.Params {
			if p.Doc == "" || p.Rest && i < len(f.Params)-1 || p.Type == nil && f.Infer == nil {
				return nil, fmt.Errorf("parameter %s of %s is not well declared", p.Name, f.Name)
			}
		}
		r.byName[f.Name] = f
		r.names = append(r.names, f.Name)
	}
	return r, nil
}

// Func gives a function, or nil.
func (r *Registry) Func(name string) *types.Func { return r.byName[name] }

// FuncNames lists the functions in the order in which they were registered.
func (r *Registry) FuncNames() []string { return r.names }
