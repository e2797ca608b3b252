package json

import (
	"math/rand"
	"testing"
)

func benchScan(b *testing.B, p *Plan, pool [][]byte) {
	s := NewScanner(p)
	b.SetBytes(meanLen(pool))
	b.ReportAllocs()
	i := 0
	for b.Loop() {
		if err := s.Scan(pool[i%len(pool)]); err != nil {
			b.Fatal(err)
		}
		i++
	}
}

func BenchmarkScanA(b *testing.B) { benchScan(b, clickPlan(), clicks()) }
func BenchmarkScanB(b *testing.B) { benchScan(b, orderPlan(), orders()) }

// Both shapes in one stream, read by the plan of one.
func BenchmarkScanMixed(b *testing.B) {
	pool := append(clicks()[:256], orders()[:256]...)
	rand.New(rand.NewSource(3)).Shuffle(len(pool), func(i, j int) { pool[i], pool[j] = pool[j], pool[i] })
	benchScan(b, orderPlan(), pool)
}

// Members that are there only at times, and records written by hand.
func BenchmarkScanOptional(b *testing.B) {
	r := rand.New(rand.NewSource(4))
	pool := make([][]byte, poolSize)
	for i := range pool {
		o := obj{"id", uuid(r)}
		for _, k := range []string{"email", "phone", "coupon", "referrer", "campaign", "country", "device", "session"} {
			if r.Intn(2) == 0 {
				o = append(o, k, pick(r, products))
			}
		}
		pool[i] = o.bytes()
	}
	benchScan(b, planOf("id", "coupon", "device"), pool)
}

// Only the check: no path is read.
func BenchmarkValidA(b *testing.B) { benchScan(b, planOf(), clicks()) }
func BenchmarkValidB(b *testing.B) { benchScan(b, planOf(), orders()) }
