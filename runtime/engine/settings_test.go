package engine

import (
	"errors"
	"strings"
	"testing"

	"github.com/sluice-dev/sluice/lang/ir"
	"github.com/sluice-dev/sluice/lang/plan"
	"github.com/sluice-dev/sluice/lang/value"
)

// A program that forgets people needs the key of what it keeps of them; one that only
// knows people takes it where it is there.
func TestPrivacyKey(t *testing.T) {
	space := &ir.Space{Name: "people"}
	program := func(stages ...ir.Stage) *plan.Plan {
		return &plan.Plan{Spaces: []*ir.Space{space}, Routes: []*plan.Route{{Route: &ir.Route{Name: "r", Stages: stages, Source: &ir.Source{Kind: "topic"}}}}}
	}
	there := Lookup{Secret: func(name string) (value.Secret, error) { return value.Secret("key of " + name), nil }}
	missing := Lookup{Secret: func(name string) (value.Secret, error) { return "", errors.New(name + " is not set") }}
	forgets := program(&ir.When{Then: []ir.Stage{&ir.Forget{Space: space}}})
	for _, tt := range []struct {
		name string
		p    *plan.Plan
		l    Lookup
		want string
		err  string
	}{
		{"forgets", forgets, there, "key of SLUICE_PRIVACY_KEY", ""},
		{"forgets without", forgets, missing, "", "SLUICE_PRIVACY_KEY is not set"},
		{"knows", program(), there, "key of SLUICE_PRIVACY_KEY", ""},
		{"knows without", program(), missing, "", ""},
		{"knows nobody", &plan.Plan{}, missing, "", ""},
	} {
		s, err := Resolve(tt.p, tt.l)
		switch {
		case tt.err == "" && err != nil, tt.err != "" && (err == nil || !strings.Contains(err.Error(), tt.err)):
			t.Errorf("%s: %v, want %q", tt.name, err, tt.err)
		case string(s.Privacy) != tt.want:
			t.Errorf("%s: key %q, want %q", tt.name, s.Privacy, tt.want)
		}
	}
}
