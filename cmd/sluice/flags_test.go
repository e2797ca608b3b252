package main

import (
	"strings"
	"testing"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// The help names a flag's value by what stands between back quotes in its text, so
// words of Route there would stand in its place.
func TestHelpNamesWhatFlagsTake(t *testing.T) {
	var walk func(c *cobra.Command)
	walk = func(c *cobra.Command) {
		c.Flags().VisitAll(func(f *pflag.Flag) {
			name, text := pflag.UnquoteUsage(f)
			if strings.ContainsAny(name, " -`") || strings.Contains(text, "`") {
				t.Errorf("%s --%s takes a %q: %s", c.CommandPath(), f.Name, name, text)
			}
			if f.Value.Type() == "string" && name == "string" {
				t.Errorf("%s --%s does not say what it takes", c.CommandPath(), f.Name)
			}
		})
		for _, sub := range c.Commands() {
			walk(sub)
		}
	}
	walk(newRoot())
}
