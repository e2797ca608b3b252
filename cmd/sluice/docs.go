package main

import (
	"encoding/json"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"github.com/sluice-dev/sluice/stdlib/docs"
)

func docsCmd() *cobra.Command {
	form := "text"
	c := &cobra.Command{
		Use:   "docs [NAME]",
		Short: "Show a function, a stage, a module, an event of Segment or an error code",
		Long: "Docs shows the page of a name, without a network: a function (email.normalize), a stage (dedupe, emit track), a module (kochava),\n" +
			"a semantic event of Segment (\"Order Completed\") or an error code (E0412). `sluice docs email` lists the functions of a name. Without one it\n" +
			"lists what there is.",
		Example: "  sluice docs email.normalize\n  sluice docs kochava\n  sluice docs E0412",
		GroupID: "build",
		RunE: func(cmd *cobra.Command, args []string) error {
			w := cmd.OutOrStdout()
			if len(args) == 0 {
				if form == "json" {
					return printJSON(cmd, docs.Names())
				}
				_, err := fmt.Fprint(w, docs.Index())
				return err
			}
			name := strings.Join(args, " ")
			pages, near := docs.Find(name)
			switch {
			case near != "":
				return fail(exitUsage, fmt.Errorf("there is nothing called %q: did you mean %s?", name, near))
			case len(pages) == 0:
				return fail(exitUsage, fmt.Errorf("there is nothing called %q: `sluice docs` lists what there is", name))
			}
			for i, p := range pages {
				if err := printPage(cmd, *p, form, i); err != nil {
					return err
				}
			}
			return nil
		},
		ValidArgsFunction: func(_ *cobra.Command, args []string, _ string) ([]string, cobra.ShellCompDirective) {
			if len(args) > 0 {
				return nil, cobra.ShellCompDirectiveNoFileComp
			}
			var out []string
			for _, n := range docs.Names() {
				out = append(out, n.Name)
			}
			return out, cobra.ShellCompDirectiveNoFileComp
		},
	}
	c.Flags().VarP(&choice{&form, []string{"text", "json"}}, "output", "o", "text or json")
	_ = c.RegisterFlagCompletionFunc("output", cobra.FixedCompletions([]string{"text", "json"}, cobra.ShellCompDirectiveNoFileComp))
	return c
}

// printPage prints one of the pages of a name; as JSON a line each.
func printPage(cmd *cobra.Command, p docs.Page, form string, n int) error {
	if form == "json" {
		p.Says = p.Said()
		return printJSON(cmd, p)
	}
	between := ""
	if n > 0 {
		between = "\n"
	}
	_, err := fmt.Fprint(cmd.OutOrStdout(), between+p.Text())
	return err
}

func printJSON(cmd *cobra.Command, v any) error {
	e := json.NewEncoder(cmd.OutOrStdout())
	e.SetEscapeHTML(false)
	return e.Encode(v)
}
