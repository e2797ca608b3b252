// Package mod holds the modules that are written in Route: what `use NAME`
// brings into a script. A module declares types, functions and constants; it has
// no routes and no connections.
package mod

import (
	"embed"
	"strings"
)

//go:embed *.route
var files embed.FS

// Text gives the source of a module.
func Text(path string) (string, bool) {
	b, err := files.ReadFile(strings.ReplaceAll(path, "/", ".") + ".route")
	return string(b), err == nil
}

// Names lists the modules.
func Names() []string {
	entries, err := files.ReadDir(".")
	if err != nil {
		return nil // an embedded directory is there
	}
	var out []string
	for _, e := range entries {
		out = append(out, strings.ReplaceAll(strings.TrimSuffix(e.Name(), ".route"), ".", "/"))
	}
	return out
}
