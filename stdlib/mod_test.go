package stdlib_test

import (
	"testing"

	"github.com/sluice-dev/sluice/stdlib/mod"
)

// TestModules: every module checks clean, and a script can use it.
func TestModules(t *testing.T) {
	names := mod.Names()
	if len(names) == 0 {
		t.Fatal("no modules")
	}
	for _, name := range names {
		if ids := compile("app \"a\"\nuse " + name + "\nfrom topic \"t\"\nemit log\n"); len(ids) > 0 {
			t.Errorf("use %s gives %v", name, ids)
		}
	}
	if _, ok := mod.Text("../mod"); ok {
		t.Error("a path leads out of the modules")
	}
}
