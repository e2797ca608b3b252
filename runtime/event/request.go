package event

import "github.com/sluice-dev/sluice/lang/value"

// Request is what stands behind `@` of a record that came by a webhook.
type Request struct {
	Method, Path, RemoteIP string
	Headers                *value.Object // texts, names in small letters
	Element                int           // its place in the list that was sent; -1: it was none
}
