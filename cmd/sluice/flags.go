package main

import (
	"fmt"
	"os"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// outputFlag adds -o text|json.
func outputFlag(c *cobra.Command, out *string) {
	c.Flags().VarP(&choice{out, []string{"text", "json"}}, "output", "o", "text, or json for programs")
	*out = "text"
	_ = c.RegisterFlagCompletionFunc("output", cobra.FixedCompletions([]string{"text", "json"}, cobra.ShellCompDirectiveNoFileComp))
}

// brokerOptions say how the brokers of a program are found from outside of it.
type brokerOptions struct {
	envFile string
	brokers string
	wait    time.Duration
}

// What stands in for brokers that a program does not declare.
const (
	embeddedInPlace = "in place of the embedded broker"
	embeddedBeside  = "of the embedded broker the address that sluice run prints"
)

// flags adds them. embedded says what they are to a program with the embedded broker.
func (o *brokerOptions) flags(f *pflag.FlagSet, embedded string) {
	f.StringVar(&o.envFile, "env-file", "", "`file` of NAME=value lines that env() and secret() read first")
	f.StringVar(&o.brokers, "brokers", "", "`host:port` of Kafka brokers, with commas between, where the program declares no connection kafka main: "+embedded)
	f.DurationVar(&o.wait, "wait", 30*time.Second, "how long the brokers may take to answer")
}

// choice is a flag that takes one of a few words.
type choice struct {
	v    *string
	from []string
}

// String gives the present word.
func (c *choice) String() string { return *c.v }

// Type names the flag's value in the help.
func (c *choice) Type() string { return strings.Join(c.from, "|") }

// Set takes one of the words.
func (c *choice) Set(s string) error {
	for _, w := range c.from {
		if s == w {
			*c.v = s
			return nil
		}
	}
	return fmt.Errorf("%q is none of %s", s, strings.Join(c.from, ", "))
}

// envDefaults gives every flag that was not set the value of its SLUICE_…
// variable: flag > variable > default.
func envDefaults(fs *pflag.FlagSet) error {
	var first error
	fs.VisitAll(func(f *pflag.Flag) {
		name := "SLUICE_" + strings.ToUpper(strings.ReplaceAll(f.Name, "-", "_"))
		if v, ok := os.LookupEnv(name); ok && !f.Changed && first == nil {
			if err := fs.Set(f.Name, v); err != nil {
				first = fmt.Errorf("%s: %w", name, err)
			}
		}
	})
	return first
}
