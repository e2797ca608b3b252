package identity

import (
	"flag"
	"fmt"
	"slices"
	"sort"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

var operations = flag.Int("ops", 4000, "operations of each law")

// memory is cells in memory. It counts what is written.
type memory struct {
	cells  map[string]string
	writes int
}

func newMemory() *memory { return &memory{cells: map[string]string{}} }

func (m *memory) Get(key []byte) ([]byte, bool) {
	v, ok := m.cells[string(key)]
	return []byte(v), ok
}

func (m *memory) Put(key, val []byte) {
	m.writes++
	m.cells[string(key)] = string(val)
}

func (m *memory) Delete(key []byte) {
	m.writes++
	delete(m.cells, string(key))
}

// String lists all cells.
func (m *memory) String() string {
	var keys []string
	for k := range m.cells {
		keys = append(keys, k)
	}
	sort.Strings(keys)
	var b strings.Builder
	for _, k := range keys {
		fmt.Fprintf(&b, "%q %q\n", k, m.cells[k])
	}
	return b.String()
}

// Types of the space that tests use, the best first.
const (
	tUser = iota
	tEmail
	tCRM
	tDevice
	tAnonymous
	tIDFA
)

const tick = day / 4

func testConfig() Config {
	return Config{
		Name: "people",
		Types: []Type{
			{Name: "user_id", Person: true, Limit: 1},
			{Name: "email", Person: true, Canon: EmailText, Limit: 3, Per: 30 * day},
			{Name: "crm_id", Limit: 2},
			{Name: "kochava_device_id", Canon: ExactText, Limit: 4, Per: 10 * day},
			{Name: "anonymous_id", Canon: ExactText, Limit: 6, Per: 20 * day},
			{Name: "idfa", Canon: UpperUUID},
		},
		Secret: []byte("a secret"),
		Email: func(s string) (string, bool) {
			return strings.ToLower(s), strings.Count(s, "@") == 1
		},
		Phone: func(s, country string) (string, bool) { return "+" + country + s, len(s) > 3 },
	}
}

func newSpace(t testing.TB, cfg Config) *Space {
	s, err := New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// value is the nth value of a type, in its canonical form: long, so that nothing else
// holds its bytes.
func value(typ, n int) string {
	switch typ {
	case tUser:
		return fmt.Sprintf("user-number-%d", n)
	case tEmail:
		return fmt.Sprintf("somebody.%d@mail.example", n)
	case tCRM:
		return fmt.Sprintf("%012d", 770000000000+n)
	case tDevice:
		return fmt.Sprintf("KT%d-device", n)
	case tAnonymous:
		return fmt.Sprintf("6f1c0d52-9b1e-4b3a-8c77-%012x", 0xabc000000000+n)
	}
	return fmt.Sprintf("A1B2C3D4-0000-4000-8000-%012X", 0xABC000000000+n)
}

// op is something that is done to a space.
type op struct {
	do    string
	ids   []Given
	from  []Given
	at    int64
	force bool
}

func (o op) String() string {
	return fmt.Sprintf("%s %v %v at %d %v", o.do, o.ids, o.from, o.at, o.force)
}

// world says which operations are drawn.
type world struct {
	values [6]int // how many of a type there are
	most   int    // identifiers in a record
	does   []string
	signIn bool // most records name a user and a device of any kind
}

var everything = world{values: [6]int{9, 10, 6, 12, 14, 8}, most: 10, does: []string{
	"resolve", "resolve", "resolve", "resolve", "resolve", "resolve", "resolve", "resolve", "resolve", "resolve", "resolve", "resolve",
	"find", "forget", "merge", "force", "unlink", "split", "block",
}}

// kiosk is a world in which many users share few devices.
var kiosk = world{values: [6]int{16, 3, 2, 2, 2, 1}, most: 4, signIn: true, does: []string{
	"resolve", "resolve", "resolve", "resolve", "resolve", "resolve", "resolve", "resolve", "resolve", "resolve", "resolve", "resolve",
	"find", "forget", "merge", "unlink", "split",
}}

func (w world) given(t *rapid.T, label string, most int) (out []Given) {
	for range rapid.IntRange(1, most).Draw(t, label) {
		typ := rapid.IntRange(0, len(w.values)-1).Draw(t, "type")
		out = append(out, Given{typ, value(typ, rapid.IntRange(0, w.values[typ]-1).Draw(t, "n"))})
	}
	return out
}

func (w world) draw(t *rapid.T, clock int) op {
	o := op{do: rapid.SampledFrom(w.does).Draw(t, "do")}
	// Mostly in order, some late, few without a time.
	o.at = int64(clock+rapid.IntRange(-12, 4).Draw(t, "late")) * tick
	if rapid.IntRange(0, 29).Draw(t, "timeless") == 0 {
		o.at = noTime
	}
	if rapid.IntRange(0, 9).Draw(t, "very late") == 0 && o.at != noTime {
		o.at -= 60 * day
	}
	most := 4
	if rapid.IntRange(0, 9).Draw(t, "many") == 0 {
		most = w.most
	}
	switch o.do {
	case "resolve", "find":
		if !w.signIn || rapid.IntRange(0, 3).Draw(t, "sign in") == 0 {
			o.ids = w.given(t, "ids", most)
			break
		}
		for _, typ := range []int{tUser, rapid.IntRange(tCRM, tAnonymous).Draw(t, "type")} {
			o.ids = append(o.ids, Given{typ, value(typ, rapid.IntRange(0, w.values[typ]-1).Draw(t, "n"))})
		}
	case "block":
		o.ids = w.given(t, "ids", 1)
		if rapid.IntRange(0, 4).Draw(t, "rare") != 0 { // or soon there is nobody left
			o.do = "find"
		}
	case "force":
		o.do, o.force = "merge", true
		fallthrough
	case "merge":
		o.ids, o.from = w.given(t, "ids", 1), w.given(t, "from", 1)
	case "unlink", "forget":
		o.ids = w.given(t, "ids", 1)
	case "split":
		o.ids = w.given(t, "ids", 2)
	}
	return o
}

// log draws the operations of one check.
func (w world) log(t *rapid.T) []op {
	out := make([]op, max(20, *operations/100))
	for i := range out {
		out[i] = w.draw(t, i)
	}
	return out
}

// done is what an operation gave, as text.
func done(s *Space, c Cells, o op) string {
	switch o.do {
	case "resolve":
		return showResult(s.Resolve(c, o.ids, o.at))
	case "find":
		p, ambiguous := s.Find(c, o.ids)
		return fmt.Sprint(showPerson(p), " ", ambiguous)
	case "merge":
		r, why := s.Merge(c, o.ids, o.from, o.force, o.at)
		return showResult(r) + " " + string(why)
	case "unlink":
		p, why := s.Unlink(c, o.ids[0], o.at)
		return showPerson(p) + " " + string(why)
	case "split":
		from, made, why := s.Split(c, o.ids, o.at)
		return showPerson(from) + " " + showPerson(made) + " " + string(why)
	case "forget":
		p, why := s.Forget(c, o.ids, o.at)
		return showPerson(p) + " " + string(why)
	case "block":
		return fmt.Sprint(s.Block(c, o.ids[0].Type, "^"+o.ids[0].Value+"$"))
	}
	panic("no operation " + o.do)
}

func showPerson(p *Person) string {
	if p == nil {
		return "nobody"
	}
	f := slices.Clone(p.Former)
	sort.Strings(f)
	return fmt.Sprintf("{%s %s %v known %v merges %d created %d shared %v former %v}", p.ID, p.Anonymous, p.IDs, p.Known, p.Merges, p.Created, p.Shared, f)
}

func showResult(r Result) string {
	var merged []string
	for _, m := range r.Merged {
		merged = append(merged, showPerson(m))
	}
	return fmt.Sprintf("%s %s merged %v rejected %s", showPerson(r.Person), r.Kind, merged, showRejected(r.Rejected))
}

func showRejected(l []Rejected) string {
	var out []string
	for _, r := range l {
		out = append(out, fmt.Sprint(r.Type, " ", r.Value, ": ", r.Reason))
	}
	sort.Strings(out)
	return fmt.Sprint(slices.Compact(out))
}
