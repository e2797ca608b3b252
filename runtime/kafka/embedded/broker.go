// Package embedded is the development broker: a Kafka of one node inside this
// process, so that a program without a Kafka of its own runs on the very code
// path of production.
//
// It takes a data directory and a loopback address, and gives an address that
// every Kafka client can talk to. It keeps one copy on one disk and asks
// nobody for a password; so it never listens beyond loopback, and [Broker.Banner]
// says what it is. It knows nothing of routes, topics' names or the engine:
// those reach it over the wire like any client.
//
// It stands on kfake, which is a test broker by its own word; this package is
// the only place that knows so.
package embedded

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"os"
	"strings"
	"sync"
	"time"

	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/sluice-dev/sluice/runtime/seldom"
)

const (
	// DefaultPartitions is how many partitions a topic gets that is made
	// without saying so.
	DefaultPartitions = 12

	// MaxMessageBytes bounds one record batch: an event may have 8 MiB, and
	// the dead letter around it (headers, excerpt) must fit as well.
	MaxMessageBytes = 9 << 20

	// housekeeping is how often retention and compaction run. kfake's own
	// ticker does so hourly and only for topics that configure it; a topic
	// with the default retention would grow for ever.
	housekeeping = time.Minute
)

// Options says how a broker starts.
type Options struct {
	// Dir is the data directory, made with mode 0700 if missing. What was
	// acknowledged survives SIGKILL of the process. Empty keeps all in
	// memory. Two brokers must not share a directory: the lock is the
	// caller's (the state directory has one).
	Dir string

	// Addr is the host:port to listen on; the host must be loopback, empty
	// means 127.0.0.1, and port 0 picks a free one.
	Addr string

	// SyncWrites fsyncs every batch before it is acknowledged, which makes
	// acknowledged records survive a power loss too.
	SyncWrites bool

	// Logger receives the broker's warnings; nil discards them. Payloads are
	// never in them.
	Logger *slog.Logger
}

// Broker is a running broker. It serves from [Start] to Close; [Broker.Run]
// keeps house in between.
type Broker struct {
	opts Options
	addr string

	// mu orders housekeeping and Close: a request to a closed kfake cluster
	// blocks for ever.
	mu      sync.Mutex
	closed  bool
	cluster *kfake.Cluster
	ends    *ends // nil: in memory, which does not come back
}

// Start opens the data directory and serves. The error names the directory or
// the address that stands in the way.
func Start(o Options) (*Broker, error) {
	addr, err := loopback(o.Addr)
	if err != nil {
		return nil, err
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	ln, err := net.Listen("tcp", addr)
	if err != nil {
		return nil, fmt.Errorf("embedded broker: %w", err)
	}
	// kfake closes the listener itself once it has taken it over.
	taken := false
	defer func() {
		if !taken {
			ln.Close()
		}
	}()

	door := gate{ln, make(chan struct{})}
	open := sync.OnceFunc(func() { close(door.open) })
	defer open()
	ko := []kfake.Opt{
		kfake.NumBrokers(1),
		kfake.DefaultNumPartitions(DefaultPartitions),
		kfake.BrokerConfigs(map[string]string{
			"message.max.bytes":          fmt.Sprint(MaxMessageBytes),
			"default.replication.factor": "1",
			// Consumer offsets of a program that rested for a month must be
			// there when it comes back: a lost offset is a lost position.
			"offsets.retention.minutes": fmt.Sprint(365 * 24 * 60),
			// Never: housekeeping is ours, which writes down what a log forgets.
			"log.cleaner.backoff.ms": fmt.Sprint(100 * 365 * 24 * time.Hour.Milliseconds()),
		}),
		kfake.GroupMinSessionTimeout(time.Second),
		kfake.ListenFn(func(string, string) (net.Listener, error) { return door, nil }),
		kfake.WithLogger(logger{seldom.Logger(o.Logger)}), // on a full disk every request warns
	}
	var kept *ends
	var stand []laid
	if o.Dir != "" {
		if err := os.MkdirAll(o.Dir, 0o700); err != nil {
			return nil, fmt.Errorf("embedded broker: %w", err)
		}
		if kept, err = loadEnds(o.Dir); err != nil {
			return nil, err
		}
		if stand, err = kept.lay(); err != nil {
			return nil, err
		}
		ko = append(ko, kfake.DataDir(o.Dir))
	}
	if o.SyncWrites {
		ko = append(ko, kfake.SyncWrites())
	}
	c, err := kfake.NewCluster(ko...)
	if err != nil {
		return nil, fmt.Errorf("embedded broker: open %s: %w", o.Dir, err)
	}
	taken = true
	compactedStay(c)
	if kept != nil {
		if err := lift(c, stand); err != nil {
			open()
			c.Close()
			return nil, err
		}
		kept.watch(c)
	}
	return &Broker{opts: o, addr: ln.Addr().String(), cluster: c, ends: kept}, nil
}

// compactedStay has a topic that is only compacted keep its records however old they are,
// as Kafka does. kfake would drop them with the rest.
func compactedStay(c *kfake.Cluster) {
	c.ControlKey(int16(kmsg.CreateTopics), func(r kmsg.Request) (kmsg.Response, error, bool) {
		c.KeepControl()
		topics := r.(*kmsg.CreateTopicsRequest).Topics
		for i := range topics {
			t := &topics[i]
			given := map[string]string{}
			for _, o := range t.Configs {
				if o.Value != nil {
					given[o.Name] = *o.Value
				}
			}
			if _, said := given["retention.ms"]; given["cleanup.policy"] != "compact" || said {
				continue
			}
			o := kmsg.NewCreateTopicsRequestTopicConfig()
			o.Name, o.Value = "retention.ms", kmsg.StringPtr("-1")
			t.Configs = append(t.Configs, o)
		}
		return nil, nil, false
	})
}

// Addr is the host:port the broker listens on, with the port it really got.
func (b *Broker) Addr() string { return b.addr }

// Run applies retention and compaction each minute until ctx is done, then
// closes the broker.
func (b *Broker) Run(ctx context.Context) error {
	defer b.Close()
	t := time.NewTicker(housekeeping)
	defer t.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-t.C:
			b.keepHouse()
		}
	}
}

// keepHouse drops what retention has passed and what compaction has replaced.
func (b *Broker) keepHouse() {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.closed {
		return
	}
	if b.ends != nil {
		if err := b.ends.before(b.cluster); err != nil {
			b.opts.Logger.Warn("embedded broker: nothing is dropped by age or size: where the logs end cannot be written down", "error", err)
			return
		}
	}
	b.cluster.Compact() // which applies retention, too
	b.settle()
}

// settle forgets the ends that logs say themselves. What cannot be written now is
// written next time: an end too many does no harm.
func (b *Broker) settle() {
	if b.ends == nil {
		return
	}
	if err := b.ends.after(b.cluster); err != nil {
		b.opts.Logger.Warn("embedded broker: where the logs end cannot be written down", "error", err)
	}
}

// Close stops serving and syncs the data directory. A second Close does
// nothing.
func (b *Broker) Close() {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.closed {
		return
	}
	b.closed = true
	b.settle()
	b.cluster.Close()
}

// Banner is what a user is told at each start: what this broker is not.
func (b *Broker) Banner() string {
	where := "in memory: nothing survives this process"
	if b.opts.Dir != "" {
		where = "data in " + b.opts.Dir
		if b.opts.SyncWrites {
			where += ", synced at each write"
		}
	}
	return "embedded development broker on " + b.addr + ": one copy on this machine, " + where +
		"; for more, declare `connection kafka main`"
}

// loopback completes addr and refuses what other machines could reach: the
// broker asks for no password.
func loopback(addr string) (string, error) {
	if addr == "" {
		addr = ":0"
	}
	host, port, err := net.SplitHostPort(addr)
	if err != nil {
		return "", fmt.Errorf("embedded broker: address %q: %w", addr, err)
	}
	if host == "" {
		host = "127.0.0.1"
	}
	if ip := net.ParseIP(host); host != "localhost" && (ip == nil || !ip.IsLoopback()) {
		return "", fmt.Errorf("embedded broker: address %q: %w", addr, errNotLoopback)
	}
	return net.JoinHostPort(host, port), nil
}

var errNotLoopback = errors.New("it asks for no password, so it listens on loopback only (127.0.0.1)")

// logger hands kfake's warnings and errors to slog; its informational lines tell of every
// request.
type logger struct{ l *slog.Logger }

func (l logger) Logf(level kfake.LogLevel, format string, args ...any) {
	msg := func() string { return "embedded broker: " + strings.TrimSpace(fmt.Sprintf(format, args...)) }
	switch level {
	case kfake.LogLevelError:
		l.l.Error(msg())
	case kfake.LogLevelWarn:
		l.l.Warn(msg())
	}
}
