// Command sluice runs directories of Route scripts: events in from Kafka, events
// out to Segment and Kafka. A file here is a sub-command.
package main

import (
	"context"
	"errors"
	"fmt"
	"os"

	"github.com/spf13/cobra"
)

// Exit codes, the same for every command.
const (
	exitOK          = 0
	exitProblems    = 1 // a program that does not check, a failed test
	exitUsage       = 2 // usage, configuration, a missing secret
	exitUnreachable = 3 // a dependency that is not there
	exitState       = 4 // state refused
	exitBug         = 5 // a bug of ours
	exitForced      = 130
)

// exitError ends the command with a code. An empty message prints nothing: the
// command has said it all.
type exitError struct {
	code int
	err  error
}

func (e *exitError) Error() string {
	if e.err == nil {
		return ""
	}
	return e.err.Error()
}

func (e *exitError) Unwrap() error { return e.err }

func fail(code int, err error) error { return &exitError{code, err} }

func main() { os.Exit(run(os.Args[1:])) }

func run(args []string) (code int) {
	defer func() {
		if r := recover(); r != nil {
			fmt.Fprintf(os.Stderr, "sluice: a bug of ours: %v\nPlease report it with `sluice version` and the script.\n", r)
			if os.Getenv("SLUICE_DEBUG") != "" {
				panic(r)
			}
			code = exitBug
		}
	}()
	root := newRoot()
	root.SetArgs(args)
	err := root.ExecuteContext(context.Background())
	if err == nil {
		return exitOK
	}
	var e *exitError
	if !errors.As(err, &e) {
		e = &exitError{exitUsage, err} // cobra's own: unknown commands and flags
	}
	if msg := e.Error(); msg != "" {
		fmt.Fprintln(os.Stderr, "sluice: "+msg)
	}
	return e.code
}

func newRoot() *cobra.Command {
	root := &cobra.Command{
		Use:           "sluice",
		Short:         "Route events from Kafka, webhooks, Segment, files and schedules to Segment, Kafka and HTTP",
		SilenceUsage:  true,
		SilenceErrors: true,
		CompletionOptions: cobra.CompletionOptions{
			HiddenDefaultCmd: false,
		},
	}
	root.AddGroup(&cobra.Group{ID: "build", Title: "Build:"}, &cobra.Group{ID: "run", Title: "Run:"})
	ipDatabase := root.PersistentFlags().String("ip-database", "", "`file` for ip.country, in MaxMind's format")
	root.PersistentPreRunE = func(c *cobra.Command, _ []string) error {
		if err := envDefaults(c.Flags()); err != nil {
			return err
		}
		return openIPDatabase(*ipDatabase)
	}
	root.AddCommand(initCmd(), checkCmd(), testCmd(), fmtCmd(), graphCmd(), evalCmd(), docsCmd(), runCmd(), devCmd(), demoCmd(), stateCmd(), deadCmd(), identityCmd(), versionCmd())
	for _, c := range root.Commands() {
		if c.HasSubCommands() {
			group(c)
		}
	}
	return root
}

// group lets a command that only holds others show its help, and refuse what is none of
// them: cobra by itself shows the help of both, and is content.
func group(c *cobra.Command) {
	c.RunE = func(c *cobra.Command, args []string) error {
		if len(args) == 0 {
			return c.Help()
		}
		var names []string
		for _, s := range c.Commands() {
			if s.IsAvailableCommand() {
				names = append(names, s.Name())
			}
		}
		return fail(exitUsage, fmt.Errorf("there is no command %s %s; %s", c.Name(), args[0], hint(args[0], names)))
	}
}
