package stdlib_test

import (
	"bytes"
	"encoding/json"
	"math/rand/v2"
	"net/url"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/rogpeppe/go-internal/txtar"

	"github.com/sluice-dev/sluice/lang/diag"
	"github.com/sluice-dev/sluice/lang/ir"
	"github.com/sluice-dev/sluice/lang/program"
	"github.com/sluice-dev/sluice/lang/types"
	"github.com/sluice-dev/sluice/lang/value"
	"github.com/sluice-dev/sluice/runtime/eval"
	"github.com/sluice-dev/sluice/stdlib"
	"github.com/sluice-dev/sluice/stdlib/mod"
)

// sample is a line of mod/testdata/kochava.jsonl: a request as Kochava or we send it,
// every value made up.
type sample struct {
	Case    string
	Query   json.RawMessage
	Body    json.RawMessage
	RawBody string `json:"raw_body"`
	URL     string
}

func samples(t *testing.T) map[string]sample {
	t.Helper()
	b, err := os.ReadFile("mod/testdata/kochava.jsonl")
	if err != nil {
		t.Fatal(err)
	}
	out := map[string]sample{}
	for line := range bytes.Lines(b) {
		var s sample
		if err := json.Unmarshal(line, &s); err != nil {
			t.Fatal(err)
		}
		out[s.Case] = s
	}
	return out
}

// postback gives the type of a postback, which a webhook judges as texts.
func postback(t *testing.T) *types.Type {
	t.Helper()
	p := load("app \"a\"\nuse kochava\nfrom topic \"t\" as kochava.Postback\nemit log\n")
	if !p.OK() {
		t.Fatal(p.Diags)
	}
	return p.IR.Routes[0].Source.Topics[0].Type
}

// arrived is a postback as the route sees it.
func arrived(t *testing.T, raw []byte) value.Value {
	t.Helper()
	v, bad := value.DecodeJSON(raw)
	if bad != nil {
		t.Fatal(bad.Reason)
	}
	out, m := types.Judge(v, postback(t), types.Mode{Text: true})
	if m != nil {
		t.Fatal(m)
	}
	return out
}

// evaluated gives an expression over `.` as JSON, or what it fails with.
func evaluated(t *testing.T, src string, of *types.Type, v value.Value) string {
	t.Helper()
	x := program.Expr(src, stdlib.Env(), of)
	for _, d := range x.Diags {
		if d.Code.Level() == diag.Error {
			t.Fatal(diag.Render(d))
		}
	}
	var f eval.Frame
	f.Begin(nil, x.Slots)
	f.Cur, f.Event = v, v
	f.Ctx = &types.Context{Now: func() value.Value { return time.Unix(1773740000, 0).UTC() }}
	got, fail := eval.Expr(x.X, &f)
	if fail != nil {
		return fail.Code.ID + " " + fail.Message
	}
	return string(value.AppendJSON(nil, got))
}

const (
	spring = `{"source":"ExampleAds","name":"US_Prospecting_Spring","id":"kocamp-88231"}`
	red    = `{"source":"ExampleAds","name":"US_Prospecting_Spring","id":"kocamp-88231","medium":"click","content":"pub_4471","ad_group":"Spring Video A","ad_creative":"cr_red_hello"}`
	red3   = `"acquisition_provider":"Kochava","acquisition_channel":"paid","acquisition_source":"ExampleAds"`
	device = `KI3161742011001t7b1f9a6c2d5e4f0a8c3b9d7e6f5a4b3c`
	droid  = `KA3161742016937tc0ffee11d2e34f5a9b8c7d6e5f4a3b2c`
	acq    = "kochava.traits(kochava.acquisition(.))"
)

// TestKochavaSamples: what the functions of the module make of each request that
// comes in.
func TestKochavaSamples(t *testing.T) {
	all := samples(t)
	if len(all) != 17 {
		t.Fatalf("%d samples", len(all))
	}
	of := types.View(postback(t))
	for name, want := range map[string][]string{
		"install_attributed_ios": {
			"kochava.is_organic(.)", `false`,
			"kochava.event_time(.)", `"2026-03-14T09:26:53.000Z"`,
			"kochava.ids(.)", `{"user_id":null,"email":null,"kochava_device_id":"` + device + `","idfv":"1F0E9C3B-5A77-4C0B-9E46-3B7A2C9D8E10","android_id":null,"idfa":"6D92078A-8246-4BA4-AE5B-76104861E7DC","adid":null}`,
			acq, `{` + red3 + `,"acquisition_campaign_id":"kocamp-88231","acquisition_campaign":"US_Prospecting_Spring","acquisition_ad_group":"Spring Video A","acquisition_creative":"cr_red_hello","acquisition_site":"pub_4471","acquisition_matched_by":"idfa","acquisition_country":"US","installed_at":"2026-03-14T09:26:53.000Z"}`,
			"kochava.install(.)", `{"provider":"Kochava","campaign":` + red + `,"attribution":{"matched_by":"idfa","click_id":"clk_7d0f","click_time":"2026-03-14T08:58:02.000Z","network_id":"1342","tracker_id":"kotrk-511","sub_site_id":"slot_2"}}`,
			"kochava.context(.)", `{"device":{"type":"ios","id":"1F0E9C3B-5A77-4C0B-9E46-3B7A2C9D8E10","advertisingId":"6D92078A-8246-4BA4-AE5B-76104861E7DC","adTrackingEnabled":true,"model":"iPhone"},"os":{"name":"iOS","version":"17.5"},"app":{"namespace":"koacme-puzzle-ios-x7k2"},"ip":"203.0.113.41","userAgent":"Mozilla/5.0 (iPhone; CPU iPhone OS 17_5 like Mac OS X) AppleWebKit/605.1.15","location":{"country":"US"},"campaign":` + red + `,"externalIds":[{"id":"` + device + `","type":"kochava_device_id","collection":"users","encoding":"none"}]}`,
		},
		"install_organic_android": {
			"kochava.is_organic(.)", `true`,
			acq, `{"acquisition_provider":"Kochava","acquisition_channel":"organic","acquisition_country":"DE","installed_at":"2026-03-14T11:02:17.000Z"}`,
			"kochava.ids(.)", `{"user_id":null,"email":null,"kochava_device_id":"` + droid + `","idfv":null,"android_id":null,"idfa":null,"adid":"38400000-8cf0-4d2e-b23e-10b96e40000d"}`, // its android_id is one that many devices share
			"kochava.context(.).device", `{"type":"android","advertisingId":"38400000-8cf0-4d2e-b23e-10b96e40000d","adTrackingEnabled":true}`,
		},
		"reengagement_purchase": {
			".attribution_type", `"reengagement"`,
			"kochava.campaign(.)", `{"source":"ExampleRetarget","name":"DE_Winback_14d","id":"kocamp-90440","medium":"click","content":"pub_0031","ad_creative":"cr_winback_3"}`,
			"kochava.order(.)", `{"order_id":"GPA.3312-4411-0099-10001","total":19.99,"revenue":19.99,"currency":"EUR"}`,
		},
		"purchase_install_attributed_ios": {
			"kochava.event_name(.)", `"Order Completed"`,
			"kochava.order(.)", `{"order_id":"1000000987654321","total":4.99,"revenue":4.99,"currency":"USD","products":[{"product_id":"coins_500","quantity":1,"price":4.99}]}`,
			"kochava.campaign(.)", spring,
		},
		"subscription_start": {
			"kochava.event_name(.)", `"Subscription Started"`,
			"kochava.event_time(.)", `"2026-03-20T18:10:05.000Z"`,
			"kochava.ids(.).user_id", `"u_20417"`,
			".event_value", `9.99`,
		},
		"level_complete": {
			"kochava.event_name(.)", `"Level Completed"`,
			"{ level: .level, score: .score }", `{"level":"3","score":"1840"}`,
		},
		"registration_links_identity": {
			"kochava.event_name(.)", `"Signed Up"`,
			"kochava.ids(.)", `{"user_id":"u_20417","email":"Jane.Doe@Example.com","kochava_device_id":"` + device + `","idfv":null,"android_id":null,"idfa":"6D92078A-8246-4BA4-AE5B-76104861E7DC","adid":null}`,
		},
		"lat_zero_idfa_and_unexpanded_macros": {
			"kochava.ids(.)", `{"user_id":null,"email":null,"kochava_device_id":"KI3161742020401t0a1b2c3d4e5f60718293a4b5c6d7e8f9","idfv":null,"android_id":null,"idfa":null,"adid":null}`,
			"kochava.context(.).device", `{"type":"ios","adTrackingEnabled":false}`,
			"kochava.install(.)", `{"provider":"Kochava","campaign":{"source":"ExampleAds"}}`,
		},
		"schema_drift_site_is_object": {
			"kochava.campaign(.)", `{"source":"ExampleAds","id":"88231","content":"pub_9","ad_creative":"cr_9"}`,
			"kochava.ids(.).adid", `"cdda802e-fb9c-47ad-9866-0794d394c912"`,
		},
		"missing_all_identifiers": {
			"kochava.device_key(.)", `E0414 the postback names no device`,
			"compact(kochava.ids(.))", `{}`,
		},
		"out_of_order_event_before_install": {
			"kochava.event_name(.)", `"Product Added"`,
			"kochava.campaign(.)", `{}`,
			"kochava.context(.).campaign", `null`,
			"kochava.device_key(.)", `"KI3161742455555t9999aaaabbbbccccddddeeeeffff0000"`,
		},
		"refund_negative_revenue": {
			"kochava.event_name(.)", `"Order Refunded"`,
			"kochava.refund(.)", `{"order_id":"1000000987654321","total":4.99,"currency":"USD"}`,
			"kochava.order(.)", `E0414 a purchase of less than nothing is a refund: kochava.refund`,
		},
	} {
		s, ok := all[name]
		raw := s.Body
		if raw == nil {
			raw = s.Query
		}
		if !ok || raw == nil {
			t.Errorf("no sample %s", name)
			continue
		}
		v := arrived(t, raw)
		for i := 0; i < len(want); i += 2 {
			if diff := cmp.Diff(want[i+1], evaluated(t, want[i], of, v)); diff != "" {
				t.Errorf("%s of %s (-want +got):\n%s", want[i], name, diff)
			}
		}
	}
}

// TestKochavaDuplicates: a retry has the identity of its first, nothing else has.
func TestKochavaDuplicates(t *testing.T) {
	all, of, seen := samples(t), types.View(postback(t)), map[string]string{}
	for name, s := range all {
		raw := s.Body
		if raw == nil {
			raw = s.Query
		}
		if raw == nil || s.URL != "" {
			continue
		}
		name = strings.ReplaceAll(name, "duplicate_retry_of_install", "install_attributed_ios")
		id := evaluated(t, "kochava.event_id(.)", of, arrived(t, raw))
		if len(id) > 100 || !strings.HasPrefix(id, `"kv_`) || seen[id] != "" && seen[id] != name {
			t.Errorf("%s has the id %s, like %q", name, id, seen[id])
		}
		seen[id] = name
	}
	if len(seen) != 12 {
		t.Errorf("%d identities of 13 postbacks, one of them a retry", len(seen))
	}
	level := func(n string) string {
		return evaluated(t, "kochava.event_id(.)", of, arrived(t, []byte(`{"event_name":"Level Complete","event_time":"2026-03-14 09:41:00","kochava_device_id":"K","level":`+n+`}`)))
	}
	third, again := level("3"), level("3")
	if third == level("4") || third != again {
		t.Error("two levels in one second must be two events, one level sent again must be one")
	}
}

// TestKochavaSends: the bodies that we send are those of the samples.
func TestKochavaSends(t *testing.T) {
	all := samples(t)
	v, bad := value.DecodeJSON([]byte(`{"app_guid":"koacme-puzzle-ios-x7k2","app_version":"3.3.0","kochava_device_id":"` + device + `","idfa":"6D92078A-8246-4BA4-AE5B-76104861E7DC","idfv":"1F0E9C3B-5A77-4C0B-9E46-3B7A2C9D8E10","att":true,"device_ver":"iPhone-iOS-17.5","user_agent":"Mozilla/5.0 (iPhone; CPU iPhone OS 17_5 like Mac OS X) AppleWebKit/605.1.15","ip":"203.0.113.41"}`))
	if bad != nil {
		t.Fatal(bad.Reason)
	}
	for _, tt := range []struct{ name, src, want string }{
		{"outbound_s2s_event", `kochava.s2s_event(. | as kochava.Device, "high_ltv_entered", { audience_key: "high_ltv", member: "true" })`, ""},
		{"", `kochava.identity_link(. | as kochava.Device, { app_userid: "u1" })`,
			`{"kochava_app_id":"koacme-puzzle-ios-x7k2","device_id":{"idfa":"6D92078A-8246-4BA4-AE5B-76104861E7DC","idfv":"1F0E9C3B-5A77-4C0B-9E46-3B7A2C9D8E10"},"data":{"app_userid":"u1"}}`},
		// As the script forget.route has it.
		{"dsr_erasure_request", `{ device_ids: [{ id_type: i.type, id_value: i.value } for i in ([{ type: "user_id", value: "u1" }, { type: "idfa", value: .idfa | as string }] | as [{ type: string, value: string }]) if i.type in ["idfa", "idfv", "adid", "android_id"]] }`, ""},
	} {
		want := tt.want
		if tt.name != "" {
			want = string(all[tt.name].Body)
		}
		a, _ := value.DecodeJSON([]byte(want))
		b, _ := value.DecodeJSON([]byte(evaluated(t, tt.src, types.AnyT, v)))
		if !value.Equal(a, b) {
			t.Errorf("%s gives\n%s\nwant\n%s", tt.src, value.AppendJSON(nil, b), want)
		}
	}
}

// TestKochavaTolerates: what senders write otherwise, and what is refused.
func TestKochavaTolerates(t *testing.T) {
	of := types.View(postback(t))
	for _, tt := range []struct{ rule, in, src, want string }{
		{"seconds", `{"event_time":1774030205}`, "kochava.event_time(.)", `"2026-03-20T18:10:05.000Z"`},
		{"milliseconds in a text", `{"event_time":"1774030205123"}`, "kochava.event_time(.)", `"2026-03-20T18:10:05.123Z"`},
		{"RFC 3339", `{"event_time":"2026-03-20T19:10:05+01:00"}`, "kochava.event_time(.)", `"2026-03-20T18:10:05.000Z"`},
		{"a fraction", `{"event_time":"2026-03-20 18:10:05.5"}`, "kochava.event_time(.)", `"2026-03-20T18:10:05.500Z"`},
		{"no time", `{"event_time":"{time}"}`, "kochava.event_time(.) catch 0", `0`},
		{"macros in numbers", `{"event_value":"{event_value}","quantity":"N/A"}`, "compact({ value: .event_value, quantity: .quantity })", `{}`},
		{"a macro for an order", `{"event_value":1,"order_id":"{order_id}"}`, "kochava.order(.)", `E0414 the postback names no order`},
		{"a transaction for an order", `{"event_value":"3","transaction_id":7,"sku":"s","quantity":"2"}`, "kochava.order(.)", `{"order_id":"7","total":3,"revenue":3,"currency":"USD","products":[{"product_id":"s","quantity":2,"price":1.5}]}`},
		{"links as JSON in a text", `{"identity_link":"{\"app_userid\":20417}"}`, "kochava.ids(.).user_id", `"20417"`},
		{"att as a number", `{"att":0,"idfa":"6D92078A-8246-4BA4-AE5B-76104861E7DC","kochava_device_id":"K"}`, "kochava.ids(.).idfa", `null`},
		{"att as a bool", `{"att":false,"adid":"CDDA802E-FB9C-47AD-9866-0794D394C912"}`, "kochava.ids(.).adid", `null`},
		{"att not known", `{"att":"{att}","adid":"CDDA802E-FB9C-47AD-9866-0794D394C912"}`, "kochava.device(.).att", `null`},
		{"synonyms", `{"network":"A - Android","campaign":"c","tracker":"t","site":"s","creative":{"creative":"x"}}`, "kochava.campaign(.)", `{"source":"A","name":"c","content":"s","ad_group":"t","ad_creative":"x"}`},
		{"a network that tells no campaign", `{"attribution_status":"Attributed","network_name":"Big"}`, "kochava.campaign(.)", `{"source":"Big","name":"restricted"}`},
		{"a network called so", `{"network_name":"Organic"}`, "kochava.is_organic(.)", `true`},
		{"attributed to nobody named", `{"attribution_status":"attributed"}`, "kochava.is_organic(.)", `false`},
		{"names of our own", `{"event_name":"Coins Spent"}`, "kochava.event_name(.)", `"Coins Spent"`},
	} {
		v, _ := value.DecodeJSON([]byte(`{"event_name":"_install","event_time":"0"}`))
		in, bad := value.DecodeJSON([]byte(tt.in))
		if bad != nil {
			t.Fatal(tt.in, bad.Reason)
		}
		for i := range in.(*value.Object).Len() {
			f := in.(*value.Object).At(i)
			v.(*value.Object).Set(f.Key, f.Value)
		}
		if got := evaluated(t, tt.src, of, arrived(t, value.AppendJSON(nil, v))); got != tt.want {
			t.Errorf("%s: %s of %s\n got %s\nwant %s", tt.rule, tt.src, tt.in, got, tt.want)
		}
	}
}

// TestKochavaRefuses: an amount with a comma may be one of two numbers, and a name or a
// time that the sender did not fill in is none, so they are dead letters that say what
// it is.
func TestKochavaRefuses(t *testing.T) {
	v, _ := value.DecodeJSON([]byte(`{"event_name":"Purchase","event_time":"0","event_value":"4,99"}`))
	_, m := types.Judge(v, postback(t), types.Mode{Text: true})
	if m == nil || m.Error() != ".event_value: expected number, got string" || !strings.Contains(m.Help, `number.parse(.event_value, "de")`) {
		t.Errorf("4,99: %v", m)
	}
	for _, name := range []string{"event_name", "event_time"} {
		v, _ := value.DecodeJSON([]byte(`{"event_name":"Purchase","event_time":"0"}`))
		v.(*value.Object).Set(name, "{"+name+"}")
		if _, m := types.Judge(v, postback(t), types.Mode{Text: true}); m == nil || m.Path != "."+name || !strings.Contains(m.Got, "macro") {
			t.Errorf("%s: %v", name, m)
		}
	}
}

// TestKochavaAddress: every parameter of the address that is recommended is a field of
// a postback, so nothing of what Kochava is asked for gets lost.
func TestKochavaAddress(t *testing.T) {
	text, _ := mod.Text("kochava")
	_, rest, _ := strings.Cut(text, "let postback_url = `")
	address, _, ok := strings.Cut(rest, "`")
	u, err := url.Parse(address)
	if !ok || err != nil || u.Path != "/hooks/kochava/SECRET" {
		t.Fatal(address, err)
	}
	of := types.View(postback(t))
	q := u.Query()
	for _, name := range strings.Fields("event_name event_time event_value currency order_id app_guid platform kochava_device_id idfa idfv adid android_id ip user_agent country " +
		"attribution_type matched_by matched_to network_id network_name campaign_id campaign_name tracker_id tracker_name site_id sub_site_id creative_id click_id click_time att") {
		if !q.Has(name) {
			t.Errorf("nobody is asked for %s", name)
		}
	}
	for name := range q {
		if _, ok := of.Field(name); !ok {
			t.Errorf("nobody reads %s", name)
		}
	}
}

// TestKochavaFails: which functions may fail, and that they only fail so, whatever a
// postback holds.
func TestKochavaFails(t *testing.T) {
	of := types.View(postback(t))
	r := rand.New(rand.NewPCG(1, 2))
	for src, want := range map[string]string{
		"kochava.ids(.)": "", "kochava.event_id(.)": "", "kochava.is_organic(.)": "", "kochava.campaign(.)": "", "kochava.install(.)": "",
		"kochava.context(.)": "", "kochava.known_device(., null)": "", "kochava.device(.)": "", "kochava.s2s_event(kochava.device(.), .event_name, {})": "",
		"kochava.identity_link(kochava.device(.), {})": "", "kochava.is_reengagement(.)": "", "kochava.reengagement(.)": "", "kochava.subscription(.)": "", "kochava.custom(.)": "",
		"kochava.reengagement_traits(.)":         "E0422",
		"kochava.event_name(.)":                  "E0414 E0422",
		"kochava.device_key(.)":                  "E0414 E0422",
		"kochava.event_time(.)":                  "E0422",
		"kochava.traits(kochava.acquisition(.))": "E0422",
		"kochava.order(.)":                       "E0414 E0420 E0421 E0422",
		"kochava.refund(.)":                      "E0414 E0422",
	} {
		x := program.Expr(src, stdlib.Env(), of)
		if x.X == nil {
			t.Fatal(x.Diags)
		}
		var codes []string
		for _, c := range ir.Failures(x.X) {
			codes = append(codes, c.ID)
		}
		slices.Sort(codes)
		if got := strings.Join(slices.Compact(codes), " "); got != want {
			t.Errorf("%s may fail with %q, want %q", src, got, want)
		}
		for range 500 {
			var f eval.Frame
			f.Begin(nil, x.Slots)
			f.Cur = valueOf(r, of)
			f.Ctx = &types.Context{Now: func() value.Value { return time.Unix(1773740000, 0).UTC() }}
			v, fail := eval.Expr(x.X, &f)
			switch {
			case fail != nil && !strings.Contains(want, fail.Code.ID):
				t.Errorf("%s fails with %s: %s\non %s", src, fail.Code.ID, fail.Message, value.Excerpt(f.Cur, 2000))
			case fail == nil && !types.Member(v, x.X.Type()):
				t.Errorf("%s gives %s, no member of %s", src, value.Excerpt(v, 500), x.X.Type())
			}
		}
	}
}

// TestKochavaCase: the golden case of a whole program has all samples that come in,
// as they are.
func TestKochavaCase(t *testing.T) {
	ar, err := txtar.ParseFile("../spec/cases/golden/kochava/tests/samples.txtar")
	if err != nil {
		t.Fatal(err)
	}
	var rows []*value.Object
	for line := range strings.Lines(string(ar.Files[0].Data)) {
		v, bad := value.DecodeJSON([]byte(line))
		if bad != nil {
			t.Fatal(line, bad.Reason)
		}
		rows = append(rows, v.(*value.Object))
	}
	for name, s := range samples(t) {
		if s.URL != "" {
			continue // what we send
		}
		field, want := "query", value.Value(s.RawBody)
		switch {
		case s.RawBody != "":
			field = "body"
		case s.Body != nil:
			field = "json"
			want, _ = value.DecodeJSON(s.Body)
		default:
			want, _ = value.DecodeJSON(s.Query)
		}
		if !slices.ContainsFunc(rows, func(o *value.Object) bool { v, ok := o.Get(field); return ok && value.Equal(v, want) }) {
			t.Errorf("%s is not in the case", name)
		}
	}
}

// TestModuleFailurePlaces: what can fail inside a module is listed once, at its call.
func TestModuleFailurePlaces(t *testing.T) {
	p := load("app \"a\"\nuse kochava\nfrom topic \"t\" as kochava.Postback\ntime by kochava.event_time(.)\nemit log { order: kochava.order(.) }\n")
	if !p.OK() {
		t.Fatal(p.Diags)
	}
	var got []string
	for _, f := range ir.FailurePlaces(p.Plan.Routes[0].Stages) {
		got = append(got, f.At.Text())
	}
	if diff := cmp.Diff([]string{"kochava.event_time(.)", "kochava.order(.)"}, got); diff != "" {
		t.Errorf("places (-want +got):\n%s", diff)
	}
}
