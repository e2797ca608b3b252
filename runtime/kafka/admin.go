package kafka

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/sluice-dev/sluice/runtime/event"
)

// TP is one partition of a topic.
type TP struct {
	Topic     string
	Partition int32
}

// Offsets are positions in partitions: the offset of the next record.
type Offsets map[TP]int64

// TopicInfo is what a broker says about a topic.
type TopicInfo struct {
	Name       string
	ID         event.TopicID // zero where the broker has no topic ids
	Partitions int32
}

// TopicSpec is a topic that should be there.
type TopicSpec struct {
	Name        string
	Partitions  int32 // 0: DefaultPartitions
	Replication int16 // 0: the broker's default
	Configs     map[string]string
}

// DefaultPartitions is how many partitions a topic of ours gets.
const DefaultPartitions = 12

// requestTimeout is how long a request is tried again while a broker is away.
const requestTimeout = 30 * time.Second

// letterRoom is what a dead letter may be longer than the record it holds: the
// envelope in its headers.
const letterRoom = 64 << 10

// DeadTopicSpec is the topic of a route's dead letters, for a source whose
// records have at most sourceMax bytes.
func DeadTopicSpec(app, route string, sourceMax int) TopicSpec {
	return TopicSpec{Name: DeadTopic(app, route), Configs: map[string]string{
		"cleanup.policy": "compact",
		// Real Kafka does not look at retention here; the embedded broker
		// does, and a letter must wait for its reader for ever.
		"retention.ms":      "-1",
		"max.message.bytes": strconv.Itoa(sourceMax + letterRoom),
	}}
}

// LogTopicSpec is a log that is read once and trimmed by us (an edge's, a
// replay log, a group's own log): nothing else may drop a record of it.
func LogTopicSpec(name string, partitions int32) TopicSpec {
	return TopicSpec{Name: name, Partitions: partitions, Configs: map[string]string{
		"cleanup.policy": "delete", "retention.ms": "-1", "retention.bytes": "-1",
	}}
}

// Admin asks and changes what stands on the brokers of one connection.
type Admin struct {
	cfg Config
	kc  *kgo.Client
	cl  *kadm.Client
}

// NewAdmin makes a client; it does not connect yet.
func NewAdmin(c Config) (*Admin, error) {
	opts, err := c.options()
	if err != nil {
		return nil, err
	}
	// The client answers questions about topics from what it knows for as long
	// as this; what another process has just made must be seen.
	kc, err := kgo.NewClient(append(opts, kgo.RetryTimeout(requestTimeout), kgo.MetadataMinAge(10*time.Millisecond))...)
	if err != nil {
		return nil, fmt.Errorf("connection %s: %w", c.name(), err)
	}
	return &Admin{cfg: c, kc: kc, cl: kadm.NewClient(kc)}, nil
}

// Close ends the connections.
func (a *Admin) Close() { a.kc.Close() }

// Wait returns when a broker answers. After wait without an answer it gives
// an *UnreachableError; where the broker is there and refuses us, an
// *AuthError.
func (a *Admin) Wait(ctx context.Context, wait time.Duration) error {
	begin := time.Now()
	deadline := begin.Add(wait)
	var last error // of the last attempt that was not cut short by deadline
	for try := 1; ; try++ {
		once, cancel := context.WithDeadline(ctx, deadline)
		err := a.kc.Ping(once)
		cancel()
		switch {
		case err == nil:
			return nil
		case ctx.Err() != nil:
			return context.Cause(ctx)
		case isAuth(err):
			return &AuthError{a.cfg.name(), err}
		case last == nil || !errors.Is(err, context.DeadlineExceeded):
			last = err
		}
		if time.Until(deadline) <= 0 {
			if a.cfg.SASL != nil && errors.Is(last, io.EOF) {
				// It takes connections and hangs up on them, for all the
				// time: a broker that says nothing to wrong credentials.
				return &AuthError{a.cfg.name(), last}
			}
			return &UnreachableError{a.cfg.name(), a.cfg.Brokers, time.Since(begin), last}
		}
		pause := time.NewTimer(min(backoff(try), time.Until(deadline)))
		select {
		case <-ctx.Done():
		case <-pause.C:
		}
		pause.Stop()
	}
}

// Topics lists all topics but Kafka's own.
func (a *Admin) Topics(ctx context.Context) (map[string]TopicInfo, error) {
	ts, err := a.metadata(ctx)
	if err != nil {
		return nil, a.cfg.typed("list topics", err)
	}
	maps.DeleteFunc(ts, func(_ string, t topicState) bool { return t.err != nil || t.internal })
	return infos(ts), nil
}

// Describe gives the named topics, or a *MissingTopicError for the first that
// does not exist.
func (a *Admin) Describe(ctx context.Context, topics ...string) (map[string]TopicInfo, error) {
	if len(topics) == 0 {
		return map[string]TopicInfo{}, nil
	}
	ts, err := a.metadata(ctx, topics...)
	if err != nil {
		return nil, a.cfg.typed("describe topics", err)
	}
	for _, t := range topics {
		switch err := ts[t].err; {
		case err == nil && ts[t].Partitions > 0:
		case err == nil, errors.Is(err, kerr.UnknownTopicOrPartition), errors.Is(err, kerr.InvalidTopicException):
			return nil, a.missing(ctx, t)
		default:
			return nil, a.cfg.typed("describe topic "+t, err)
		}
	}
	return infos(ts), nil
}

// missing is the error for a topic that is not there. If the names of the
// others cannot be had it goes without them.
func (a *Admin) missing(ctx context.Context, topic string) error {
	e := &MissingTopicError{Connection: a.cfg.name(), Topic: topic}
	if all, err := a.Topics(ctx); err == nil {
		e.Near = near(topic, slices.Sorted(maps.Keys(all)))
	}
	return e
}

// Match gives the topics that a pattern covers.
func (a *Admin) Match(ctx context.Context, p Pattern) (map[string]TopicInfo, error) {
	all, err := a.Topics(ctx)
	maps.DeleteFunc(all, func(name string, _ TopicInfo) bool { return !p.Match(name) })
	return all, err
}

// MaxMessageBytes gives the size of the largest batch each topic takes.
func (a *Admin) MaxMessageBytes(ctx context.Context, topics ...string) (map[string]int, error) {
	cs, err := a.cl.DescribeTopicConfigs(ctx, topics...)
	if err != nil {
		return nil, a.cfg.typed("describe topic configs", err)
	}
	got := make(map[string]int, len(topics))
	for _, rc := range cs {
		if rc.Err != nil {
			return nil, a.cfg.typed("describe configs of topic "+rc.Name, rc.Err)
		}
		for _, c := range rc.Configs {
			if c.Key == "max.message.bytes" {
				if got[rc.Name], err = strconv.Atoi(c.MaybeValue()); err != nil {
					return nil, fmt.Errorf("max.message.bytes of topic %s: %w", rc.Name, err)
				}
			}
		}
	}
	return got, nil
}

// Ensure makes the topics that are not there and leaves the others as they
// are. Where ACLs forbid it the *DeniedError holds the commands to type.
func (a *Admin) Ensure(ctx context.Context, specs ...TopicSpec) error {
	all, err := a.Topics(ctx)
	if err != nil {
		return err
	}
	var denied *DeniedError
	var made []string
	for _, s := range specs {
		if _, there := all[s.Name]; there {
			continue
		}
		err := a.create(ctx, s)
		switch {
		case err == nil, errors.Is(err, kerr.TopicAlreadyExists):
			// Exists: another process of this app was quicker.
			made = append(made, s.Name)
		case isDenied(err):
			if denied == nil {
				denied = &DeniedError{Action: "make topics", Err: err}
			}
			denied.Commands = append(denied.Commands, a.command(s))
		default:
			return a.cfg.typed("make topic "+s.Name, err)
		}
	}
	if denied != nil {
		return denied
	}
	// Apache Kafka answers before every broker knows of a new topic; whoever
	// asks next would be told that it does not exist.
	return a.patiently(ctx, func(err error) bool { return errors.As(err, new(*MissingTopicError)) }, func() error {
		_, err := a.Describe(ctx, made...)
		return err
	})
}

// patiently calls fn until it gives no error that passes, or requestTimeout is
// over.
func (a *Admin) patiently(ctx context.Context, passes func(error) bool, fn func() error) error {
	ctx, cancel := context.WithTimeout(ctx, requestTimeout)
	defer cancel()
	for try := 1; ; try++ {
		err := fn()
		if err == nil || !passes(err) {
			return err
		}
		pause := time.NewTimer(backoff(try))
		select {
		case <-pause.C:
		case <-ctx.Done():
			pause.Stop()
			return err
		}
	}
}

// coordinatorMoves tells whether err is a group coordinator that is not there
// yet: on a fresh broker the first question about a group makes its topic.
func coordinatorMoves(err error) bool {
	return errors.Is(err, kerr.CoordinatorNotAvailable) || errors.Is(err, kerr.NotCoordinator) ||
		errors.Is(err, kerr.CoordinatorLoadInProgress)
}

func (a *Admin) create(ctx context.Context, s TopicSpec) error {
	configs := make(map[string]*string, len(s.Configs))
	for k, v := range s.Configs {
		configs[k] = &v
	}
	res, err := a.cl.CreateTopic(ctx, s.partitions(), s.replication(), configs, s.Name)
	if err == nil {
		err = res.Err
	}
	if err != nil && res.ErrMessage != "" {
		return fmt.Errorf("%w: %s", err, res.ErrMessage)
	}
	return err
}

func (s TopicSpec) partitions() int32 {
	if s.Partitions == 0 {
		return DefaultPartitions
	}
	return s.Partitions
}

func (s TopicSpec) replication() int16 {
	if s.Replication == 0 {
		return -1
	}
	return s.Replication
}

// command is what makes the topic with Kafka's own tool.
func (a *Admin) command(s TopicSpec) string {
	var b strings.Builder
	fmt.Fprintf(&b, "kafka-topics.sh --bootstrap-server %s --create --topic %s --partitions %d", a.cfg.Brokers[0], s.Name, s.partitions())
	if s.Replication != 0 {
		fmt.Fprintf(&b, " --replication-factor %d", s.Replication)
	}
	for _, k := range slices.Sorted(maps.Keys(s.Configs)) {
		fmt.Fprintf(&b, " --config %s=%s", k, s.Configs[k])
	}
	return b.String()
}

// EndOffsets gives the offset after the last record of every partition.
func (a *Admin) EndOffsets(ctx context.Context, topics ...string) (Offsets, error) {
	return a.listed(a.cl.ListEndOffsets(ctx, topics...))
}

// StartOffsets gives the offset of the first record that is still there.
func (a *Admin) StartOffsets(ctx context.Context, topics ...string) (Offsets, error) {
	return a.listed(a.cl.ListStartOffsets(ctx, topics...))
}

func (a *Admin) listed(ls kadm.ListedOffsets, err error) (Offsets, error) {
	if err == nil {
		err = ls.Error()
	}
	if err != nil {
		return nil, a.cfg.typed("list offsets", err)
	}
	got := Offsets{}
	ls.Each(func(o kadm.ListedOffset) { got[TP{o.Topic, o.Partition}] = o.Offset })
	return got, nil
}

// DeleteRecords drops everything below the given offsets.
func (a *Admin) DeleteRecords(ctx context.Context, below Offsets) error {
	var os kadm.Offsets
	for tp, at := range below {
		os.AddOffset(tp.Topic, tp.Partition, at, -1)
	}
	rs, err := a.cl.DeleteRecords(ctx, os)
	if err == nil {
		err = rs.Error()
	}
	return a.cfg.typed("delete records", err)
}

// Committed is a position of a consumer group as it stands on the broker.
type Committed struct {
	Offset int64
	// StoreID and TopicID are what the committing process wrote beside it;
	// Known is false where another tool set the position.
	StoreID string
	TopicID event.TopicID
	Known   bool
}

// Committed gives all positions of a group; none for a group that is not
// there.
func (a *Admin) Committed(ctx context.Context, group string) (map[TP]Committed, error) {
	rs, err := a.positions(ctx, group)
	if err != nil {
		return nil, a.cfg.typed("read the positions of group "+group, err)
	}
	got := map[TP]Committed{}
	for topic, ps := range rs {
		for p, o := range ps {
			if o.At >= 0 {
				got[TP{topic, p}] = parseCommitted(o.At, o.Metadata)
			}
		}
	}
	return got, nil
}

// positions reads a group's offsets; a group that is not there has none.
func (a *Admin) positions(ctx context.Context, group string) (rs kadm.OffsetResponses, err error) {
	err = a.patiently(ctx, coordinatorMoves, func() error {
		if rs, err = a.cl.FetchOffsets(ctx, group); err == nil {
			err = rs.Error()
		}
		return err
	})
	if errors.Is(err, kerr.GroupIDNotFound) {
		return nil, nil
	}
	return rs, err
}

// setPositions commits offsets as an outsider, which brokers let only into a
// group without live members.
func (a *Admin) setPositions(ctx context.Context, group string, os kadm.Offsets) error {
	return a.patiently(ctx, coordinatorMoves, func() error { return a.cl.CommitAllOffsets(ctx, group, os) })
}

// topicState is a topic as a metadata answer tells it.
type topicState struct {
	TopicInfo
	internal bool
	err      error
}

// metadata asks a broker about the named topics, or all. It asks by itself
// because kadm answers from what the client heard a moment ago.
func (a *Admin) metadata(ctx context.Context, topics ...string) (map[string]topicState, error) {
	req := kmsg.NewPtrMetadataRequest()
	for _, t := range topics {
		rt := kmsg.NewMetadataRequestTopic()
		rt.Topic = kmsg.StringPtr(t)
		req.Topics = append(req.Topics, rt)
	}
	resp, err := req.RequestWith(ctx, a.kc)
	if err != nil {
		return nil, err
	}
	got := make(map[string]topicState, len(resp.Topics))
	for _, t := range resp.Topics {
		if t.Topic == nil {
			continue
		}
		got[*t.Topic] = topicState{
			TopicInfo: TopicInfo{Name: *t.Topic, ID: event.TopicID(t.TopicID), Partitions: int32(len(t.Partitions))},
			internal:  t.IsInternal,
			err:       kerr.ErrorForCode(t.ErrorCode),
		}
	}
	return got, nil
}

func infos(ts map[string]topicState) map[string]TopicInfo {
	got := make(map[string]TopicInfo, len(ts))
	for name, t := range ts {
		got[name] = t.TopicInfo
	}
	return got
}
