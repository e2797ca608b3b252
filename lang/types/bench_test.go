package types

import "testing"

// BenchmarkJudge judges an order of 1.3 KB by the reference.
func BenchmarkJudge(b *testing.B) {
	of := ty(orderType)
	in := val(`{"id":"o1","status":"paid","total":42.50,"at":"2026-03-01T12:00:00Z","lines":[{"sku":"s","qty":2},{"sku":"s","qty":2},{"sku":"s","qty":2}],"customer":{"id":"u1"},"x":1,"y":2}`)
	b.ReportAllocs()
	for b.Loop() {
		if _, m := Judge(in, of, Mode{}); m != nil {
			b.Fatal(m)
		}
	}
}
