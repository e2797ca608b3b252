package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/spf13/cobra"

	"github.com/sluice-dev/sluice/runtime/event"
	"github.com/sluice-dev/sluice/runtime/kafka"
	"github.com/sluice-dev/sluice/runtime/kafka/embedded"
	"github.com/sluice-dev/sluice/runtime/observe"
	"github.com/sluice-dev/sluice/runtime/receiver"
	"github.com/sluice-dev/sluice/runtime/task"
)

// demo is one run of `sluice demo`: broker and receiver live in this process, the
// engine in a child that is killed in the middle.
type demo struct {
	events int
	rate   int // events a second
	kills  int
	keep   bool
	faults bool
	words  io.Writer

	dir      string
	broker   *embedded.Broker
	receiver *receiver.Receiver
	ledger   *receiver.Ledger
	latency  latency
	profiles profiles
	produced atomic.Int64
	program  string
}

func demoCmd() *cobra.Command {
	d := &demo{}
	c := &cobra.Command{
		Use:   "demo",
		Short: "Show it: 300,000 events through three scripts, with faults and a SIGKILL in the middle",
		Long: "Demo needs nothing but this program. It starts an embedded Kafka broker and a strict local stand-in for Segment that refuses\n" +
			"what Segment would discard and answers some requests 429, some 503 and some not at all; produces sign-ups, orders and user\n" +
			"events, some of them twice; runs the example scripts in a child process, kills it with SIGKILL in the middle and starts it again; and tells from\n" +
			"what broker and receiver saw whether anything was lost, duplicated, out of order or other than what changed.",
		GroupID: "run",
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			d.words = cmd.ErrOrStderr()
			ctx, stop := withSignals(cmd.Context(), d.words)
			defer stop()
			return d.run(ctx, cmd.OutOrStdout())
		},
	}
	c.Flags().IntVar(&d.events, "events", 300_000, "how many events")
	c.Flags().IntVar(&d.rate, "rate", 20_000, "events a second")
	c.Flags().IntVar(&d.kills, "kills", 1, "how often the engine is killed")
	c.Flags().BoolVar(&d.faults, "faults", true, "whether the receiver misbehaves")
	c.Flags().BoolVar(&d.keep, "keep", false, "keep the folder with broker and state, and say where it is")
	return c
}

// arriveMax bounds the wait for the last events after the last one was produced.
const arriveMax = 90 * time.Second

func (d *demo) run(ctx context.Context, out io.Writer) error {
	var err error
	if d.dir, err = os.MkdirTemp("", "sluice-demo-"); err != nil {
		return err
	}
	if d.keep {
		fmt.Fprintln(d.words, "kept in", d.dir)
	} else {
		defer os.RemoveAll(d.dir)
	}
	side, endSide := context.WithCancel(context.WithoutCancel(ctx))
	var wg sync.WaitGroup
	defer wg.Wait()
	defer endSide()
	if err := d.start(side, &wg); err != nil {
		return err
	}
	defer d.broker.Close()

	engine, err := d.engine(ctx)
	if err != nil {
		return err
	}
	defer func() { engine.kill() }()
	began := time.Now()
	produced := make(chan error, 1)
	wg.Go(func() { produced <- d.produce(ctx) })
	bar := newProgress(d.words, d.events)
	killed := 0
	tick := time.NewTicker(100 * time.Millisecond)
	defer tick.Stop()
	var deadline <-chan time.Time
	for done := false; !done || d.ledger.Outstanding() > 0; {
		select {
		case <-ctx.Done():
			return fail(exitForced, errors.New("stopped before everything had arrived"))
		case err := <-produced:
			if err != nil {
				return err
			}
			done, produced = true, nil
			deadline = time.After(arriveMax)
		case <-deadline:
			bar.end()
			fmt.Fprintf(d.words, "gave up %v after the last event was produced\n", arriveMax)
			return d.report(out, engine, time.Since(began), killed)
		case err := <-engine.ended:
			return fail(exitProblems, fmt.Errorf("the engine ended by itself: %v\n%s", err, engine.tail()))
		case <-tick.C:
			bar.show(int(d.produced.Load()))
			if killed < d.kills && d.produced.Load() > int64(d.events*(killed+1)/(d.kills+1)) {
				killed++
				engine.kill()
				bar.note(fmt.Sprintf("SIGKILL to the engine at %d events; starting it again", d.produced.Load()))
				if engine, err = d.engine(ctx); err != nil {
					return err
				}
			}
		}
	}
	took := time.Since(began)
	bar.show(d.events)
	bar.end()
	return d.report(out, engine, took, killed)
}

// start makes what stays: scripts on disk, broker, receiver.
func (d *demo) start(ctx context.Context, wg *sync.WaitGroup) error {
	d.program = filepath.Join(d.dir, "shop")
	if err := writeProgram(d.program); err != nil {
		return err
	}
	quiet := slog.New(slog.DiscardHandler)
	var err error
	if d.broker, err = embedded.Start(embedded.Options{Dir: filepath.Join(d.dir, "broker"), Addr: "127.0.0.1:0", Logger: quiet}); err != nil {
		return err
	}
	wg.Go(func() { _ = d.broker.Run(ctx) })
	d.ledger = receiver.NewLedger()
	faults, said := receiver.Shares{}, "the receiver behaves"
	if d.faults {
		faults = receiver.Shares{Seed: 5, TooMany: 0.001, Unavailable: 0.02, Cut: 0.02, RetryAfter: time.Second}
		said = "the receiver answers 0.1 % of requests 429, 2 % 503, and cuts 2 % after taking them"
	}
	d.receiver, err = receiver.Listen("127.0.0.1:0", receiver.Options{
		WriteKey: "demo-write-key", Fault: faults.Fault, Ledger: d.ledger, Number: number,
		OnEvent: func(e receiver.Event) {
			if !e.Repeat {
				d.latency.add(e.At.Sub(e.Timestamp))
				d.profiles.judge(&e)
			}
		},
	})
	if err != nil {
		return err
	}
	wg.Go(func() { _ = d.receiver.Run(ctx) })
	fmt.Fprintf(d.words, "embedded Kafka %s (one copy on this machine) · strict Segment receiver %s\n", d.broker.Addr(), d.receiver.URL())
	fmt.Fprintf(d.words, "3 scripts (orders, users, signups); %d events at %d/s, some of them repeats; %s\n", d.events, d.rate, said)

	admin, err := kafka.NewAdmin(kafka.Config{Name: "demo", Brokers: []string{d.broker.Addr()}})
	if err != nil {
		return err
	}
	defer admin.Close()
	var topics []kafka.TopicSpec
	for _, name := range []string{topicSignups, topicOrders, topicPayments, topicRefunds, topicUsers} {
		topics = append(topics, kafka.TopicSpec{Name: name, Partitions: 4})
	}
	return admin.Ensure(ctx, topics...)
}

// child is the engine's process.
type child struct {
	cmd    *exec.Cmd
	out    bytes.Buffer
	words  *tail
	ended  chan error // closed after the process has ended; holds its error
	killed atomic.Bool
}

// engine starts `sluice run` on the demo's program. The state directory stays the
// same, so the second process takes the partitions of the first over at once.
func (d *demo) engine(ctx context.Context) (*child, error) {
	exe, err := os.Executable()
	if err != nil {
		return nil, err
	}
	c := &child{words: &tail{}, ended: make(chan error, 1)}
	c.cmd = exec.Command(exe, "run", "--brokers", d.broker.Addr(), "--admin", ":0", "--state", filepath.Join(d.dir, "state"), "-o", "json", d.program)
	c.cmd.Env = append(os.Environ(), "SEGMENT_WRITE_KEY=demo-write-key", "SEGMENT_URL="+d.receiver.URL())
	c.cmd.Stdout, c.cmd.Stderr = &c.out, c.words
	// Signals of the terminal are for the demo, which stops its engine itself.
	c.cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	if err := c.cmd.Start(); err != nil {
		return nil, err
	}
	go func() {
		err := c.cmd.Wait()
		if !c.killed.Load() {
			c.ended <- err
		}
		close(c.ended)
	}()
	return c, nil
}

// kill ends the process with SIGKILL and waits until it is gone.
func (c *child) kill() {
	c.killed.Store(true)
	_ = c.cmd.Process.Kill() // it may have ended already
	for range c.ended {
	}
}

// stop ends it gracefully and gives its account.
func (c *child) stop() (*task.Report, error) {
	c.killed.Store(true)
	if err := c.cmd.Process.Signal(os.Interrupt); err != nil {
		return nil, err
	}
	select {
	case <-c.ended:
	case <-time.After(40 * time.Second):
		c.kill()
		return nil, fmt.Errorf("the engine did not stop\n%s", c.tail())
	}
	var r task.Report
	if err := json.Unmarshal(c.out.Bytes(), &r); err != nil {
		return nil, fmt.Errorf("the engine's account: %w\n%s", err, c.tail())
	}
	return &r, nil
}

func (c *child) tail() string { return c.words.String() }

// tail keeps the end of what is written to it.
type tail struct {
	mu sync.Mutex
	b  []byte
}

// Write keeps the last 8 KB.
func (t *tail) Write(p []byte) (int, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.b = append(t.b, p...)
	if n := len(t.b) - 8<<10; n > 0 {
		t.b = append(t.b[:0], t.b[n:]...)
	}
	return len(p), nil
}

// String gives what was kept.
func (t *tail) String() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	return string(t.b)
}

// report stops the engine, prints what it counted and what broker and receiver
// saw, and fails unless all is well.
func (d *demo) report(out io.Writer, engine *child, took time.Duration, killed int) error {
	acct, err := engine.stop()
	if err != nil {
		return fail(exitProblems, err)
	}
	fmt.Fprintf(out, "\naccount of the %s engine process (where there is state it goes on from the one before; signups re-read what that had not committed)\n\n", ordinal(killed+1))
	if err := observe.WriteAccount(out, acct); err != nil {
		return err
	}
	st := d.receiver.Stats()
	r := d.ledger.Report()
	fmt.Fprintf(out, "\nreceiver: %d requests; %d answered 429, %d answered 503, %d taken and cut; %d events, %d of them repeats with the id of the first\n",
		st.Requests, st.Answers[429], st.Answers[503], st.Answers[0], st.Events, st.Events-uint64(r.Distinct))
	fmt.Fprintf(out, "rate      %.0f events/s from the first produced to the last arrived (%d events in %.1f s)\n", float64(d.events)/took.Seconds(), d.events, took.Seconds())
	fmt.Fprintf(out, "latency   p50 %v  p99 %v  (produced to arrived; the %s and the restart are in it)\n", d.latency.quantile(0.5), d.latency.quantile(0.99), times(killed))
	fmt.Fprintf(out, "lost         %d\nduplicated   %d\nout of order %d\nwrong        %d\n", r.Lost, r.Duplicated, r.OutOfOrder, d.profiles.wrong)
	if d.profiles.wrong > 0 {
		r.Findings = append(r.Findings, d.profiles.first)
	}
	if !r.Clean() || d.profiles.wrong > 0 {
		return fail(exitProblems, fmt.Errorf("not as promised:\n  %s", strings.Join(r.Findings, "\n  ")))
	}
	return nil
}

func ordinal(n int) string {
	if n == 2 {
		return "second"
	}
	return fmt.Sprintf("%d.", n)
}

func times(kills int) string {
	if kills == 1 {
		return "kill"
	}
	return fmt.Sprintf("%d kills", kills)
}

// produce writes the events at a steady rate and tells the ledger which of them
// must arrive.
func (d *demo) produce(ctx context.Context) error {
	p, err := kafka.NewProducer(kafka.Config{Name: "demo", Brokers: []string{d.broker.Addr()}}, kafka.ProducerOptions{Linger: 5 * time.Millisecond})
	if err != nil {
		return err
	}
	defer p.Close()
	var mu sync.Mutex
	var first error
	done := func(r kafka.Result) {
		if r.Err != nil {
			mu.Lock()
			first = errors.Join(first, r.Err)
			mu.Unlock()
		}
	}
	g := newShop()
	began := time.Now()
	for n := 0; n < d.events && ctx.Err() == nil; {
		due := min(d.events, int(time.Since(began).Seconds()*float64(d.rate))+1)
		for ; n < due; n++ {
			e := g.next(time.Now())
			if e.arrives {
				d.ledger.Expect(e.topic, e.user, e.seq)
				d.profiles.expect(e)
			}
			p.Send(ctx, kafka.Record{Topic: e.topic, Key: []byte(e.user), Value: e.value, Timestamp: event.NoTime}, done)
			d.produced.Add(1)
		}
		if wait := time.Duration(float64(n)/float64(d.rate)*float64(time.Second)) - time.Since(began); wait > 0 {
			pause := time.NewTimer(wait)
			select {
			case <-pause.C:
			case <-ctx.Done():
			}
			pause.Stop()
		}
	}
	if err := p.Flush(ctx); err != nil {
		return err
	}
	mu.Lock()
	defer mu.Unlock()
	return first
}
