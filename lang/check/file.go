package check

import (
	"strings"

	"github.com/sluice-dev/sluice/lang/diag"
	"github.com/sluice-dev/sluice/lang/ir"
	"github.com/sluice-dev/sluice/lang/syntax"
	"github.com/sluice-dev/sluice/lang/types"
)

// fileOptions are those of `from file`.
var fileOptions = []option{
	{name: "format", kind: choiceOption, choices: []string{"csv", "jsonl"}},
	{name: "key", kind: eventOption, t: keyType},
	{name: "max_future", kind: durationOption},
}

// fromFile is a source of the lines of a file.
func (w *walker) fromFile(f *syntax.From, s *syntax.FromFile) *ir.Source {
	file := &ir.File{Path: s.Path.Value, Gzip: strings.HasSuffix(strings.ToLower(s.Path.Value), ".gz")}
	out := &ir.Source{At: head(f.Span()), Kind: "file", File: file, Start: "earliest", MaxFutureMS: defaultMaxFuture, Via: "main"}
	t := types.AnyT
	if s.As != nil {
		t, out.Strict = w.c.typ(w.in, s.As.Type), s.As.Strict
	}
	w.filePath(file, s.Path)
	out.Type = viewOf(t)
	out.Topics = []ir.Topic{{Type: t, Strict: out.Strict}}
	w.src = &source{t: out.Type, metas: map[string]*types.Type{"line": types.IntT, "timestamp": types.TimeT}}
	w.f.cur = "$"
	w.f.known["$"] = w.src.t
	w.fileOptions(out, s)
	if file.Format == "csv" && t != bad && t.Kind != types.Any && !rowsOf(t) {
		w.errorf(diag.WrongType, s.As.Type.Span(), "a line of a CSV file is an object").WithLabel("this is %s", short(t)).
			WithHelp("name the columns that are read: { id: string, name: string }")
	}
	w.sameFile(out, s)
	return out
}

// fileOptions checks the options of a file, and how it is read.
func (w *walker) fileOptions(out *ir.Source, s *syntax.FromFile) {
	w.atSource, w.noTables = true, "an option of a source"
	defer func() { w.atSource, w.noTables = false, "" }()
	for name, t := range w.src.metas {
		w.f.known["@"+name] = t
	}
	for _, o := range w.options(s.Options, fileOptions, "a file") {
		switch o.Name {
		case "format":
			out.File.Format, _ = constText(o.X)
		case "key":
			out.Key = o.X
		case "max_future":
			out.MaxFutureMS = durationMS(&o)
		}
	}
	if out.File.Format == "" {
		out.File.Format = fileFormat(out.File.Path)
	}
	if out.File.Format == "" && out.File.Stdin() {
		out.File.Format = "jsonl"
	}
	if out.File.Format == "" {
		if out.File.Path != "" {
			w.errorf(diag.MissingOption, s.Path.Span(), "the name of %q does not say how it is read", out.File.Path).
				WithHelp("names end in .csv or .jsonl, each also .gz; another is read with { format: csv }")
		}
		out.File.Format = "jsonl"
	}
}

// maxFilePath leaves room for the rest of a topic's name, which has at most 249.
const maxFilePath = 120

// filePath refuses what could not name a topic.
func (w *walker) filePath(file *ir.File, at syntax.Const) {
	switch {
	case strings.TrimSpace(file.Path) == "":
		w.errorf(diag.BadOption, at.Span(), "the name of the file is empty")
		file.Path = ""
	case file.Name() == "" || len(file.Path) > maxFilePath || strings.ContainsRune(file.Path, 0):
		w.errorf(diag.BadOption, at.Span(), "%q is no name of a file that is read as a source", file.Path).
			WithHelp("it has a letter or a digit, and at most %d bytes: the topic that its lines are written to is called after it", maxFilePath)
	}
}

// fileUse is the first route that reads a file; the others read it alike.
type fileUse struct {
	route *ir.Route
	file  *ir.File
}

// sameFile compares a file with how other routes read it.
func (w *walker) sameFile(out *ir.Source, s *syntax.FromFile) {
	name := out.File.Name()
	if name == "" {
		return
	}
	first := w.c.files[name]
	switch {
	case first == nil:
		w.c.files[name] = &fileUse{w.route, out.File}
	case first.file.Path != out.File.Path:
		w.errorf(diag.NameClash, s.Path.Span(), "the files %q and %q become one name", first.file.Path, out.File.Path).
			WithLabel("both are %q in the name of their topic", name)
	case first.file.Format != out.File.Format:
		w.errorf(diag.BadOption, s.Path.Span(), "the routes of %q read it in different ways", out.File.Path).WithLabel("`format` is %s in route %s", first.file.Format, first.route.Name)
	}
}
