package main

import (
	"bytes"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"sort"

	"github.com/rogpeppe/go-internal/diff"
	"github.com/spf13/cobra"

	"github.com/sluice-dev/sluice/lang/diag"
	"github.com/sluice-dev/sluice/lang/format"
	"github.com/sluice-dev/sluice/lang/syntax"
	"github.com/sluice-dev/sluice/lang/token"
)

func fmtCmd() *cobra.Command {
	var check, showDiff bool
	c := &cobra.Command{
		Use:     "fmt [DIR|FILE|-...]",
		Short:   "Rewrite scripts in their one canonical form",
		Long:    "Fmt rewrites every script below the directories (default: this one); - formats stdin to stdout.",
		GroupID: "build",
		RunE: func(cmd *cobra.Command, args []string) error {
			if len(args) == 1 && args[0] == "-" {
				src, err := io.ReadAll(cmd.InOrStdin())
				if err != nil {
					return err
				}
				text, err := formatted(cmd, "stdin", src)
				if err != nil {
					return err
				}
				_, err = io.WriteString(cmd.OutOrStdout(), text)
				return err
			}
			files, err := scripts(args)
			if err != nil {
				return err
			}
			differ, broken := 0, 0
			for _, f := range files {
				src, err := os.ReadFile(f)
				if err != nil {
					return fail(exitUsage, err)
				}
				text, err := formatted(cmd, f, src)
				if err != nil {
					broken++
					continue
				}
				if text == string(src) {
					continue
				}
				differ++
				switch {
				case showDiff:
					fmt.Fprint(cmd.OutOrStdout(), string(diff.Diff(f, src, f+" (formatted)", []byte(text))))
				case check:
					fmt.Fprintln(cmd.OutOrStdout(), f)
				default:
					if err := os.WriteFile(f, []byte(text), 0o644); err != nil {
						return fail(exitUsage, err)
					}
					fmt.Fprintln(cmd.OutOrStdout(), f)
				}
			}
			if broken > 0 || differ > 0 && (check || showDiff) {
				return fail(exitProblems, nil)
			}
			return nil
		},
	}
	c.Flags().BoolVar(&check, "check", false, "only name the scripts that are not in canonical form, exit 1 if there are any")
	c.Flags().BoolVar(&showDiff, "diff", false, "only show what would change, exit 1 if anything would")
	return c
}

// formatted gives the canonical text of a script; one with mistakes stays as it is
// and its mistakes are told.
func formatted(cmd *cobra.Command, name string, src []byte) (string, error) {
	f := syntax.Parse(token.NewFile(name, string(src)))
	text, err := format.Source(f)
	if err != nil {
		var b bytes.Buffer
		for _, d := range f.Diags {
			b.WriteString(diag.Render(d) + "\n")
		}
		fmt.Fprint(cmd.ErrOrStderr(), b.String())
		return "", fail(exitProblems, nil)
	}
	return text, nil
}

// scripts lists the scripts of folders and files.
func scripts(args []string) ([]string, error) {
	var files, dirs []string
	for _, a := range args {
		if filepath.Ext(a) == ".route" {
			files = append(files, a)
		} else {
			dirs = append(dirs, a)
		}
	}
	if len(files) == 0 || len(dirs) > 0 {
		ps, err := programs(dirs)
		if err != nil {
			return nil, err
		}
		for _, p := range ps {
			found, err := filepath.Glob(filepath.Join(p, "*.route"))
			if err != nil {
				return nil, fail(exitUsage, err)
			}
			files = append(files, found...)
		}
	}
	sort.Strings(files)
	return files, nil
}
