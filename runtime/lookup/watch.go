package lookup

import (
	"context"
	"errors"
	"log/slog"
	"path/filepath"
	"time"

	"github.com/fsnotify/fsnotify"
)

const (
	// settle is how old the last change of a file must be before it is read again: one
	// that is written in place is not read half, as long as its writer does not pause.
	settle = 300 * time.Millisecond
	// lookEvery is how often the files are looked at where no word came of them: not
	// every file system tells (network, links to other folders).
	lookEvery = 15 * time.Second
)

// Watch reads the files of tables again when they change, until ctx ends. A file that
// is no version of its table leaves the last good one in use; what is wrong is logged
// and stands in the table's Status. told is called, on this goroutine, after each
// change of a table or its status.
func (s *Set) Watch(ctx context.Context, dir string, log *slog.Logger, told func(*Table)) {
	var files []*Table
	for _, t := range s.list {
		if t.Decl.Load.File != "" {
			files = append(files, t)
		}
	}
	if len(files) == 0 {
		return
	}
	// Folders are watched, not files: editors and deployments put a new file in the
	// place of the old one, which a watch on the file would go on holding.
	w, err := fsnotify.NewWatcher()
	var events chan fsnotify.Event
	var errs chan error
	if err == nil {
		defer w.Close()
		events, errs = w.Events, w.Errors
		for _, t := range files {
			if err = w.Add(filepath.Dir(path(dir, t.Decl))); err != nil {
				break
			}
		}
	}
	if err != nil {
		log.Warn("folders of lookup files cannot be watched; they are looked at every "+lookEvery.String(), "err", err)
	}
	quiet := time.NewTimer(0) // what changed between the load at start and the watch
	defer quiet.Stop()
	tick := time.NewTicker(lookEvery)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-events:
			quiet.Reset(settle)
			continue
		case err := <-errs:
			// Words may have been lost (a full queue): look.
			log.Debug("watching folders of lookup files", "err", err)
			quiet.Reset(settle)
			continue
		case <-quiet.C:
		case <-tick.C:
		}
		if !look(files, dir, log, told) {
			quiet.Reset(settle)
		}
	}
}

// look reads the files that are others now. It tells whether all could be read: one
// that is being written is left for the next look.
func look(files []*Table, dir string, log *slog.Logger, told func(*Table)) bool {
	all := true
	for _, t := range files {
		was := t.Status()
		changed, err := t.reload(dir, time.Now())
		if errors.Is(err, errBusy) {
			all = false
			continue
		}
		if !changed {
			continue
		}
		if err != nil {
			log.Error("table "+t.Decl.Name+" is not loaded anew", "err", t.Status().Problem)
		} else {
			log.Info("table "+t.Decl.Name+" is loaded anew", "file", t.Decl.Load.File, "rows", t.Status().Rows, "before", was.Rows)
		}
		told(t)
	}
	return all
}
