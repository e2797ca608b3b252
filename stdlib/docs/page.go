// Package docs makes the pages of the reference out of the declarations: functions,
// modules, stages, Segment's events, error codes. `sluice docs` shows one of them,
// and spec/functions.md and spec/errors.md are printed from the same.
package docs

import (
	"slices"
	"strings"
	"sync"

	"github.com/sluice-dev/sluice/lang/diag"
)

// The kinds of pages.
const (
	Function   = "function"
	Aggregate  = "aggregate"
	Setting    = "setting"
	Module     = "module"
	Stage      = "stage"
	Declares   = "declaration"
	Expression = "expression"
	Event      = "event"
	Code       = "code"
	Type       = "type"
	Namespace  = "namespace"
)

// Page is what is known about one name.
type Page struct {
	Kind     string    `json:"kind"`
	Name     string    `json:"name"`
	Section  string    `json:"section,omitempty"` // where the reference lists it
	Title    string    `json:"title,omitempty"`   // of a code
	Forms    []string  `json:"forms,omitempty"`   // how it is written: a signature, the forms of a stage
	Doc      string    `json:"doc"`
	Params   []Param   `json:"params,omitempty"`
	Result   string    `json:"result,omitempty"`
	Fails    bool      `json:"fails,omitempty"`
	Examples []Example `json:"examples,omitempty"`
	Fields   []Field   `json:"fields,omitempty"` // properties of an event
	Items    []Item    `json:"items,omitempty"`  // what a module gives
	Wrong    string    `json:"wrong,omitempty"`  // a program with the mistake
	Says     string    `json:"says,omitempty"`   // what is said about it
	Right    string    `json:"right,omitempty"`  // the same, mended
	nullDoc  bool      // a null subject gives null
}

// Param is a parameter of a function.
type Param struct {
	Name     string `json:"name"`
	Type     string `json:"type"`
	Doc      string `json:"doc"`
	Constant bool   `json:"constant,omitempty"`
	Optional bool   `json:"optional,omitempty"`
	Many     bool   `json:"many,omitempty"`
}

// Example is code, and what it gives where it is an expression.
type Example struct {
	Code string `json:"code"`
	Want string `json:"want,omitempty"`
}

// Field is a property of an event.
type Field struct {
	Name string `json:"name"`
	Type string `json:"type"`
}

// Item is something that a module gives.
type Item struct {
	Kind string `json:"kind"` // type, function, constant
	Name string `json:"name"`
	Form string `json:"form"`
	Doc  string `json:"doc"`
}

// All lists the pages in the order of the reference.
var All = sync.OnceValue(func() []*Page {
	return slices.Concat(stagePages(), functionPages(), modulePages(), typePages(), eventPages(), codePages())
})

// Find gives the pages of a name, for `time` is a stage and a function; without one
// the name that was most likely meant, or "". Names of things are taken as they are
// written, those of codes and events in either case.
func Find(name string) (pages []*Page, near string) {
	name = strings.TrimSuffix(strings.Join(strings.Fields(name), " "), "()")
	var names []string
	for _, p := range All() {
		if p.Name == name || (p.Kind == Code || p.Kind == Event) && strings.EqualFold(p.Name, name) {
			pages = append(pages, p)
		}
		names = append(names, p.Name)
		for _, it := range p.Items {
			if it.Name == name {
				pages = append(pages, &Page{Kind: it.Kind, Name: it.Name, Section: "use " + p.Name, Forms: []string{it.Form}, Doc: it.Doc})
			}
			names = append(names, it.Name)
		}
	}
	if pages = append(pages, partly(name)...); len(pages) > 0 {
		return pages, ""
	}
	// The last part of a name is often all that somebody remembers: normalize, e164.
	for _, n := range names {
		if strings.HasSuffix(n, "."+name) {
			return nil, n
		}
	}
	return nil, diag.Nearest(name, names)
}

// partly gives the pages that a part of a name means: of two words the last (track),
// the module behind a folder (ecommerce), the functions before a dot (email).
func partly(name string) (pages []*Page) {
	space := &Page{Kind: Namespace, Name: name, Doc: "Functions, by what they are about; each has a page, `sluice docs NAME`."}
	for _, p := range All() {
		switch {
		case strings.HasSuffix(p.Name, " "+name) && p.Kind == Stage, strings.HasSuffix(p.Name, "/"+name) && p.Kind == Module:
			pages = append(pages, p)
		case strings.HasPrefix(p.Name, name+".") && p.Kind == Function:
			first, _, _ := strings.Cut(p.Doc, ". ")
			space.Items = append(space.Items, Item{Function, p.Name, p.Forms[0], strings.TrimSuffix(first, ".") + "."})
		}
	}
	if len(space.Items) > 0 {
		pages = append(pages, space)
	}
	return pages
}

// Name is a page in a list.
type Name struct {
	Kind    string `json:"kind"`
	Name    string `json:"name"`
	Section string `json:"section,omitempty"`
}

// Names lists the pages.
func Names() []Name {
	var out []Name
	for _, p := range All() {
		out = append(out, Name{p.Kind, p.Name, p.Section})
	}
	return out
}
