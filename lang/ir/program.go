package ir

import (
	"strings"

	"github.com/sluice-dev/sluice/lang/token"
)

// Program is one checked directory.
type Program struct {
	App         string // "" only where dev or test allowed it to be missing
	Routes      []*Route
	Tables      []*Table // audiences among them
	Spaces      []*Space // by name
	Connections []*Connection
}

// Route is one checked route.
type Route struct {
	Name     string
	Was      string // its first name: ids and the consumer group's offsets stay with it; "" when never renamed
	File     string // the script's stem
	At       token.Span
	Doc      string
	Priority string // "high", "normal", "low"
	Source   *Source
	Stages   []Stage
	Slots    int // size of the frame
}

// IDName is the name that ids are made from: the oldest.
func (r *Route) IDName() string {
	if r.Was != "" {
		return r.Was
	}
	return r.Name
}

// Connection is something outside: `connection KIND NAME { … }`. Where a program
// declares no kafka main, there is none here: the caller decides (embedded broker).
type Connection struct {
	Kind    string // kafka, segment, http
	Name    string
	Shares  string // the connection whose rate, gate and account it shares; its own name when it inherits from none
	At      token.Span
	Options []Option // the inherited ones are merged in
}

// Option is one checked option. Exactly one of X, Rate, Limit is set.
type Option struct {
	Name  string
	At    token.Span
	X     Expr // may call env() and secret(): evaluated at start
	Rate  *Rate
	Limit *Limit
}

// Rate is `900/s`.
type Rate struct {
	N     int64
	PerMS int64 // milliseconds: 1000 for /s
}

// Limit is `250 or 450KB or 100ms`; zero means not given.
type Limit struct {
	Count int64
	Bytes int64
	MS    int64
}

// Option finds an option by name; nil when it is not given.
func (c *Connection) Option(name string) *Option {
	for i := range c.Options {
		if c.Options[i].Name == name {
			return &c.Options[i]
		}
	}
	return nil
}

// Escape writes a name as it stands in names of topics and groups: small letters
// and digits, one dash for each run of anything else. Two names of a program
// never meet there (check: NameClash).
func Escape(name string) string {
	var b strings.Builder
	dash := false
	for _, r := range strings.ToLower(name) {
		if r >= 'a' && r <= 'z' || r >= '0' && r <= '9' {
			b.WriteRune(r)
			dash = false
		} else if !dash {
			b.WriteByte('-')
			dash = true
		}
	}
	return b.String()
}
