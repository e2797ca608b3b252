package engine

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/sluice-dev/sluice/lang/ir"
	"github.com/sluice-dev/sluice/runtime/edge"
	"github.com/sluice-dev/sluice/runtime/event"
	"github.com/sluice-dev/sluice/runtime/file"
	"github.com/sluice-dev/sluice/runtime/kafka"
	"github.com/sluice-dev/sluice/runtime/observe"
)

// A file that routes read is written to a topic of the program's own, a record a line,
// and is from there a source like any other. The topic has one partition: its last
// record says how far the file was read and what stood up to there, so a start goes on
// behind it, and a line is written once. Of the processes of a program the one that has
// the partition assigned writes.

// fileSource is a file that routes read.
type fileSource struct {
	decl  *ir.File
	topic string
	route *route        // the first that reads it
	need  []need        // columns that its routes need
	done  chan struct{} // closed when the file was read to its end once
	once  sync.Once
	err   error // why it was not; set before done is closed

	written atomic.Int64 // lines
}

// need is what a route needs of a file: columns and, of one that reads it strictly, no
// others than only; nil: any.
type need struct {
	route         string
	columns, only []string
}

// fileSources lists the files that the routes of the program read.
func (e *Engine) fileSources() []*fileSource {
	var out []*fileSource
	for _, r := range e.cfg.Plan.Routes {
		decl := r.Source.File
		if decl == nil {
			continue
		}
		i := slices.IndexFunc(out, func(f *fileSource) bool { return f.decl.Name() == decl.Name() })
		if i < 0 {
			i = len(out)
			out = append(out, &fileSource{decl: decl, topic: kafka.FileTopic(e.cfg.Plan.App, decl.Name()), done: make(chan struct{})})
		}
		if decl.Format == "csv" {
			t := r.Source.Topics[0].Type
			n := need{route: r.Name, columns: file.Needed(t)}
			if r.Source.Strict {
				n.only = file.Only(t)
			}
			out[i].need = append(out[i].need, n)
		}
	}
	return out
}

// name is the file for people.
func (f *fileSource) name() string {
	if f.decl.Stdin() {
		return "standard input"
	}
	return f.decl.Path
}

func (f *fileSource) condition() string { return "file " + f.name() }

// path is where the file is.
func (e *Engine) path(f *fileSource) string {
	name := filepath.FromSlash(f.decl.Path)
	if filepath.IsAbs(name) {
		return name
	}
	return filepath.Join(e.cfg.Dir, name)
}

// checkFiles finds what is wrong with the files before anything runs.
func (e *Engine) checkFiles() error {
	e.files = e.fileSources()
	var errs []error
	for _, f := range e.files {
		if f.decl.Stdin() {
			continue
		}
		in, err := e.open(f)
		if err == nil {
			_, err = f.header(file.NewReader(in, f.options(true)))
			in.Close()
		}
		if errors.Is(err, fs.ErrNotExist) && e.cfg.LateFiles {
			continue
		}
		if err != nil {
			errs = append(errs, err)
		}
	}
	return errors.Join(errs...)
}

func (f *fileSource) options(tail bool) file.Options {
	return file.Options{Name: f.name(), File: f.decl, Tail: tail}
}

// header judges the columns of a CSV file by what its routes need.
func (f *fileSource) header(r *file.Reader) (*file.Reader, error) {
	names, err := r.Header()
	if err == io.EOF {
		return r, nil // nobody has written to it yet
	}
	if err != nil {
		return nil, err
	}
	for _, n := range f.need {
		if why, help := file.Columns(names, n.columns); why != "" {
			return nil, &file.Error{File: f.name(), Why: why + ", which route " + n.route + " needs", Help: help}
		}
		if i := slices.IndexFunc(names, func(name string) bool { return n.only != nil && !slices.Contains(n.only, name) }); i >= 0 {
			return nil, &file.Error{File: f.name(), Why: fmt.Sprintf("the column %q is not of the type that route %s reads strictly", names[i], n.route), Help: "declare it, or leave `strict` out"}
		}
	}
	return r, nil
}

// open opens a file.
func (e *Engine) open(f *fileSource) (*os.File, error) {
	// Opening a pipe would wait for whoever writes to it.
	if info, err := os.Stat(e.path(f)); err == nil && !info.Mode().IsRegular() && !info.IsDir() {
		return nil, &file.Error{File: f.name(), Why: "is no regular file", Help: "a pipe is read as standard input: from file \"-\""}
	}
	in, err := os.Open(e.path(f))
	if err == nil {
		info, bad := in.Stat()
		if err = bad; err == nil && info.IsDir() {
			err = errors.New("it is a folder")
		}
		if err != nil {
			in.Close()
		}
	}
	if err == nil {
		return in, nil
	}
	out := &file.Error{File: f.name(), Why: "cannot be read: " + err.Error(), Err: err}
	if errors.Is(err, fs.ErrNotExist) {
		out.Why, out.Help = "there is no such file", "its name is relative to the program's directory"
		if strings.ContainsAny(f.decl.Path, "*?[") {
			out.Help = "a source reads one file, and its name is no pattern: name each file, or pipe them to from file \"-\""
		}
	}
	return nil, out
}

// fileTopics makes the topics that files are written to.
func (e *Engine) fileTopics(ctx context.Context) error {
	var specs []kafka.TopicSpec
	for _, f := range e.files {
		specs = append(specs, inTopic(f.topic, 1))
	}
	return e.ensureIn(ctx, specs)
}

// bindFiles finds the route of each file whose partition decides who writes.
func (e *Engine) bindFiles() {
	for _, f := range e.files {
		i := slices.IndexFunc(e.routes, func(r *route) bool {
			return r.plan.Source.File != nil && r.plan.Source.File.Name() == f.decl.Name()
		})
		f.route = e.routes[i]
	}
}

// feedFiles writes what stands in the files to their topics until ctx ends.
func (e *Engine) feedFiles(ctx context.Context) {
	var wg sync.WaitGroup
	defer wg.Wait()
	for _, f := range e.files {
		if f.decl.Stdin() && e.cfg.Stdin == nil {
			f.end(nil)
			continue
		}
		wg.Go(func() { e.feedFile(ctx, f) })
	}
}

// end tells that a file was read to its end, or why not.
func (f *fileSource) end(err error) {
	f.once.Do(func() {
		f.err = err
		close(f.done)
	})
}

// Times of a file.
const (
	// fileLook is how often a file is looked at.
	fileLook = time.Second
	// fileSettle is how old the last change of a file must be before it is read to its
	// last byte: what stands behind the last line end may be a line that is being written.
	fileSettle = 2 * time.Second
	// A file that has grown is read from its beginning, to see that it is the same: a large
	// one rests fileRests times as long as that took, fileRest at most.
	fileRests = 4
	fileRest  = time.Minute
)

// feedFile writes one file to its topic, and again when it has changed.
func (e *Engine) feedFile(ctx context.Context, f *fileSource) {
	var seen os.FileInfo // as it was when it was read last
	var rest time.Time   // until when it is left alone
	for tick := time.NewTicker(fileLook / 10); ctx.Err() == nil; {
		if e.holdsFile(f) {
			tick.Reset(fileLook)
			if f.decl.Stdin() {
				if e.told(f, e.feedStdin(ctx, f)) {
					return
				}
			} else if now, err := os.Stat(e.path(f)); time.Now().After(rest) && (err != nil || seen == nil || !unchanged(seen, now)) {
				began := time.Now()
				left, err := e.feedOnce(ctx, f)
				rest = time.Now().Add(min(fileRest, fileRests*time.Since(began)))
				if e.told(f, err); err != nil || left {
					seen = nil
				} else {
					seen = now
				}
			}
		}
		select {
		case <-ctx.Done():
		case <-tick.C:
		}
	}
}

func unchanged(a, b os.FileInfo) bool {
	return a.Size() == b.Size() && a.ModTime().Equal(b.ModTime()) && os.SameFile(a, b)
}

// told makes what became of a file a condition of the program; true where it need not be
// read again.
func (e *Engine) told(f *fileSource, err error) bool {
	if errors.Is(err, errFileGoes) || errors.Is(err, context.Canceled) {
		return false
	}
	if err == nil {
		if e.health.Clear(f.condition()) {
			e.log.Info("file is read again", "file", f.name())
		}
		f.end(nil)
		return true
	}
	if e.health.Set(f.condition(), err.Error(), time.Now()) {
		e.log.Error("file is not read", "file", f.name(), "error", err)
	}
	var bad *file.Error
	if errors.As(err, &bad) || f.decl.Stdin() {
		f.end(err) // else the broker is away, and comes back
	}
	return f.decl.Stdin()
}

// holdsFile tells whether this process has the partition that the file is written to.
func (e *Engine) holdsFile(f *fileSource) bool {
	holds := false
	f.route.loop.command(func() {
		in := f.route.parts[kafka.TP{Topic: f.topic}]
		holds = in != nil && !in.stopped
	})
	return holds
}

// errFileGoes says that another process has the partition now, and goes on.
var errFileGoes = errors.New("the partition of the file went to another process")

// feedOnce writes a file from where its topic ends. left: something stands behind its
// last line end that may be written on.
func (e *Engine) feedOnce(ctx context.Context, f *fileSource) (left bool, err error) {
	was, err := e.lastAt(ctx, f)
	if err != nil {
		return false, err
	}
	for fresh := was == nil; ; fresh = true {
		in, err := e.open(f)
		if err != nil {
			return false, err
		}
		tail := e.cfg.Once
		if info, err := in.Stat(); err == nil && time.Since(info.ModTime()) > fileSettle {
			tail = true
		}
		next, left, err := e.feedFrom(ctx, f, in, tail, was, fresh)
		in.Close()
		if next || err != nil {
			return left, err
		}
		e.log.Info("file holds another content: it is read from its beginning", "file", f.name())
	}
}

// feedFrom writes what a stream holds, behind what was written; false where it does not
// hold that.
func (e *Engine) feedFrom(ctx context.Context, f *fileSource, in io.Reader, tail bool, was *file.At, fresh bool) (ok, left bool, err error) {
	r, err := f.header(file.NewReader(in, f.options(tail)))
	if err != nil {
		return false, false, err
	}
	follow := &file.Follow{Reader: r}
	if !fresh {
		if same, err := follow.To(*was); err != nil || !same {
			return false, false, err
		}
	}
	n, err := e.write(ctx, f, follow)
	if n > 0 {
		f.written.Add(n)
		e.log.Info("file is written to its topic", "file", f.name(), "lines", n, "topic", f.topic)
	} else if err == nil && !fresh {
		e.log.Debug("file holds nothing new", "file", f.name())
	}
	return true, r.Left(), err
}

// feedStdin writes standard input to its topic. A program that runs once takes it for a
// file: what was written before is not written again. One that goes on takes each line
// as it comes, and cannot know what comes behind: every start has a new one.
func (e *Engine) feedStdin(ctx context.Context, f *fileSource) error {
	in := piped(ctx, e.cfg.Stdin)
	if !e.cfg.Once {
		_, _, err := e.feedFrom(ctx, f, in, true, nil, true)
		return err
	}
	was, err := e.lastAt(ctx, f)
	if err != nil || was == nil {
		if err == nil {
			_, _, err = e.feedFrom(ctx, f, in, true, nil, true)
		}
		return err
	}
	tmp, err := os.CreateTemp("", "sluice-stdin-")
	if err != nil {
		return &file.Error{File: f.name(), Why: "cannot be kept while it is compared: " + err.Error(), Err: err}
	}
	defer os.Remove(tmp.Name())
	defer tmp.Close()
	if _, err := io.Copy(tmp, in); err != nil {
		return &file.Error{File: f.name(), Why: "cannot be read: " + err.Error(), Err: err}
	}
	for fresh := false; ; fresh = true {
		if _, err := tmp.Seek(0, io.SeekStart); err != nil {
			return &file.Error{File: f.name(), Why: err.Error(), Err: err}
		}
		if ok, _, err := e.feedFrom(ctx, f, tmp, true, was, fresh); ok || err != nil {
			return err
		}
	}
}

// piped reads a stream that does not end with ctx, and ends with it.
func piped(ctx context.Context, in io.Reader) io.Reader {
	r, w := io.Pipe()
	go func() { // until in ends, or the process
		_, err := io.Copy(w, in)
		w.CloseWithError(err)
	}()
	context.AfterFunc(ctx, func() { r.CloseWithError(ctx.Err()) })
	return r
}

// write appends the records of a file, in order, and returns when all of them are in the
// log.
func (e *Engine) write(ctx context.Context, f *fileSource, r *file.Follow) (n int64, err error) {
	ctx, stop := context.WithCancelCause(ctx)
	defer stop(nil)
	// A client of its own: when one record is not taken, none behind it may be, or what
	// the end of the log says of the file would not be true.
	p, err := kafka.NewProducer(e.cfg.Settings.Kafka[mainKafka], kafka.ProducerOptions{Linger: fileLinger, MaxMessageBytes: edge.MaxRecord})
	if err != nil {
		return 0, err
	}
	defer p.Close()
	limits, err := e.admins[mainKafka].MaxMessageBytes(ctx, f.topic)
	if err != nil {
		return 0, err
	}
	var took atomic.Int64
	looked := time.Now()
	for err == nil && ctx.Err() == nil {
		var l *file.Line
		if l, err = r.Next(); err != nil {
			break
		}
		if time.Since(looked) > handover {
			if looked = time.Now(); !e.holdsFile(f) {
				err = errFileGoes
				break
			}
		}
		if n := len(l.Value) + recordRoom; n > limits[f.topic] {
			l.Refuse(f.name(), "topic "+f.topic+" takes", limits[f.topic])
		}
		p.Send(ctx, lineRecord(f.topic, l), func(res kafka.Result) {
			if res.Class == kafka.Accepted {
				took.Add(1)
			} else {
				stop(fmt.Errorf("%s: line %d is not taken by topic %s: %w", f.name(), l.N, f.topic, res.Err))
			}
		})
	}
	if err == io.EOF {
		err = nil
	}
	if ferr := p.Flush(ctx); err == nil {
		err = ferr
	}
	if cause := context.Cause(ctx); cause != nil {
		err = cause
	}
	return took.Load(), err
}

const (
	fileLinger = 5 * time.Millisecond
	// recordRoom is what Kafka and we add to a line.
	recordRoom = 4 << 10
	// handover is how soon a process that has lost the partition writes no more.
	handover = 50 * time.Millisecond
)

// lineRecord is a line as it stands in the log.
func lineRecord(topic string, l *file.Line) kafka.Record {
	rec := kafka.Record{Topic: topic, Value: slices.Clone(l.Value), Timestamp: time.Now().UnixMilli()}
	rec.Headers = []event.Header{
		{Key: event.HeaderLine, Value: strconv.AppendInt(nil, l.N, 10)},
		{Key: event.HeaderAt, Value: []byte(l.At.String())},
	}
	if l.Fault != nil {
		rec.Headers = append(rec.Headers, event.Header{Key: event.HeaderFault, Value: []byte(l.Fault.Code.ID + "\n" + l.Fault.Why + "\n" + l.Fault.Help)})
	}
	return rec
}

// lastBack is how far back from its end the log of a file is looked through for a line of
// the file: `dev --feed` may have written others behind it.
const lastBack = 1000

// lastAt finds in the log how far a file was read; nil where nothing of it stands there.
func (e *Engine) lastAt(ctx context.Context, f *fileSource) (*file.At, error) {
	a := e.admins[mainKafka]
	tp := kafka.TP{Topic: f.topic}
	ends, err := a.EndOffsets(ctx, f.topic)
	if err != nil {
		return nil, err
	}
	starts, err := a.StartOffsets(ctx, f.topic)
	if err != nil {
		return nil, err
	}
	infos, err := a.Describe(ctx, f.topic)
	if err != nil {
		return nil, err
	}
	from := max(starts[tp], ends[tp]-lastBack)
	if from >= ends[tp] {
		return nil, nil
	}
	t, err := kafka.NewTail(e.cfg.Settings.Kafka[mainKafka], tp, infos[f.topic].ID, from, pollWait)
	if err != nil {
		return nil, err
	}
	defer t.Close()
	var last *file.At
	for from < ends[tp] {
		s, err := t.Poll(ctx, pollWait)
		if err != nil {
			return nil, err
		}
		if s == nil {
			continue
		}
		from = s.Next
		for i := range s.Records {
			if at, ok := file.ParseAt(string(s.Records[i].Header(event.HeaderAt))); ok {
				last = &at
			}
		}
	}
	return last, nil
}

// filesRead waits until every file was read to its end, or could not be; false where ctx
// ended before.
func (e *Engine) filesRead(ctx context.Context) bool {
	for _, f := range e.files {
		for waiting := true; waiting; {
			select {
			case <-f.done:
				waiting = false
			case <-ctx.Done():
				return false
			case <-time.After(pollWait):
				waiting = !e.never(f.route)
			}
		}
	}
	return true
}

// never tells that a route does not run here: it has stopped, or its group waits by name.
func (e *Engine) never(r *route) bool {
	if r.halt.Load() != nil {
		return true
	}
	g := r.loop.group
	return g != nil && slices.ContainsFunc(e.health.Conditions(), func(c observe.Condition) bool { return c.Name == g.condition() })
}

// fileErrors are why files could not be read.
func (e *Engine) fileErrors() []error {
	var errs []error
	for _, f := range e.files {
		select {
		case <-f.done:
			if f.err != nil {
				errs = append(errs, f.err)
			}
		default:
		}
	}
	return errs
}
