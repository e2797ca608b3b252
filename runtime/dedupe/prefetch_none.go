//go:build !amd64 && !arm64

package dedupe

import "unsafe"

// fetch does nothing where the processor cannot be asked.
func fetch(unsafe.Pointer) {}
