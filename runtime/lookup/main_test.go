package lookup

import (
	"testing"

	"go.uber.org/goleak"
)

// Watch and Follow leave nothing behind.
func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }
