package engine

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/sluice-dev/sluice/runtime/kafka"
	"github.com/sluice-dev/sluice/runtime/state"
)

// openStore opens the store of a program that has state, or had some, and says what
// of it is kept and what is new.
func (e *Engine) openStore() error {
	dir := e.cfg.State
	if len(e.cfg.Plan.Groups) == 0 {
		if dir == "" || !exists(dir) {
			return nil
		}
	} else if dir == "" {
		return errors.New("a program with state needs a state directory")
	}
	if err := StoreGone(dir); err != nil {
		return err
	}
	b, err := state.OpenBadger(dir, state.Options{App: e.cfg.Plan.App, ID: e.cfg.StoreID, Log: e.log})
	if err != nil {
		return err
	}
	e.closers = append(e.closers, func() {
		if err := b.Close(); err != nil {
			e.log.Error("the store was not closed", "error", err)
		}
	})
	if err := os.WriteFile(madeMark(dir), []byte("the store beside this file was made; see `sluice state`\n"), 0o600); err != nil {
		return &StateError{filepath.Dir(dir), err.Error()}
	}
	d, report, err := state.OpenDirectory(b, e.cfg.Plan.App, e.cfg.Plan, e.cfg.AcceptStateLoss)
	if err != nil {
		return err
	}
	for _, of := range []struct {
		what string
		list []state.Entry
	}{{"kept", report.Kept}, {"new", report.New}, {"deleted, as accepted", append(report.Orphaned, report.Changed...)}} {
		if len(of.list) > 0 {
			e.log.Info("state "+of.what, "states", names(of.list))
		}
	}
	e.store, e.directory = b, d
	least := e.cfg.LeastSpace
	if least == 0 {
		_, size, err := state.Disk(dir)
		if err != nil {
			return err
		}
		least = state.LeastFree(0, size)
	}
	e.space = state.NewGuard(least)
	e.watchSpace() // before anything is written
	return nil
}

// madeMark is the file that tells that a store was made beside it.
func madeMark(dir string) string { return dir + ".made" }

// StoreGone is the error of a store that was in dir and is gone: it is not begun anew
// in silence, for what it held cannot be read again. nil: it is there, or never was.
func StoreGone(dir string) error {
	if made := madeMark(dir); exists(made) && !exists(dir) {
		return &StateError{filepath.Dir(dir), "its store is gone: put it back from a copy, or remove the file " + made + " to begin with an empty state"}
	}
	return nil
}

func names(list []state.Entry) string {
	out := make([]string, len(list))
	for i := range list {
		out[i] = list[i].Name
	}
	return strings.Join(out, "; ")
}

func exists(path string) bool {
	_, err := os.Stat(path)
	return err == nil
}

// keepEvery is how often the store is synced and looked at.
const keepEvery = time.Second

// tellHolds tells once a second what the process holds, also while a group loads its
// state and answers nothing.
func (e *Engine) tellHolds(ctx context.Context, partitions *atomic.Int64) {
	tick := time.NewTicker(keepEvery)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
			e.cfg.Holds(int(partitions.Load()), e.claims.All())
		}
	}
}

// keep tells what the process holds, syncs the store once a second, trims the own logs up to what was stored
// before that (never up to what a loss of power could take back), and watches the
// free space.
func (e *Engine) keep(ctx context.Context) {
	tick := time.NewTicker(keepEvery)
	defer tick.Stop()
	var reads atomic.Int64 // partitions
	if e.cfg.Holds != nil {
		var wg sync.WaitGroup
		defer wg.Wait()
		wg.Go(func() { e.tellHolds(ctx, &reads) })
	}
	trimmed := map[*group]int64{}
	requests := newTrimmer(e)
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		applied := map[*group]int64{}
		taken := map[*route]kafka.Offsets{}
		partitions := 0
		for _, l := range e.loops {
			l.command(func() {
				for _, p := range l.tasks {
					partitions += len(p.inputs)
				}
				if g := l.group; g != nil {
					applied[g] = g.applied
					requests.look(g, taken)
				}
			})
		}
		reads.Store(int64(partitions))
		if e.store != nil {
			e.watchSpace()
			if err := e.store.Sync(); err != nil {
				e.log.Warn("the store was not synced", "error", err)
				continue
			}
		}
		requests.trim(ctx, taken)
		for g, at := range applied {
			if at > trimmed[g] {
				if err := e.admins[g.conn].DeleteRecords(ctx, kafka.Offsets{{Topic: g.ownName}: at}); err == nil {
					trimmed[g] = at
				}
			}
		}
	}
}

// watchSpace looks at the free space of the store's disk: a store that meets a full
// disk does not come back by itself, so the groups wait before that (I10).
func (e *Engine) watchSpace() {
	free, err := state.FreeSpace(e.cfg.State)
	if err != nil {
		return
	}
	why := ""
	if !e.space.Judge(free) {
		why = fmt.Sprintf("the disk of %s is nearly full: it must have %d MiB left, and goes on at twice that", e.cfg.State, e.space.Least()>>20)
	}
	e.full.Store(&why)
}

// storeStops says why nothing may be written to the store now; "" where it may.
func (e *Engine) storeStops() string {
	if why := e.full.Load(); why != nil {
		return *why
	}
	return ""
}
