package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"github.com/sluice-dev/sluice/lang/value"
	"github.com/sluice-dev/sluice/runtime/engine"
	"github.com/sluice-dev/sluice/runtime/state"
)

// stateOptions say which state directory is meant.
type stateOptions struct {
	state, program string
	values         bool
	out            string
}

func stateCmd() *cobra.Command {
	c := &cobra.Command{
		Use:     "state",
		Short:   "Look at, save and restore what a program remembers",
		Long:    "State reads the store in a state directory while its program is stopped: what is in it, one row, all of it as lines of JSON, and whether everything can be read. Reset says where its routes go on.",
		GroupID: "run",
	}
	c.AddCommand(stateLsCmd(), stateGetCmd(), stateExportCmd(), stateImportCmd(), stateVerifyCmd(), stateResetCmd())
	return c
}

func (o *stateOptions) flags(c *cobra.Command) {
	c.Flags().StringVar(&o.state, "state", "", "state `directory` (default ./.sluice/<app> of --program)")
	c.Flags().StringVar(&o.program, "program", ".", "`directory` of the program whose state it is")
}

func (o *stateOptions) valuesFlag(c *cobra.Command) {
	c.Flags().BoolVar(&o.values, "values", false, "show keys and rows as they are; else letters are x and digits 9")
}

// dir is the state directory.
func (o *stateOptions) dir(words io.Writer) (string, error) {
	if o.state != "" {
		return o.state, nil
	}
	p, err := mustCheck(words, o.program, false)
	if err != nil {
		return "", err
	}
	return filepath.Join(".sluice", p.Plan.App), nil
}

// open locks the state directory and opens its store.
func (o *stateOptions) open(cmd *cobra.Command, read func(store *state.Badger) error) (err error) {
	dir, err := o.dir(cmd.ErrOrStderr())
	if err != nil {
		return err
	}
	if _, err := os.Stat(dir); err != nil {
		return fail(exitUsage, fmt.Errorf("there is no state directory %s: name it with --state, or the program with --program", dir))
	}
	d, err := engine.OpenState(dir)
	if err != nil {
		return fail(exitState, err)
	}
	defer d.Close()
	store, err := state.OpenBadger(filepath.Join(dir, "store"), state.Options{ID: d.ID, Existing: true})
	if errors.Is(err, os.ErrNotExist) {
		return fail(exitState, fmt.Errorf("state directory %s: it has no store: its program remembers nothing, or has not run", dir))
	}
	if err != nil {
		return fail(exitState, err)
	}
	err = read(store)
	if err != nil {
		err = stateFailed(err)
	}
	return errors.Join(err, store.Close())
}

// stateFailed gives an error of a store its exit code.
func stateFailed(err error) error {
	var e *exitError
	if errors.As(err, &e) {
		return err
	}
	return fail(exitState, err)
}

func stateLsCmd() *cobra.Command {
	var o stateOptions
	c := &cobra.Command{
		Use:   "ls",
		Short: "List what a program remembers",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return o.open(cmd, func(store *state.Badger) error {
				problems := 0
				states, groups, err := state.Verify(store, func(error) { problems++ })
				if err != nil {
					return err
				}
				if err := o.list(cmd.OutOrStdout(), states, groups); err != nil {
					return err
				}
				if problems > 0 {
					return fmt.Errorf("%s cannot be read: `sluice state verify` tells which", count(problems, "entry"))
				}
				return nil
			})
		},
	}
	o.flags(c)
	outputFlag(c, &o.out)
	return c
}

// listed is a state as `ls -o json` tells it.
type listed struct {
	State  string   `json:"state"`
	Kind   string   `json:"kind"`
	Keys   []string `json:"keys"`
	Row    string   `json:"row,omitempty"`
	SpanMS int64    `json:"span_ms,omitempty"`
	Rows   int      `json:"rows"`
	Claims int      `json:"claims"`
	Timers int      `json:"timers"`
	Bytes  int64    `json:"bytes"`
}

type listedGroup struct {
	Group   string `json:"group"`
	Inputs  int    `json:"inputs"`
	Held    int    `json:"held"`
	Intents int    `json:"intents"`
	Bytes   int64  `json:"bytes"`
}

func (o *stateOptions) list(w io.Writer, states []state.Summary, groups []state.GroupSummary) error {
	if o.out == "json" {
		out := struct {
			Format int           `json:"format"`
			States []listed      `json:"states"`
			Groups []listedGroup `json:"groups"`
		}{1, []listed{}, []listedGroup{}}
		for _, s := range states {
			out.States = append(out.States, listed{s.Name, s.Kind, append([]string{}, s.Keys...), s.Row, s.SpanMS, s.Rows, s.Claims, s.Timers, s.Bytes})
		}
		for _, g := range groups {
			out.Groups = append(out.Groups, listedGroup{g.Name, g.Inputs, g.Held, g.Intents, g.Bytes})
		}
		e := json.NewEncoder(w)
		e.SetEscapeHTML(false)
		e.SetIndent("", "  ")
		return e.Encode(out)
	}
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(t, "state\tkey\tholds\tbytes")
	for _, s := range states {
		fmt.Fprintf(t, "%s\t%s\t%s\t%d\n", s.Name, strings.Join(s.Keys, ", "), holds(&s), s.Bytes)
	}
	if len(groups) > 0 {
		fmt.Fprintln(t, "\ngroup\tinputs\tholds\tbytes")
	}
	for _, g := range groups {
		fmt.Fprintf(t, "%s\t%d\t%s\t%d\n", g.Name, g.Inputs, count(g.Held, "held output"), g.Bytes)
	}
	return t.Flush()
}

func holds(s *state.Summary) string {
	switch s.Kind {
	case "table":
		return count(s.Rows, "row")
	case "dedupe":
		return count(s.Claims, "claim")
	case "throttle":
		return count(s.Rows, "bucket")
	case "changed":
		return count(s.Rows, "object")
	case "audience":
		return count(s.Rows, "member")
	}
	return count(s.Rows, "cell")
}

func stateGetCmd() *cobra.Command {
	var o stateOptions
	c := &cobra.Command{
		Use:   "get TABLE KEY...",
		Short: "Print one row",
		Long:  "Get prints the row under a key of a table or an audience as JSON: one KEY for each part of the table's key, as text or as JSON. Without --values it shows the row's shape only.",
		Args:  cobra.MinimumNArgs(2),
		RunE: func(cmd *cobra.Command, args []string) error {
			return o.open(cmd, func(store *state.Badger) error {
				row, err := getRow(store, args[0], args[1:])
				if err != nil {
					return err
				}
				_, err = fmt.Fprintln(cmd.OutOrStdout(), row.JSON(o.values))
				return err
			})
		},
	}
	o.flags(c)
	o.valuesFlag(c)
	return c
}

func getRow(store state.Store, name string, args []string) (state.Row, error) {
	entries, err := state.ReadDirectory(store)
	if err != nil {
		return state.Row{}, err
	}
	e, ok := state.Lookup(entries, name)
	if !ok {
		return state.Row{}, fail(exitUsage, fmt.Errorf("there is no state %q: `sluice state ls` lists them", name))
	}
	if e.Kind != "table" && e.Kind != "changed" && e.Kind != "audience" {
		return state.Row{}, fail(exitUsage, fmt.Errorf("%s has no rows to be read one by one", e.Name))
	}
	if len(args) != len(e.Keys) {
		return state.Row{}, fail(exitUsage, fmt.Errorf("%s has a key of %s (%s), and %d %s given", e.Name, count(len(e.Keys), "part"), strings.Join(e.Keys, ", "), len(args), was(len(args))))
	}
	var key value.List
	for i, arg := range args {
		v, err := keyPart(e.Keys[i], arg)
		if err != nil {
			return state.Row{}, fail(exitUsage, fmt.Errorf("key %d of %s: %w", i+1, e.Name, err))
		}
		key = append(key, v)
	}
	row, ok, err := state.ReadRow(store, e, key)
	if err == nil && !ok {
		err = fail(exitProblems, fmt.Errorf("%s has no row under %s", e.Name, strings.Join(args, " ")))
	}
	return row, err
}

func was(n int) string {
	if n == 1 {
		return "was"
	}
	return "were"
}

// keyPart reads a part of a key as its type has it; where that is not one kind
// alone, JSON is JSON and anything else is text.
func keyPart(typ, arg string) (value.Value, error) {
	parsed, bad := value.DecodeJSON([]byte(arg))
	switch typ {
	case "string":
		if s, ok := parsed.(string); ok && bad == nil {
			return s, nil
		}
		return arg, nil
	case "time":
		return value.ParseTime(arg)
	case "duration":
		return value.ParseDuration(arg)
	case "number":
		n, ok := value.ParseNumber(arg)
		if !ok {
			return nil, fmt.Errorf("%q is no number", arg)
		}
		return n, nil
	}
	if bad != nil {
		return arg, nil
	}
	return parsed, nil
}

func stateExportCmd() *cobra.Command {
	var o stateOptions
	c := &cobra.Command{
		Use:   "export",
		Short: "Print everything as lines of JSON",
		Long:  "Export prints everything that a program remembers as lines of JSON. With --values `sluice state import` makes the same store of them.",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return o.open(cmd, func(store *state.Badger) error { return state.Export(cmd.OutOrStdout(), store, o.values) })
		},
	}
	o.flags(c)
	o.valuesFlag(c)
	return c
}

func stateImportCmd() *cobra.Command {
	var o stateOptions
	c := &cobra.Command{
		Use:   "import [FILE]",
		Short: "Make a store of what export has printed",
		Long:  "Import reads what `sluice state export --values` has printed, from FILE or standard input, into a state directory that has no store yet.",
		Args:  cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			in := cmd.InOrStdin()
			if len(args) == 1 && args[0] != "-" {
				f, err := os.Open(args[0])
				if err != nil {
					return fail(exitUsage, err)
				}
				defer f.Close()
				in = f
			}
			return o.importInto(cmd, in)
		},
	}
	o.flags(c)
	return c
}

func (o *stateOptions) importInto(cmd *cobra.Command, in io.Reader) error {
	im, err := state.NewImport(in)
	if err != nil {
		return fail(exitUsage, err)
	}
	dir, err := o.dir(cmd.ErrOrStderr())
	if err != nil {
		return err
	}
	// The positions of its groups were committed under the id of the store.
	if err := engine.AdoptState(dir, im.ID); err != nil {
		return fail(exitState, err)
	}
	d, err := engine.OpenState(dir)
	if err != nil {
		return fail(exitState, err)
	}
	defer d.Close()
	path := filepath.Join(dir, "store")
	if _, err := os.Stat(path); err == nil {
		return fail(exitState, fmt.Errorf("state directory %s: it has a store already: import into another with --state, or move that one away", dir))
	}
	store, err := state.OpenBadger(path, state.Options{App: im.App, ID: d.ID})
	if err != nil {
		return fail(exitState, err)
	}
	lines, err := im.Into(store)
	if err != nil {
		err = fail(exitUsage, fmt.Errorf("%w; what was read of it is of no use: remove %s", err, path))
	}
	if err := errors.Join(err, store.Close()); err != nil {
		return err
	}
	fmt.Fprintf(cmd.ErrOrStderr(), "%s imported into %s\n", count(lines, "line"), dir)
	return nil
}

func stateVerifyCmd() *cobra.Command {
	var o stateOptions
	c := &cobra.Command{
		Use:   "verify",
		Short: "Read everything and say what is wrong",
		Long:  "Verify holds every file of the store against its checksums and reads everything in it. It changes nothing. The exit code is 4 where something is wrong.",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return o.open(cmd, func(store *state.Badger) error {
				w := cmd.OutOrStdout()
				problems := 0
				states, groups, err := state.Verify(store, func(err error) {
					problems++
					fmt.Fprintln(w, err)
				})
				if err != nil {
					return err
				}
				rows, claims, timers := 0, 0, 0
				for _, s := range states {
					rows, claims, timers = rows+s.Rows, claims+s.Claims, timers+s.Timers
				}
				fmt.Fprintf(w, "%s, %s, %s, %s, %s: %s\n", count(len(states), "state"), count(rows, "row"), count(claims, "claim"), count(timers, "timer"), count(len(groups), "group"), verdict(problems))
				if problems > 0 {
					return fail(exitState, errors.New("restore the state directory from a copy, or import an earlier export into an empty one"))
				}
				return nil
			})
		},
	}
	o.flags(c)
	return c
}

func verdict(problems int) string {
	if problems == 0 {
		return "all can be read"
	}
	return count(problems, "thing") + " cannot be read"
}
