package kafka

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/sluice-dev/sluice/runtime/event"
)

// GroupOptions says what a group consumer reads and how. Group, StoreID and
// some Topics or Patterns are needed; zero durations and sizes take the
// defaults beside them.
type GroupOptions struct {
	Group    string    // GroupName of the route
	StoreID  string    // the member's lasting name (group instance id)
	Topics   []string  // by name; each must exist
	Patterns []Pattern // and all that these cover, also later (Refresh)
	Start    Start

	// Position gives where a partition goes on, where something durable here knows it
	// better than the group's committed position does (a state group's store). An
	// error is final. nil: the committed positions decide.
	Position func(tp TP, topic event.TopicID, c Committed) (offset int64, ok bool, err error)

	FetchBytes     int           // budget of bytes fetched and not polled; 16 MiB
	SessionTimeout time.Duration // 45 s
	Heartbeat      time.Duration // 3 s
	Rebalance      time.Duration // 60 s; how long Revoked may take
	FetchWait      time.Duration // 500 ms; how long an idle fetch waits at the broker
	MetadataMaxAge time.Duration // 1 min; how soon new partitions are seen

	// Revoked is called with partitions that go to another member: stop
	// their work, commit (Commit still takes them), return. Lost is called
	// with partitions that are gone already: nothing may be committed for
	// them any more (I6). Both run on the client's goroutine, one at a
	// time, while no poll is open (from Poll to AllowRebalance); only
	// partitions that Poll has announced are in them. They must not close
	// the group.
	Revoked func(ctx context.Context, ps []TP)
	Lost    func(ps []TP)
	// Hurry is called when a rebalance waits for AllowRebalance; nil is
	// fine.
	Hurry func()
}

const (
	defaultFetchBytes = 16 << 20
	// partitionFetchBytes bounds one partition's share of a fetch, so that
	// one long partition does not fill the budget. A larger batch still
	// comes whole.
	partitionFetchBytes = 2 << 20
	// maxInflated bounds what a compressed batch may grow to (a bomb).
	maxInflated = 64 << 20
)

// Group is one route's membership in its consumer group.
//
// One goroutine drives it: Poll, hand the records on without waiting for a
// sink, perhaps Commit, AllowRebalance, again. Between Poll and AllowRebalance
// no partition can be taken away, so that is where commits belong. The other
// methods may be called from anywhere.
type Group struct {
	cfg   Config
	o     GroupOptions
	admin *Admin
	lease *lease
	slabs *slabs
	fresh sync.Pool // *[]event.Record

	mu     sync.Mutex
	cl     *kgo.Client // nil until there is a topic to read
	closed bool
	topics map[string]TopicInfo
	// unresolved are topics that begin at their end and whose start a live
	// group kept us from committing.
	unresolved []string
	committed  map[TP]Committed // as fetched for the assignment in progress
	pending    []Assignment     // assigned, not yet announced by Poll
	owned      map[TP]event.TopicID
	fatal      error
}

// Assignment is a partition that has come to this process.
type Assignment struct {
	TP
	TopicID event.TopicID
	Offset  int64 // of the first record that will come
	// Committed is the position as it stood on the broker; where Known, its
	// StoreID tells who left it.
	Committed Committed
}

// Slice is consecutive records of one partition.
type Slice struct {
	TP
	TopicID event.TopicID
	// Records in the order of their offsets, which may have gaps; none where
	// only a transaction's marker was read. They and their bytes live until
	// Recycle takes the slice back, or for ever where nobody calls it.
	Records []event.Record
	// Next is the position behind the slice. It can be beyond the last
	// record: behind a marker, which has an offset and no event.
	Next int64
	// End is the offset after the last record on the broker at that time.
	End int64

	raw []*kgo.Record // whose bytes these are
}

// Batch is what a poll brings.
type Batch struct {
	// Assigned are partitions that came since the last poll. They precede
	// any record of theirs.
	Assigned []Assignment
	Slices   []Slice
	// Problems are what the client met and goes on from by itself (a broker
	// away, a coordinator that moves, records lost by the cluster).
	Problems []error
}

// NewGroup resolves the start of the topics that the group has never read and
// joins. A named topic that does not exist is a *MissingTopicError. The admin
// is of the same connection and outlives the group.
func NewGroup(ctx context.Context, c Config, admin *Admin, o GroupOptions) (*Group, error) {
	if o.Revoked == nil || o.Lost == nil {
		panic("kafka: a group without Revoked and Lost would commit what it does not own (I6)")
	}
	def := func(d *time.Duration, v time.Duration) {
		if *d == 0 {
			*d = v
		}
	}
	def(&o.SessionTimeout, 45*time.Second)
	def(&o.Heartbeat, 3*time.Second)
	def(&o.Rebalance, 60*time.Second)
	def(&o.FetchWait, 500*time.Millisecond)
	def(&o.MetadataMaxAge, time.Minute)
	if o.FetchBytes == 0 {
		o.FetchBytes = defaultFetchBytes
	}
	g := &Group{cfg: c, o: o, admin: admin, lease: newLease(o.SessionTimeout), slabs: newSlabs(o.FetchBytes), topics: map[string]TopicInfo{}, owned: map[TP]event.TopicID{}}
	g.fresh.New = func() any { return new([]event.Record) }
	if _, err := g.Refresh(ctx); err != nil {
		return nil, err
	}
	return g, nil
}

// Refresh looks for topics that the patterns cover by now, starts to read them
// and gives their names.
func (g *Group) Refresh(ctx context.Context) (added []string, err error) {
	found, err := g.admin.Describe(ctx, g.o.Topics...)
	if err != nil {
		return nil, err
	}
	for _, p := range g.o.Patterns {
		m, err := g.admin.Match(ctx, p)
		if err != nil {
			return nil, err
		}
		maps.Copy(found, m)
	}
	g.mu.Lock()
	maps.DeleteFunc(found, func(name string, _ TopicInfo) bool { _, have := g.topics[name]; return have })
	g.mu.Unlock()
	if len(found) == 0 {
		return nil, nil
	}
	unresolved, err := g.resolve(ctx, found)
	if err != nil {
		return nil, err
	}
	added = slices.Sorted(maps.Keys(found))

	g.mu.Lock()
	defer g.mu.Unlock()
	if g.closed {
		return nil, ErrClosed
	}
	maps.Copy(g.topics, found)
	g.unresolved = append(g.unresolved, unresolved...)
	if g.cl != nil {
		g.cl.AddConsumeTopics(added...)
		return added, nil
	}
	// The callbacks need cl and wait for mu until it is there.
	g.cl, err = g.join(added)
	return added, err
}

// join makes the client, which joins the group at once.
func (g *Group) join(topics []string) (*kgo.Client, error) {
	opts, err := g.cfg.options()
	if err != nil {
		return nil, err
	}
	opts = append(opts,
		kgo.ConsumerGroup(g.o.Group),
		kgo.InstanceID(g.o.StoreID),
		kgo.ConsumeTopics(topics...),
		kgo.Balancers(kgo.CooperativeStickyBalancer()),
		kgo.DisableAutoCommit(),
		kgo.BlockRebalanceOnPoll(),
		kgo.OnOffsetsFetched(g.fetched),
		kgo.AdjustFetchOffsetsFn(g.adjust),
		kgo.OnPartitionsRevoked(func(ctx context.Context, _ *kgo.Client, ps map[string][]int32) {
			g.taken(ps, func(ps []TP) { g.o.Revoked(ctx, ps) })
		}),
		kgo.OnPartitionsLost(func(_ context.Context, _ *kgo.Client, ps map[string][]int32) {
			g.taken(ps, g.o.Lost)
		}),
		kgo.OnPartitionsAssigned(func(context.Context, *kgo.Client, map[string][]int32) {
			// Set so that franz-go gates the assignment like the others;
			// what is assigned is told with its position, by adjust.
		}),
		kgo.SessionTimeout(g.o.SessionTimeout),
		kgo.HeartbeatInterval(g.o.Heartbeat),
		kgo.RebalanceTimeout(g.o.Rebalance),
		kgo.MetadataMaxAge(g.o.MetadataMaxAge),
		kgo.FetchIsolationLevel(kgo.ReadCommitted()),
		kgo.KeepControlRecords(), // for Slice.Next: a log that ends in one is read to its end
		kgo.FetchMaxBytes(int32(g.o.FetchBytes)),
		kgo.FetchMaxPartitionBytes(int32(min(partitionFetchBytes, g.o.FetchBytes))),
		kgo.FetchMaxWait(g.o.FetchWait),
		kgo.MaxConcurrentFetches(2),
		kgo.MaxDecompressBatchBytes(maxInflated),
		kgo.BrokerMaxReadBytes(int32(max(maxInflated, 2*g.o.FetchBytes))),
		// Every partition has a position when it is first fetched (adjust). One
		// that fell off the log's start goes on with the oldest record; one
		// beyond its end, where the cluster lost records, a minute before what
		// was read last, which is franz-go's default and told as a Problem.
		kgo.ConsumeStartOffset(kgo.NewOffset().AtStart()),
		kgo.WithHooks(g.lease),
		kgo.WithPools(g.slabs),
	)
	if g.o.Position != nil {
		// What a store knows is exact: a position that the log does not hold is told,
		// never replaced by another.
		opts = append(opts, kgo.ConsumeResetOffset(kgo.NoResetOffset()))
	}
	if g.o.Hurry != nil {
		opts = append(opts, kgo.OnPartitionsCallbackBlocked(func(context.Context, *kgo.Client) { g.o.Hurry() }))
	}
	cl, err := kgo.NewClient(opts...)
	if err != nil {
		return nil, fmt.Errorf("group %s: %w", g.o.Group, err)
	}
	return cl, nil
}

// fetched is told the positions of partitions that are being assigned, with
// what stands beside them.
func (g *Group) fetched(_ context.Context, _ *kgo.Client, resp *kmsg.OffsetFetchResponse) error {
	got := map[TP]Committed{}
	for _, rg := range resp.Groups {
		for _, t := range rg.Topics {
			for _, p := range t.Partitions {
				if p.ErrorCode == 0 && p.Offset >= 0 {
					var meta string
					if p.Metadata != nil {
						meta = *p.Metadata
					}
					got[TP{t.Topic, p.Partition}] = parseCommitted(p.Offset, meta)
				}
			}
		}
	}
	g.mu.Lock()
	g.committed = got
	g.mu.Unlock()
	return nil
}

// adjust decides where the partitions that are being assigned begin, before
// anything of them is fetched. An error ends the session and is tried again.
func (g *Group) adjust(ctx context.Context, offsets map[string]map[int32]kgo.Offset) (map[string]map[int32]kgo.Offset, error) {
	if len(offsets) == 0 {
		return offsets, nil
	}
	infos, err := g.admin.Describe(ctx, slices.Collect(maps.Keys(offsets))...)
	if err != nil {
		return nil, err
	}
	g.mu.Lock()
	cl, committed := g.cl, g.committed
	g.mu.Unlock()

	var missing []TP
	for topic, ps := range offsets {
		for p := range ps {
			if _, ok := committed[TP{topic, p}]; !ok {
				missing = append(missing, TP{topic, p})
			}
		}
	}
	if err := g.resolveOwn(ctx, cl, missing, infos, committed); err != nil {
		return nil, err
	}
	var came []Assignment
	for topic, ps := range offsets {
		id := infos[topic].ID
		for p := range ps {
			tp := TP{topic, p}
			c := committed[tp]
			// Without an epoch franz-go does not compare histories: after a
			// reset by hand it would see data loss where there is none.
			ps[p] = kgo.NewOffset().At(c.Offset).WithEpoch(-1)
			if c.Known && id != (event.TopicID{}) && c.TopicID != (event.TopicID{}) && c.TopicID != id {
				g.fail(&TopicIDError{Group: g.o.Group, Topic: topic, Partition: p, Committed: c.TopicID, Now: id})
				cl.PauseFetchPartitions(map[string][]int32{topic: {p}})
				continue
			}
			at := c.Offset
			if g.o.Position != nil {
				pos, ok, err := g.o.Position(tp, id, c)
				if err != nil {
					g.fail(err)
					cl.PauseFetchPartitions(map[string][]int32{topic: {p}})
					continue
				}
				if ok {
					at = pos
					ps[p] = kgo.NewOffset().At(at).WithEpoch(-1)
				}
			}
			came = append(came, Assignment{TP: tp, TopicID: id, Offset: at, Committed: c})
		}
	}
	slices.SortFunc(came, func(a, b Assignment) int { return compareTP(a.TP, b.TP) })
	g.mu.Lock()
	defer g.mu.Unlock()
	for _, a := range came {
		g.owned[a.TP] = a.TopicID
	}
	g.pending = append(g.pending, came...)
	return offsets, nil
}

// taken ends the ownership of partitions: the announced ones through leave,
// which may still commit.
func (g *Group) taken(ps map[string][]int32, leave func([]TP)) {
	var told []TP
	g.mu.Lock()
	for topic, parts := range ps {
		for _, p := range parts {
			tp := TP{topic, p}
			if i := slices.IndexFunc(g.pending, func(a Assignment) bool { return a.TP == tp }); i >= 0 {
				g.pending = slices.Delete(g.pending, i, i+1)
				delete(g.owned, tp)
			} else if _, ok := g.owned[tp]; ok {
				told = append(told, tp)
			}
		}
	}
	cl := g.cl
	g.mu.Unlock()
	if len(told) > 0 {
		slices.SortFunc(told, compareTP)
		leave(told)
	}
	g.mu.Lock()
	for _, tp := range told {
		delete(g.owned, tp)
	}
	g.mu.Unlock()
	// A pause outlives a revoke in franz-go: the partition would come back
	// silent.
	cl.ResumeFetchPartitions(ps)
}

// Poll waits at most wait for records. It is followed by AllowRebalance in any
// case. An error is final: the group reads nothing more until the program has
// been told what to do (*TopicIDError, *MissingTopicError, *FencedError,
// *AuthError, *DeniedError, ErrClosed, the end of ctx).
func (g *Group) Poll(ctx context.Context, wait time.Duration) (Batch, error) {
	g.mu.Lock()
	cl, closed := g.cl, g.closed
	g.mu.Unlock()
	waitCtx, cancel := context.WithTimeout(ctx, wait)
	defer cancel()
	var b Batch
	switch {
	case closed:
		return b, ErrClosed
	case cl == nil: // no topic yet
		<-waitCtx.Done()
		return b, context.Cause(ctx)
	}
	fs := cl.PollRecords(waitCtx, 0)
	for len(fs) == 0 {
		// Woken for records that an assignment took away again. franz-go holds no
		// window open for such an answer, so nothing may be announced with it: a
		// revocation could come before whoever polls has heard of the partition.
		fs = cl.PollRecords(waitCtx, 0)
	}
	fs.EachError(func(topic string, p int32, err error) { g.judge(&b, topic, p, err) })

	g.mu.Lock()
	b.Assigned, g.pending = g.pending, nil
	fatal := g.fatal
	fs.EachTopic(func(t kgo.FetchTopic) {
		t.EachPartition(func(p kgo.FetchPartition) {
			tp := TP{t.Topic, p.Partition}
			id, ok := g.owned[tp]
			if len(p.Records) == 0 || !ok {
				return
			}
			next := p.Records[len(p.Records)-1].Offset + 1
			b.Slices = append(b.Slices, Slice{TP: tp, TopicID: id, Next: next, End: p.HighWatermark, Records: g.records(id, p.Records), raw: p.Records})
		})
	})
	g.mu.Unlock()
	if fatal != nil {
		return b, fatal
	}
	return b, context.Cause(ctx)
}

// judge sorts what came in place of records.
func (g *Group) judge(b *Batch, topic string, p int32, err error) {
	switch {
	case errors.Is(err, context.Canceled), errors.Is(err, context.DeadlineExceeded) && topic == "":
		// The poll's own end.
	case errors.Is(err, kgo.ErrClientClosed):
		g.fail(ErrClosed)
	case errors.Is(err, kerr.FencedInstanceID):
		g.fail(&FencedError{g.o.Group, g.o.StoreID, err})
	case errors.Is(err, kerr.OffsetOutOfRange) && g.o.Position != nil:
		g.fail(fmt.Errorf("%w: %s/%d, group %s", ErrOutOfRange, topic, p, g.o.Group))
	case isAuth(err):
		g.fail(&AuthError{g.cfg.name(), err})
	case isDenied(err):
		g.fail(&DeniedError{Action: "read " + orGroup(topic, g.o.Group), Err: err})
	case errors.Is(err, kerr.UnknownTopicID):
		g.mu.Lock()
		id := g.owned[TP{topic, p}]
		g.mu.Unlock()
		g.fail(&TopicIDError{Group: g.o.Group, Topic: topic, Partition: p, Committed: id})
	case errors.Is(err, kerr.UnknownTopicOrPartition) && topic != "":
		g.fail(&MissingTopicError{Connection: g.cfg.name(), Topic: topic})
	default:
		var te *MissingTopicError
		if errors.As(err, &te) {
			g.fail(te)
			return
		}
		b.Problems = append(b.Problems, fmt.Errorf("read %s: %w", orGroup(topic, g.o.Group), err))
	}
}

func orGroup(topic, group string) string {
	if topic == "" {
		return "as group " + group
	}
	return "topic " + topic
}

// fail keeps the first final error for the next Poll.
func (g *Group) fail(err error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.fatal == nil {
		g.fatal = err
	}
}

// records gives what franz-go read our shape; the bytes stay where they are.
func (g *Group) records(id event.TopicID, rs []*kgo.Record) []event.Record {
	buf := g.fresh.Get().(*[]event.Record)
	out := slices.Grow((*buf)[:0], len(rs))
	*buf = nil
	g.fresh.Put(buf)
	for _, r := range rs {
		if r.Attrs.IsControl() {
			continue
		}
		out = append(out, recordOf(id, r))
	}
	return out
}

// recordOf gives one record our shape.
func recordOf(id event.TopicID, r *kgo.Record) event.Record {
	e := event.Record{
		Topic: r.Topic, TopicID: id, Partition: r.Partition, Offset: r.Offset,
		Key: r.Key, Value: r.Value, Timestamp: event.NoTime,
	}
	if ms := r.Timestamp.UnixMilli(); ms >= 0 && r.Attrs.TimestampType() >= 0 {
		e.Timestamp = ms
	}
	if len(r.Headers) > 0 {
		e.Headers = make([]event.Header, len(r.Headers))
		for i, h := range r.Headers {
			e.Headers[i] = event.Header{Key: h.Key, Value: h.Value}
		}
	}
	return e
}

// Recycle takes a slice back for a later poll, its records and their bytes.
func (g *Group) Recycle(s *Slice) {
	for _, r := range s.raw {
		r.Recycle()
	}
	rs := s.Records
	s.raw, s.Records = nil, nil
	clear(rs)
	buf := g.fresh.Get().(*[]event.Record)
	if cap(rs) > cap(*buf) {
		*buf = rs[:0]
	}
	g.fresh.Put(buf)
}

// Renew asks for the topics' metadata now: whoever knows of a new partition need not
// wait MetadataMaxAge for it.
func (g *Group) Renew() {
	if cl := g.client(); cl != nil {
		cl.ForceMetadataRefresh()
	}
}

// Partitions counts all partitions of the topics that the group reads by now: a
// member that owns so many owns them all.
func (g *Group) Partitions() int {
	g.mu.Lock()
	defer g.mu.Unlock()
	n := 0
	for _, t := range g.topics {
		n += int(t.Partitions)
	}
	return n
}

// AllowRebalance ends a poll: partitions may come and go now.
func (g *Group) AllowRebalance() {
	if cl := g.client(); cl != nil {
		cl.AllowRebalance()
	}
}

// Commit writes positions and waits. It belongs between Poll and
// AllowRebalance, or into Revoked; a partition that is not ours is not
// committed and gives ErrNotOwned (I6).
func (g *Group) Commit(ctx context.Context, at Offsets) error {
	ours := make(Offsets, len(at))
	ids := make(map[TP]event.TopicID, len(at))
	g.mu.Lock()
	cl := g.cl
	for tp, o := range at {
		if id, ok := g.owned[tp]; ok {
			ours[tp], ids[tp] = o, id
		}
	}
	g.mu.Unlock()
	if cl != nil && len(ours) > 0 {
		if err := g.commit(ctx, cl, ours, func(tp TP) event.TopicID { return ids[tp] }); err != nil {
			return err
		}
	}
	if len(ours) < len(at) {
		return fmt.Errorf("commit as group %s: %w", g.o.Group, ErrNotOwned)
	}
	return nil
}

func (g *Group) commit(ctx context.Context, cl *kgo.Client, at Offsets, id func(TP) event.TopicID) error {
	req := map[string]map[int32]kgo.EpochOffset{}
	for tp, o := range at {
		if req[tp.Topic] == nil {
			req[tp.Topic] = map[int32]kgo.EpochOffset{}
		}
		req[tp.Topic][tp.Partition] = kgo.EpochOffset{Epoch: -1, Offset: o}
	}
	ctx = kgo.PreCommitFnContext(ctx, func(r *kmsg.OffsetCommitRequest) error {
		for i := range r.Topics {
			t := &r.Topics[i]
			for j := range t.Partitions {
				p := &t.Partitions[j]
				p.Metadata = kmsg.StringPtr(commitMetadata(g.o.StoreID, id(TP{t.Topic, p.Partition})))
			}
		}
		return nil
	})
	var failed error
	cl.CommitOffsetsSync(ctx, req, func(_ *kgo.Client, _ *kmsg.OffsetCommitRequest, resp *kmsg.OffsetCommitResponse, err error) {
		if failed = err; err != nil {
			return
		}
		for _, t := range resp.Topics {
			for _, p := range t.Partitions {
				if err := kerr.ErrorForCode(p.ErrorCode); err != nil {
					failed = fmt.Errorf("%s/%d: %w", t.Topic, p.Partition, err)
					return
				}
			}
		}
	})
	if errors.Is(failed, kerr.FencedInstanceID) {
		failed = &FencedError{g.o.Group, g.o.StoreID, failed}
		g.fail(failed)
		return failed
	}
	return g.cfg.typed("commit as group "+g.o.Group, failed)
}

// Pause keeps partitions from being polled; what was fetched of them is
// fetched again after Resume. Both end with the assignment.
func (g *Group) Pause(ps ...TP) {
	if cl := g.client(); cl != nil {
		cl.PauseFetchPartitions(byTopic(ps))
	}
}

// Resume ends a Pause.
func (g *Group) Resume(ps ...TP) {
	if cl := g.client(); cl != nil {
		cl.ResumeFetchPartitions(byTopic(ps))
	}
}

// LeaseAge is how long ago the broker last heard from this member, at the
// least. Older than half the session, nothing may be committed or sent: by
// then another process may be told that it owns the partitions (I6).
func (g *Group) LeaseAge() time.Duration { return g.lease.age() }

// Session is the session timeout that LeaseAge is held against.
func (g *Group) Session() time.Duration { return g.o.SessionTimeout }

// Close gives the partitions up (Revoked is called) and ends the connections.
// The member stays in the group until its session ends: a process that comes
// back with the same store takes its partitions over at once.
func (g *Group) Close() {
	g.mu.Lock()
	cl := g.cl
	g.closed = true
	g.mu.Unlock()
	if cl != nil {
		cl.CloseAllowingRebalance()
	}
}

func (g *Group) client() *kgo.Client {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.cl
}

func byTopic(ps []TP) map[string][]int32 {
	m := map[string][]int32{}
	for _, tp := range ps {
		m[tp.Topic] = append(m[tp.Topic], tp.Partition)
	}
	return m
}

func compareTP(a, b TP) int {
	if a.Topic != b.Topic {
		if a.Topic < b.Topic {
			return -1
		}
		return 1
	}
	return int(a.Partition - b.Partition)
}
