package main

import (
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"github.com/sluice-dev/sluice/lang/diag"
	"github.com/sluice-dev/sluice/runtime/engine"
	"github.com/sluice-dev/sluice/runtime/kafka"
)

// What commands share that are given beside a program, while it runs or while it is
// stopped.

// Why a state directory cannot be looked into.
var (
	errRuns        = errors.New("the program runs")
	errNoDirectory = errors.New("there is no state directory")
)

// stateThere sees that there is a state directory, for opening one makes it.
func stateThere(dir string) error {
	if _, err := os.Stat(dir); err != nil {
		return fail(exitUsage, fmt.Errorf("%w %s: name it with --state, as `sluice run` has it", errNoDirectory, dir))
	}
	return nil
}

// addressFile is where, in the state directory, a running program says on which address
// its embedded broker listens.
const addressFile = "address"

// beside finds the embedded broker of a program: of one that runs where it says that it
// is, else it is started here on the same directory, and end stops it.
func beside(cmd *cobra.Command, dir string) (c kafka.Config, end func(), err error) {
	if err := stateThere(dir); err != nil {
		return c, nil, err
	}
	d, err := engine.OpenState(dir)
	if errors.Is(err, engine.ErrInUse) {
		addr, err := os.ReadFile(filepath.Join(dir, addressFile))
		if err != nil {
			return c, nil, fail(exitState, fmt.Errorf("state directory %s: %w, and the embedded broker in it: say where it is with --brokers, as `sluice run` prints it at start", dir, errRuns))
		}
		return kafka.Config{Name: "main", Brokers: []string{strings.TrimSpace(string(addr))}}, func() {}, nil
	}
	if err != nil {
		return c, nil, fail(exitState, err)
	}
	b, err := startBroker(filepath.Join(dir, "broker"), true, newLogger(cmd.ErrOrStderr(), slog.LevelWarn))
	if err != nil {
		d.Close()
		return c, nil, fail(exitUnreachable, err)
	}
	return kafka.Config{Name: "main", Brokers: []string{b.Addr()}}, func() { b.Close(); d.Close() }, nil
}

// hint says which names there are, or which of them was meant.
func hint(name string, all []string) string {
	if len(all) == 0 {
		return "it has none"
	}
	if near := diag.Nearest(name, all); near != "" {
		return "did you mean " + near + "?"
	}
	return "it has " + strings.Join(all, ", ")
}

func quoted(v string) string {
	if len(v) > 60 {
		v = v[:60] + "…"
	}
	return fmt.Sprintf("%q", v)
}
