package op_test

import (
	"fmt"
	"math"
	"math/rand/v2"
	"strconv"
	"strings"
	"testing"

	"github.com/sluice-dev/sluice/runtime/event"
)

// many sends n records with values of which `value` gives the i-th.
func (p *player) many(from, n, at int, value func(i int) string) {
	p.t.Helper()
	for i := from; i < from+n; i++ {
		if o := p.send(0, at, value(i)); o.Kind != event.Completed {
			p.t.Fatal(show(o))
		}
		if i%1500 == 0 {
			p.settle()
		}
		p.log = p.log[:0]
	}
}

func TestDistinct(t *testing.T) {
	script := `from topic "t" as { id: any }
window session 10s by "all" { n: distinct(.id) }
emit log { n: .n }
`
	id := func(i int) string { return fmt.Sprintf(`{"id":%d}`, i) }
	count := func(p *player) float64 {
		p.due(1000)
		n, err := strconv.ParseFloat(strings.Trim(p.outs(), `{}"n:`), 64)
		if err != nil {
			t.Fatal(err)
		}
		p.want("left", p.stored(), "")
		return n
	}
	t.Run("kinds and forms", func(t *testing.T) {
		p := play(t, script)
		for _, v := range []string{"1", "1.0", `"1"`, "true", "null", "[1]", "[1.0]", `{"a":1,"b":2}`, `{"b":2,"a":1.0}`, "1"} {
			p.send(0, 0, `{"id":`+v+`}`)
		}
		if n := count(p); n != 5 {
			t.Errorf("%v, want 5", n)
		}
	})
	t.Run("exact to 10,000", func(t *testing.T) {
		p := play(t, script)
		p.many(0, 10_000, 0, id)
		p.many(0, 500, 0, id)
		if n := count(p); n != 10_000 {
			t.Errorf("%v, want 10,000", n)
		}
	})
	// Sessions that become one count as if they had always been one, also where that
	// makes them more than are counted exactly, and whichever came first.
	t.Run("merged", func(t *testing.T) {
		a := play(t, script)
		a.many(0, 9000, 0, id)
		a.many(4000, 11_000, 15, id)
		a.many(14_990, 10, 9, id)
		b := play(t, script)
		b.many(4000, 11_000, 15, id)
		b.many(14_990, 10, 9, id)
		b.many(0, 9000, 0, id)
		na, nb := count(a), count(b)
		if na != nb || math.Abs(na-15_000) > 150 {
			t.Errorf("%v and %v, want about 15,000", na, nb)
		}
	})
	if testing.Short() {
		return
	}
	t.Run("beyond", func(t *testing.T) {
		for _, n := range []int{10_001, 40_000} {
			p := play(t, script)
			p.many(0, n, 0, id)
			p.many(0, 2000, 0, id)
			if got := count(p); math.Abs(got-float64(n)) > float64(n)/100 {
				t.Errorf("%v, want %d", got, n)
			}
		}
	})
}

func TestPercentile(t *testing.T) {
	script := `from topic "t" as { n: number }
window session 10s by "all" { p0: percentile(.n, 0), p25: percentile(.n, 25), p50: percentile(.n, 50), p99: percentile(.n, 99.9), p100: percentile(.n, 100) }
emit log
`
	number := func(i int) string { return fmt.Sprintf(`{"n":%d}`, i) }
	told := func(p *player, want string) {
		t.Helper()
		p.due(1000)
		p.want("percentiles", p.outs(), want)
		p.want("left", p.stored(), "")
	}
	perm := rand.New(rand.NewPCG(1, 2)).Perm(10_000)
	t.Run("exact", func(t *testing.T) {
		p := play(t, script)
		for _, v := range []string{"-1.5", "3", "-1e2", "0", "2"} {
			p.send(0, 0, `{"n":`+v+`}`)
		}
		told(p, `{"p0":-1e2,"p25":-1.5,"p50":0,"p99":3,"p100":3}`)
		p = play(t, script)
		p.many(0, 10_000, 0, func(i int) string { return fmt.Sprintf(`{"n":%d.125}`, perm[i]+1) })
		told(p, `{"p0":1.125,"p25":2500.125,"p50":5000.125,"p99":9990.125,"p100":10000.125}`)
	})
	t.Run("four digits", func(t *testing.T) {
		p := play(t, script)
		p.many(0, 10_000, 0, func(i int) string { return fmt.Sprintf(`{"n":%d.5}`, perm[i]-5000) })
		p.many(0, 1, 0, func(int) string { return `{"n":1e300}` })
		p.many(0, 1, 0, func(int) string { return `{"n":1e-30}` })
		p.many(0, 3, 0, func(int) string { return `{"n":123456789}` })
		told(p, `{"p0":-5000,"p25":-2499,"p50":1.5,"p99":4993,"p100":9999000000000000000000000000000000000000}`)
	})
	t.Run("merged", func(t *testing.T) {
		want := `{"p0":1,"p25":2500,"p50":5000,"p99":9990,"p100":10000}`
		for _, first := range []int{0, 18} {
			p := play(t, script)
			p.many(0, 7000, first, func(i int) string { return number(perm[i] + 1) })
			p.many(7000, 2999, 18-first, func(i int) string { return number(perm[i] + 1) })
			p.many(9999, 1, 9, func(i int) string { return number(perm[i] + 1) })
			told(p, want)
		}
		p := play(t, script)
		p.many(0, 10_000, 0, func(i int) string { return number(perm[i] + 1) })
		p.many(0, 10_000, 18, func(i int) string { return number(perm[i] + 1) })
		p.many(9999, 1, 9, func(int) string { return number(12_345) })
		told(p, `{"p0":1,"p25":2501,"p50":5001,"p99":9991,"p100":12340}`)
	})
}

func TestCollect(t *testing.T) {
	p := play(t, `from topic "t" as { n: int }
window session 10s by "all" { ids: collect(.n, 3), more: collect(.n, 1000) }
emit log { ids: .ids, n: .more | length }
`)
	for _, r := range [][2]int{{0, 1}, {5, 2}, {5, 3}, {3, 4}, {3, 5}, {40, 6}, {32, 7}, {32, 8}, {23, 9}, {14, 10}} {
		p.send(0, r[0], fmt.Sprintf(`{"n":%d}`, r[1]))
	}
	p.due(1000)
	p.want("the first of the whole", p.outs(), `{"ids":[1,4,5],"n":10}`)
	p.want("left", p.stored(), "")
}

// What has made room for an earlier value does not count any more.
func TestCollectMakesRoom(t *testing.T) {
	p := play(t, `from topic "t" as { s: string }
window 1m by "all" { list: collect(.s, 2) }
emit log { sizes: [s | length for s in .list] }
`)
	for i := range 5 {
		p.want(fmt.Sprint(i), show(p.send(0, 50-i, `{"s":"`+strings.Repeat("x", 400_000+i)+`"}`)), "completed")
	}
	p.due(60)
	p.want("the first two", p.outs(), `{"sizes":[400004,400003]}`)
	p.want("left", p.stored(), "")
}
