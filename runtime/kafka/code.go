package kafka

import (
	"context"
	"errors"

	"github.com/twmb/franz-go/pkg/kerr"
)

// Code names an error in a word, as letters and metrics show it:
// MESSAGE_TOO_LARGE, "cancelled", "unreachable".
func Code(err error) string {
	var k *kerr.Error
	switch {
	case err == nil:
		return ""
	case errors.As(err, &k):
		return k.Message
	case errors.Is(err, context.Canceled), errors.Is(err, context.DeadlineExceeded):
		return "cancelled"
	}
	return "unreachable"
}
