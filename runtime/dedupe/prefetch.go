//go:build amd64 || arm64

package dedupe

import "unsafe"

// fetch asks the processor for the line at p and the one behind it, and does not
// wait. It reads nothing: an address that is not mapped does no harm.
//
//go:noescape
func fetch(p unsafe.Pointer)
