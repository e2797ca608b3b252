package kafka

import (
	"crypto/tls"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/sluice-dev/sluice/lang/diag"
	"github.com/sluice-dev/sluice/runtime/event"
)

// UnreachableError: no broker answered for as long as the caller would wait.
type UnreachableError struct {
	Connection string
	Brokers    []string
	Waited     time.Duration
	Err        error // of the last attempt
}

func (e *UnreachableError) Error() string {
	return fmt.Sprintf("no broker of connection %s (%s) answered for %s: %v",
		e.Connection, strings.Join(e.Brokers, ", "), e.Waited.Round(time.Second), e.Err)
}
func (e *UnreachableError) Unwrap() error { return e.Err }

// AuthError: the broker does not let this connection in. Waiting does not
// help.
type AuthError struct {
	Connection string
	Err        error
}

func (e *AuthError) Error() string {
	return fmt.Sprintf("connection %s was refused by the broker: %v (check sasl and tls)", e.Connection, e.Err)
}
func (e *AuthError) Unwrap() error { return e.Err }

// DeniedError: we are in, but ACLs forbid an action.
type DeniedError struct {
	Action string // what was being done
	// Commands are what someone with the rights can type instead, where
	// that is known.
	Commands []string
	Err      error
}

func (e *DeniedError) Error() string {
	s := fmt.Sprintf("the broker forbids to %s: %v", e.Action, e.Err)
	if len(e.Commands) > 0 {
		s += "; with the rights, run:\n  " + strings.Join(e.Commands, "\n  ")
	}
	return s
}
func (e *DeniedError) Unwrap() error { return e.Err }

// MissingTopicError: a topic that a program names does not exist.
type MissingTopicError struct {
	Connection string
	Topic      string
	Near       []string // existing topics of nearly that name, best first
}

func (e *MissingTopicError) Error() string {
	s := fmt.Sprintf("topic %q does not exist on connection %s", e.Topic, e.Connection)
	if len(e.Near) > 0 {
		s += `; did you mean "` + strings.Join(e.Near, `", "`) + `"?`
	}
	return s
}

// TopicIDError: the committed position belongs to a topic that has been
// deleted; another of the same name stands in its place. Where its records
// begin is not ours to guess.
type TopicIDError struct {
	Group     string
	Topic     string
	Partition int32
	Committed event.TopicID // the position's
	Now       event.TopicID // the topic's; zero if the broker did not say
}

func (e *TopicIDError) Error() string {
	now := ""
	if e.Now != (event.TopicID{}) {
		now = fmt.Sprintf(", now %x", e.Now)
	}
	return fmt.Sprintf("topic %q was deleted and made again since group %s last read it (id %x%s): its committed positions mean nothing now",
		e.Topic, e.Group, e.Committed, now)
}

// FencedError: another process took over this member's place, which two
// processes with one state directory do.
type FencedError struct {
	Group, StoreID string
	Err            error
}

func (e *FencedError) Error() string {
	return fmt.Sprintf("another process joined group %s as store %s: two processes must not share a state directory", e.Group, e.StoreID)
}
func (e *FencedError) Unwrap() error { return e.Err }

// ErrNotOwned is returned where an offset is to be committed for a partition
// that this process does not hold (I6).
var ErrNotOwned = errors.New("partition is not assigned to this process")

// ErrClosed is returned by calls on what has been closed.
var ErrClosed = errors.New("kafka client is closed")

// near gives up to three of the names that topic was most likely meant to be.
func near(topic string, names []string) []string {
	var got []string
	left := append([]string(nil), names...)
	for len(got) < 3 {
		best := diag.Nearest(topic, left)
		if best == "" {
			break
		}
		got = append(got, best)
		for i, n := range left {
			if n == best {
				left = append(left[:i], left[i+1:]...)
				break
			}
		}
	}
	return got
}

// isAuth tells whether err means that the connection will never be let in.
func isAuth(err error) bool {
	var (
		eof  *kgo.ErrFirstReadEOF
		cert *tls.CertificateVerificationError
		rec  tls.RecordHeaderError
		al   tls.AlertError
	)
	return errors.Is(err, kerr.SaslAuthenticationFailed) || errors.Is(err, kerr.UnsupportedSaslMechanism) ||
		errors.Is(err, kerr.IllegalSaslState) || errors.Is(err, kerr.SecurityDisabled) ||
		errors.As(err, &eof) || errors.As(err, &cert) || errors.As(err, &rec) || errors.As(err, &al)
}

// isDenied tells whether err comes from an ACL.
func isDenied(err error) bool {
	var a *kadm.AuthError
	return errors.As(err, &a) || errors.Is(err, kerr.TopicAuthorizationFailed) ||
		errors.Is(err, kerr.GroupAuthorizationFailed) || errors.Is(err, kerr.ClusterAuthorizationFailed)
}

// typed gives what the broker answered to an administrative request its type.
func (c Config) typed(action string, err error) error {
	switch {
	case err == nil:
		return nil
	case isAuth(err):
		return &AuthError{c.name(), err}
	case isDenied(err):
		return &DeniedError{Action: action, Err: err}
	case errors.Is(err, kgo.ErrClientClosed):
		return ErrClosed
	}
	return fmt.Errorf("%s: %w", action, err)
}
