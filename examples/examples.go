// Package examples holds Sluice's example programs, each a folder with golden
// tests; the demo runs some of them as one.
package examples

import "embed"

// Programs are the examples, each in the folder of its name.
//
//go:embed orders users signals signups
var Programs embed.FS
