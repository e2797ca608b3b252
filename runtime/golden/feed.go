package golden

import (
	"strings"
	"time"

	"github.com/sluice-dev/sluice/runtime/sim"
)

// Feed reads a file of inputs in the line format of `-- in --`, for `dev`: each
// line is one record. Steps other than inputs are refused.
func Feed(name string, data []byte, now time.Time) ([]sim.Input, error) {
	c := &Case{Name: name}
	p := &parser{file: name, c: c}
	for _, l := range lines(data) {
		p.line++
		if l = strings.TrimSpace(l); l == "" || l[0] == '#' {
			continue
		}
		if err := p.step(l); err != nil {
			return nil, err
		}
	}
	var out []sim.Input
	for i := range c.Steps {
		s := &c.Steps[i]
		if s.Kind != Input || s.Input.Has("tick") {
			return nil, &CaseError{name, s.Line, "a feed holds records of topics only"}
		}
		in, err := c.input(s, now)
		if err != nil {
			return nil, err
		}
		out = append(out, in)
	}
	return out, nil
}
