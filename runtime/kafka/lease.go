package kafka

import (
	"sync/atomic"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
)

// Requests after whose answer the broker has restarted a member's session
// timer at the moment the request reached it, which is not before it was
// written. A JoinGroup (11) is not among them: its answer may have waited in
// the socket while this process was stopped, and looks as fresh as ever.
const (
	keyHeartbeat = 12
	keySyncGroup = 14
)

// lease is when the broker last heard of us.
type lease struct {
	born time.Time
	beat atomic.Int64 // nanoseconds since born; monotonic, so no clock that is set moves it
	// silent is how long this process may be silent before an answered heartbeat
	// proves nothing by itself: the broker may have answered that it does not know
	// us any more, which looks the same from here. Then the next one counts, which
	// a session that has ended does not send.
	silent  time.Duration
	doubted atomic.Bool // the last heartbeat came after such a silence
}

var _ kgo.HookBrokerE2E = (*lease)(nil)

func newLease(session time.Duration) *lease { return &lease{born: time.Now(), silent: session / 2} }

// OnBrokerE2E is told each answered request.
func (l *lease) OnBrokerE2E(_ kgo.BrokerMetadata, key int16, e2e kgo.BrokerE2E) {
	if key != keyHeartbeat && key != keySyncGroup || e2e.WriteErr != nil || e2e.ReadErr != nil {
		return
	}
	sent := int64(time.Since(l.born) - e2e.DurationE2E())
	if key == keyHeartbeat && sent-l.beat.Load() > int64(l.silent) && l.doubted.CompareAndSwap(false, true) {
		return
	}
	l.doubted.Store(false)
	for old := l.beat.Load(); sent > old && !l.beat.CompareAndSwap(old, sent); old = l.beat.Load() {
	}
}

// age is how long ago that was, or how long the lease exists without it.
func (l *lease) age() time.Duration {
	return time.Since(l.born) - time.Duration(l.beat.Load())
}
