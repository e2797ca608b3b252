package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/sluice-dev/sluice/examples"
	"github.com/sluice-dev/sluice/lang/diag"
	"github.com/sluice-dev/sluice/lang/ir"
)

// firstExample is what `init` begins with where nothing is said: four lines of script.
const firstExample = "signups"

func initCmd() *cobra.Command {
	var from, app string
	var list bool
	c := &cobra.Command{
		Use:   "init [DIR]",
		Short: "Begin a program from one of the examples",
		Long: "Init writes an example into DIR (default: this folder): its scripts, golden tests, sample traffic and README.\n" +
			"What it writes passes `sluice check` and `sluice test` at once. The program gets the name of the folder, or that of --app:\n" +
			"it is part of every consumer group, message id and state, so it is chosen once.",
		Example: "  sluice init shop\n  sluice init attribution --from kochava-install\n  sluice init --list",
		GroupID: "build",
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) > 1 {
				return fmt.Errorf("init takes one folder, not %d; the example is named by --from, as in sluice init %s --from %s", len(args), args[0], firstExample)
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			if list {
				for _, name := range examples.Names() {
					fmt.Fprintf(cmd.OutOrStdout(), "%-24s %s\n", name, examples.Title(name))
				}
				return nil
			}
			dir := "."
			if len(args) == 1 {
				dir = args[0]
			}
			return initProgram(cmd, dir, from, app)
		},
	}
	c.Flags().StringVar(&from, "from", firstExample, "the `example` to begin with (--list shows them)")
	_ = c.RegisterFlagCompletionFunc("from", func(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
		return examples.Names(), cobra.ShellCompDirectiveNoFileComp
	})
	c.Flags().StringVar(&app, "app", "", "`name` of the program (default: that of the folder)")
	c.Flags().BoolVar(&list, "list", false, "list the examples")
	return c
}

var appLine = regexp.MustCompile(`(?m)^app ".*"$`)

func initProgram(cmd *cobra.Command, dir, from, app string) error {
	names := examples.Names()
	if !slices.Contains(names, from) {
		msg := fmt.Sprintf("there is no example %q", from)
		if near := nearExamples(from, names); near != "" {
			msg += fmt.Sprintf(": did you mean %s?", near)
		}
		return fail(exitUsage, errors.New(msg+" (`sluice init --list` shows them)"))
	}
	if app == "" {
		full, err := filepath.Abs(dir)
		if err != nil {
			return fail(exitUsage, err)
		}
		app = strings.Trim(ir.Escape(filepath.Base(full)), "-")
	}
	if strings.Trim(ir.Escape(app), "-") == "" || strings.ContainsAny(app, "\"\\\n") {
		return fail(exitUsage, fmt.Errorf("%q is no name of a program: it needs a letter or a digit, as --app shop", app))
	}
	if there, err := filepath.Glob(filepath.Join(dir, "*.route")); err != nil || len(there) > 0 {
		return fail(exitUsage, fmt.Errorf("%s holds a program already: %s stands there, and nothing is overwritten", dir, filepath.Base(there[0])))
	}
	if i, err := os.Stat(dir); err == nil && !i.IsDir() {
		return fail(exitUsage, fmt.Errorf("%s is a file: name a folder, which is made where there is none", dir))
	}
	files, err := exampleFiles(from, app)
	if err != nil {
		return err
	}
	readme := filepath.Join(dir, "README.md")
	_, err = os.Stat(readme)
	keep := err == nil // a folder that has just been cloned has one
	files = slices.DeleteFunc(files, func(f exampleFile) bool { return keep && f.name == "README.md" })
	for _, f := range files { // before the first is written
		if _, err := os.Stat(filepath.Join(dir, f.name)); err == nil {
			return fail(exitUsage, fmt.Errorf("%s is there already, and nothing is overwritten", filepath.Join(dir, f.name)))
		}
	}
	for _, f := range files {
		name := filepath.Join(dir, f.name)
		if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
			return fail(exitUsage, err)
		}
		if err := os.WriteFile(name, f.data, 0o644); err != nil {
			return fail(exitUsage, err)
		}
		fmt.Fprintln(cmd.OutOrStdout(), name)
	}
	if keep {
		fmt.Fprintf(cmd.ErrOrStderr(), "%s stays as it is; that of the example would say what it does and what to change\n", readme)
	}
	if strings.ContainsAny(dir, " '\"$&;()*?") {
		dir = "'" + strings.ReplaceAll(dir, "'", `'\''`) + "'"
	}
	fmt.Fprintf(cmd.ErrOrStderr(), "program %q, from the example %s: %s\nnext: sluice check %s · sluice test %s · sluice dev %s\n", app, from, examples.Title(from), dir, dir, dir)
	return nil
}

// nearExamples names the examples that somebody may have meant.
func nearExamples(from string, names []string) string {
	if near := diag.Nearest(from, names); near != "" {
		return near
	}
	var out []string
	for _, name := range names {
		if w := strings.ToLower(from); w != "" && (strings.Contains(name, w) || strings.Contains(w, name)) {
			out = append(out, name)
		}
	}
	return strings.Join(out, " or ")
}

// exampleFile is one file that init writes.
type exampleFile struct {
	name string // below the folder
	data []byte
}

// exampleFiles gives the files of an example, the program called app.
func exampleFiles(from, app string) (out []exampleFile, err error) {
	err = fs.WalkDir(examples.Programs, from, func(path string, e fs.DirEntry, err error) error {
		if err != nil || e.IsDir() {
			return err
		}
		data, err := fs.ReadFile(examples.Programs, path)
		if err != nil {
			return err
		}
		if strings.HasSuffix(path, ".route") {
			data = appLine.ReplaceAllLiteral(data, []byte(`app "`+app+`"`))
		}
		if path == from+"/README.md" { // its commands are said inside the folder
			data = regexp.MustCompile("(sluice (?:check|test|dev)) "+from).ReplaceAll(data, []byte("$1 ."))
		}
		out = append(out, exampleFile{filepath.FromSlash(strings.TrimPrefix(path, from+"/")), data})
		return nil
	})
	return out, err
}
