package engine_test

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/sluice-dev/sluice/runtime/kafka"
)

const fileHead = `app "app~"
connection kafka main { brokers: env("BROKERS") }
`

// filed reads a file with state and without.
const filed = fileHead + `
table counted: int = 0 keyed by string
route copied
from file "lines.jsonl" as { id: int }
emit topic "copied~" { key: "k", value: { id: .id, line: @line } }
route counts
from file "lines.jsonl" as { id: int }
update counted["all"] = it + 1 as n
emit topic "counted~" { key: "k", value: { id: .id, n } }
`

// numbered is the number in a field of each record of a topic by its sluice-id; the same
// id with another content fails.
func (w *world) numbered(topic, field string) map[string]int {
	w.t.Helper()
	out := map[string]int{}
	for _, r := range w.read(w.topic(topic)) {
		var v map[string]int
		if err := json.Unmarshal(r.Value, &v); err != nil {
			w.t.Fatal(err)
		}
		for _, h := range r.Headers {
			if h.Key != "sluice-id" {
				continue
			}
			id := string(h.Value)
			if n, ok := out[id]; ok && n != v[field] {
				w.t.Errorf("%s has %s %d and %d under one id", topic, field, n, v[field])
			}
			out[id] = v[field]
		}
	}
	return out
}

// each tells how often each number comes.
func each(of map[string]int) map[int]int {
	out := map[int]int{}
	for _, n := range of {
		out[n]++
	}
	return out
}

func writeLines(t *testing.T, dir string, from, to int, flag int) {
	t.Helper()
	f, err := os.OpenFile(filepath.Join(dir, "lines.jsonl"), os.O_CREATE|os.O_WRONLY|flag, 0o644)
	if err != nil {
		t.Fatal(err)
	}
	var b strings.Builder
	for i := from; i < to; i++ {
		fmt.Fprintf(&b, "{\"id\":%d}\n", i)
	}
	if _, err := f.WriteString(b.String()); err != nil {
		t.Fatal(err)
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
}

// TestKillsInAFile kills the engine while it writes a large file to its topic: every line
// is there once, and state has counted each once.
func TestKillsInAFile(t *testing.T) {
	t.Parallel()
	w := onEmbedded(t)
	w.topics(1, "copied", "counted")
	dir := t.TempDir()
	const lines = 120_000
	writeLines(t, dir, 0, lines, 0)
	role := engineRole{
		Script: strings.ReplaceAll(filed, "~", "-"+w.suffix), State: t.TempDir(), Dir: dir,
		Env: map[string]string{"BROKERS": strings.Join(w.brokers, ",")}, Session: 6 * time.Second,
	}
	in := kafka.FileTopic(w.app(), "lines-jsonl")
	end := func() int64 {
		ends, err := w.admin.EndOffsets(t.Context(), in)
		if err != nil {
			return 0
		}
		return ends[kafka.TP{Topic: in}]
	}
	e := spawn(t, "engine", role)
	defer func() {
		if t.Failed() {
			t.Log(e.stderr())
		}
	}()
	inside := 0
	for k := range 4 {
		at := int64(1 + k*lines/5 + rand.IntN(lines/5))
		w.eventually("the file is being read", func() bool { return end() >= at })
		e.kill()
		if n := end(); n < lines {
			inside++
		}
		e = spawn(t, "engine", role)
	}
	if inside == 0 {
		t.Error("no kill was inside of the file: the test shows nothing")
	}
	w.within(80*time.Second, "all has been taken", func() bool {
		return w.atEndOf("copied", in) && w.atEndOf("counts", in)
	})
	if n := end(); n != lines {
		t.Errorf("%d records of %d lines", n, lines)
	}
	ids := each(w.numbered("copied", "id"))
	for i := range lines {
		if ids[i] != 1 {
			t.Fatalf("line %d came under %d ids", i+1, ids[i])
		}
	}
	counts := each(w.numbered("counted", "n"))
	for i := range lines {
		if counts[i+1] != 1 {
			t.Fatalf("the count %d came %d times", i+1, counts[i+1])
		}
	}
	// What was taken is cut off, but for what says how far the file was read.
	w.eventually("the log is trimmed", func() bool {
		starts, err := w.admin.StartOffsets(t.Context(), in)
		return err == nil && starts[kafka.TP{Topic: in}] == lines-1
	})
	e.kill()
	e = spawn(t, "engine", role)
	// More lines while it runs.
	writeLines(t, dir, lines, lines+10, os.O_APPEND)
	w.eventually("the new lines are read", func() bool { return end() == lines+10 })
	e.kill()
}

// atEndOf tells whether a route has committed all of a topic of the program's own.
func (w *world) atEndOf(route, topic string) bool {
	ends, err := w.admin.EndOffsets(w.t.Context(), topic)
	if err != nil {
		w.t.Fatal(err)
	}
	at, err := w.admin.Committed(w.t.Context(), kafka.GroupName(w.app(), route))
	if err != nil {
		w.t.Fatal(err)
	}
	tp := kafka.TP{Topic: topic}
	return ends[tp] > 0 && at[tp].Offset == ends[tp]
}

const everySecond = fileHead + `
table runs: int = 0 keyed by string
route seconds
from every 1s
update runs["all"] = it + 1 as n
emit topic "ticks~" { key: "k", value: { at: time.unix(.time), before: if .previous == null then 0 else time.unix(.previous), n } }
`

// TestKillsAtTicks kills the engine while a schedule drives a route: a planned tick is one
// record for ever, and each follows the one before it.
func TestKillsAtTicks(t *testing.T) {
	t.Parallel()
	w := onEmbedded(t)
	w.topics(1, "ticks")
	role := engineRole{
		Script: strings.ReplaceAll(everySecond, "~", "-"+w.suffix), State: t.TempDir(),
		Env: map[string]string{"BROKERS": strings.Join(w.brokers, ",")}, Session: 6 * time.Second,
	}
	e := spawn(t, "engine", role)
	defer func() {
		if t.Failed() {
			t.Log(e.stderr())
		}
	}()
	for range 3 {
		was := len(w.numbered("ticks", "at"))
		w.eventually("it ticks", func() bool { return len(w.numbered("ticks", "at")) >= was+2 })
		e.kill()
		e = spawn(t, "engine", role)
	}
	was := len(w.numbered("ticks", "at"))
	w.eventually("it ticks on", func() bool { return len(w.numbered("ticks", "at")) >= was+2 })
	e.kill()
	at, before, n := w.numbered("ticks", "at"), w.numbered("ticks", "before"), w.numbered("ticks", "n")
	byN := map[int]string{}
	for id, k := range n {
		if other, ok := byN[k]; ok {
			t.Errorf("%s and %s are both the run %d", id, other, k)
		}
		byN[k] = id
	}
	for k := 1; k <= len(byN); k++ {
		id, ok := byN[k]
		if !ok {
			t.Fatalf("there is no run %d of %d", k, len(byN))
		}
		if k == 1 && before[id] != 0 || k > 1 && (before[id] != at[byN[k-1]] || at[id] <= before[id]) {
			t.Errorf("run %d is at %d behind %d, the one before it was at %d", k, at[id], before[id], at[byN[k-1]])
		}
	}
	if ids := each(at); len(ids) != len(at) {
		t.Errorf("%d ticks under %d ids", len(ids), len(at))
	}
}

// TestOneRunner: of two processes one runs what a schedule drives, though no topic is
// read; the other waits by name, also behind a restart.
func TestOneRunner(t *testing.T) {
	t.Parallel()
	w := onEmbedded(t)
	w.topics(1, "ticks")
	o := options{store: "first", state: filepath.Join(t.TempDir(), "store"), session: 6 * time.Second}
	a := w.start(everySecond, o)
	w.eventually("it ticks", func() bool { return len(w.numbered("ticks", "at")) >= 1 })
	w.eventually("its place is committed", func() bool {
		at, err := w.admin.Committed(t.Context(), kafka.GroupName(w.app(), "seconds"))
		return err == nil && len(at) == 2 // that, and its replay log
	})
	b := w.start(everySecond, options{store: "second", session: 6 * time.Second})
	w.eventually("the second waits", func() bool { return strings.Contains(b.condition("group runs"), "the store first") })
	was := len(w.numbered("ticks", "at"))
	w.eventually("the first goes on", func() bool { return len(w.numbered("ticks", "at")) >= was+2 })
	a.stop()
	n := each(w.numbered("ticks", "n"))
	a = w.start(everySecond, o)
	w.eventually("it ticks again", func() bool { return len(w.numbered("ticks", "at")) >= len(n)+2 })
	for k, times := range each(w.numbered("ticks", "n")) {
		if times != 1 {
			t.Errorf("the run %s was counted %d times", strconv.Itoa(k), times)
		}
	}
	a.stop()
	b.stop()
}

// TestAFileOfTwo: of two processes that have a file the one writes it that has the
// partition, and the other goes on when it is gone.
func TestAFileOfTwo(t *testing.T) {
	t.Parallel()
	w := onEmbedded(t)
	w.topics(1, "copied")
	dir := t.TempDir()
	writeLines(t, dir, 0, 5000, 0)
	script := fileHead + `
route copied
from file "lines.jsonl" as { id: int }
emit topic "copied~" { key: "k", value: { id: .id } }
`
	in := kafka.FileTopic(w.app(), "lines-jsonl")
	end := func() int64 {
		ends, err := w.admin.EndOffsets(t.Context(), in)
		if err != nil {
			return 0
		}
		return ends[kafka.TP{Topic: in}]
	}
	a := w.start(script, options{store: "a", dir: dir, session: 6 * time.Second})
	b := w.start(script, options{store: "b", dir: dir, session: 6 * time.Second})
	w.eventually("the file is read", func() bool { return end() == 5000 && w.atEndOf("copied", in) })
	writeLines(t, dir, 5000, 5010, os.O_APPEND)
	w.eventually("it is read on", func() bool { return end() == 5010 })
	a.stop()
	writeLines(t, dir, 5010, 5020, os.O_APPEND)
	w.eventually("whoever is left reads on", func() bool { return end() == 5020 && w.atEndOf("copied", in) })
	b.stop()
	ids := each(w.numbered("copied", "id"))
	for i := range 5020 {
		if ids[i] != 1 {
			t.Fatalf("line %d came under %d ids", i+1, ids[i])
		}
	}
}
