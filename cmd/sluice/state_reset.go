package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"github.com/sluice-dev/sluice/lang/diag"
	"github.com/sluice-dev/sluice/lang/plan"
	"github.com/sluice-dev/sluice/runtime/engine"
	"github.com/sluice-dev/sluice/runtime/kafka"
	"github.com/sluice-dev/sluice/runtime/state"
)

// resetOptions say what is reset, and where.
type resetOptions struct {
	stateOptions
	brokerOptions
	to string
}

func stateResetCmd() *cobra.Command {
	var o resetOptions
	c := &cobra.Command{
		Use:   "reset ROUTE... --to earliest|committed|end",
		Short: "Say where routes go on reading",
		Long: "Reset sets where routes of a stopped program go on: with the oldest records that are there, at what is committed on the brokers, or behind the last records. " +
			"The positions are committed under the id of this state directory, and those that the store knew are forgotten. What the program remembers stays as it is: records that are read again count again, but for those that a dedupe knows.",
		Args: cobra.MinimumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error { return o.run(cmd, args) },
	}
	o.stateOptions.flags(c)
	c.Flags().Var(&choice{&o.to, []string{string(engine.ToEarliest), string(engine.ToCommitted), string(engine.ToEnd)}}, "to", "where to")
	o.brokerOptions.flags(c.Flags(), embeddedInPlace)
	_ = c.RegisterFlagCompletionFunc("to", cobra.FixedCompletions([]string{string(engine.ToEarliest), string(engine.ToCommitted), string(engine.ToEnd)}, cobra.ShellCompDirectiveNoFileComp))
	return c
}

func (o *resetOptions) run(cmd *cobra.Command, names []string) error {
	if o.to == "" {
		return fail(exitUsage, errors.New("say where to: --to earliest, --to committed or --to end"))
	}
	words := cmd.ErrOrStderr()
	p, err := mustCheck(words, o.program, false)
	if err != nil {
		return err
	}
	routes, err := routesNamed(p.Plan, names)
	if err != nil {
		return err
	}
	env, err := newEnvironment(o.envFile)
	if err != nil {
		return err
	}
	settings, err := resolve(p.Plan, env, o.brokers, o.program)
	if err != nil {
		return err
	}
	dir := o.state
	if dir == "" {
		dir = filepath.Join(".sluice", p.Plan.App)
	}
	if _, err := os.Stat(dir); err != nil {
		return fail(exitUsage, fmt.Errorf("there is no state directory %s: name it with --state", dir))
	}
	d, err := engine.OpenState(dir)
	if err != nil {
		return fail(exitState, err)
	}
	defer d.Close()

	log := newLogger(words, slog.LevelWarn)
	if _, declared := settings.Kafka["main"]; !declared {
		b, err := startBroker(filepath.Join(dir, "broker"), true, log)
		if err != nil {
			return fail(exitUnreachable, err)
		}
		defer b.Close()
		settings.Kafka["main"] = kafka.Config{Name: "main", Brokers: []string{b.Addr()}}
	}
	x := &engine.Reset{Plan: p.Plan, Settings: settings, StoreID: d.ID, Wait: o.wait, Log: log}
	store, err := openExisting(d, p.Plan.App)
	if err != nil {
		return fail(exitState, err)
	}
	if store != nil {
		x.Store = store
	}
	err = o.put(cmd.Context(), cmd.OutOrStdout(), words, x, routes)
	if store != nil {
		err = errors.Join(err, store.Close())
	}
	return err
}

// openExisting opens the store of a state directory; nil where it has never had one.
func openExisting(d *engine.StateDir, app string) (*state.Badger, error) {
	if err := engine.StoreGone(d.Store()); err != nil {
		return nil, err
	}
	store, err := state.OpenBadger(d.Store(), state.Options{App: app, ID: d.ID, Existing: true})
	if errors.Is(err, os.ErrNotExist) {
		return nil, nil
	}
	return store, err
}

func (o *resetOptions) put(ctx context.Context, w, words io.Writer, x *engine.Reset, routes []*plan.Route) error {
	for _, r := range routes {
		at, forgot, err := x.Put(ctx, r, engine.To(o.to))
		var live *kafka.LiveGroupError
		if errors.As(err, &live) {
			return fail(exitState, fmt.Errorf("route %s: %w: stop it and try again", r.Name, err))
		}
		if err != nil {
			return runError(fmt.Errorf("route %s: %w", r.Name, err))
		}
		if err := writePositions(w, r, at); err != nil {
			return err
		}
		if r.Group == nil {
			continue
		}
		fmt.Fprintf(words, "route %s: the store forgot %s; what state group %s remembers stays as it is\n", r.Name, count(forgot, "position"), r.Group.Name)
	}
	return nil
}

// writePositions prints where a route goes on.
func writePositions(w io.Writer, r *plan.Route, at kafka.Offsets) error {
	tps := make([]kafka.TP, 0, len(at))
	for tp := range at {
		tps = append(tps, tp)
	}
	slices.SortFunc(tps, func(a, b kafka.TP) int {
		if c := strings.Compare(a.Topic, b.Topic); c != 0 {
			return c
		}
		return int(a.Partition - b.Partition)
	})
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(t, "route\ttopic\tpartition\tposition")
	for _, tp := range tps {
		fmt.Fprintf(t, "%s\t%s\t%d\t%d\n", r.Name, tp.Topic, tp.Partition, at[tp])
	}
	return t.Flush()
}

// routesNamed finds routes of a program.
func routesNamed(p *plan.Plan, names []string) ([]*plan.Route, error) {
	var routes []*plan.Route
	var all []string
	for _, r := range p.Routes {
		all = append(all, r.Name)
	}
	for _, name := range names {
		i := slices.Index(all, name)
		if i < 0 {
			hint := "it has " + strings.Join(all, ", ")
			if near := diag.Nearest(name, all); near != "" {
				hint = "did you mean " + near + "?"
			}
			return nil, fail(exitUsage, fmt.Errorf("the program has no route %s; %s", name, hint))
		}
		routes = append(routes, p.Routes[i])
	}
	return routes, nil
}
