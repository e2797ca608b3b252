package main

import (
	"context"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/sluice-dev/sluice/runtime/engine"
	"github.com/sluice-dev/sluice/runtime/event"
	"github.com/sluice-dev/sluice/runtime/kafka"
	"github.com/sluice-dev/sluice/runtime/kafka/embedded"
)

// TestMain lets testscript run this binary as `sluice`.
func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){"sluice": func() { os.Exit(run(os.Args[1:])) }})
}

// TestScripts runs the sessions of testdata/script: each is what a user types and
// sees, most of all where something is wrong.
func TestScripts(t *testing.T) {
	testscript.Run(t, testscript.Params{
		Dir: "testdata/script", UpdateScripts: os.Getenv("UPDATE_SCRIPTS") != "",
		Cmds: map[string]func(*testscript.TestScript, bool, []string){"broker": startBrokerCmd, "produce": produceCmd, "lock": lockCmd, "second": secondCmd},
	})
}

// startBrokerCmd is `broker`: one runs to the end of the script, and BROKERS says
// where.
func startBrokerCmd(ts *testscript.TestScript, _ bool, _ []string) {
	b, err := embedded.Start(embedded.Options{})
	ts.Check(err)
	ts.Defer(b.Close)
	ts.Setenv("BROKERS", b.Addr())
}

// lockCmd is `lock DIR`: a state directory is that of a running program to the end of
// the script.
func lockCmd(ts *testscript.TestScript, _ bool, args []string) {
	d, err := engine.OpenState(ts.MkAbs(args[0]))
	ts.Check(err)
	ts.Defer(d.Close)
}

// secondCmd is `second`: it ends when the clock has come to another second, in which a
// schedule of `every 1s` is due again.
func secondCmd(*testscript.TestScript, bool, []string) {
	<-time.After(time.Until(time.Now().Truncate(time.Second).Add(time.Second)))
}

// produceCmd is `produce TOPIC VALUE...`, @FILE for what stands in a file: the topic is
// made with one partition.
func produceCmd(ts *testscript.TestScript, _ bool, args []string) {
	cfg := kafka.Config{Name: "test", Brokers: []string{ts.Getenv("BROKERS")}}
	admin, err := kafka.NewAdmin(cfg)
	ts.Check(err)
	defer admin.Close()
	ts.Check(admin.Ensure(context.Background(), kafka.TopicSpec{Name: args[0], Partitions: 1}))
	p, err := kafka.NewProducer(cfg, kafka.ProducerOptions{})
	ts.Check(err)
	defer p.Close()
	for _, v := range args[1:] {
		if file, ok := strings.CutPrefix(v, "@"); ok {
			v = ts.ReadFile(file)
		}
		done := make(chan error, 1)
		p.Send(context.Background(), kafka.Record{Topic: args[0], Value: []byte(v), Timestamp: event.NoTime}, func(r kafka.Result) { done <- r.Err })
		ts.Check(<-done)
	}
}
