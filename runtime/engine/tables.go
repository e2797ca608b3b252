package engine

import (
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/sluice-dev/sluice/lang/ir"
	"github.com/sluice-dev/sluice/lang/plan"
	"github.com/sluice-dev/sluice/runtime/kafka"
	"github.com/sluice-dev/sluice/runtime/lookup"
)

// loadFiles reads the tables that come from files: a program with a bad one does not
// start.
func (e *Engine) loadFiles() error {
	e.tables = lookup.New(e.cfg.Plan.Tables)
	return e.tables.LoadFiles(e.cfg.Dir)
}

// feedTables keeps the loaded tables up to date until ctx ends.
func (e *Engine) feedTables(ctx context.Context) {
	var wg sync.WaitGroup
	defer wg.Wait()
	files := false
	for _, t := range e.tables.Tables() {
		if t.Decl.Load.Topic == "" {
			files = true
			continue
		}
		wg.Go(func() { e.followTable(ctx, t) })
	}
	if files {
		wg.Go(func() { e.tables.Watch(ctx, e.cfg.Dir, e.log, e.tableTold) })
	}
}

// followTable reads a table's topic, and reads it again where the reading ended.
func (e *Engine) followTable(ctx context.Context, t *lookup.Table) {
	cfg := e.cfg.Settings.Kafka[via(t.Decl.Load.Via)]
	cfg.Logger = e.kafkaLog
	for {
		src, err := kafka.NewReader(ctx, cfg, e.admins[via(t.Decl.Load.Via)], t.Decl.Load.Topic)
		if err == nil {
			err = t.Follow(ctx, src, e.log, e.tableTold)
			src.Close()
		}
		if ctx.Err() != nil {
			return
		}
		if e.health.Set(tableCondition(t), err.Error(), time.Now()) {
			e.log.Warn("table is not read", "table", t.Decl.Name, "error", err)
		}
		select {
		case <-ctx.Done():
			return
		case <-time.After(waitAgain):
		}
	}
}

func tableCondition(t *lookup.Table) string { return "table " + t.Decl.Name }

// tableTold makes a table's state a condition of the program's health.
func (e *Engine) tableTold(t *lookup.Table) {
	if why := t.Reason(); why != "" {
		e.health.Set(tableCondition(t), why, time.Now())
	} else {
		e.health.Clear(tableCondition(t))
	}
}

// needs lists the loaded tables that routes read.
func (e *Engine) needs(routes ...*plan.Route) []*lookup.Table {
	var out []*lookup.Table
	seen := map[*ir.Table]bool{}
	for _, r := range routes {
		ir.EachStage(r.Stages, func(s ir.Stage) {
			for _, x := range ir.Exprs(s) {
				ir.Walk(x, func(x ir.Expr) bool {
					if g, ok := x.(*ir.TableGet); ok && g.Table.Load != nil && !seen[g.Table] {
						seen[g.Table] = true
						out = append(out, e.tables.Table(g.Table))
					}
					return true
				})
			}
		})
	}
	return out
}

// waitTables answers until the tables that the loop's routes read have been loaded
// once; false where ctx ended before.
func (l *loop) waitTables(ctx context.Context) bool {
	for _, t := range l.needs {
		l.eng.tableTold(t)
		loaded, stop := context.WithCancel(ctx)
		go func() {
			select {
			case <-t.Ready():
			case <-loaded.Done():
			}
			stop()
		}()
		l.answer(loaded)
		stop()
		if ctx.Err() != nil {
			return false
		}
		l.log.Info(fmt.Sprintf("%s reads table %s: loaded", l.name, t.Decl.Name), "rows", t.Status().Rows)
	}
	return true
}
