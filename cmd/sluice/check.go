package main

import (
	"encoding/json"
	"fmt"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"github.com/sluice-dev/sluice/lang/diag"
	"github.com/sluice-dev/sluice/lang/ir"
	"github.com/sluice-dev/sluice/lang/program"
)

func checkCmd() *cobra.Command {
	var out string
	var failures bool
	c := &cobra.Command{
		Use:     "check [DIR...]",
		Short:   "Find the mistakes of programs before they run",
		Long:    "Check compiles every program below the directories (default: this one) and tells all mistakes in one run.",
		GroupID: "build",
		RunE: func(cmd *cobra.Command, args []string) error {
			dirs, err := programs(args)
			if err != nil {
				return err
			}
			w := cmd.OutOrStdout()
			report := struct {
				Format      int         `json:"format"`
				Errors      int         `json:"errors"`
				Warnings    int         `json:"warnings"`
				Diagnostics []diag.JSON `json:"diagnostics"`
			}{Format: 1, Diagnostics: []diag.JSON{}}
			scripts := 0
			for _, dir := range dirs {
				p, err := load(dir, false)
				if err != nil {
					return err
				}
				scripts += len(p.Files)
				report.Errors += p.Errors()
				report.Warnings += p.Warnings()
				for _, d := range p.Diags {
					j := diag.ToJSON(d)
					if j.File != "" {
						j.File = filepath.ToSlash(filepath.Join(dir, j.File))
					}
					report.Diagnostics = append(report.Diagnostics, j)
				}
				if out != "json" {
					render(w, dir, p.Diags)
					if failures && p.OK() {
						writeFailures(cmd, dir, p)
					}
				}
			}
			if out == "json" {
				e := json.NewEncoder(w)
				e.SetIndent("", "  ")
				if err := e.Encode(report); err != nil {
					return err
				}
			} else {
				fmt.Fprintf(w, "%s, %s, %s\n", count(scripts, "script"), count(report.Errors, "error"), count(report.Warnings, "warning"))
			}
			if report.Errors > 0 {
				return fail(exitProblems, nil)
			}
			return nil
		},
	}
	outputFlag(c, &out)
	c.Flags().BoolVar(&failures, "failures", false, "list where a record can still fail at run time")
	return c
}

// writeFailures lists, stage by stage, what a program that checks clean can still
// fail with: nowhere else does it.
func writeFailures(cmd *cobra.Command, dir string, p *program.Program) {
	w := cmd.OutOrStdout()
	for _, r := range p.Plan.Routes {
		for _, f := range ir.FailurePlaces(r.Stages) {
			var codes []string
			for _, c := range f.Codes {
				codes = append(codes, c.ID+" "+c.Title)
			}
			fmt.Fprintf(w, "%s  %s  %s\n", filepath.ToSlash(filepath.Join(dir, f.At.String())), f.At.Text(), strings.Join(codes, ", "))
		}
	}
}
