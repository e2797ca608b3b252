package main

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"github.com/spf13/cobra"

	"github.com/sluice-dev/sluice/lang/plan"
	"github.com/sluice-dev/sluice/lang/program"
	"github.com/sluice-dev/sluice/runtime/edge"
	"github.com/sluice-dev/sluice/runtime/engine"
	"github.com/sluice-dev/sluice/runtime/event"
	"github.com/sluice-dev/sluice/runtime/golden"
	"github.com/sluice-dev/sluice/runtime/kafka"
	"github.com/sluice-dev/sluice/runtime/kafka/embedded"
	"github.com/sluice-dev/sluice/runtime/letter"
	"github.com/sluice-dev/sluice/runtime/observe"
	"github.com/sluice-dev/sluice/runtime/receiver"
	"github.com/sluice-dev/sluice/runtime/sim"
	sinkhttp "github.com/sluice-dev/sluice/runtime/sink/http"
)

// devServer is one run of `sluice dev`: broker and receiver stay, the engine is
// started anew at each save.
type devServer struct {
	runOptions
	feed    string
	answers string
	bodies  bool

	words    io.Writer
	log      *slog.Logger
	broker   *embedded.Broker
	hooks    *edge.Server
	receiver *receiver.Receiver
	state    *engine.StateDir

	mu     sync.Mutex // guards out
	out    io.Writer
	engine *engine.Engine // the present one, for the admin server
	plan   *plan.Plan     // of the present one
	says   *sim.Answers   // to requests over HTTP; nil: nothing special
	fed    bool
}

func devCmd() *cobra.Command {
	d := &devServer{}
	c := &cobra.Command{
		Use:   "dev DIR",
		Short: "Run a program on this machine alone, again at each save",
		Long: "Dev runs the program in DIR with an embedded Kafka broker, and every connection goes to a strict local receiver.\n" +
			"Variables and secrets that are not set give their own name. The events of --feed (default DIR/sample.jsonl) are put\n" +
			"into the topics once; each output that arrives is one line, and so is each answer of a call and each dead letter;\n" +
			"--bodies shows what was sent, too. Requests over HTTP are\n" +
			"answered by --answers (default DIR/http.jsonl), what stands in no line of it with 200. At each save the program is checked, tested and started\n" +
			"again; one that does not check leaves the old one running.",
		GroupID: "run",
		Args:    cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			d.dir, d.out, d.words = args[0], cmd.OutOrStdout(), cmd.ErrOrStderr()
			return d.serve(cmd.Context())
		},
	}
	d.flags(c)
	_ = c.Flags().MarkHidden("brokers") // dev always has a broker of its own
	c.Flags().StringVar(&d.feed, "feed", "", "`file` of inputs, one a line as in '-- in --' of a golden case (default DIR/sample.jsonl, if there is one)")
	c.Flags().BoolVar(&d.bodies, "bodies", false, "show what was sent, too")
	c.Flags().StringVar(&d.answers, "answers", "", "`file` of what the receiver answers to requests over HTTP, one a line as in '-- http --' of a golden case (default DIR/http.jsonl, if there is one)")
	return c
}

func (d *devServer) serve(ctx context.Context) error {
	p, err := mustCheck(d.words, d.dir, true)
	if err != nil {
		return err
	}
	if d.feed != "" {
		if _, err := os.Stat(d.feed); err != nil {
			return fail(exitUsage, fmt.Errorf("--feed: %w", err))
		}
	}
	level := slog.LevelWarn
	if d.verbose {
		level = slog.LevelDebug
	}
	d.log = newLogger(d.words, level)
	ctx, stop := withSignals(ctx, d.words)
	defer stop()
	if d.runOptions.state == "" {
		tmp, err := os.MkdirTemp("", "sluice-dev-")
		if err != nil {
			return err
		}
		defer os.RemoveAll(tmp)
		d.runOptions.state = tmp
	}
	if d.state, err = engine.OpenState(d.runOptions.state); err != nil {
		return fail(exitState, err)
	}
	defer d.state.Close()

	var wg sync.WaitGroup
	defer wg.Wait()
	side, endSide := context.WithCancel(context.WithoutCancel(ctx))
	defer endSide()
	if d.broker, err = startBroker(filepath.Join(d.runOptions.state, "broker"), false, d.log); err != nil {
		return fail(exitUnreachable, err)
	}
	defer d.broker.Close()
	wg.Go(func() { _ = d.broker.Run(side) })
	if d.receiver, err = receiver.Listen(receiverAddr, receiver.Options{Reply: d.reply}); err != nil {
		if d.receiver, err = receiver.Listen("127.0.0.1:0", receiver.Options{Reply: d.reply}); err != nil {
			return fail(exitUnreachable, err)
		}
	}
	wg.Go(func() { _ = d.receiver.Run(side) })
	ln, err := listen(d.admin)
	if err != nil {
		if ln, err = listen(":0"); err != nil {
			return fail(exitUsage, err)
		}
	}
	srv := &http.Server{Handler: http.HandlerFunc(d.adminHandler), ReadHeaderTimeout: 5 * time.Second}
	wg.Go(func() { _ = srv.Serve(ln) })
	defer srv.Close()
	in, err := listen(d.listen)
	if err != nil {
		if in, err = listen(":0"); err != nil {
			return fail(exitUsage, err)
		}
	}
	d.hooks = edge.NewServer(in, d.log)
	wg.Go(func() { _ = d.hooks.Run(side) })
	fmt.Fprintf(d.words, "%s\nSegment receiver %s · webhooks http://%s · admin http://%s\n", d.broker.Banner(), d.receiver.URL(), d.hooks.Addr(), ln.Addr())
	return d.loop(ctx, p)
}

func (d *devServer) adminHandler(w http.ResponseWriter, r *http.Request) {
	d.mu.Lock()
	e := d.engine
	d.mu.Unlock()
	if e == nil {
		http.Error(w, "starting", http.StatusServiceUnavailable)
		return
	}
	observe.Admin(e.Health(), e.Snapshot).ServeHTTP(w, r)
}

// loop runs the program, and the next one at each save that checks.
func (d *devServer) loop(ctx context.Context, p *program.Program) error {
	for {
		runCtx, stop := context.WithCancel(ctx)
		e, err := d.prepare(p.Plan)
		if err != nil {
			stop()
			return err
		}
		var ran error
		ended := make(chan struct{}) // closed when the engine has ended; ran is set then
		go func() {
			defer close(ended)
			ran = e.Run(runCtx)
		}()
		next := d.watch(ctx, ended)
		began := time.Now()
		stop()
		<-ended
		if next == nil {
			if ctx.Err() != nil {
				_ = writeAccount(d.out, d.runOptions.out, e)
			}
			return runError(ran)
		}
		if ran != nil {
			return runError(ran)
		}
		p = next
		fmt.Fprintf(d.words, "stopped in %v\n", time.Since(began).Round(time.Millisecond))
	}
}

// prepare makes an engine whose connections all lead to this process.
func (d *devServer) prepare(p *plan.Plan) (*engine.Engine, error) {
	env, err := newEnvironment(d.envFile)
	if err != nil {
		return nil, err
	}
	env.placeholder = true
	s, err := resolve(p, env, "", d.dir)
	if err != nil {
		return nil, err
	}
	for name := range s.Kafka {
		s.Kafka[name] = kafka.Config{Name: name, Brokers: []string{d.broker.Addr()}}
	}
	s.Kafka["main"] = kafka.Config{Name: "main", Brokers: []string{d.broker.Addr()}}
	for i := range s.Segments {
		s.Segments[i].Sink.URL, s.Segments[i].Sink.Gzip = d.receiver.URL(), false
	}
	for i := range s.HTTPs {
		s.HTTPs[i].Sink.Local = d.receiver.URL()
	}
	says, err := d.readAnswers()
	if err != nil {
		return nil, err
	}
	if p.App == "" {
		p.App = "dev"
	}
	v := buildVersion()
	e := engine.New(engine.Config{
		Plan: p, Settings: s, StoreID: d.state.ID, Dir: d.dir, State: d.state.Store(), AcceptStateLoss: true, // edits are tried out here
		Wait: d.wait, MakeTopics: true, Edge: d.hooks, OpenWebhooks: true, LateFiles: true, Log: d.log, Version: v.Version, Commit: v.Commit,
		Ready: d.ready, Accepted: d.arrived, Letter: d.letter,
	})
	d.mu.Lock()
	d.engine, d.plan, d.says = e, p, says
	d.mu.Unlock()
	return e, nil
}

// answersFile is what the receiver answers, in the program's folder.
const answersFile = "http.jsonl"

// readAnswers reads what the receiver is to answer.
func (d *devServer) readAnswers() (*sim.Answers, error) {
	name := d.answers
	if name == "" {
		name = filepath.Join(d.dir, answersFile)
	}
	data, err := os.ReadFile(name)
	if errors.Is(err, fs.ErrNotExist) && d.answers == "" {
		return nil, nil
	}
	if err != nil {
		return nil, fail(exitUsage, err)
	}
	rows, err := golden.FeedAnswers(name, data)
	if err != nil {
		return nil, fail(exitProblems, err)
	}
	return sim.NewAnswers(rows), nil
}

// reply is what the receiver answers to a request over HTTP.
func (d *devServer) reply(c receiver.Capture) receiver.Reply {
	method, url, _ := strings.Cut(c.Header.Get(sinkhttp.TargetHeader), " ")
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.says != nil {
		if g, ok := d.says.Endless(method, url); ok {
			r := receiver.Reply{Status: g.Status, Body: string(g.Body), Header: map[string]string{}}
			for _, h := range g.Headers {
				r.Header[h.Key] = string(h.Value)
			}
			return r
		}
	}
	return receiver.Reply{Status: http.StatusOK, Body: `{"success":true}`}
}

// ready feeds the topics, once; after that it says that a saved program runs.
func (d *devServer) ready() {
	if d.fed {
		fmt.Fprintln(d.words, "started again")
		return
	}
	d.fed = true
	name := d.feed
	if name == "" {
		name = filepath.Join(d.dir, "sample.jsonl")
	}
	data, err := os.ReadFile(name)
	if errors.Is(err, fs.ErrNotExist) && d.feed == "" {
		return
	}
	if err == nil {
		err = d.produce(name, data)
	}
	if err != nil {
		fmt.Fprintln(d.words, "feed:", err)
	}
}

func (d *devServer) produce(name string, data []byte) error {
	ins, err := golden.Feed(name, data, time.Now(), d.plan)
	if err != nil {
		return err
	}
	p, err := kafka.NewProducer(kafka.Config{Name: "feed", Brokers: []string{d.broker.Addr()}}, kafka.ProducerOptions{})
	if err != nil {
		return err
	}
	defer p.Close()
	for _, in := range ins {
		if r := p.SendSync(context.Background(), kafka.Record{Topic: in.Topic, Key: in.Key, Value: in.Value, Headers: in.Headers, Timestamp: in.Timestamp}); r.Err != nil {
			return fmt.Errorf("to topic %s: %w", in.Topic, r.Err)
		}
	}
	fmt.Fprintf(d.words, "%s fed from %s\n", count(len(ins), "event"), name)
	return nil
}

// arrival is one line of dev.
type arrival struct {
	Time    string `json:"time"`
	Route   string `json:"route"`
	Emit    string `json:"emit"`
	To      string `json:"to"`
	ID      string `json:"id"`
	Latency int64  `json:"latency_ms"` // from the record's timestamp to the answer
	Target  string `json:"target,omitempty"`
	Body    any    `json:"body,omitempty"` // JSON, or a text where it is none
}

func (d *devServer) arrived(r *plan.Route, o *event.Output) {
	now := time.Now()
	a := arrival{Time: now.Format("15:04:05.000"), Route: r.Name, ID: string(o.ID.Of(o.Arena))}
	if o.Alone {
		c := r.Calls[o.Emit]
		a.Emit, a.To = c.Key, "http "+cmp.Or(c.Via, "main")
	} else {
		em := r.Emits[o.Emit]
		a.Emit, a.To = em.ID, plan.To(em)
	}
	if o.Logged != event.NoTime {
		a.Latency = now.UnixMilli() - o.Logged
	}
	body := o.Body.Of(o.Arena)
	if d.bodies {
		a.Target, a.Body = string(o.Target.Of(o.Arena)), string(body)
		if json.Valid(body) {
			a.Body = json.RawMessage(body)
		}
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.runOptions.out == "json" {
		_ = json.NewEncoder(d.out).Encode(a)
		return
	}
	fmt.Fprintf(d.out, "%s  %-12s %-32s %s  %s  %s\n", a.Time, a.Route, a.Emit, a.To, a.ID, ago(a.Latency))
	if d.bodies {
		fmt.Fprintln(d.out, "  ", strings.TrimSpace(a.Target+" "+string(body)))
	}
}

// ago is a latency for people: a record may be of last year.
func ago(ms int64) string {
	const day = 24 * time.Hour
	switch d := time.Duration(ms) * time.Millisecond; {
	case d < time.Minute:
		return fmt.Sprintf("%d ms", ms)
	case d < 2*day:
		return d.Round(time.Second).String()
	default:
		return fmt.Sprintf("%d days", d/day)
	}
}

// letter tells of a record, or of an output, that is dead.
func (d *devServer) letter(l *letter.Letter) {
	what := l.Code
	if l.Emit != "" {
		what = l.Emit + " " + l.Code
	}
	if l.Field != "" {
		what += " " + l.Field
	}
	at := ""
	if l.Span != "" {
		at = ", at " + l.Span
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	fmt.Fprintf(d.words, "dead letter in %s: %s: %s%s\n", l.Route, what, l.Message, at)
	if l.Help != "" {
		fmt.Fprintln(d.words, "help:", l.Help)
	}
}

// watchEvery is how often the folder is looked at: editors rename, folders are
// linked, and a look at a few small files costs nothing.
const watchEvery = 200 * time.Millisecond

// watch waits for a save that checks; nil when the engine has ended or is to.
func (d *devServer) watch(ctx context.Context, ended <-chan struct{}) *program.Program {
	seen := d.fingerprint()
	tick := time.NewTicker(watchEvery)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-ended:
			return nil
		case <-tick.C:
		}
		now := d.fingerprint()
		if now == seen {
			continue
		}
		seen = now
		p, err := load(d.dir, true)
		if err != nil {
			fmt.Fprintln(d.words, err)
			continue
		}
		render(d.words, d.dir, p.Diags)
		if !p.OK() {
			fmt.Fprintf(d.words, "saved: %s, the old program goes on\n", count(p.Errors(), "error"))
			continue
		}
		if _, err := d.readAnswers(); err != nil {
			fmt.Fprintf(d.words, "%v\nsaved: the old program and its answers go on\n", err)
			continue
		}
		d.test()
		return p
	}
}

// test runs the golden cases beside the words: the lines of stdout are arrivals. A
// case that fails is told and stops nothing; it may be what is being worked on.
func (d *devServer) test() {
	c := &cobra.Command{}
	c.SetOut(d.words)
	c.SetErr(d.words)
	if err := (&testRun{cmd: c, output: "text"}).run([]string{d.dir}); err != nil && err.Error() != "" {
		fmt.Fprintln(d.words, err)
	}
}

// fingerprint is a hash over the names and contents of a program's files.
func (d *devServer) fingerprint() [32]byte {
	h := sha256.New()
	_ = filepath.WalkDir(d.dir, func(path string, e fs.DirEntry, err error) error {
		if err != nil {
			return nil // gone while we looked: the next look sees what is there
		}
		if e.IsDir() && strings.HasPrefix(e.Name(), ".") && path != d.dir {
			return filepath.SkipDir
		}
		if ext := filepath.Ext(path); e.IsDir() || ext != ".route" && ext != ".txtar" && ext != ".json" && e.Name() != answersFile {
			return nil
		}
		if b, err := os.ReadFile(path); err == nil {
			fmt.Fprintf(h, "%s\x00%d\x00", path, len(b))
			h.Write(b)
		}
		return nil
	})
	return [32]byte(h.Sum(nil))
}
