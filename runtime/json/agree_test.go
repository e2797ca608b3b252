package json

import (
	"math/rand"
	"slices"
	"testing"
)

// corner are small records at the edges, among the seeds of all comparisons.
var corner = []string{
	`{}`, `[]`, `null`, `true`, ` -0.0e-0 `, `"x"`, ``, ` `, "\xef\xbb\xbf{}", "\xef\xbb\xbf \xef\xbb\xbf{}", "\xef\xbb", `{}{}`, `1 2`,
	`{"a":{"b":1,"c":2},"a":{"c":3}}`, `{"a":{"b":1},"a":{}}`, `{"a":{"b":1},"a":null}`, `{"a":{"b":1},"a":"x"}`, `{"a":"x","a":{"b":1}}`,
	`{"a":5}`, `{"a":[{"b":1}]}`, `{"a":null}`, `{"a":{"b":{"c":"\ud800"}}}`, `{"a":{"\ud83d":1}}`, `{"\u0061":{"\u0062":"\ud83d\ude00"}}`,
	`{ "a" : { "b" : 1 , "c" : [ ] } , "d" : "y\n" }`, "{\"a\":\"\xff\"}", "{\"a\":\"\x01\"}", `{"a":"\x"}`, `{"a":"\u12g4"}`,
	`{"items":[{},{"sku":"a"},1,null,[],"x",{"sku":-1.5e3,"sku":2}]}`, `{"items":"b"}`, `{"items":{"sku":1}}`, `{"items":[[{"sku":1}]],"items":[{"sku":2}]}`,
	`{"grid":[[{"x":1},{"x":2}],[],[3,null,{"x":[4]}],5,{"x":6}]}`, `{"grid":[[[{"x":1}]]]}`, `[{"sku":1},[{"sku":2}],3]`,
	`{"items":[{"tags":["a",1,{"n":2}]},{"tags":[]},{"tags":"z"},{}]}`,
	`{"type":"\u0061\ud800b","t":"2026-11-22T10:11:12.013Z","n":12,"lit":"ios"}`, `{"n":1.0,"t":"2026-02-30T00:00:00.000Z","lit":"web"}`,
	`{"d":"\ude00\ude00","a":{"b":"\ud83d\ud83d\ude00","c":"\\ud83d"}}`,
	`{"shipping_address_line_1_text":1,"shipping_address_line_2_text":2}`, `{"shipping_address_line_2_text":3,"shipping_address_line_1_text":{}}`,
	`{"n":01}`, `{"n":-}`, `{"n":1.}`, `{"n":1e}`, `{"n":.5}`, `{"n":+1}`, `{"n":tru}`, `{"n":nulll}`, `{"n":1,}`, `[1,]`, `{,}`, `{"n"}`, `{"n":}`, `{n:1}`, `[1 2]`,
	"{\"caf\xc3\xa9\":1,\"\xed\xa0\x80\":2}", "{\"k\":\"\xf4\x90\x80\x80\"}", "{\"a\"\v:1}", "\xc2\xa0{}",
}

// richPlan has everything a plan can have: slots on inner nodes and on the
// root, lists in lists, masks and required members.
func richPlan() *Plan {
	p := NewPlan()
	for _, path := range []string{"", "[].sku", "a.b", "a.c", "a", "a.b.c", "d", "items[].sku", "items[]", "items[].tags[].n", "items[].tags[]",
		"grid[][].x", "grid[][]", "type", "n", "café", "shipping_address_line_2_text", "order.total", "order.status", "customer", "customer.address.geo.lat", "meta.ab", "meta.ab[]"} {
		nodeAt(p, path).Slot()
	}
	nodeAt(p, "n").Allow(MaskInt | MaskNull)
	nodeAt(p, "t").Allow(MaskTime)
	nodeAt(p, "type").Allow(MaskStr)
	nodeAt(p, "lit").Allow(MaskNull)
	nodeAt(p, "lit").OneOf("ios", "android")
	nodeAt(p, "a").Allow(MaskObj | MaskNull)
	nodeAt(p, "a.c").Require()
	nodeAt(p, "items").Allow(MaskArr)
	nodeAt(p, "items[]").Allow(MaskObj)
	nodeAt(p, "items[].sku").Require()
	nodeAt(p, "items[].sku").Allow(MaskStr | MaskNum)
	p.Seal()
	return p
}

// mutate returns d with a few bytes changed, doubled or taken out.
func mutate(r *rand.Rand, d []byte, times int) []byte {
	const bytes = "{}[]\",:\\tfn0123-.eEu \n\x01\x80\xc3abc"
	d = slices.Clone(d)
	for ; times > 0 && len(d) > 2; times-- {
		switch i := r.Intn(len(d)); r.Intn(3) {
		case 0:
			d[i] = bytes[r.Intn(len(bytes))]
		case 1:
			d = slices.Delete(d, i, i+1)
		case 2:
			d = slices.Insert(d, i, bytes[r.Intn(len(bytes))])
		}
	}
	return d
}

// splice swaps a piece of one record for a piece of another, which makes
// duplicate and nested keys.
func splice(r *rand.Rand, a, b []byte) []byte {
	i, j := r.Intn(len(a)), r.Intn(len(b))
	return append(slices.Clone(a[:i]), b[j:]...)
}

func TestScanAgreesWithEncodingJSON(t *testing.T) {
	r := rand.New(rand.NewSource(9))
	pool := append(clicks()[:100], orders()[:100]...)
	var small [][]byte
	for _, c := range corner {
		small = append(small, []byte(c))
	}
	// Long-lived, so that what one record teaches meets all others.
	scanners := []*Scanner{NewScanner(richPlan()), NewScanner(orderPlan())}
	const n = 5000
	valid := 0
	for it := range n {
		var d []byte
		switch it % 4 {
		case 0:
			d = mutate(r, pool[r.Intn(len(pool))], r.Intn(3))
		case 1:
			d = splice(r, pool[r.Intn(len(pool))], pool[r.Intn(len(pool))])
		default:
			d = mutate(r, small[r.Intn(len(small))], r.Intn(3))
		}
		for _, s := range scanners {
			checkScan(t, s, d)
		}
		if wantValid(d) {
			valid++
		}
	}
	if valid < n/10 || valid > n*9/10 {
		t.Errorf("%d of %d records were valid: the comparison is lopsided", valid, n)
	}
}

func TestCorners(t *testing.T) {
	s := NewScanner(richPlan())
	for range 2 { // met the first time, and known
		for _, c := range corner {
			checkScan(t, s, []byte(c))
			checkScan(t, NewScanner(richPlan()), []byte(c))
		}
	}
}

// What a scanner has learned must not show in its results.
func TestLongLivedScannerGivesWhatAFreshOneGives(t *testing.T) {
	r := rand.New(rand.NewSource(5))
	pool := append(clicks()[:60], orders()[:60]...)
	for range 300 { // keys that are data, so that the bounds on learning are met
		o := obj{}
		for range 20 {
			o = append(o, uuid(r)[:3], obj{uuid(r)[:2], 1, "sku", []obj{{uuid(r)[:4], nil}}})
		}
		pool = append(pool, o.bytes(), obj{"items", []obj{o, {"sku", 1}}, "a", o, "d", "x"}.bytes())
	}
	p := richPlan()
	long := NewScanner(p)
	forgot := false
	for range 1500 {
		d := pool[r.Intn(len(pool))]
		if r.Intn(3) == 0 {
			d = mutate(r, d, 1)
		}
		fresh := NewScanner(p)
		before := long.start
		errLong, errFresh := long.Scan(d), fresh.Scan(d)
		forgot = forgot || long.start != before
		if (errLong == nil) != (errFresh == nil) || errLong != nil && *errLong.(*SyntaxError) != *errFresh.(*SyntaxError) {
			t.Fatalf("errors %v and %v: %q", errLong, errFresh, d)
		}
		if errLong != nil {
			continue
		}
		if !slices.Equal(long.root, fresh.root) || !slices.Equal(long.lists, fresh.lists) || long.Shape() != fresh.Shape() ||
			!slices.EqualFunc(long.elems, fresh.elems, slices.Equal[[]Span]) {
			t.Fatalf("results differ: %q", d)
		}
		if long.learned > maxLearned {
			t.Fatalf("learned %d, at most %d", long.learned, maxLearned)
		}
	}
	if !forgot {
		t.Error("the test never made the scanner forget")
	}
}
