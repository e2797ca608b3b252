//go:build !mutant

package sim

import (
	"os/exec"
	"testing"
)

// TestMutants builds the engine with one rule turned wrong at a time and shows that
// TestProtocol and TestState would notice (mutants_test.go), and the test of
// the task's group: a suite that cannot fail holds nothing.
func TestMutants(t *testing.T) {
	if testing.Short() {
		t.Skip("builds the package a second time")
	}
	out, err := exec.Command("go", "test", "-tags", "mutant", "-count", "1", "-run", "MutantsAreCaught|^TestMutants$", ".", "../task").CombinedOutput()
	if err != nil {
		t.Fatalf("go test -tags mutant: %v\n%s", err, out)
	}
}
