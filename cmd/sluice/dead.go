package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/sluice-dev/sluice/lang/diag"
	"github.com/sluice-dev/sluice/lang/ir"
	"github.com/sluice-dev/sluice/lang/plan"
	"github.com/sluice-dev/sluice/lang/value"
	"github.com/sluice-dev/sluice/runtime/event"
	"github.com/sluice-dev/sluice/runtime/kafka"
	"github.com/sluice-dev/sluice/runtime/letter"
)

func deadCmd() *cobra.Command {
	c := &cobra.Command{
		Use:   "dead",
		Short: "Look at dead letters, send them back, or drop them",
		Long: "Dead reads the letters of a program in their topics, while it runs or while it is stopped: an event that failed, as it arrived, or an output that its sink refused, as it was encoded. " +
			"`replay` sends a letter back to its route: an event runs from the start of the route with its own ids and time, an output is sent again and nothing is run. A letter that has ended is a tombstone, and not shown.",
		GroupID: "run",
	}
	c.AddCommand(deadLsCmd(), deadShowCmd(), deadReplayCmd(), deadDropCmd(), deadExportCmd())
	return c
}

// deadOptions say which letters are meant, and where they are.
type deadOptions struct {
	program string
	state   string
	brokerOptions
	values bool
	out    string

	route, code, stage, key, id, since, until string
	limit                                     int

	light bool         // what letters hold is not looked at
	first func() error // judges what else the command is told, before anything is read; nil: nothing

	now         time.Time
	from, below int64 // milliseconds; 0: no bound
}

func (o *deadOptions) flags(c *cobra.Command) {
	f := c.Flags()
	f.StringVar(&o.route, "route", "", "letters of this `route`")
	f.StringVar(&o.code, "code", "", "letters with this `code`: E0412, or the status that a sink answered")
	f.StringVar(&o.stage, "stage", "", "letters that ended at this `stage`: from, require, emit")
	f.StringVar(&o.key, "key", "", "letters whose record or output has this `key`")
	f.StringVar(&o.id, "id", "", "the letter with this `id`, or whose id alone begins so")
	f.StringVar(&o.since, "since", "", "letters of this `time` or later: 2026-03-01T12:00:00Z, or how long ago, 2h")
	f.StringVar(&o.until, "until", "", "letters before this `time`")
	f.IntVar(&o.limit, "limit", 0, "at most this `number` of letters, the oldest first (0: all)")
	f.StringVar(&o.state, "state", "", "state `directory`, in which the embedded broker is (default ./.sluice/<app>)")
	o.brokerOptions.flags(f, embeddedBeside)
}

func (o *deadOptions) valuesFlag(c *cobra.Command) {
	c.Flags().BoolVar(&o.values, "values", false, "show values and keys as they are; else letters are x and digits 9")
}

// command makes a command over the letters that its flags select. do is given them in
// the order of their times.
func (o *deadOptions) command(c *cobra.Command, do func(*cobra.Command, *deadTopics, []*dead) error) *cobra.Command {
	c.Args = cobra.MaximumNArgs(1)
	c.RunE = func(cmd *cobra.Command, args []string) error {
		o.program = "."
		if len(args) > 0 {
			o.program = args[0]
		}
		if err := o.read(cmd); err != nil {
			return err
		}
		p, err := mustCheck(cmd.ErrOrStderr(), o.program, false)
		if err != nil {
			return err
		}
		d := &deadTopics{o: o, plan: p.Plan, words: cmd.ErrOrStderr()}
		defer d.close()
		if err := d.connect(cmd); err != nil {
			return err
		}
		letters, err := d.letters(cmd.Context())
		if err != nil {
			return err
		}
		return do(cmd, d, letters)
	}
	o.flags(c)
	return c
}

// read judges the flags.
func (o *deadOptions) read(cmd *cobra.Command) (err error) {
	o.now = time.Now()
	for _, name := range selecting {
		// An empty variable of a shell must not mean all letters.
		if f := cmd.Flags().Lookup(name); f.Changed && f.Value.String() == "" {
			return fail(exitUsage, fmt.Errorf("--%s is empty: leave it out to mean all letters", name))
		}
	}
	if o.from, err = o.time("--since", o.since); err != nil {
		return err
	}
	if o.below, err = o.time("--until", o.until); err != nil {
		return err
	}
	if o.limit < 0 {
		return fail(exitUsage, errors.New("--limit is 0 or more"))
	}
	if o.from != 0 && o.below != 0 && o.from >= o.below {
		return fail(exitUsage, errors.New("--since is not before --until: no letter is of such a time"))
	}
	if o.first != nil {
		return o.first()
	}
	return nil
}

// selecting are the flags that say which letters are meant.
var selecting = []string{"route", "code", "stage", "key", "id", "since", "until"}

// all tells whether every letter is meant.
func (o *deadOptions) all(cmd *cobra.Command) bool {
	return o.limit == 0 && !slices.ContainsFunc(selecting, cmd.Flags().Changed)
}

// time reads a time, or how long ago it is, in milliseconds.
func (o *deadOptions) time(flag, text string) (int64, error) {
	if text == "" {
		return 0, nil
	}
	if t, err := value.ParseTime(text); err == nil {
		return t.UnixMilli(), nil
	}
	if d, err := value.ParseDuration(text); err == nil && d >= 0 {
		return o.now.Add(-d).UnixMilli(), nil
	}
	return 0, fail(exitUsage, fmt.Errorf("%s: %s is no time: write 2026-03-01T12:00:00Z, or 2h for two hours ago", flag, quoted(text)))
}

// dead is one letter, and where it stands.
type dead struct {
	*letter.Letter
	conn    string
	at      letter.Place
	time    int64 // of the record
	headers []event.Header
	// route is the one of the program that gave it up, by whatever name it has now; nil:
	// the program has it no more.
	route *plan.Route
	seq   int    // in the order of reading
	away  string // why the value is nowhere; "" where the letter holds it, or it was read
}

// deadTopics are the dead topics of a program.
type deadTopics struct {
	o       *deadOptions
	plan    *plan.Plan
	words   io.Writer
	config  map[string]kafka.Config // by connection
	admins  map[string]*kafka.Admin
	closers []func()
	left    int // letters that are not meant
}

func (d *deadTopics) close() {
	for _, f := range slices.Backward(d.closers) {
		f()
	}
}

// connect reaches the brokers that the program reads from.
func (d *deadTopics) connect(cmd *cobra.Command) error {
	env, err := newEnvironment(d.o.envFile)
	if err != nil {
		return err
	}
	// Only of those to Kafka are the settings needed: nobody wants a write key to look at
	// letters.
	only := &plan.Plan{App: d.plan.App}
	for _, c := range d.plan.Connections {
		if c.Kind == "kafka" {
			only.Connections = append(only.Connections, c)
		}
	}
	settings, err := resolve(only, env, d.o.brokers, d.o.program)
	if err != nil {
		return err
	}
	d.config = settings.Kafka
	if _, ok := d.config["main"]; !ok {
		dir := d.o.state
		if dir == "" {
			dir = filepath.Join(".sluice", d.plan.App)
		}
		cfg, end, err := beside(cmd, dir)
		if err != nil {
			return err
		}
		d.closers = append(d.closers, end)
		d.config["main"] = cfg
	}
	d.admins = map[string]*kafka.Admin{}
	for name, cfg := range d.config {
		cfg.Logger = newLogger(cmd.ErrOrStderr(), slog.LevelWarn)
		d.config[name] = cfg
		a, err := kafka.NewAdmin(cfg)
		if err != nil {
			return runError(err)
		}
		d.closers = append(d.closers, a.Close)
		if err := a.Wait(cmd.Context(), d.o.wait); err != nil {
			return runError(err)
		}
		d.admins[name] = a
	}
	return nil
}

// letters reads all that have not ended, and gives those that are meant.
func (d *deadTopics) letters(ctx context.Context) ([]*dead, error) {
	if err := d.known(ctx); err != nil {
		return nil, err
	}
	var all []*dead
	for _, conn := range d.connections() {
		topics, err := d.admins[conn].Topics(ctx)
		if err != nil {
			return nil, runError(err)
		}
		names := make([]string, 0, len(topics))
		for name := range topics {
			if strings.HasPrefix(name, kafka.DeadPrefix(d.plan.App)) {
				names = append(names, name)
			}
		}
		slices.Sort(names)
		for _, name := range names {
			ls, err := d.topic(ctx, conn, name)
			if err != nil {
				return nil, runError(err)
			}
			all = append(all, ls...)
		}
	}
	slices.SortStableFunc(all, func(a, b *dead) int {
		return cmp.Or(cmp.Compare(a.time, b.time), cmp.Compare(a.Topic, b.Topic), cmp.Compare(a.Origin.Partition, b.Origin.Partition), cmp.Compare(a.Origin.Offset, b.Origin.Offset))
	})
	if d.o.id != "" {
		if err := one(all, d.o.id); err != nil {
			return nil, err
		}
	}
	if n := d.o.limit; n > 0 && len(all) > n {
		d.left += len(all) - n
		all = all[:n]
	}
	if !d.o.light {
		if err := d.fill(ctx, all); err != nil {
			return nil, err
		}
	}
	return all, nil
}

func (d *deadTopics) connections() []string {
	var out []string
	for name := range d.admins {
		out = append(out, name)
	}
	slices.Sort(out)
	return out
}

// known refuses a --route that no letter can be of: neither has the program such a route,
// nor is there a topic of one.
func (d *deadTopics) known(ctx context.Context) error {
	if d.o.route == "" || d.routeOf(d.o.route) != nil {
		return nil
	}
	topic := kafka.DeadTopic(d.plan.App, d.o.route)
	for _, a := range d.admins {
		topics, err := a.Topics(ctx)
		if err != nil {
			return runError(err)
		}
		if _, ok := topics[topic]; ok {
			fmt.Fprintf(d.words, "the program has no route %s any more; its letters stand in %s\n", d.o.route, topic)
			return nil
		}
	}
	var names []string
	for _, r := range d.plan.Routes {
		names = append(names, r.Name)
	}
	return fail(exitUsage, fmt.Errorf("the program has no route %s, and there is no topic %s; %s", d.o.route, topic, hint(d.o.route, names)))
}

// routeOf finds a route by a name that it has or had.
func (d *deadTopics) routeOf(name string) *plan.Route {
	for _, r := range d.plan.Routes {
		if r.Name == name {
			return r
		}
	}
	for _, r := range d.plan.Routes {
		if r.Was == name && name != "" {
			return r
		}
	}
	return nil
}

// topic reads the letters of one topic; the last record of an id counts.
func (d *deadTopics) topic(ctx context.Context, conn, name string) ([]*dead, error) {
	r, err := kafka.NewReader(ctx, d.config[conn], d.admins[conn], name)
	if err != nil {
		return nil, err
	}
	defer r.Close()
	byID := map[string]*dead{}
	others := map[string]bool{}
	n := 0
	for {
		if read, total := r.Progress(); read >= total {
			break
		}
		recs, problems, err := r.Poll(ctx, time.Second)
		if err != nil {
			return nil, err
		}
		for _, p := range problems {
			fmt.Fprintln(d.words, p)
		}
		for i := range recs {
			rec := &recs[i]
			if rec.Value == nil {
				delete(byID, string(rec.Key))
				delete(others, string(rec.Key))
				continue
			}
			l, err := letter.Decode(rec.Key, rec.Value, rec.Headers)
			if err != nil {
				fmt.Fprintf(d.words, "%s/%d at %d is no letter: %v\n", name, rec.Partition, rec.Offset, err)
				continue
			}
			n++
			found := &dead{Letter: l, conn: conn, at: letter.Place{Topic: name, Partition: rec.Partition}, time: rec.Timestamp, headers: rec.Headers, route: d.routeOf(l.Route), seq: n}
			if !d.o.means(found) {
				delete(byID, l.ID)
				others[l.ID] = true
				continue
			}
			if d.o.light { // there may be millions
				l.Value, l.Headers, l.Made, found.headers = nil, nil, nil, nil
			}
			byID[l.ID] = found
		}
	}
	d.left += len(others)
	out := make([]*dead, 0, len(byID))
	for _, l := range byID {
		out = append(out, l)
	}
	slices.SortFunc(out, func(a, b *dead) int { return a.seq - b.seq })
	return out, nil
}

// means tells whether the flags select a letter.
func (o *deadOptions) means(l *dead) bool {
	name := l.Route
	if l.route != nil {
		name = l.route.Name
	}
	switch {
	case o.route != "" && o.route != name && o.route != l.Route:
	case o.code != "" && !strings.EqualFold(o.code, l.Code):
	case o.stage != "" && o.stage != l.Stage:
	case o.key != "" && o.key != string(l.Key) && o.key != string(l.Order):
	case o.id != "" && !strings.HasPrefix(l.ID, strings.ToLower(o.id)):
	case o.from != 0 && l.time < o.from:
	case o.below != 0 && l.time >= o.below:
	default:
		return true
	}
	return false
}

// one refuses an id that is none, or of which several letters begin.
func one(all []*dead, id string) error {
	switch {
	case len(all) == 0:
		return fail(exitProblems, fmt.Errorf("there is no letter %s: it has ended, was never written, or another flag leaves it out", quoted(id)))
	case len(all) > 1:
		return fail(exitUsage, fmt.Errorf("the ids of %s begin with %s: write more of it", count(len(all), "letter"), quoted(id)))
	}
	return nil
}

// stays says why a letter cannot go back; "" where it can.
func (d *deadTopics) stays(l *dead) string {
	switch {
	case l.route == nil:
		near := ""
		var names []string
		for _, r := range d.plan.Routes {
			names = append(names, r.Name)
		}
		if n := diag.Nearest(l.Route, names); n != "" {
			near = fmt.Sprintf("; where it is %s now, say `route %s was %s`", n, n, l.Route)
		}
		return "the program has no route " + l.Route + near + "; `sluice dead drop` or `export` it"
	case l.away != "":
		return l.away
	case l.Refused() != "":
		return l.Refused()
	case l.Class == letter.Delivery && !slices.ContainsFunc(l.route.Emits, func(e *ir.Emit) bool { return e.ID == l.Emit }):
		return fmt.Sprintf("the route %s has no `%s` any more", l.route.Name, l.Emit)
	}
	return ""
}
