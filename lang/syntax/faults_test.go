package syntax_test

import (
	"sort"
	"strings"
	"testing"

	"github.com/sluice-dev/sluice/lang/syntax"
	"github.com/sluice-dev/sluice/lang/token"
)

// singleFaults gives texts with one mistake each, made of a script by dropping,
// doubling, swapping or replacing one token, and the line of the mistake.
func singleFaults(src string, each func(kind, text string, line int)) {
	file := token.NewFile("t", src)
	toks := syntax.Lex(file)
	for i, t := range toks {
		if t.Kind == syntax.CommentToken {
			continue
		}
		line := file.At(t.Start).Line
		put := func(kind, x string) { each(kind, src[:t.Start]+x+src[t.End():], line) }
		switch i % 7 { // every script and every kind of token meets every fault
		case 0:
			put("drop", "")
		case 1:
			put("double", t.Text+" "+t.Text)
		case 2:
			if i+1 < len(toks) && toks[i+1].Kind != syntax.CommentToken && !toks[i+1].Break {
				n := toks[i+1]
				each("swap", src[:t.Start]+n.Text+" "+t.Text+src[n.End():], line)
			}
		case 3:
			put("insert >", "> "+t.Text)
		case 4:
			put("insert )", t.Text+" )")
		case 5:
			if t.Kind == syntax.WordToken && len(t.Text) > 3 {
				put("typo", t.Text[:1]+t.Text[2:])
			} else {
				put("replace", "=")
			}
		case 6:
			put("insert {", t.Text+" {")
		}
	}
}

// One mistake should give one report, on its line or beside it. Some mistakes
// are none to the grammar (a doubled "-", a typo in a field), some can only be
// seen later (a missing "{"): the bounds are what the founding scripts give.
func TestSingleFaults(t *testing.T) {
	type tally struct{ made, seen, one, near int }
	sum, kinds := tally{}, map[string]*tally{}
	for _, src := range scripts(t) {
		singleFaults(src, func(kind, text string, line int) {
			f := parse("t", text)
			checkSpans(t, f)
			k := kinds[kind]
			if k == nil {
				k = &tally{}
				kinds[kind] = k
			}
			k.made++
			if len(f.Diags) == 0 {
				return
			}
			k.seen++
			if len(f.Diags) == 1 {
				k.one++
			}
			if l := f.Diags[0].Span.Pos().Line; l >= line-1 && l <= line+1 {
				k.near++
			}
		})
	}
	var names []string
	for n, k := range kinds {
		names = append(names, n)
		sum.made, sum.seen, sum.one, sum.near = sum.made+k.made, sum.seen+k.seen, sum.one+k.one, sum.near+k.near
	}
	sort.Strings(names)
	pct := func(a, b int) float64 { return 100 * float64(a) / float64(max(b, 1)) }
	for _, n := range names {
		k := kinds[n]
		t.Logf("%-10s %5d made, %5d seen: %5.1f %% one report, %5.1f %% first report within a line", n, k.made, k.seen, pct(k.one, k.seen), pct(k.near, k.seen))
	}
	t.Logf("%-10s %5d made, %5d seen: %5.1f %% one report, %5.1f %% first report within a line", "all", sum.made, sum.seen, pct(sum.one, sum.seen), pct(sum.near, sum.seen))
	if sum.made < 1500 || sum.seen < sum.made/2 {
		t.Errorf("only %d of %d mistakes were seen", sum.seen, sum.made)
	}
	if p := pct(sum.near, sum.seen); p < 90 {
		t.Errorf("first report within a line: %.1f %%, want 90", p)
	}
	if p := pct(sum.one, sum.seen); p < 85 {
		t.Errorf("one report: %.1f %%, want 85", p)
	}
}

// Two mistakes in two routes are both reported.
func TestTwoFaults(t *testing.T) {
	src := scripts(t)["orders.route"]
	at := strings.Index(src, "route payments")
	both, all := 0, 0
	head, tail := src[:at], src[at:]
	var heads, tails []string
	singleFaults(head, func(_, text string, _ int) { heads = append(heads, text) })
	singleFaults(tail, func(_, text string, _ int) { tails = append(tails, text) })
	for i, h := range heads {
		x := tails[i%len(tails)]
		if len(parse("t", h+tail).Diags) == 0 || len(parse("t", head+x).Diags) == 0 {
			continue
		}
		all++
		first, second := false, false
		line := token.NewFile("t", h).At(len(h)).Line
		for _, d := range parse("t", h+x).Diags {
			first = first || d.Span.Pos().Line < line
			second = second || d.Span.Pos().Line >= line-1
		}
		if first && second {
			both++
		}
	}
	t.Logf("both of two mistakes: %d of %d", both, all)
	if all < 50 || both*100 < all*90 {
		t.Errorf("both of two mistakes are reported in %d of %d texts", both, all)
	}
}
