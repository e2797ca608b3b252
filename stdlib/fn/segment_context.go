package fn

import (
	"slices"
	"strings"

	"github.com/sluice-dev/sluice/lang/types"
	"github.com/sluice-dev/sluice/lang/value"
)

// contextPlaces are the places of flat fields in Segment's context. Those that stand
// there by their own name are not listed.
var contextPlaces = map[string]string{
	"user_agent": "userAgent", "group_id": "groupId", "time_zone": "timezone", "language": "locale",
	"app_name": "app.name", "app_version": "app.version", "app_build": "app.build", "app_namespace": "app.namespace", "bundle_id": "app.namespace",
	"device_id": "device.id", "device_name": "device.name", "device_model": "device.model", "device_type": "device.type", "device_token": "device.token",
	"device_manufacturer": "device.manufacturer", "device_version": "device.version", "advertising_id": "device.advertisingId", "ad_tracking_enabled": "device.adTrackingEnabled",
	"os_name": "os.name", "os_version": "os.version",
	"library_name": "library.name", "library_version": "library.version",
	"carrier": "network.carrier", "network_carrier": "network.carrier", "wifi": "network.wifi", "cellular": "network.cellular", "bluetooth": "network.bluetooth",
	"screen_width": "screen.width", "screen_height": "screen.height", "screen_density": "screen.density",
	"page_url": "page.url", "page_path": "page.path", "page_title": "page.title", "page_referrer": "page.referrer", "page_search": "page.search",
	"url": "page.url", "path": "page.path", "title": "page.title", "search": "page.search",
	"campaign_name": "campaign.name", "campaign_source": "campaign.source", "campaign_medium": "campaign.medium", "campaign_term": "campaign.term", "campaign_content": "campaign.content",
	"utm_campaign": "campaign.name", "utm_source": "campaign.source", "utm_medium": "campaign.medium", "utm_term": "campaign.term", "utm_content": "campaign.content",
}

// contextTexts are flat fields that have a place of their own only where they are a
// text: `os: "iOS"`, beside `os: { name: "iOS" }`.
var contextTexts = map[string]string{"os": "os.name", "referrer": "page.referrer", "app": "app.name", "library": "library.name", "campaign": "campaign.name"}

var segmentContext = &types.Func{
	Name: "segment.context",
	Doc: "A context as Segment's specification has it, made of flat fields: ip, user_agent, locale, timezone, os, os_version, app_version, device_model, advertising_id, page_url, utm_source and their like. " +
		"What stands in its place already stays, what has none stays where it is, and nulls are left out. Fails where two fields have one place.",
	Params: params{param("o", types.ObjectT, "fields")},
	Result: types.ObjectT, Fails: true, Codes: names,
	Examples: ex(`segment.context({ ip: "192.0.2.1", user_agent: "Mozilla", os: "iOS", os_version: "17.2", app_version: null })`, `{ ip: "192.0.2.1", userAgent: "Mozilla", os: { name: "iOS", version: "17.2" } }`,
		`segment.context({ utm_source: "news", campaign: { name: "Spring" }, tenant: "t1" })`, `{ campaign: { source: "news", name: "Spring" }, tenant: "t1" }`,
		`segment.context({ url: "https://a.example", page_url: "https://b.example" })`, `fails`),
	Call: func(_ *types.Context, a args) (value.Value, error) {
		out := value.NewObject()
		in := a[0].(*value.Object)
		for i := range in.Len() {
			if f := in.At(i); f.Value != nil {
				if err := putContext(out, contextPlace(f), f.Value); err != nil {
					return nil, err
				}
			}
		}
		return out, nil
	},
}

func contextPlace(f value.Field) []string {
	to := contextPlaces[f.Key]
	if _, isText := f.Value.(string); isText && to == "" {
		to = contextTexts[f.Key]
	}
	if to == "" {
		return []string{f.Key}
	}
	return strings.Split(to, ".")
}

// putContext puts a value at a place of at most two names. An object joins what is there.
func putContext(o *value.Object, at []string, v value.Value) error {
	for _, name := range at[:len(at)-1] {
		in := objectAt(o, name)
		if in == nil {
			if o.Has(name) {
				return collision(name)
			}
			in = value.NewObject()
			o.Put(name, in)
		}
		o = in
	}
	name := at[len(at)-1]
	there, ok := o.Get(name)
	if !ok {
		if in, isObject := v.(*value.Object); isObject && slices.Contains(contextGroups, name) {
			v = in.Clone() // others may be put into it
		}
		o.Put(name, v)
		return nil
	}
	under, ok := there.(*value.Object)
	over, ok2 := v.(*value.Object)
	if !ok || !ok2 {
		return collision(name)
	}
	for i := range over.Len() {
		if f := over.At(i); under.Has(f.Key) {
			return collision(f.Key)
		}
		under.Put(over.At(i).Key, over.At(i).Value)
	}
	return nil
}

// contextGroups are the objects of a context into which flat fields go.
var contextGroups = []string{"app", "device", "os", "library", "network", "screen", "page", "campaign"}
