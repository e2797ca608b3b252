// Package examples holds Sluice's example programs, each a folder with golden tests and
// sample traffic: `sluice init` writes any of them, and the demo runs some as one.
package examples

import (
	"embed"
	"io/fs"
	"strings"
)

// Programs are the examples, each in the folder of its name.
//
//go:embed */*
var Programs embed.FS

// Names lists the examples in order.
func Names() []string {
	entries, err := fs.ReadDir(Programs, ".")
	if err != nil {
		panic("examples: " + err.Error()) // it is part of this file's program
	}
	var out []string
	for _, e := range entries {
		out = append(out, e.Name())
	}
	return out
}

// Title is what the README of an example is headed with; "" where it is none.
func Title(name string) string {
	b, err := fs.ReadFile(Programs, name+"/README.md")
	if err != nil {
		return ""
	}
	first, _, _ := strings.Cut(string(b), "\n")
	return strings.TrimPrefix(first, "# ")
}
