package ir

import "strings"

// HeaderName says what is wrong with the name of a header of a request; "" where
// nothing is. What frames a request is not a script's to say.
func HeaderName(s string) string {
	if s == "" {
		return "a name is not empty"
	}
	for i := range len(s) {
		b := s[i]
		if !(b >= 'a' && b <= 'z' || b >= 'A' && b <= 'Z' || b >= '0' && b <= '9' || strings.IndexByte("!#$%&'*+-.^_`|~", b) >= 0) {
			return "a name has letters, digits and - only"
		}
	}
	switch strings.ToLower(s) {
	case "host", "content-length", "transfer-encoding", "content-encoding", "accept-encoding", "connection", "keep-alive",
		"proxy-connection", "upgrade", "te", "trailer", "expect":
		return "this one is made for each request, and no script sets it"
	}
	return ""
}
