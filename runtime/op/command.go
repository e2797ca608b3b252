package op

import (
	"encoding/json"
	"fmt"
	"time"

	"github.com/sluice-dev/sluice/lang/diag"
	"github.com/sluice-dev/sluice/lang/token"
	"github.com/sluice-dev/sluice/runtime/event"
	"github.com/sluice-dev/sluice/runtime/identity"
)

// Command carries out what an operator, or another group, asks for: an
// identity.Command as JSON, between Begin and Done of the cells, or Undo where it
// failed. It has the effects that a record would have.
func (r *Runner) Command(cmd []byte, rec *event.Record, now time.Time) event.Outcome {
	fr := r.frames[0]
	r.none.Reset()
	fr.begin(rec, now, &r.none)
	fr.eval.Renew(rec)
	end := event.Outcome{Stage: "command", Arrived: event.NoMicros, Timed: event.NoMicros}
	if fail := r.command(fr, cmd); fail != nil {
		end.Kind, end.Fail = event.Failed, fail
	}
	fr.close(&end)
	return end
}

func (r *Runner) command(fr *Frame, cmd []byte) *diag.Failure {
	var c identity.Command
	if err := json.Unmarshal(cmd, &c); err != nil {
		return refused("it cannot be read: %v", err)
	}
	if c.Do == "erase" {
		at := c.At
		if at == 0 { // as other groups tell it: when it was logged
			at = fr.now.UnixMicro()
			if fr.rec.Timestamp != event.NoTime {
				at = fr.rec.Timestamp * 1000
			}
		}
		if _, fail := fr.erase(c.Keys, at); fail != nil {
			return fail
		}
		return fr.full(token.Span{})
	}
	var pl *people
	for _, p := range fr.people {
		if p.Name == c.Space {
			pl = p
		}
	}
	if pl == nil {
		return refused("there is no identity space %q here", c.Space)
	}
	ids, fail := pl.given(c.IDs)
	if fail != nil {
		return fail
	}
	switch c.Do {
	case "merge":
		from, fail := pl.given(c.From)
		if fail != nil {
			return fail
		}
		return fr.commandMerge(pl, ids, from, &c)
	case "unlink":
		if len(ids) != 1 {
			return refused("unlink takes one identifier")
		}
		if p, why := pl.ids.Unlink(&pl.cells, ids[0], c.At); p == nil {
			return refused("%s", nobodyOr(why))
		}
	case "split":
		_, made, why := pl.ids.Split(&pl.cells, ids, c.At)
		if made == nil {
			return refused("%s", nobodyOr(why))
		}
		fr.note(told{of: pl.space, id: made.ID, kind: identity.Created, at: c.At})
	case "block":
		return pl.block(&c)
	case "forget":
		if len(pl.config.Secret) == 0 {
			return refused("forget needs a secret key")
		}
		_, why, fail := fr.forget(pl, ids, c.At, token.Span{})
		switch {
		case fail != nil:
			return fail
		case why != "":
			return refused("%s", because(why))
		case len(fr.did.erased) == 0:
			return refused("%s", nobodyOr(""))
		}
	default:
		return refused("there is no command %q", c.Do)
	}
	return fr.full(token.Span{})
}

func (fr *Frame) commandMerge(pl *people, into, from []identity.Given, c *identity.Command) *diag.Failure {
	r, why := pl.ids.Merge(&pl.cells, into, from, c.Force, c.At)
	if r.Person == nil {
		return refused("%s", nobodyOr(why))
	}
	var p person
	if fail := fr.linked(pl, &p, &r, c.At, token.Span{}); fail != nil {
		return fail
	}
	return fr.full(token.Span{})
}

func (pl *people) block(c *identity.Command) *diag.Failure {
	typ := -1
	if len(c.IDs) > 0 {
		if typ = pl.ids.Type(c.IDs[0].Type); typ < 0 {
			return refused("the identity space %s has no identifier %q", pl.Name, c.IDs[0].Type)
		}
	}
	if err := pl.ids.Block(&pl.cells, typ, c.Pattern); err != nil {
		return refused("%v", err)
	}
	return nil
}

// given reads identifiers by the names of their types; `id` is a person's own.
func (pl *people) given(named []identity.NamedID) ([]identity.Given, *diag.Failure) {
	out := make([]identity.Given, 0, len(named))
	for _, n := range named {
		typ := pl.ids.Type(n.Type)
		if typ < 0 && n.Type != "id" {
			return nil, refused("the identity space %s has no identifier %q", pl.Name, n.Type)
		}
		out = append(out, identity.Given{Type: typ, Value: n.Value})
	}
	return out, nil
}

func nobodyOr(why identity.Reason) string {
	if why == "" {
		why = identity.NoIdea
	}
	return because(why)
}

func refused(format string, a ...any) *diag.Failure {
	return &diag.Failure{Code: diag.BadCommand, Message: fmt.Sprintf(format, a...)}
}
