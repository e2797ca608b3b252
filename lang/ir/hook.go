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
	// Segment says that it takes Segment's calls: "" no, "sdk" as Segment's own API does
	// (`from segment`), "webhook" as its webhook destination sends them.
	Segment string
	// WriteKeys are those that `from segment` takes, a secret, a text or a list of them;
	// evaluated at start; nil: any.
	WriteKeys Expr
	// Verify is how a request is signed, evaluated at start; nil: it need not be.
	Verify Expr
	// ID names a request for ever: one that came before under its key, within WithinMS,
	// is a repeat, which the first stage of the route drops. By is its key: key, ID and,
	// where ID reads nothing of the record, `@element`. nil: none is.
	ID       Expr
	By       []Expr
	WithinMS int64
	// Challenge, read before `as T`, answers with its text where that is neither null nor
	// empty, and makes no record. nil: never.
	Challenge Expr
	// QuietMS is after how long without a request an alarm is raised; 0: never.
	QuietMS int64
}

// Name is the hook's as it stands in the name of its topic: of "/hooks/kochava" it is
// "hooks-kochava".
func (h *Hook) Name() string { return strings.Trim(Escape(h.Path), "-") }
