package engine

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/sluice-dev/sluice/lang/plan"
	"github.com/sluice-dev/sluice/runtime/event"
	"github.com/sluice-dev/sluice/runtime/kafka"
	"github.com/sluice-dev/sluice/runtime/state"
)

// undecided tells what a person can do about a position that means nothing any more:
// where to go on is not ours to guess.
func (r *route) undecided(err error) error {
	var id *kafka.TopicIDError
	switch {
	case errors.As(err, &id):
		return fmt.Errorf("%w; stop the program and run `sluice state reset %s --to earliest` to begin with what stands there now, or `--to end` to leave it out", err, r.plan.Name)
	case errors.Is(err, kafka.ErrOutOfRange):
		return fmt.Errorf("%w: what the route has not taken was cut off, or the topic lost its end; stop the program and run `sluice state reset %s --to earliest` to go on with the oldest record that is there, or `--to end`", err, r.plan.Name)
	}
	return err
}

// To is where a reset puts a route.
type To string

// Places of a reset.
const (
	ToEarliest  To = "earliest"  // the oldest records that are there
	ToCommitted To = "committed" // what stands on the broker, whoever wrote it
	ToEnd       To = "end"       // behind the last records
)

// Reset puts routes of a program that is stopped to other positions, as a person has
// decided. State stays as it is.
type Reset struct {
	Plan     *plan.Plan
	Settings *Settings
	StoreID  string
	// Store is that of the program; nil: it has none.
	Store state.Store
	// Wait is how long the brokers may take to answer.
	Wait time.Duration
	Log  *slog.Logger
}

// Put commits where a route goes on, under the id of this store, and gives the
// positions. What the state knew of the route's positions is forgotten: it reads on
// from there as from new inputs. forgot counts them.
func (x *Reset) Put(ctx context.Context, r *plan.Route, to To) (at kafka.Offsets, forgot int, err error) {
	if r.Source.Made() && guardOf(r.Group) != r {
		what := map[string]string{"changes": "reads the changes of a table", "table": "reads the rows of a table", "every": "is driven by a schedule"}[r.Source.Kind]
		return nil, 0, fmt.Errorf("route %s %s: it has no positions", r.Name, what)
	}
	cfg := x.Settings.Kafka[via(r.Source.Via)]
	cfg.Logger = x.Log
	admin, err := kafka.NewAdmin(cfg)
	if err != nil {
		return nil, 0, err
	}
	defer admin.Close()
	if err := admin.Wait(ctx, x.Wait); err != nil {
		return nil, 0, err
	}
	names, err := sourceTopics(ctx, admin, x.Plan.App, r)
	if err != nil {
		return nil, 0, err
	}
	if guardOf(r.Group) == r { // it has a place there, and nothing else
		names = []string{kafka.OwnTopic(x.Plan.App, r.Group.Name)}
	}
	topics, err := admin.Describe(ctx, names...)
	if err != nil {
		return nil, 0, err
	}
	group := kafka.GroupName(x.Plan.App, r.IDName())
	switch {
	case len(names) == 0: // a pattern that finds nothing
		at = kafka.Offsets{}
	case to == ToEarliest:
		at, err = admin.StartOffsets(ctx, names...)
	case to == ToEnd:
		at, err = admin.EndOffsets(ctx, names...)
	default:
		at, err = committed(ctx, admin, group, r, topics)
	}
	if err != nil {
		return nil, 0, err
	}
	// This store's process has ended, or its directory would be locked; its session may
	// go on.
	if err := admin.Leave(ctx, group, x.StoreID); err != nil {
		return nil, 0, err
	}
	// First the positions: a reset that is cut short behind them has changed nothing,
	// for what the store knows counts.
	if err := admin.Place(ctx, group, x.StoreID, at, topics); err != nil {
		return nil, 0, err
	}
	if x.Store == nil || r.Group == nil {
		return at, 0, nil
	}
	back, err := replayID(ctx, admin, x.Plan.App, r)
	if err != nil {
		return nil, 0, err
	}
	if forgot, err = state.Forget(x.Store, r.Group.Name, r.IDName(), back); err == nil {
		err = x.Store.Sync()
	}
	return at, forgot, err
}

// replayID is the id of a route's replay log; that of no topic where there is none.
func replayID(ctx context.Context, admin *kafka.Admin, app string, r *plan.Route) (event.TopicID, error) {
	name := kafka.ReplayTopic(app, r.Name)
	found, err := admin.Describe(ctx, name)
	var missing *kafka.MissingTopicError
	if errors.As(err, &missing) {
		return event.TopicID{}, nil
	}
	return found[name].ID, err
}

// committed gives what stands on the broker for the topics that a route reads.
func committed(ctx context.Context, admin *kafka.Admin, group string, r *plan.Route, topics map[string]kafka.TopicInfo) (kafka.Offsets, error) {
	have, err := admin.Committed(ctx, group)
	if err != nil {
		return nil, err
	}
	at := kafka.Offsets{}
	for tp, c := range have {
		t, ok := topics[tp.Topic]
		if !ok {
			continue
		}
		if none := (event.TopicID{}); c.Known && c.TopicID != none && c.TopicID != t.ID {
			err := &kafka.TopicIDError{Group: group, Topic: tp.Topic, Partition: tp.Partition, Committed: c.TopicID, Now: t.ID}
			return nil, fmt.Errorf("%w; use `--to earliest` or `--to end`", err)
		}
		at[tp] = c.Offset
	}
	if len(at) == 0 {
		return nil, fmt.Errorf("group %s has no committed position for route %s: use `--to earliest` or `--to end`", group, r.Name)
	}
	return at, nil
}
