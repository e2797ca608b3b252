package kafka

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/sluice-dev/sluice/runtime/event"
)

// Start is where a group begins in a topic it has never read.
type Start uint8

const (
	Earliest Start = iota // with the first record that is there
	Latest                // behind the last
)

// The start option is resolved once for a topic, for all its partitions, and
// committed at once: from then on positions alone decide, so a process that
// dies before it has read anything does not begin somewhere else, and a
// partition added later, which has no position while its siblings have, begins
// at its beginning whatever the option says. A topic that a pattern found
// later is new in the same sense.
//
// This happens before the group is joined, when an outsider may commit and no
// member can be reading. A live group refuses it; then each member resolves
// the partitions that come to it (Group.adjust), never another's, whose
// position may already be further.

// resolve commits where the topics that the group has never read begin. It
// gives those that a live group kept it from and that begin at their end.
func (g *Group) resolve(ctx context.Context, topics map[string]TopicInfo) (unresolved []string, err error) {
	have, err := g.admin.Committed(ctx, g.o.Group)
	if err != nil {
		return nil, err
	}
	var first, last []string // topics whose missing partitions begin at their start, at their end
	for name, info := range topics {
		missing, committed := false, false
		for p := range info.Partitions {
			_, ok := have[TP{name, p}]
			missing, committed = missing || !ok, committed || ok
		}
		// A topic that no one named, met by a group that already reads
		// others, was not there when the group began.
		late := len(have) > 0 && !slices.Contains(g.o.Topics, name)
		switch {
		case !missing:
		case g.o.Start == Earliest, committed, late:
			first = append(first, name)
		default:
			last = append(last, name)
		}
	}
	at, err := g.edges(ctx, first, last)
	if err != nil {
		return nil, err
	}
	for tp := range at {
		if _, ok := have[tp]; ok {
			delete(at, tp)
		}
	}
	err = g.admin.Place(ctx, g.o.Group, g.o.StoreID, at, topics)
	if live := (*LiveGroupError)(nil); errors.As(err, &live) {
		return last, nil
	}
	return nil, err
}

// LiveGroupError: a group has members that run, which alone may say where it stands.
type LiveGroupError struct{ Group string }

func (e *LiveGroupError) Error() string {
	return fmt.Sprintf("group %s has members: the brokers let nobody move it while a process runs it, and for as long as a session (45 s) after one has ended", e.Group)
}

// Leave takes the member of a store out of a group, where its session has not ended
// yet: for whoever knows that its process has.
func (a *Admin) Leave(ctx context.Context, group, store string) error {
	rs, err := a.cl.LeaveGroup(ctx, kadm.LeaveGroup(group).InstanceIDs(store))
	if err == nil {
		err = rs.Error()
	}
	if errors.Is(err, kerr.UnknownMemberID) || errors.Is(err, kerr.GroupIDNotFound) {
		return nil
	}
	return a.cfg.typed("leave group "+group, err)
}

// Place commits positions of a group as an outsider, under the id of a store: a
// *LiveGroupError where the group has members.
func (a *Admin) Place(ctx context.Context, group, store string, at Offsets, topics map[string]TopicInfo) error {
	if len(at) == 0 {
		return nil
	}
	var os kadm.Offsets
	for tp, o := range at {
		os.Add(kadm.Offset{
			Topic: tp.Topic, Partition: tp.Partition, At: o, LeaderEpoch: -1,
			Metadata: commitMetadata(store, topics[tp.Topic].ID),
		})
	}
	err := a.setPositions(ctx, group, os)
	if errors.Is(err, kerr.UnknownMemberID) || errors.Is(err, kerr.IllegalGeneration) || errors.Is(err, kerr.RebalanceInProgress) {
		return &LiveGroupError{group}
	}
	return a.cfg.typed("commit positions of group "+group, err)
}

// edges gives the beginnings of the first topics and the ends of the last.
func (g *Group) edges(ctx context.Context, first, last []string) (Offsets, error) {
	at := Offsets{}
	for _, side := range []struct {
		topics []string
		list   func(context.Context, ...string) (Offsets, error)
	}{{first, g.admin.StartOffsets}, {last, g.admin.EndOffsets}} {
		if len(side.topics) == 0 {
			continue // to Kafka no names mean all topics
		}
		os, err := side.list(ctx, side.topics...)
		if err != nil {
			return nil, err
		}
		maps.Copy(at, os)
	}
	return at, nil
}

// resolveOwn commits where partitions that have come to this member without a
// position begin, and adds them to committed.
func (g *Group) resolveOwn(ctx context.Context, cl *kgo.Client, missing []TP, infos map[string]TopicInfo, committed map[TP]Committed) error {
	if len(missing) == 0 {
		return nil
	}
	var first, last []string
	g.mu.Lock()
	for _, tp := range missing {
		if slices.Contains(g.unresolved, tp.Topic) {
			last = append(last, tp.Topic)
		} else {
			first = append(first, tp.Topic)
		}
	}
	g.mu.Unlock()
	edges, err := g.edges(ctx, first, last)
	if err != nil {
		return err
	}
	at := Offsets{}
	for _, tp := range missing {
		o, ok := edges[tp]
		if !ok {
			return fmt.Errorf("group %s: the broker told no offsets of %s/%d", g.o.Group, tp.Topic, tp.Partition)
		}
		at[tp] = o
		committed[tp] = Committed{Offset: o, StoreID: g.o.StoreID, TopicID: infos[tp.Topic].ID, Known: true}
	}
	return g.commit(ctx, cl, at, func(tp TP) event.TopicID { return infos[tp.Topic].ID })
}
