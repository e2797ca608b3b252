package engine_test

import (
	"fmt"
	"os"
)

// roleVar says which process the test binary is to be.
const roleVar = "SLUICE_ENGINE_TEST_ROLE"

// play is the main function of those processes.
func play(role string) int {
	fmt.Fprintln(os.Stderr, "unknown role", role)
	return 2
}
