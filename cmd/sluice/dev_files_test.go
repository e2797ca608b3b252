package main

import (
	"os"
	"path/filepath"
	"testing"
)

// TestDevSees: a save of a script, a case, a tracking plan or a schema starts the
// program again; other files are nobody's business.
func TestDevSees(t *testing.T) {
	d := &devServer{runOptions: runOptions{dir: t.TempDir()}}
	for name, want := range map[string]bool{"a.route": true, "a.test/one.txtar": true, "order.schema.json": true, "notes.txt": false, ".sluice/a/x.json": false} {
		before, file := d.fingerprint(), filepath.Join(d.dir, name)
		if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, []byte("x"), 0o644); err != nil {
			t.Fatal(err)
		}
		if got := d.fingerprint() != before; got != want {
			t.Errorf("a save of %s is seen: %v, want %v", name, got, want)
		}
	}
}
