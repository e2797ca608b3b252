package op_test

import (
	"fmt"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"regexp"
	"runtime/debug"
	"slices"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/sluice-dev/sluice/lang/plan"
	"github.com/sluice-dev/sluice/lang/program"
	"github.com/sluice-dev/sluice/lang/value"
	"github.com/sluice-dev/sluice/runtime/event"
	"github.com/sluice-dev/sluice/runtime/golden"
	"github.com/sluice-dev/sluice/runtime/op"
	"github.com/sluice-dev/sluice/stdlib"
)

// corpus is a program of spec/cases/language with the records of its cases.
type corpus struct {
	files   map[string]string
	names   []string
	records map[string][]string // by topic
}

var word = regexp.MustCompile("\"(?:[^\"\\\\\n]|\\\\.)*\"|`[^`]*`|[A-Za-z_][A-Za-z0-9_]*|[0-9][0-9a-zA-Z_.]*|\\.\\.\\.|\\?\\?|\\?:|=>|==|!=|<=|>=|\\s+|.")

// TestScriptsWithFaults puts faults into the scripts of the language's cases, as
// a hand slips. Whatever the checker still takes must run both ways alike on the
// records of the cases, and on those with faults; nothing may panic (the law of
// types, language.md §2).
func TestScriptsWithFaults(t *testing.T) {
	dirs, _ := filepath.Glob("../../spec/cases/language/*")
	var all []*corpus
	var pool []string
	for _, dir := range dirs {
		c := readCorpus(t, dir)
		for _, name := range c.names {
			for _, w := range word.FindAllString(c.files[name], -1) {
				if strings.TrimSpace(w) != "" {
					pool = append(pool, w)
				}
			}
		}
		all = append(all, c)
	}
	rounds := 800
	if testing.Short() {
		rounds = 200
	}
	checked := 0
	for seed := range uint64(rounds) {
		r := rand.New(rand.NewPCG(seed, 1))
		c := all[r.IntN(len(all))]
		name := c.names[r.IntN(len(c.names))]
		script := fault(r, oneRoute(r, c.files[name]), pool)
		if c.run(t, r, seed, name, script) {
			checked++
		}
	}
	if checked < rounds/30 {
		t.Errorf("only %d of %d scripts were checked clean", checked, rounds)
	}
}

func readCorpus(t *testing.T, dir string) *corpus {
	t.Helper()
	c := &corpus{files: map[string]string{}, records: map[string][]string{}}
	scripts, _ := filepath.Glob(dir + "/*.route")
	for _, f := range scripts {
		b, err := os.ReadFile(f)
		if err != nil {
			t.Fatal(err)
		}
		c.files[filepath.Base(f)] = string(b)
		c.names = append(c.names, filepath.Base(f))
	}
	cases, err := golden.Find(os.DirFS(dir))
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range cases {
		data, err := fs.ReadFile(os.DirFS(dir), f.Path)
		if err != nil {
			t.Fatal(err)
		}
		k, err := golden.Parse(f.Name, data)
		if err != nil {
			t.Fatal(err)
		}
		for _, s := range k.Steps {
			if s.Input == nil {
				continue
			}
			topic, _ := s.Input.Get("topic")
			v, _ := s.Input.Get("value")
			if text := string(value.AppendJSON(nil, v)); v != nil && len(text) < 4000 {
				c.records[topic.(string)] = append(c.records[topic.(string)], text)
			}
		}
	}
	return c
}

// oneRoute leaves of a script what stands above its routes, and one of them, so
// that one fault does not stop them all.
func oneRoute(r *rand.Rand, script string) string {
	parts := strings.Split(script, "\nroute ")
	if len(parts) < 3 || strings.Contains(parts[0], "\nfrom ") {
		return script
	}
	return parts[0] + "\nroute " + parts[1+r.IntN(len(parts)-1)]
}

// fault takes out, doubles, swaps or puts in a word or two.
func fault(r *rand.Rand, script string, pool []string) string {
	ws := word.FindAllString(script, -1)
	var at []int
	for i, w := range ws {
		if strings.TrimSpace(w) != "" {
			at = append(at, i)
		}
	}
	for range 1 + r.IntN(2) {
		i, j := at[r.IntN(len(at))], at[r.IntN(len(at))]
		switch r.IntN(5) {
		case 0:
			ws[i] = ""
		case 1:
			ws[i] = ws[j]
		case 2:
			ws[i], ws[j] = ws[j], ws[i]
		case 3:
			ws[i] = pool[r.IntN(len(pool))]
		case 4:
			ws[i] += " " + pool[r.IntN(len(pool))]
		}
	}
	return strings.Join(ws, "")
}

// run checks the program with another text of one script, and runs its routes.
func (c *corpus) run(t *testing.T, r *rand.Rand, seed uint64, name, script string) (checked bool) {
	at := "in the checker"
	defer func() {
		if e := recover(); e != nil {
			t.Fatalf("seed %d: panic %s: %v\n%s\n%s", seed, at, e, script, debug.Stack())
		}
	}()
	fsys := fstest.MapFS{}
	for n, text := range c.files {
		fsys[n] = &fstest.MapFile{Data: []byte(text)}
	}
	fsys[name] = &fstest.MapFile{Data: []byte(script)}
	p := program.Load(fsys, stdlib.Env(), program.Options{Name: "corpus"})
	if !p.OK() {
		return false
	}
	for _, route := range p.Plan.Routes {
		if route.File+".route" != name {
			continue
		}
		at = "in the compiler"
		run, err := bothWays(t, route, p.Plan.App)
		if err != nil {
			t.Fatalf("seed %d: %v\n%s", seed, err, script)
		}
		for _, topic := range route.Source.Topics {
			for i, text := range c.records[topic.Name] {
				if i == 10 {
					break
				}
				for _, text := range []string{text, mutate(text, r.IntN)} {
					at = fmt.Sprintf("on %s", text)
					rec := &event.Record{Topic: topic.Name, Value: []byte(text), Key: []byte("k"), Timestamp: now.UnixMilli()}
					if d := run(rec); d != "" {
						t.Fatalf("seed %d: the evaluators differ on\n%s\nof\n%s\n%s", seed, text, script, d)
					}
				}
			}
		}
	}
	return true
}

// bothWays compiles a route, with its group where it has one, to be run both ways;
// what it gives tells where they differ.
func bothWays(t *testing.T, r *plan.Route, app string) (func(*event.Record) string, error) {
	if r.Group == nil {
		compiled, err := op.Compile(r, app)
		if err != nil {
			return nil, err
		}
		pair := newPair(compiled)
		return func(rec *event.Record) string { _, d := pair.run(rec, now); return d }, nil
	}
	g, err := op.CompileGroup(r.Group, app, secret)
	if err != nil {
		return nil, err
	}
	w, i := twinsOf(t, r.Group, g), slices.Index(r.Group.Routes, r)
	return func(rec *event.Record) string {
		if d := w.both(func(p *player) { p.record(i, rec) }); d != "" {
			return d
		}
		if x, y := w.fused.stored(), w.reference.stored(); x != y {
			return fmt.Sprintf("cells, fused:\n%s\nreference:\n%s", x, y)
		}
		return ""
	}, nil
}
