package kafka

import (
	"context"
	"errors"
	"slices"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
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
// This happens before the group is joined, when an outsider may commit. If the
// group is live the broker refuses that, which is right: its members have
// resolved it, or do so when the partition comes to them (Group.adjust).

// resolver resolves the start of topics for one group.
type resolver struct {
	admin *Admin
	group string
	store string
	start Start
	// late tells whether a topic was not there when the group began.
	late func(topic string, have map[TP]Committed) bool
}

// outside resolves before joining.
func (r resolver) outside(ctx context.Context, topics map[string]TopicInfo) error {
	err := r.resolve(ctx, topics, func(ctx context.Context, at Offsets) error {
		var os kadm.Offsets
		for tp, o := range at {
			os.Add(kadm.Offset{
				Topic: tp.Topic, Partition: tp.Partition, At: o, LeaderEpoch: -1,
				Metadata: commitMetadata(r.store, topics[tp.Topic].ID),
			})
		}
		return r.admin.setPositions(ctx, r.group, os)
	})
	if errors.Is(err, kerr.UnknownMemberID) || errors.Is(err, kerr.IllegalGeneration) || errors.Is(err, kerr.RebalanceInProgress) {
		return nil
	}
	return r.admin.cfg.typed("commit the start of group "+r.group, err)
}

// resolve finds the partitions of topics that have no position and commits
// where they begin.
func (r resolver) resolve(ctx context.Context, topics map[string]TopicInfo, commit func(context.Context, Offsets) error) error {
	have, err := r.admin.Committed(ctx, r.group)
	if err != nil {
		return err
	}
	var first, last []string // topics whose missing partitions begin at their start, at their end
	for name, info := range topics {
		missing, committed := false, false
		for p := range info.Partitions {
			_, ok := have[TP{name, p}]
			missing, committed = missing || !ok, committed || ok
		}
		switch {
		case !missing:
		case r.start == Earliest, committed, r.late(name, have):
			first = append(first, name)
		default:
			last = append(last, name)
		}
	}
	at := Offsets{}
	add := func(os Offsets, err error) error {
		for tp, o := range os {
			if _, ok := have[tp]; !ok {
				at[tp] = o
			}
		}
		return err
	}
	if len(first) > 0 {
		if err := add(r.admin.StartOffsets(ctx, first...)); err != nil {
			return err
		}
	}
	if len(last) > 0 {
		if err := add(r.admin.EndOffsets(ctx, last...)); err != nil {
			return err
		}
	}
	if len(at) == 0 {
		return nil
	}
	return commit(ctx, at)
}

// byPattern is a resolver's late: a topic that no one named, met by a group
// that already reads others.
func byPattern(named []string) func(string, map[TP]Committed) bool {
	return func(topic string, have map[TP]Committed) bool {
		return len(have) > 0 && !slices.Contains(named, topic)
	}
}
