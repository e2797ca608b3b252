package fn

import (
	"strings"

	"github.com/sluice-dev/sluice/lang/types"
	"github.com/sluice-dev/sluice/lang/value"
)

var adsConsent = &types.Func{
	Name: "ads.consent",
	Doc: "Whether nothing in a call, its context or a postback says no to a purpose: its entry of context.consent.categoryPreferences, App Tracking Transparency (att, adTrackingEnabled), " +
		"Global Privacy Control (gpc), Kochava's data_controlled. What is not there says nothing.",
	Params: params{param("c", types.ObjectT, "call, context or postback"), param("purpose", types.StringT, "a category of consent, in either case")}, Result: types.BoolT,
	Examples: ex(`ads.consent({ context: { consent: { categoryPreferences: { Advertising: false, Analytics: true } } } }, "advertising")`, `false`,
		`ads.consent({ context: { consent: { categoryPreferences: { Advertising: false, Analytics: true } } } }, "Analytics")`, `true`,
		`ads.consent({ att: "0" }, "advertising")`, `false`, `ads.consent({ context: { device: { adTrackingEnabled: false } } }, "advertising")`, `false`,
		`ads.consent({ data_controlled: true }, "advertising")`, `false`, `ads.consent({}, "advertising")`, `true`),
	Call: func(_ *types.Context, a args) (value.Value, error) {
		c := a[0].(*value.Object)
		context := objectAt(c, "context")
		for _, o := range []*value.Object{c, context, objectAt(c, "properties"), objectAt(context, "device"), objectAt(c, "app_tracking_transparency")} {
			if o != nil && saysNo(o, a[1].(string)) {
				return false, nil
			}
		}
		return true, nil
	},
}

// saysNo looks at the fields of one object.
func saysNo(o *value.Object, purpose string) bool {
	field := func(name string) value.Value {
		v, _ := o.Get(name)
		return v
	}
	if isNo(field("att")) || isNo(field("adTrackingEnabled")) || isYes(field("gpc")) || isYes(field("data_controlled")) {
		return true
	}
	consent := objectAt(o, "consent")
	if consent == nil {
		return false
	}
	if v, _ := consent.Get("gpc"); isYes(v) {
		return true
	}
	prefs := objectAt(consent, "categoryPreferences")
	if prefs == nil {
		prefs = consent
	}
	for i := range prefs.Len() {
		if f := prefs.At(i); strings.EqualFold(f.Key, strings.TrimSpace(purpose)) && isNo(f.Value) {
			return true
		}
	}
	return false
}

// objectAt gives an object in an object, or nil.
func objectAt(o *value.Object, name string) *value.Object {
	if o == nil {
		return nil
	}
	v, _ := o.Get(name)
	in, _ := v.(*value.Object)
	return in
}

// isNo and isYes read what senders write for a bool.
func isNo(v value.Value) bool { return isWord(v, false, "false no 0 denied restricted deny opt_out") }

func isYes(v value.Value) bool { return isWord(v, true, "true yes 1") }

func isWord(v value.Value, is bool, words string) bool {
	switch v := v.(type) {
	case bool:
		return v == is
	case value.Number:
		n, ok := v.Int64()
		return ok && (is && n == 1 || !is && n == 0)
	case string:
		s := strings.ToLower(strings.TrimSpace(v))
		return s != "" && strings.Contains(" "+words+" ", " "+s+" ") && !strings.Contains(s, " ")
	}
	return false
}
