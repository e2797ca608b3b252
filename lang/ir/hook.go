package ir

import "strings"

// Hook is a webhook: requests to a path become records of a topic of the program's
// own. Any number of routes may read one.
type Hook struct {
	Path    string   // "/hooks/kochava"
	Methods []string // "GET", "POST"
	// Secret gives what a sender must know, a secret, a text or a list of them: the last
	// segment of the path or `?token=`. It is evaluated at start; nil: nothing is asked.
	Secret Expr
}

// Name is the hook's as it stands in the name of its topic: of "/hooks/kochava" it is
// "hooks-kochava".
func (h *Hook) Name() string { return strings.Trim(Escape(h.Path), "-") }
