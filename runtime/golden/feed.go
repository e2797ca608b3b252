package golden

import (
	"strings"
	"time"

	"github.com/sluice-dev/sluice/lang/plan"
	"github.com/sluice-dev/sluice/runtime/sim"
)

// FeedAnswers reads a file of answers in the line format of `-- http --`, for `dev`.
func FeedAnswers(name string, data []byte) ([]*sim.AnswerRow, error) {
	c := &Case{Name: name}
	p := &parser{file: name, c: c}
	for _, l := range lines(data) {
		p.line++
		if l = strings.TrimSpace(l); l == "" || l[0] == '#' {
			continue
		}
		if err := p.answer(l); err != nil {
			return nil, err
		}
	}
	out := make([]*sim.AnswerRow, len(c.HTTP))
	for i := range c.HTTP {
		out[i] = &c.HTTP[i].Row
	}
	return out, nil
}

// Feed reads a file of inputs in the line format of `-- in --`, for `dev`, and gives
// the records that the program gets of them. Steps other than inputs are refused.
func Feed(name string, data []byte, now time.Time, prog *plan.Plan) ([]sim.Input, error) {
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
		if s.Kind != Input {
			return nil, &CaseError{name, s.Line, "a feed holds inputs only: records of topics, requests to webhooks, ticks and lines of files"}
		}
		if s.Input.Has("tick") {
			in, err := c.tickInput(s, now, prog)
			if err != nil {
				return nil, err
			}
			out = append(out, in)
			continue
		}
		ins, err := c.records(s, now, prog)
		if err != nil {
			return nil, err
		}
		out = append(out, ins...)
	}
	return out, nil
}
