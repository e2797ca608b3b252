package main

import (
	"fmt"

	"github.com/spf13/cobra"
)

func graphCmd() *cobra.Command {
	var form string
	c := &cobra.Command{
		Use:     "graph [DIR]",
		Short:   "Draw the operators of a program",
		Long:    "Graph draws the operator DAG of a program as text, as a Mermaid flow chart or as JSON: its routes, and the state groups: what they share, what they remember and what bounds them.",
		GroupID: "build",
		Args:    cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			dir := "."
			if len(args) == 1 {
				dir = args[0]
			}
			p, err := mustCheck(cmd.ErrOrStderr(), dir, true)
			if err != nil {
				return err
			}
			g := p.Plan.Graph()
			w := cmd.OutOrStdout()
			switch form {
			case "json":
				_, err = fmt.Fprintln(w, string(g.JSON()))
			case "mermaid":
				_, err = fmt.Fprint(w, g.Mermaid())
			default:
				_, err = fmt.Fprint(w, g.Text())
			}
			return err
		},
	}
	form = "text"
	c.Flags().VarP(&choice{&form, []string{"text", "mermaid", "json"}}, "output", "o", "text, mermaid or json")
	_ = c.RegisterFlagCompletionFunc("output", cobra.FixedCompletions([]string{"text", "mermaid", "json"}, cobra.ShellCompDirectiveNoFileComp))
	return c
}
