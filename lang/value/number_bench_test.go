package value

import (
	"testing"

	"github.com/cockroachdb/apd/v3"
)

// The comparison behind spec/decisions/0001-decimals.md:
//
//	go test ./lang/value -run '^$' -bench Decimal -benchmem

var (
	sinkNumber Number
	sinkInt    int
)

func BenchmarkDecimal(b *testing.B) {
	pairs := []struct{ name, x, y string }{
		{"small", "42.50", "19.99"},
		{"wide", "123456789012345678901.25", "98765432.125"},
	}
	ops := []struct {
		name string
		own  func(a, b Number) (Number, error)
		apd  func(c *apd.Context, d, x, y *apd.Decimal) (apd.Condition, error)
	}{
		{"add", Add, (*apd.Context).Add},
		{"mul", Mul, (*apd.Context).Mul},
		{"quo", Quo, (*apd.Context).Quo},
	}
	for _, p := range pairs {
		x, _ := ParseNumber(p.x)
		y, _ := ParseNumber(p.y)
		ax, _, _ := apd.NewFromString(p.x)
		ay, _, _ := apd.NewFromString(p.y)
		b.Run("parse/"+p.name+"/own", func(b *testing.B) {
			b.ReportAllocs()
			for range b.N {
				sinkNumber, _ = ParseNumber(p.x)
			}
		})
		b.Run("parse/"+p.name+"/apd", func(b *testing.B) {
			b.ReportAllocs()
			for range b.N {
				apd.NewFromString(p.x) //nolint:errcheck // measured only
			}
		})
		for _, op := range ops {
			b.Run(op.name+"/"+p.name+"/own", func(b *testing.B) {
				b.ReportAllocs()
				for range b.N {
					sinkNumber, _ = op.own(x, y)
				}
			})
			b.Run(op.name+"/"+p.name+"/apd", func(b *testing.B) {
				c := apd.BaseContext.WithPrecision(MaxDigits)
				var d apd.Decimal
				b.ReportAllocs()
				for range b.N {
					op.apd(c, &d, ax, ay) //nolint:errcheck // measured only
				}
			})
		}
		b.Run("cmp/"+p.name+"/own", func(b *testing.B) {
			for range b.N {
				sinkInt = x.Cmp(y)
			}
		})
		b.Run("cmp/"+p.name+"/apd", func(b *testing.B) {
			for range b.N {
				sinkInt = ax.Cmp(ay)
			}
		})
		b.Run("print/"+p.name+"/own", func(b *testing.B) {
			n, _ := Add(x, y)
			buf := make([]byte, 0, 64)
			b.ReportAllocs()
			for range b.N {
				buf = n.AppendPlain(buf[:0])
			}
		})
		b.Run("print/"+p.name+"/apd", func(b *testing.B) {
			buf := make([]byte, 0, 64)
			b.ReportAllocs()
			for range b.N {
				buf = ax.Append(buf[:0], 'f')
			}
		})
	}
}
