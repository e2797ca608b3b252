package event

import "github.com/sluice-dev/sluice/lang/value"

// Request is what stands behind `@` of a record that came by a webhook.
type Request struct {
	Method, Path, RemoteIP string
	Headers                *value.Object // texts, names in small letters
	// At is when a call of Segment happened, and WriteKey whose it is; nil and "" of other
	// requests.
	At       value.Value
	WriteKey string
	Element  int // its place in the list that was sent; -1: it was none
}
