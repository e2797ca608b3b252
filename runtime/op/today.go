package op

import (
	"github.com/sluice-dev/sluice/lang/ir"
	"github.com/sluice-dev/sluice/lang/value"
)

// today gives the key of a person's row as of now: that of whom they became, where
// they became another, and none where they were forgotten; nothing is kept of nobody.
// A record names such a person only where it made them so itself, or where it tells of
// a person as they were; of any other the key stands.
func (fr *Frame) today(sp *ir.Space, key []byte) ([]byte, bool) {
	made := fr.rec != nil && fr.rec.Made != nil
	if sp == nil || !made && fr.did.winners == nil && fr.did.erased == nil {
		return key, true
	}
	parts, err := value.DecodeKey(key)
	if err != nil || len(parts) != 1 {
		return key, true
	}
	id, _ := parts[0].(string)
	pl := fr.people[fr.group.spaceOf(sp).number]
	who, ok := pl.ids.Person(&pl.cells, id)
	switch {
	case !ok:
		return nil, false
	case who.ID == id:
		return key, true
	}
	return value.AppendTextKey(nil, who.ID), true
}
