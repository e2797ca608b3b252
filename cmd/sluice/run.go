package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"net"
	"net/http"
	"os"
	"os/signal"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/spf13/cobra"

	"github.com/sluice-dev/sluice/lang/plan"
	"github.com/sluice-dev/sluice/runtime/edge"
	"github.com/sluice-dev/sluice/runtime/engine"
	"github.com/sluice-dev/sluice/runtime/kafka"
	"github.com/sluice-dev/sluice/runtime/kafka/embedded"
	"github.com/sluice-dev/sluice/runtime/observe"
	"github.com/sluice-dev/sluice/runtime/state"
)

// Where a program listens unless told otherwise: on this machine only.
const (
	listenAddr   = "127.0.0.1:8287"
	adminAddr    = "127.0.0.1:8288"
	receiverAddr = "127.0.0.1:8289"
	brokerAddr   = "127.0.0.1:9092"
)

// runOptions are what run and dev share.
type runOptions struct {
	dir    string
	state  string
	listen string
	admin  string
	brokerOptions
	out       string
	once      bool
	verbose   bool
	ephemeral bool // dev: a temporary state directory
	// acceptLoss lets a program start that has no use for some of the stored state.
	acceptLoss  bool
	claimMemory int64 // MiB
}

func (o *runOptions) flags(c *cobra.Command) {
	f := c.Flags()
	f.StringVar(&o.state, "state", "", "state `directory` (default ./.sluice/<app>)")
	f.StringVar(&o.listen, "listen", listenAddr, "`host:port` where webhooks are taken; :0 picks a port")
	f.StringVar(&o.admin, "admin", adminAddr, "`host:port` of /metrics /livez /readyz /account; :0 picks a port")
	o.brokerOptions.flags(f, embeddedInPlace)
	f.Int64Var(&o.claimMemory, "dedupe-memory", 1024, "how many `MiB` of keys dedupe may hold in memory")
	f.BoolVarP(&o.verbose, "verbose", "v", false, "log more")
	outputFlag(c, &o.out)
}

func runCmd() *cobra.Command {
	var o runOptions
	c := &cobra.Command{
		Use:     "run DIR",
		Short:   "Run a program until it is stopped",
		Long:    "Run checks the program in DIR and runs it. SIGINT or SIGTERM stops it: what is under way is sent and committed; a second signal forces.\nThe account is printed on exit.",
		GroupID: "run",
		Args:    cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			o.dir = args[0]
			p, err := mustCheck(cmd.ErrOrStderr(), o.dir, false)
			if err != nil {
				return err
			}
			env, err := newEnvironment(o.envFile)
			if err != nil {
				return err
			}
			settings, err := resolve(p.Plan, env, o.brokers, o.dir)
			if err != nil {
				return err
			}
			return host(cmd, &o, p.Plan, settings)
		},
	}
	o.flags(c)
	c.Flags().BoolVar(&o.acceptLoss, "accept-state-loss", false, "delete the state that the program, as it is now, has no use for")
	c.Flags().BoolVar(&o.once, "once", false, "end when everything that is in the files and topics now, and what follows from it, has been taken")
	return c
}

// resolve evaluates the connections; what is missing is told with its place.
func resolve(p *plan.Plan, env *environment, brokers, dir string) (*engine.Settings, error) {
	s, err := engine.Resolve(p, env.lookup())
	if err != nil {
		var lines []string
		for _, e := range strings.Split(err.Error(), "\n") {
			lines = append(lines, filepath.ToSlash(filepath.Join(dir, e)))
		}
		return nil, fail(exitUsage, errors.New(strings.Join(lines, "\n        ")))
	}
	if _, ok := s.Kafka["main"]; !ok && brokers != "" {
		s.Kafka["main"] = kafka.Config{Name: "main", Brokers: strings.Split(brokers, ",")}
	}
	return s, nil
}

// host runs a program in this process: broker where none is declared, engine, admin
// server, signals, and the account at the end.
func host(cmd *cobra.Command, o *runOptions, p *plan.Plan, s *engine.Settings) error {
	level := slog.LevelInfo
	if o.verbose {
		level = slog.LevelDebug
	}
	words := cmd.ErrOrStderr()
	log := newLogger(words, level)
	byDefault := o.state == ""
	if byDefault {
		o.state = filepath.Join(".sluice", p.App)
	}
	dir, err := engine.OpenState(o.state)
	if err != nil {
		return fail(exitState, err)
	}
	defer dir.Close()
	if ignore := filepath.Join(".sluice", ".gitignore"); byDefault {
		if _, err := os.Stat(ignore); errors.Is(err, fs.ErrNotExist) {
			_ = os.WriteFile(ignore, []byte("*\n"), 0o600) // state holds people's data, and stands beside scripts; without it all works
		}
	}

	ctx, stop := withSignals(cmd.Context(), words)
	defer stop()
	var wg sync.WaitGroup
	defer wg.Wait()
	side, endSide := context.WithCancel(context.WithoutCancel(ctx))
	defer endSide()

	_, declared := s.Kafka["main"]
	holds := tuneMemory(p, !declared)
	if !declared {
		b, err := startBroker(filepath.Join(o.state, "broker"), !o.ephemeral, log)
		if err != nil {
			return fail(exitUnreachable, err)
		}
		defer b.Close()
		wg.Go(func() { _ = b.Run(side) })
		fmt.Fprintln(words, b.Banner())
		at := filepath.Join(o.state, addressFile)
		if err := os.WriteFile(at, []byte(b.Addr()+"\n"), 0o600); err != nil { // for commands that ask it
			log.Warn("the address of the embedded broker is not written down", "error", err)
		}
		defer os.Remove(at)
		s.Kafka["main"] = kafka.Config{Name: "main", Brokers: []string{b.Addr()}}
	}
	var hooks *edge.Server
	if engine.Webhooks(p) && !o.once {
		ln, err := listen(o.listen)
		if err != nil {
			return fail(exitUsage, fmt.Errorf("--listen: %w", err))
		}
		hooks = edge.NewServer(ln, log)
		wg.Go(func() { _ = hooks.Run(side) })
		fmt.Fprintf(words, "webhooks http://%s\n", hooks.Addr())
	}
	v := buildVersion()
	started := false // a program that did not start has no account
	e := engine.New(engine.Config{
		Plan: p, Settings: s, StoreID: dir.ID, Dir: o.dir, State: dir.Store(), AcceptStateLoss: o.acceptLoss, ClaimMemory: o.claimMemory << 20, Wait: o.wait, MakeTopics: !declared, Once: o.once, Stdin: cmd.InOrStdin(), Edge: hooks, Log: log,
		Version: v.Version, Commit: v.Commit, Holds: holds,
		Ready: func() {
			started = true
			log.Info("running", "app", p.App, "routes", len(p.Routes))
		},
	})
	ln, err := listen(o.admin)
	if err != nil {
		return fail(exitUsage, fmt.Errorf("--admin: %w", err))
	}
	srv := &http.Server{Handler: observe.Admin(e.Health(), e.Snapshot), ReadHeaderTimeout: 5 * time.Second}
	wg.Go(func() { _ = srv.Serve(ln) })
	defer srv.Close()
	fmt.Fprintf(words, "admin http://%s\n", ln.Addr())

	err = e.Run(ctx)
	if started {
		if werr := writeAccount(cmd.OutOrStdout(), o.out, e); werr != nil && err == nil {
			err = werr
		}
	}
	return runError(err)
}

// writeAccount prints what became of everything.
func writeAccount(w io.Writer, form string, e *engine.Engine) error {
	if form == "json" {
		return json.NewEncoder(w).Encode(e.Account())
	}
	return observe.WriteAccount(w, e.Account())
}

// runError gives an engine's error its exit code.
func runError(err error) error {
	var (
		away    *kafka.UnreachableError
		missing *kafka.MissingTopicError
		auth    *kafka.AuthError
		denied  *kafka.DeniedError
		id      *kafka.TopicIDError
		fenced  *kafka.FencedError
		dir     *engine.StateError
		store   *state.RefusedError
	)
	switch {
	case err == nil, errors.Is(err, context.Canceled):
		return nil
	case errors.As(err, &away), errors.As(err, &missing):
		return fail(exitUnreachable, err)
	case errors.As(err, &auth), errors.As(err, &denied):
		return fail(exitUsage, err)
	case errors.As(err, &id), errors.As(err, &fenced), errors.As(err, &dir), errors.As(err, &store):
		return fail(exitState, err)
	}
	return fail(exitProblems, err)
}

// startBroker starts the embedded broker on its port, or on a free one where that
// is taken.
func startBroker(dir string, sync bool, log *slog.Logger) (*embedded.Broker, error) {
	o := embedded.Options{Dir: dir, Addr: brokerAddr, SyncWrites: sync, Logger: log}
	b, err := embedded.Start(o)
	// Looking first whether the port is free is not enough: of two programs that
	// start at once both see it free, and one is refused.
	if op := (*net.OpError)(nil); errors.As(err, &op) && op.Op == "listen" {
		o.Addr = "127.0.0.1:0"
		return embedded.Start(o)
	}
	return b, err
}

// listen binds to loopback unless an address says otherwise.
func listen(addr string) (net.Listener, error) {
	if strings.HasPrefix(addr, ":") {
		addr = "127.0.0.1" + addr
	}
	return net.Listen("tcp", addr)
}

// withSignals ends the context at the first SIGINT or SIGTERM and the process at
// the second.
func withSignals(ctx context.Context, words io.Writer) (context.Context, func()) {
	ctx, cancel := context.WithCancel(ctx)
	ch := make(chan os.Signal, 2)
	signal.Notify(ch, os.Interrupt, syscall.SIGTERM)
	go func() {
		if _, ok := <-ch; !ok {
			return
		}
		fmt.Fprintln(words, "stopping: what is under way is being sent and committed; again to force")
		cancel()
		if _, ok := <-ch; ok {
			os.Exit(exitForced)
		}
	}()
	return ctx, func() {
		signal.Stop(ch)
		close(ch)
		cancel()
	}
}
