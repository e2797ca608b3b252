package eval

import (
	"strings"

	"github.com/sluice-dev/sluice/lang/value"
	"github.com/sluice-dev/sluice/runtime/event"
)

// AnswerHeaders gives the headers of an answer as an object.
func AnswerHeaders(headers []event.Header) *value.Object {
	fields := make([]value.Field, 0, len(headers))
	at := make(map[string]int, len(headers))
	for _, h := range headers {
		name := strings.ToValidUTF8(strings.ToLower(h.Key), "\ufffd")
		text := strings.ToValidUTF8(string(h.Value), "\ufffd")
		if i, ok := at[name]; ok {
			fields[i].Value = text
			continue
		}
		at[name] = len(fields)
		fields = append(fields, value.Field{Key: name, Value: text})
	}
	return value.ObjectOf(fields)
}

// Body reads the body of an answer: its JSON, null of none; and of another its text, and
// why it is no JSON.
func Body(b []byte) (value.Value, *value.SyntaxError) {
	if len(b) == 0 {
		return nil, nil
	}
	v, err := value.DecodeJSON(b)
	if err == nil {
		return v, nil
	}
	return BodyText(b), err
}

// BodyText is the text of a body; what is no text in it becomes U+FFFD.
func BodyText(b []byte) string {
	return strings.ToValidUTF8(strings.TrimPrefix(string(b), "\ufeff"), "\ufffd")
}
