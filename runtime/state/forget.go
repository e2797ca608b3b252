package state

import (
	"slices"

	"github.com/sluice-dev/sluice/runtime/event"
)

// Forget takes what a group knows of the positions of one of its routes from the
// store, in one transaction, and counts the inputs that it knew. The route reads on
// as from new inputs; what it did to the state stays, and what of its outputs is held
// is sent. Slices of it that were begun run no second time: their intents go, too.
// Inputs of the topic keep are left as they are: what was replayed does not run again
// because the sources do.
func Forget(s Store, group, route string, keep event.TopicID) (int, error) {
	p, err := ReadProgress(s, group)
	if err != nil || p == nil {
		return 0, err
	}
	intents, err := ReadIntents(s, group)
	if err != nil {
		return 0, err
	}
	goes := func(in *InputName) bool { return in.Route == route && in.Topic != keep }
	kept := p.Inputs[:0]
	for _, in := range p.Inputs {
		if !goes(&in.InputName) {
			kept = append(kept, in)
		}
	}
	n := len(p.Inputs) - len(kept)
	p.Inputs = kept
	ws := []Write{{Key: ProgressKey(group), Val: AppendProgress(nil, p)}}
	for _, in := range intents {
		if goes(&in.Input) {
			ws = append(ws, Write{Key: IntentKey(group, in.No), Delete: true})
		}
	}
	if err := s.Commit(ws); err != nil {
		return n, err
	}
	// Its letters are written anew, and may be replayed anew.
	if ws, err = unreplay(s, route); err != nil {
		return n, err
	}
	for part := range slices.Chunk(ws, MaxCells) {
		if err := s.Commit(part); err != nil {
			return n, err
		}
	}
	return n, nil
}
