package op

import "github.com/sluice-dev/sluice/runtime/event"

// A record of a route that calls waits for the answer of its call, and so do those behind
// it: whoever comes to a stage where order counts (`resolve`, `key by`, a call, an emit)
// under an ordering key of one that is parked waits behind it. Nothing that it did until
// then counts; it is run again from where it began.

// wait ends the record, for this time.
func (fr *Frame) wait(p *place, w *event.Wait) int {
	fr.end = event.Outcome{Kind: event.Waits, Wait: w, Stage: p.stage, Node: p.node, Path: string(fr.path)}
	return ended
}

// behind ends the record where another is parked under its ordering key; nil: it has none.
func (fr *Frame) behind(p *place, ids *ids, key []byte) bool {
	return fr.rec.Calls != nil && key != nil && fr.inLane(p, ids.laneOf(key))
}

// inLane is behind by the lane of a key.
func (fr *Frame) inLane(p *place, lane uint64) bool {
	if fr.rec.Calls == nil || !fr.rec.Calls.Parked(lane) {
		return false
	}
	fr.wait(p, &event.Wait{Lane: lane, Ordered: true})
	return true
}

// meanwhile makes the record one of whom its person has become since it was made: it may
// have waited, and what comes of it stands in their order. False where they were forgotten;
// of a record that names nobody it is true.
func (fr *Frame) meanwhile(c *carried) bool {
	if fr.rec.Calls == nil || c.who == "" || c.gone {
		return true
	}
	who := fr.whoNow(c.who)
	if who == "" || who == c.who {
		return who != ""
	}
	if string(fr.key) == c.who {
		fr.key = []byte(who)
	}
	fr.who = who
	fr.named(who)
	return true
}

// whoNow gives the id of whom a person of the group has become; "": they were forgotten.
func (fr *Frame) whoNow(id string) string {
	for _, pl := range fr.people {
		if who, ok := pl.ids.Person(&pl.cells, id); ok {
			return who.ID
		}
	}
	return ""
}
