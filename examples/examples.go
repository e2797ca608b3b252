// Package examples holds Sluice's example programs, each a folder with golden
// tests; the demo runs the shop.
package examples

import "embed"

// Shop is the program that `sluice demo` runs: sign-ups, orders and user events.
//
//go:embed shop
var Shop embed.FS
