package main

import (
	"testing"

	"github.com/sluice-dev/sluice/lang/ir"
	"github.com/sluice-dev/sluice/lang/plan"
	"github.com/sluice-dev/sluice/lang/value"
	"github.com/sluice-dev/sluice/runtime/letter"
)

// TestExportedCalls: a letter of Segment's calls is a line of a golden case as its door
// takes it.
func TestExportedCalls(t *testing.T) {
	for _, c := range []struct{ name, segment, logged, plain, masked string }{
		{"of an SDK", "sdk", `{"method":"POST","path":"/v1","write_key":"Key1","element":3,"json":{"type":"track","properties":{"n":41.5}}}`,
			`{"segment":"/v1/batch","write_key":"Key1","json":{"batch":[{"type":"track","properties":{"n":41.5}}]}}`,
			`{"segment":"/v1/batch","write_key":"xxx9","json":{"batch":[{"type":"track","properties":{"n":99.9}}]}}`},
		{"without a type", "sdk", `{"method":"POST","path":"/v1","json":{"userId":"u"}}`, `{"segment":"/v1/batch","json":{"batch":[{"userId":"u"}]}}`, `{"segment":"/v1/batch","json":{"batch":[{"userId":"x"}]}}`},
		{"that is none", "sdk", `{"method":"POST","path":"/v1","json":7}`, `{"segment":"/v1/batch","json":{"batch":[7]}}`, `{"segment":"/v1/batch","json":{"batch":[9]}}`},
		{"of a webhook", "webhook", `{"method":"PUT","path":"/aud","remote_ip":"192.0.2.1","element":1,"json":{"userId":"u"}}`, `{"webhook":"/aud","method":"PUT","json":{"userId":"u"}}`, `{"webhook":"/aud","method":"PUT","json":{"userId":"x"}}`},
	} {
		route := &plan.Route{Route: &ir.Route{Source: &ir.Source{Hook: &ir.Hook{Segment: c.segment}}}}
		d := &dead{Letter: &letter.Letter{Class: letter.Processing, Topic: "sluice.shop.in.v1", Value: []byte(c.logged)}, route: route}
		for values, want := range map[bool]string{true: c.plain, false: c.masked} {
			o := deadOptions{values: values}
			row, why := o.row(d)
			if got := string(value.AppendJSON(nil, row)); got != want || why != "" {
				t.Errorf("%s: got %s %s\nwant %s", c.name, got, why, want)
			}
		}
	}
}
