package sim

import (
	"strings"
	"testing"
)

// A route with state whose letters another of its group mends and sends back, and one
// that sends back what nobody takes. Both remember in what order they ran.
func init() {
	statePrograms = append(statePrograms, struct{ name, script string }{"letters", `
route one
from topic "a" as R
time by .at
where .mode != "drop" else "unwanted"
dedupe seen by .k, .n within 30s
update hist[.k] = "${it}${.n}," as h
emit track "One" { userId: .k, properties: { n: .n, h, mode: .mode } }
emit topic "out" { key: .k, value: { n: .n, h, mode: .mode } }
require .mode != "fail" else "bad"
split .items as i
require i < 3 else "too large"
update hist["items"] = "${it}${i}," as all
emit topic "items" { key: .k, value: { i, all } }

route two
from topic "b" as R
time by .at
update hist[.k] = "${it}${.n}," as h
require .mode != "fail" else "bad"
emit track "Two" { userId: .k, properties: { n: .n, h, mode: .mode } }

route mends
from dead one
update hist["mends"] = "${it}." as h
when @dead.class == "delivery" {
  where @dead.replays < 2
  replay
} else when . is int {
  map 2
  replay
} else when .mode is string {
  set .mode = "mended"
  replay
}
emit log "left" { h, message: @dead.message }

route drops
from dead two
update hist["drops"] = "${it}." as h
when @dead.class == "delivery" { drop "refused" }
set .mode = "mended"
emit topic "mended" { key: "k", value: { h } }
replay
`})
}

// TestLetters plays with letters that are replayed: a crash after every effect, of the
// route that reads them as of the one that runs them again, and nothing is lost, doubled
// or decided in two ways.
func TestLetters(t *testing.T) {
	t.Parallel()
	for seed := uint64(1); seed <= 200; seed++ {
		if problems, log := playState("letters").logged(seed); len(problems) > 0 {
			t.Fatalf("seed %d:\n%s\n\n%s", seed, strings.Join(problems, "\n"), log)
		}
	}
}
