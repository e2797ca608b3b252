package kafka

import (
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
)

// A process that was stopped longer than half its session hears an answer to its
// next heartbeat whatever the broker thinks of it by then.
func TestAHeartbeatAfterSilenceProvesNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const session = 10 * time.Second
		l := newLease(session)
		beat := func(key int16, err error) { l.OnBrokerE2E(kgo.BrokerMetadata{}, key, kgo.BrokerE2E{ReadErr: err}) }
		fresh := func(want bool, what string) {
			t.Helper()
			if got := l.age() < session/2; got != want {
				t.Errorf("%s: lease is %v old, want it to hold: %v", what, l.age(), want)
			}
		}
		beat(keySyncGroup, nil)
		fresh(true, "after joining")
		time.Sleep(4 * time.Second)
		beat(keyHeartbeat, nil)
		time.Sleep(4 * time.Second)
		fresh(true, "with a heartbeat each 4 s")

		time.Sleep(session) // SIGSTOP
		fresh(false, "after a long silence")
		beat(keyHeartbeat, nil)
		fresh(false, "with the first heartbeat after it")
		beat(keyHeartbeat, errors.New("cut"))
		fresh(false, "with one that was not answered")
		time.Sleep(3 * time.Second)
		beat(keyHeartbeat, nil)
		fresh(true, "with the second: the session lives")

		time.Sleep(session)
		beat(keyHeartbeat, nil) // unknown member
		beat(keySyncGroup, nil)
		fresh(true, "after it has joined again")
	})
}
