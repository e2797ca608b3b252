package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/spf13/cobra"

	"github.com/sluice-dev/sluice/runtime/event"
	"github.com/sluice-dev/sluice/runtime/kafka"
	"github.com/sluice-dev/sluice/runtime/letter"
)

// askAbove is from how many letters on an operator is asked before they go.
const askAbove = 100

// deadWriting are the options of commands that write.
type deadWriting struct {
	deadOptions
	dryRun, yes bool
	rate        string
}

func (o *deadWriting) writingFlags(c *cobra.Command, unasked string) {
	c.Flags().BoolVar(&o.dryRun, "dry-run", false, "say what would happen, and write nothing")
	c.Flags().BoolVar(&o.yes, "yes", false, fmt.Sprintf(unasked+" more than %d letters without being asked", askAbove))
	outputFlag(c, &o.out)
}

func deadReplayCmd() *cobra.Command {
	var o deadWriting
	var every time.Duration
	o.first = func() (err error) {
		every, err = perRecord(o.rate)
		return err
	}
	c := o.command(&cobra.Command{
		Use:   "replay [DIR]",
		Short: "Send letters back to their routes",
		Long: "Replay writes letters to the replay logs of their routes, which read them when they run. An event runs again from the start of its route, with its own ids and time, as the program is now; an output is sent again as it was encoded. " +
			"What the sinks took already is not sent again. A letter goes back at most 5 times; one that cannot stays, and the command says why.",
	}, func(cmd *cobra.Command, d *deadTopics, ls []*dead) error {
		var go_, stay []*dead
		why := map[string]int{}
		var reasons []string
		for _, l := range ls {
			w := d.stays(l)
			if w == "" {
				go_ = append(go_, l)
				continue
			}
			stay = append(stay, l)
			if why[w]++; why[w] == 1 {
				reasons = append(reasons, w)
			}
		}
		for _, r := range reasons {
			fmt.Fprintf(cmd.ErrOrStderr(), "%s: %s\n", stays(why[r]), r)
		}
		done := &deadDone{Format: 1, What: replayed, Stays: len(stay), Dry: o.dryRun}
		err := o.write(cmd, d, go_, done, every, func(l *dead) kafka.Record {
			return kafka.Record{
				Topic: kafka.ReplayTopic(d.plan.App, l.route.Name), Key: []byte(l.ID), Value: append([]byte{}, l.Value...), Timestamp: event.NoTime,
				Headers: letter.AppendHeaders(nil, l.headers, l.at, false, l.Value == nil),
			}
		})
		if err == nil && len(stay) > 0 && len(go_) == 0 {
			return fail(exitProblems, errors.New("nothing was replayed"))
		}
		return err
	})
	c.Flags().StringVar(&o.rate, "rate", "", "at most this `rate`, as in 50/s (default as fast as the log takes them)")
	o.writingFlags(c, "replay")
	return c
}

func stays(n int) string {
	if n == 1 {
		return "1 letter stays"
	}
	return fmt.Sprintf("%d letters stay", n)
}

func deadDropCmd() *cobra.Command {
	o := deadWriting{deadOptions: deadOptions{light: true}}
	c := o.command(&cobra.Command{
		Use:   "drop [DIR]",
		Short: "Drop letters for good",
		Long:  "Drop writes a tombstone behind each letter: it is gone, and nothing brings it back. `sluice dead export --values` keeps a copy. Without a flag that says which, it asks first.",
	}, func(cmd *cobra.Command, d *deadTopics, ls []*dead) error {
		return o.write(cmd, d, ls, &deadDone{Format: 1, What: dropped, Dry: o.dryRun}, 0, func(l *dead) kafka.Record {
			end := letter.Letter{ID: l.ID, Gone: &letter.Gone{Cause: letter.ByHand, Topic: l.at.Topic, Partition: l.at.Partition}}
			rec := end.Encode(0)
			return kafka.Record{Topic: rec.Topic, Key: rec.Key, Headers: rec.Headers, Partition: &rec.Partition, Timestamp: event.NoTime}
		})
	})
	o.writingFlags(c, "drop all letters or")
	return c
}

// perRecord reads --rate; 0: as fast as it goes.
func perRecord(rate string) (time.Duration, error) {
	if rate == "" {
		return 0, nil
	}
	text, ok := strings.CutSuffix(rate, "/s")
	n, err := strconv.Atoi(text)
	if !ok && err == nil || err != nil || n < 1 || n > 1_000_000 {
		return 0, fail(exitUsage, fmt.Errorf("--rate: %s is no rate: write 50/s", quoted(rate)))
	}
	return time.Second / time.Duration(n), nil
}

// deadDone is what a command that writes did.
type deadDone struct {
	Format int            `json:"format"`
	What   string         `json:"what"`
	Dry    bool           `json:"dry_run,omitempty"`
	N      int            `json:"letters"`
	Stays  int            `json:"stay,omitempty"`
	Routes map[string]int `json:"routes"`

	outputs map[string]int // of Routes: letters that hold an output
}

// write writes a record for each letter, in their order. What is written when something
// ends the command stands; the rest can be asked for again.
func (o *deadWriting) write(cmd *cobra.Command, d *deadTopics, ls []*dead, done *deadDone, every time.Duration, of func(*dead) kafka.Record) error {
	done.Routes = map[string]int{}
	if o.dryRun {
		for _, l := range ls {
			done.count(l)
		}
		return o.report(cmd, done)
	}
	forGood := done.What == dropped && o.all(cmd)
	if len(ls) > 0 && (len(ls) > askAbove || forGood) && !o.yes {
		if err := ask(cmd, fmt.Sprintf("%s will be %s", count(len(ls), "letter"), done.What)); err != nil {
			return err
		}
	}
	producers := map[string]*kafka.Producer{}
	for _, l := range ls {
		if producers[l.conn] != nil {
			continue
		}
		p, err := kafka.NewProducer(d.config[l.conn], kafka.ProducerOptions{})
		if err != nil {
			return runError(err)
		}
		defer p.Close()
		producers[l.conn] = p
	}
	if err := o.logs(cmd.Context(), d, ls, producers, of); err != nil {
		return err
	}
	var tick *time.Ticker
	if every > 0 {
		tick = time.NewTicker(every)
		defer tick.Stop()
	}
	sent, refused, answers := 0, 0, make(chan deadAnswer, sendAhead)
	var wrong error  // what ended it
	take := func() { // one answer
		var a deadAnswer
		select {
		case a = <-answers:
		case <-time.After(o.wait):
			// The client asks for ever about what it has sent, so that it is not there twice.
			wrong = fail(exitUnreachable, fmt.Errorf("the brokers have not answered for %s: %s may be written or not; the same letter twice is one", o.wait, count(sent, "letter")))
			sent = 0
			return
		}
		sent--
		switch {
		case a.res.Class == kafka.Accepted:
			done.count(a.of)
		case a.res.Class == kafka.Refused:
			fmt.Fprintf(cmd.ErrOrStderr(), "the letter %s stays: %v; let %s take larger records (max.message.bytes)\n", a.of.ID, a.res.Err, of(a.of).Topic)
			done.Stays++
			refused++
		case wrong == nil:
			wrong = fail(exitUnreachable, fmt.Errorf("the letter %s was not written: %w; it may be there all the same, and the same letter twice is one", a.of.ID, a.res.Err))
		}
	}
	ctx, end := signal.NotifyContext(cmd.Context(), os.Interrupt, syscall.SIGTERM)
	defer end()
	for i, l := range ls {
		if tick != nil && i > 0 {
			select {
			case <-tick.C:
			case <-ctx.Done():
			}
		}
		for sent > 0 && (sent == sendAhead || len(answers) > 0) {
			take()
		}
		if wrong != nil || ctx.Err() != nil {
			break
		}
		sent++
		one, cancel := context.WithTimeout(cmd.Context(), o.wait)
		producers[l.conn].Send(one, of(l), func(res kafka.Result) {
			cancel()
			answers <- deadAnswer{l, res}
		})
	}
	for sent > 0 {
		take()
	}
	if left := len(ls) - done.N - refused; wrong == nil && ctx.Err() != nil && left > 0 {
		wrong = fail(exitProblems, fmt.Errorf("stopped: %s left as they were", count(left, "letter")))
	}
	return errors.Join(o.report(cmd, done), wrong)
}

// sendAhead is how many letters are on their way to the log at once.
const sendAhead = 256

// deadAnswer is what became of the writing of a letter.
type deadAnswer struct {
	of  *dead
	res kafka.Result
}

// count counts a letter that was written.
func (d *deadDone) count(l *dead) {
	d.N++
	d.Routes[name(l)]++
	if d.outputs == nil {
		d.outputs = map[string]int{}
	}
	if l.Class == letter.Delivery {
		d.outputs[name(l)]++
	}
}

// say tells what became of the letters of a route.
func (d *deadDone) say(route string) string {
	n := d.Routes[route]
	if !d.Dry {
		return fmt.Sprintf("%s: %s %s", route, count(n, "letter"), d.What)
	}
	said := fmt.Sprintf("%s: %s would be %s", route, count(n, "letter"), d.What)
	if d.What != replayed {
		return said
	}
	var how []string
	if events := n - d.outputs[route]; events > 0 {
		how = append(how, count(events, "event")+" to run again")
	}
	if outs := d.outputs[route]; outs > 0 {
		how = append(how, count(outs, "output")+" to send again")
	}
	return said + ": " + strings.Join(how, ", ")
}

// What becomes of letters.
const (
	replayed = "replayed"
	dropped  = "dropped"
)

// logs sees that the topics are there which are written to, and how much they take.
func (o *deadWriting) logs(ctx context.Context, d *deadTopics, ls []*dead, producers map[string]*kafka.Producer, of func(*dead) kafka.Record) error {
	seen := map[string]bool{}
	for _, l := range ls {
		topic := of(l).Topic
		if seen[topic] {
			continue
		}
		seen[topic] = true
		var missing *kafka.MissingTopicError
		switch _, err := d.admins[l.conn].Describe(ctx, topic); {
		case errors.As(err, &missing):
			return fail(exitUnreachable, fmt.Errorf("there is no topic %s: `sluice run` of this version makes it at start; run the program once", topic))
		case err != nil:
			return runError(err)
		}
		limits, err := d.admins[l.conn].MaxMessageBytes(ctx, topic)
		if err != nil {
			return runError(err)
		}
		producers[l.conn].SetLimit(topic, limits[topic])
	}
	return nil
}

func name(l *dead) string {
	if l.route != nil {
		return l.route.Name
	}
	return l.Route
}

func (o *deadWriting) report(cmd *cobra.Command, done *deadDone) error {
	if o.out == "json" {
		return encodeTo(cmd.OutOrStdout(), done)
	}
	w := cmd.OutOrStdout()
	if done.Dry {
		fmt.Fprintln(cmd.ErrOrStderr(), "dry run: nothing was written")
	}
	var routes []string
	for r := range done.Routes {
		routes = append(routes, r)
	}
	slices.Sort(routes)
	for _, r := range routes {
		fmt.Fprintln(w, done.say(r))
	}
	if done.N == 0 {
		fmt.Fprintf(cmd.ErrOrStderr(), "no letter was %s\n", done.What)
	}
	return nil
}

// ask asks a person at a terminal; nobody else can say yes but by --yes.
func ask(cmd *cobra.Command, what string) error {
	in := cmd.InOrStdin()
	if f, ok := in.(*os.File); !ok || !isTerminal(f) {
		return fail(exitUsage, fmt.Errorf("%s: say --yes, or fewer of them by --route, --code, --since or --limit", what))
	}
	fmt.Fprintf(cmd.ErrOrStderr(), "%s. Go on? [y/N] ", what)
	line, err := bufio.NewReader(in).ReadString('\n')
	if err != nil && !errors.Is(err, io.EOF) {
		return err
	}
	if a := strings.ToLower(strings.TrimSpace(line)); a != "y" && a != "yes" {
		return fail(exitProblems, errors.New("nothing was written"))
	}
	return nil
}
