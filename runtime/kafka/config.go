// Package kafka is the only room that speaks to Kafka: consumer groups,
// producers and administration over franz-go, in the few shapes the engine
// needs.
//
// It takes plain values (addresses, resolved secrets, names) and gives
// records, acknowledgements and errors that say what to do about them. Its
// calls block and take a context; it starts no goroutines of its own beyond
// franz-go's. It must not know what a route does with a record, nor decide
// when an offset may be committed: watermarks are the task's.
package kafka

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"strings"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/sasl"
	"github.com/twmb/franz-go/pkg/sasl/plain"
	"github.com/twmb/franz-go/pkg/sasl/scram"
)

// Config is one Kafka connection with its secrets resolved. It is never
// printed whole (I9).
type Config struct {
	Name    string   // the connection's name in the program, for messages
	Brokers []string // host:port each
	SASL    *SASL    // nil: no authentication
	TLS     *TLS     // nil: plain text
	Logger  *slog.Logger
}

// SASL says who we are.
type SASL struct {
	Mechanism      string // plain, scram_sha_256 or scram_sha_512
	User, Password string
}

// TLS says whom we trust and, for mutual TLS, who we are. All fields are
// optional; the empty value trusts the system's roots.
type TLS struct {
	CA         string // PEM, instead of the system's roots
	Cert, Key  string // PEM, both or none
	ServerName string // where it differs from the broker's address
}

const (
	// dialTimeout bounds one attempt to connect.
	dialTimeout = 5 * time.Second

	// minBackoff and maxBackoff bound the wait between attempts. franz-go
	// goes up to 5 s, which is how long a broker may be back before anyone
	// notices.
	minBackoff = 100 * time.Millisecond
	maxBackoff = 2 * time.Second

	// metadataMinAge is how soon a failed partition is looked up again.
	metadataMinAge = 250 * time.Millisecond
)

// options are what every client of this connection is made with.
func (c Config) options() ([]kgo.Opt, error) {
	if len(c.Brokers) == 0 {
		return nil, fmt.Errorf("connection %s has no brokers", c.name())
	}
	log := c.Logger
	if log == nil {
		log = slog.New(slog.DiscardHandler)
	}
	opts := []kgo.Opt{
		kgo.SeedBrokers(c.Brokers...),
		kgo.ClientID("sluice"),
		kgo.SoftwareNameAndVersion("sluice", "1"),
		kgo.DialTimeout(dialTimeout),
		kgo.MetadataMinAge(metadataMinAge),
		kgo.RetryBackoffFn(backoff),
		kgo.WithLogger(logger{log.With("connection", c.name())}),
		kgo.DisableClientMetrics(),
	}
	if c.TLS != nil {
		t, err := c.TLS.config()
		if err != nil {
			return nil, fmt.Errorf("connection %s: %w", c.name(), err)
		}
		opts = append(opts, kgo.DialTLSConfig(t))
	}
	if c.SASL != nil {
		m, err := c.SASL.mechanism()
		if err != nil {
			return nil, fmt.Errorf("connection %s: %w", c.name(), err)
		}
		opts = append(opts, kgo.SASL(m))
	}
	return opts, nil
}

func (c Config) name() string {
	if c.Name == "" {
		return "kafka"
	}
	return c.Name
}

// backoff is exponential with full jitter: a thousand clients that lost one
// broker must not come back in step.
func backoff(try int) time.Duration {
	d := minBackoff << min(max(try-1, 0), 10)
	return minBackoff/2 + rand.N(min(d, maxBackoff))
}

func (s SASL) mechanism() (sasl.Mechanism, error) {
	if s.User == "" || s.Password == "" {
		return nil, errors.New("sasl needs a user and a password")
	}
	switch s.Mechanism {
	case "plain":
		return plain.Auth{User: s.User, Pass: s.Password}.AsMechanism(), nil
	case "scram_sha_256":
		return scram.Auth{User: s.User, Pass: s.Password}.AsSha256Mechanism(), nil
	case "scram_sha_512":
		return scram.Auth{User: s.User, Pass: s.Password}.AsSha512Mechanism(), nil
	}
	return nil, fmt.Errorf("sasl mechanism %q is not one of plain, scram_sha_256, scram_sha_512", s.Mechanism)
}

func (t TLS) config() (*tls.Config, error) {
	c := &tls.Config{ServerName: t.ServerName, MinVersion: tls.VersionTLS12}
	if t.CA != "" {
		c.RootCAs = x509.NewCertPool()
		if !c.RootCAs.AppendCertsFromPEM([]byte(t.CA)) {
			return nil, errors.New("tls: ca holds no PEM certificate")
		}
	}
	if t.Cert != "" || t.Key != "" {
		pair, err := tls.X509KeyPair([]byte(t.Cert), []byte(t.Key))
		if err != nil {
			// The error names the kind of fault, never the key.
			return nil, fmt.Errorf("tls: cert and key: %w", err)
		}
		c.Certificates = []tls.Certificate{pair}
	}
	return c, nil
}

// logger hands franz-go's warnings to slog. It logs errors at a level of its
// own for what it goes on to retry, so both become warnings here: what is an
// error for the program reaches it as one.
type logger struct{ l *slog.Logger }

func (logger) Level() kgo.LogLevel { return kgo.LogLevelWarn }

func (l logger) Log(_ kgo.LogLevel, msg string, keyvals ...any) {
	said := keyvals[:0:0]
	for i := 0; i+1 < len(keyvals); i += 2 {
		// These differ at each attempt, and would make each a line of its own.
		if k := keyvals[i]; k != "backoff" && k != "consecutive_errors" {
			said = append(said, k, keyvals[i+1])
		}
	}
	l.l.Warn("kafka client: "+strings.TrimSpace(msg), said...)
}
