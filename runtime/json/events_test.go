package json

import (
	"bytes"
	stdjson "encoding/json"
	"fmt"
	"math/rand"
	"strings"
)

// The two shapes that every benchmark of the hot path uses: A, a click of
// about 480 bytes, and B, an order of about 1.3 KB with a nested customer and
// three items. A pool holds many distinct records, so that no branch predictor
// can know one by heart.
const poolSize = 512

var (
	firstNames = []string{"Ada", "Grace", "Linus", "Zoë", "José", "Mei", "Olu", "Ivan"}
	lastNames  = []string{"Lovelace", "Hopper", "O'Neil", "Müller", "García", "Wang", "Adeyemi", "Petrov"}
	products   = []string{"Wireless Mouse M185", "USB-C Cable 2m", "27\" 4K Monitor", "Mechanical Keyboard / Brown", "Café Crème Mug", "Standing Desk 140x70"}
	currencies = []string{"usd", "eur", "gbp", "jpy"}
	pages      = []string{"/home", "/product/4711/wireless-mouse", "/cart", "/checkout/shipping", "/search?q=usb%20cable&page=2"}
	agents     = []string{
		"Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 Chrome/126.0",
		"Mozilla/5.0 (iPhone; CPU iPhone OS 17_5 like Mac OS X) Safari/604.1",
	}
)

// obj writes an object from alternating keys and values, in that order.
type obj []any

func (o obj) MarshalJSON() ([]byte, error) {
	var b bytes.Buffer
	enc := stdjson.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	for i := 0; i < len(o); i += 2 {
		b.WriteByte("{,"[min(i, 1)])
		for k, v := range o[i : i+2] {
			if err := enc.Encode(v); err != nil {
				return nil, err
			}
			b.Truncate(b.Len() - 1)
			if k == 0 {
				b.WriteByte(':')
			}
		}
	}
	b.WriteByte('}')
	return b.Bytes(), nil
}

func (o obj) bytes() []byte {
	b, err := o.MarshalJSON()
	if err != nil {
		panic(err)
	}
	return b
}

func pick(r *rand.Rand, from []string) string { return from[r.Intn(len(from))] }

func uuid(r *rand.Rand) string {
	return fmt.Sprintf("%08x-%04x-4%03x-a%03x-%012x", r.Uint32(), r.Intn(1<<16), r.Intn(1<<12), r.Intn(1<<12), r.Int63n(1<<48))
}

func timestamp(r *rand.Rand) string {
	return fmt.Sprintf("2026-11-22T%02d:%02d:%02d.%03dZ", r.Intn(24), r.Intn(60), r.Intn(60), r.Intn(1000))
}

func money(r *rand.Rand, n int) string { return fmt.Sprintf("%d.%02d", 11+r.Intn(n), r.Intn(100)) }

func clicks() [][]byte {
	r := rand.New(rand.NewSource(1))
	out := make([][]byte, poolSize)
	for i := range out {
		page := pick(r, pages)
		out[i] = obj{
			"event_id", uuid(r), "type", "product_viewed", "ts", timestamp(r),
			"user", obj{"id", fmt.Sprintf("u_%d", r.Intn(1e6)), "anon", uuid(r)[:18]},
			"page", obj{"url", "https://shop.example.com" + page, "path", page, "title", pick(r, products), "ref", nil},
			"ua", pick(r, agents), "ip", fmt.Sprintf("203.0.113.%d", r.Intn(255)), "status", "ok",
			"order_id", fmt.Sprintf("c-%d", r.Intn(1e6)), "total", money(r, 500), "currency", pick(r, currencies),
			"screen", obj{"w", 1920, "h", 1080},
		}.bytes()
	}
	return out
}

func orders() [][]byte {
	r := rand.New(rand.NewSource(2))
	out := make([][]byte, poolSize)
	for i := range out {
		var items []obj
		for range 3 {
			items = append(items, obj{
				"product_id", fmt.Sprintf("p-%d", r.Intn(1e6)), "sku", fmt.Sprintf("SKU-%06d", r.Intn(1e6)),
				"name", pick(r, products), "price", stdjson.Number(money(r, 200)), "quantity", 1 + r.Intn(5),
				"category", "electronics", "tax_rate", 0.19, "gift", false,
			})
		}
		out[i] = obj{
			"event_id", uuid(r), "type", "order.completed", "schema", 3, "created_at", timestamp(r), "channel", "web",
			"customer", obj{
				"id", fmt.Sprintf("cus_%d", r.Intn(1e6)), "email", fmt.Sprintf("user%d@example.com", r.Intn(1e5)),
				"name", pick(r, firstNames) + " " + pick(r, lastNames), "phone", nil, "marketing", true,
				"address", obj{
					"line1", fmt.Sprintf("%d Market Street", r.Intn(999)), "line2", nil, "city", "Springfield",
					"zip", fmt.Sprintf("%05d", r.Intn(99999)), "country", "US",
					"geo", obj{
						"lat", stdjson.Number(fmt.Sprintf("%.5f", r.Float64()*90)),
						"lon", stdjson.Number(fmt.Sprintf("%.5f", -r.Float64()*90)),
					},
				},
				"tags", []string{"vip", "newsletter"}, "loyalty", obj{"tier", "gold", "points", r.Intn(10000)},
			},
			"order", obj{
				"id", fmt.Sprintf("ord_%d", r.Intn(1e8)), "number", r.Intn(1e6), "status", pick(r, []string{"paid", "fulfilled"}),
				"currency", pick(r, currencies), "subtotal", stdjson.Number(fmt.Sprintf("%d.50", r.Intn(300))),
				"tax", stdjson.Number(fmt.Sprintf("%d.25", r.Intn(30))), "shipping", 4.99, "discount", 0,
				"total", money(r, 500), "coupon", nil,
			},
			"items", items,
			"meta", obj{
				"ip", fmt.Sprintf("198.51.100.%d", r.Intn(255)), "ua", pick(r, agents), "source", "checkout-v2",
				"ab", []string{"x1", "y2"}, "trace", uuid(r),
			},
		}.bytes()
	}
	return out
}

func meanLen(pool [][]byte) int64 { return int64(len(bytes.Join(pool, nil)) / len(pool)) }

// clickPlan and orderPlan read what a route would that maps the two shapes.
func clickPlan() *Plan {
	return planOf("type", "status", "total", "event_id", "ts", "user.id", "page.url", "page.path", "ua", "ip", "order_id", "currency")
}

func orderPlan() *Plan {
	return planOf("type", "order.status", "order.total", "event_id", "created_at", "customer.id", "meta.ip", "meta.ua", "order.id", "order.currency",
		"items[].product_id", "items[].sku", "items[].name", "items[].price", "items[].quantity")
}

// planOf builds a plan with a slot for each path: dotted keys, `[]` for each
// element. The empty path is the record.
func planOf(paths ...string) *Plan {
	p := NewPlan()
	for _, path := range paths {
		nodeAt(p, path).Slot()
	}
	p.Seal()
	return p
}

func nodeAt(p *Plan, path string) *Node {
	n := p.Root()
	for _, step := range steps(path) {
		if step == "[]" {
			n = n.Each()
		} else {
			n = n.Key(step)
		}
	}
	return n
}

// steps splits "a.b[].c" into a, b, [], c.
func steps(path string) []string {
	return strings.FieldsFunc(strings.ReplaceAll(path, "[]", ".[]"), func(r rune) bool { return r == '.' })
}
