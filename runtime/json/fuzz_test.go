package json

import "testing"

// FuzzScan compares with encoding/json: what is accepted, every slot, every
// passed-through span, and that a scanner that knows other records gives the
// same.
func FuzzScan(f *testing.F) {
	for _, c := range corner {
		f.Add([]byte(c))
	}
	f.Add(clicks()[0])
	f.Add(orders()[0])
	p := richPlan()
	seasoned := NewScanner(p)
	f.Fuzz(func(t *testing.T, d []byte) {
		checkScan(t, NewScanner(p), d)
		checkScan(t, seasoned, d)
	})
}
