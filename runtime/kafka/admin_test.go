package kafka

import (
	"context"
	"errors"
	"net"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/sluice-dev/sluice/runtime/event"
)

func TestEnsureMakesWhatIsMissing(t *testing.T) {
	onBrokers(t, func(t *testing.T, c Config, a *Admin) {
		ctx, app := deadline(t), unique("shop")
		specs := []TopicSpec{
			DeadTopicSpec(app, "Orders", 1_000_000),
			LogTopicSpec(ReplayTopic(app, "Orders"), 1),
		}
		for range 2 { // the second time all are there
			if err := a.Ensure(ctx, specs...); err != nil {
				t.Fatal(err)
			}
		}
		got, err := a.Describe(ctx, specs[0].Name, specs[1].Name)
		if err != nil {
			t.Fatal(err)
		}
		for i, want := range []int32{DefaultPartitions, 1} {
			info := got[specs[i].Name]
			if info.Partitions != want || info.ID == (event.TopicID{}) {
				t.Errorf("topic %+v, want %d partitions and an id", info, want)
			}
		}
		all, err := a.Topics(ctx)
		if err != nil || all[specs[0].Name] != got[specs[0].Name] {
			t.Errorf("among all topics it is %+v (%v)", all[specs[0].Name], err)
		}
	})
}

func TestAMissingTopicNamesItsNeighbours(t *testing.T) {
	onBrokers(t, func(t *testing.T, c Config, a *Admin) {
		topic := makeTopic(t, a, 1)
		for _, name := range []string{"x" + topic, "no topic"} {
			_, err := a.Describe(deadline(t), topic, name)
			var me *MissingTopicError
			if !errors.As(err, &me) || me.Topic != name {
				t.Fatalf("error %v, want a MissingTopicError for %s", err, name)
			}
			if near := slices.Contains(me.Near, topic); near != (name != "no topic") {
				t.Errorf("near %s stand %q", name, me.Near)
			}
			if strings.Contains(name, topic) && !strings.Contains(err.Error(), topic+`"`) {
				t.Errorf("message %q does not name %s", err, topic)
			}
		}
	})
}

func TestOffsetsAndDeleteRecords(t *testing.T) {
	onBrokers(t, func(t *testing.T, c Config, a *Admin) {
		ctx, topic := deadline(t), makeTopic(t, a, 1)
		produce(t, testProducer(t, c, ProducerOptions{}), topic, 0, 9)
		if err := a.DeleteRecords(ctx, Offsets{TP{topic, 0}: 5}); err != nil {
			t.Fatal(err)
		}
		starts, err1 := a.StartOffsets(ctx, topic)
		ends, err2 := a.EndOffsets(ctx, topic)
		if starts[TP{topic, 0}] != 5 || ends[TP{topic, 0}] != 9 || err1 != nil || err2 != nil {
			t.Errorf("log from %v to %v (%v, %v), want 5 to 9", starts, ends, err1, err2)
		}
		if _, err := a.EndOffsets(ctx, unique("nowhere")); err == nil {
			t.Error("end offsets of no topic give no error")
		}
	})
}

func TestABrokerThatIsNotThere(t *testing.T) {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	addr := ln.Addr().String()
	ln.Close()
	a, err := NewAdmin(testConfig(addr))
	if err != nil {
		t.Fatal(err)
	}
	defer a.Close()
	begin := time.Now()
	err = a.Wait(t.Context(), 300*time.Millisecond)
	var ue *UnreachableError
	if !errors.As(err, &ue) || !strings.Contains(err.Error(), addr) {
		t.Errorf("error %v, want an UnreachableError that names %s", err, addr)
	}
	if d := time.Since(begin); d < 300*time.Millisecond || d > 10*time.Second {
		t.Errorf("gave up after %v, want about 300 ms", d)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := a.Wait(ctx, time.Hour); !errors.Is(err, context.Canceled) {
		t.Errorf("wait with a context that has ended: %v", err)
	}
}

func TestAuthentication(t *testing.T) {
	cluster, err := kfake.NewCluster(kfake.NumBrokers(1), kfake.EnableSASL(),
		kfake.Superuser("PLAIN", "anna", "p"), kfake.Superuser("SCRAM-SHA-256", "anna", "p"), kfake.Superuser("SCRAM-SHA-512", "anna", "p"))
	if err != nil {
		t.Fatal(err)
	}
	defer cluster.Close()
	wait := func(s *SASL, d time.Duration) error {
		c := testConfig(cluster.ListenAddrs()...)
		c.SASL = s
		a, err := NewAdmin(c)
		if err != nil {
			t.Fatal(err)
		}
		defer a.Close()
		return a.Wait(deadline(t), d)
	}
	for _, m := range []string{"plain", "scram_sha_256", "scram_sha_512"} {
		if err := wait(&SASL{m, "anna", "p"}, 20*time.Second); err != nil {
			t.Errorf("%s: %v", m, err)
		}
		// Apache Kafka says so at once; kfake hangs up, as a broker that
		// restarts does, so this takes as long as the wait.
		var ae *AuthError
		if err := wait(&SASL{m, "anna", "wrong"}, 300*time.Millisecond); !errors.As(err, &ae) {
			t.Errorf("%s with a wrong password: %v, want an AuthError", m, err)
		} else if strings.Contains(err.Error(), "wrong") {
			t.Errorf("the message holds the password: %v", err)
		}
	}
	var ae *AuthError
	if err := wait(nil, 20*time.Second); !errors.As(err, &ae) {
		t.Errorf("no authentication: %v, want an AuthError", err)
	}
	for _, s := range []SASL{{"plain", "", "p"}, {"gssapi", "a", "p"}} {
		if _, err := NewAdmin(Config{Brokers: []string{"localhost:1"}, SASL: &s}); err == nil {
			t.Errorf("mechanism %q for user %q was taken", s.Mechanism, s.User)
		}
	}
}

func TestForbiddenTopicsComeWithTheirCommands(t *testing.T) {
	cluster, err := kfake.NewCluster(kfake.NumBrokers(1), kfake.EnableSASL(), kfake.EnableACLs(), kfake.Superuser("PLAIN", "root", "p"),
		kfake.User("PLAIN", "anna", "p", kfake.ACL{
			Resource: kmsg.ACLResourceTypeTopic, Name: "*", Pattern: kmsg.ACLResourcePatternTypeLiteral, Operation: kmsg.ACLOperationDescribe, Allow: true,
		}))
	if err != nil {
		t.Fatal(err)
	}
	defer cluster.Close()
	c := testConfig(cluster.ListenAddrs()...)
	c.SASL = &SASL{"plain", "anna", "p"}
	err = testAdmin(t, c).Ensure(deadline(t), DeadTopicSpec("shop", "orders", 1000), LogTopicSpec("sluice.shop.in.hook", 3))
	var de *DeniedError
	if !errors.As(err, &de) {
		t.Fatalf("error %v, want a DeniedError", err)
	}
	server := c.Brokers[0]
	want := []string{
		"kafka-topics.sh --bootstrap-server " + server + " --create --topic sluice.shop.dead.orders --partitions 12" +
			" --config cleanup.policy=compact --config max.message.bytes=66536 --config retention.ms=-1",
		"kafka-topics.sh --bootstrap-server " + server + " --create --topic sluice.shop.in.hook --partitions 3" +
			" --config cleanup.policy=delete --config retention.bytes=-1 --config retention.ms=-1",
	}
	if diff := cmp.Diff(want, de.Commands); diff != "" {
		t.Errorf("commands (-want +got):\n%s", diff)
	}
}

func TestNames(t *testing.T) {
	for _, tt := range []struct{ got, want string }{
		{GroupName("Shop", "paid_orders"), "sluice.shop.paid-orders"},
		{DeadTopic("shop", "Ünïcode & more"), "sluice.shop.dead.-n-code-more"},
		{ReplayTopic("my.app", "r1"), "sluice.my-app.replay.r1"},
		{InTopic("shop", "hook"), "sluice.shop.in.hook"},
		{OwnTopic("shop", "users"), "sluice.shop.own.users"},
	} {
		if tt.got != tt.want {
			t.Errorf("name %q, want %q", tt.got, tt.want)
		}
	}
}

func TestCommitMetadata(t *testing.T) {
	id := event.TopicID{1, 2, 15: 255}
	if got, want := parseCommitted(7, commitMetadata("store", id)), (Committed{7, "store", id, true}); got != want {
		t.Errorf("read back %+v, want %+v", got, want)
	}
	for _, other := range []string{"", "kafka-tool", "sluice1 a", "sluice1 a zz", "sluice1 a 0102", "sluice2 a " + strings.Repeat("0", 32)} {
		if got := parseCommitted(7, other); got != (Committed{Offset: 7}) {
			t.Errorf("metadata %q is read as %+v, want an unknown hand", other, got)
		}
	}
}
