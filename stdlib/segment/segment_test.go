package segment

import (
	"testing"

	"github.com/sluice-dev/sluice/lang/types"
)

func TestReserved(t *testing.T) {
	if n := len(Events()); n != 79 {
		t.Errorf("%d events, want 79", n)
	}
	for _, tt := range []struct {
		call, event string
		path        []string
		want        string
	}{
		{"track", "Order Completed", []string{"revenue"}, "number?"},
		{"track", "Order Completed", []string{"products", "", "price"}, "number?"},
		{"track", "Song Played", []string{"revenue"}, "number?"},
		{"track", "Song Played", []string{"products"}, ""},
		{"identify", "", []string{"createdAt"}, "time | string | null"},
		{"identify", "", []string{"address", "city"}, "string?"},
		{"group", "", []string{"employees"}, "string | number | null"},
		{"page", "", []string{"keywords"}, "[string]?"},
		{"context", "", []string{"device", "adTrackingEnabled"}, "bool?"},
		{"context", "", []string{"traits", "created_at"}, "time | string | null"},
		{"context", "", []string{"externalIds", "", "collection"}, "string"},
		{"context", "", []string{"channel"}, `"server" | "browser" | "mobile" | null`},
		{"track", "Video Ad Started", []string{"load_type"}, `"linear" | "dynamic" | null`},
		{"track", "Order Refunded", []string{"products", "", "price"}, "number?"},
		{"alias", "", nil, ""},
	} {
		got := Reserved(tt.call, tt.event)
		for _, name := range tt.path {
			if name == "" {
				got = types.NonNull(got).Elem
				continue
			}
			f, ok := types.NonNull(got).Field(name)
			if !ok {
				got = nil
				break
			}
			got = f.Type
		}
		s := ""
		if got != nil {
			s = got.String()
		}
		if s != tt.want {
			t.Errorf("%s %q %v is %q, want %q", tt.call, tt.event, tt.path, s, tt.want)
		}
	}
}

func TestNearest(t *testing.T) {
	for name, want := range map[string]string{
		"Order Completed": "", "Completed Order": "Order Completed", "order_completed": "Order Completed", "orderCompleted": "Order Completed",
		"Order Complete": "Order Completed", "Products Viewed": "Product Viewed", "Signed up": "Signed Up", "Sign Up": "",
		"Song Played": "", "Order Created": "", "": "", "Payment Processed": "", "Onboarding Started": "", "Page Was Slow": "",
	} {
		if got := Nearest(name); got != want {
			t.Errorf("nearest of %q is %q, want %q", name, got, want)
		}
	}
}
