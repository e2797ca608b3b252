// Package lookup holds loaded tables: `table … from file`, `table … from topic`. It
// takes a file's bytes or the records of a topic and gives rows of the declared type
// under the keys of the declaration, which routes read as T[k].
//
// A table of a file is whole or not there: one bad row refuses the file, and what was
// loaded before stays. A table of a topic follows its records; one that is no row is
// left out and told until a later record of its key mends it.
//
// It starts no goroutine: Watch and Follow block, and whoever runs them decides what
// waits for Ready. It knows no routes and no brokers; a Source stands for the topic.
//
// A process makes one Set of its plan's tables and hands it to every runner. At the
// start LoadFiles must give no error; then one goroutine is in Watch, and one for each
// table of a topic in Follow, which is called again with a new Source when it ends. A
// table's Reason is a condition of the process as long as it is not "".
package lookup

import (
	"fmt"
	"sync"
	"sync/atomic"

	"github.com/sluice-dev/sluice/lang/ir"
	"github.com/sluice-dev/sluice/lang/value"
)

// Set is the loaded tables of a program.
type Set struct {
	list []*Table
	by   map[*ir.Table]*Table
}

// New makes the tables that are loaded; those that routes write are left out. None is
// loaded yet.
func New(tables []*ir.Table) *Set {
	s := &Set{by: map[*ir.Table]*Table{}}
	for _, decl := range tables {
		if decl.Load == nil {
			continue
		}
		t := &Table{Decl: decl, ready: make(chan struct{})}
		t.rows.Store(newRows())
		s.list = append(s.list, t)
		s.by[decl] = t
	}
	return s
}

// Tables gives them in the order of the program.
func (s *Set) Tables() []*Table { return s.list }

// Table finds one by its declaration; nil where it is not loaded but written.
func (s *Set) Table(decl *ir.Table) *Table { return s.by[decl] }

// Row gives the row of a key, as the last loaded version has it. The key is
// value.AppendKey of its parts, one behind the other. Any goroutine may ask.
func (s *Set) Row(decl *ir.Table, key []byte) (value.Value, bool) {
	return s.by[decl].rows.Load().get(key)
}

// Table is one loaded table.
type Table struct {
	Decl *ir.Table

	// rows is what is read now. Of a file it never changes and is exchanged as a
	// whole; of a topic it follows the records.
	rows  atomic.Pointer[rows]
	ready chan struct{} // closed at the first load

	mu     sync.Mutex
	status Status
	hash   [32]byte // of the file's bytes, as loaded or refused last
}

// Status is how a table stands.
type Status struct {
	Loaded bool // there was a first load: routes may read it
	Rows   int
	// Read and Total count the records of a topic's first load: how many of those that
	// were there when it began have been read. 0 for files.
	Read, Total int64
	// Problem says why the table is not what its file or topic holds now; "" where it is.
	Problem string
}

// Reason is what keeps the table from being as it should, in words for /readyz; "" when
// nothing does.
func (t *Table) Reason() string {
	s := t.Status()
	switch {
	case s.Problem != "":
		return s.Problem
	case s.Loaded:
		return ""
	case t.Decl.Load.Topic == "":
		return "loading file " + t.Decl.Load.File
	}
	return fmt.Sprintf("loading topic %s: %d of %d records", t.Decl.Load.Topic, s.Read, s.Total)
}

// Ready is closed when the first load is done: a route that reads the table waits for
// it.
func (t *Table) Ready() <-chan struct{} { return t.ready }

// Status says how the table stands now.
func (t *Table) Status() Status {
	t.mu.Lock()
	defer t.mu.Unlock()
	s := t.status
	s.Rows = t.rows.Load().len()
	return s
}

// update changes the status and tells whether it is another now.
func (t *Table) update(change func(*Status)) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	was := t.status
	change(&t.status)
	return t.status != was
}

// publish makes rows what is read, which ends the first load.
func (t *Table) publish(r *rows) {
	t.rows.Store(r)
	t.mu.Lock()
	defer t.mu.Unlock()
	if !t.status.Loaded {
		t.status.Loaded = true
		close(t.ready)
	}
}
