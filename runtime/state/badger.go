package state

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync"

	"github.com/dgraph-io/badger/v4"
	"github.com/dgraph-io/badger/v4/options"
)

// Options of a store on disk.
type Options struct {
	// App and ID are whose it is: the program's name and the id of the state directory.
	// A new store takes them down; one that has others is refused. Empty: any.
	App, ID string
	// Existing refuses to make a store where there is none, with os.ErrNotExist.
	Existing bool
	// MemTable is the size of one memtable in bytes, at least MinMemTable; 0:
	// DefaultMemTable. Up to three of them lie in memory, and as logs on disk.
	MemTable int64
	// Log hears what Badger says; nil: nobody.
	Log *slog.Logger
}

// Sizes of memtables, in bytes. The least is what takes one whole epoch in one
// transaction: 4,000 cells and 2 MiB, and a record of as much behind them.
const (
	DefaultMemTable = 64 << 20
	MinMemTable     = 32 << 20

	memTables = 3
)

// storeFormat is the version of the keys' layout, under formatKey.
const storeFormat = "1"

// Keys about the store.
var (
	formatKey = []byte("mformat")
	appKey    = []byte("mapp")
	idKey     = []byte("mid")
	// commitKey is written by every transaction, so that the highest version that the
	// files hold is that of the last one, whatever compaction takes away.
	commitKey = []byte("mcommit")
)

// Badger is a store on disk: one database of one process. Every method may be
// called by several goroutines.
//
// What is committed is safe from the end of the process (the log of a memtable is
// mapped), and with Sync from the loss of power. The files are verified whole
// before they are opened (inspect): Badger itself takes a log or a manifest that is
// cut for one that ends there, leaves tables out, and ends the process on others.
type Badger struct {
	dir  string
	db   *badger.DB
	mark *mark

	commit sync.Mutex     // one transaction at a time
	sync   sync.Mutex     // one sync at a time
	parts  map[string]int // of keys whose values lie in parts: how many; guarded by commit

	mu   sync.RWMutex
	view *badger.Txn // reads all that is committed; nil: to be made
}

// OpenBadger opens the store in a directory, or makes it. What cannot be used as it
// is, is a *RefusedError.
func OpenBadger(dir string, o Options) (b *Badger, err error) {
	if o.MemTable == 0 {
		o.MemTable = DefaultMemTable
	}
	o.MemTable = max(o.MemTable, MinMemTable)
	if !o.Existing {
		if err := os.MkdirAll(dir, 0o700); err != nil {
			return nil, err
		}
	}
	found, err := inspect(dir)
	if err != nil {
		return nil, err
	}
	if found.fresh && o.Existing {
		return nil, fmt.Errorf("store %s: %w", dir, os.ErrNotExist)
	}
	// A log whose removal was cut short is empty; Badger takes it for a mistake.
	for _, name := range found.empty {
		if err := os.Remove(filepath.Join(dir, name)); err != nil {
			return nil, err
		}
	}
	b = &Badger{dir: dir, parts: map[string]int{}}
	if err := b.open(o, found); err != nil {
		if b.db != nil {
			b.db.Close()
		}
		return nil, err
	}
	return b, nil
}

func (b *Badger) open(o Options, found inspection) (err error) {
	defer b.translate(&err)
	db, err := badger.Open(badger.DefaultOptions(b.dir).
		WithMemTableSize(o.MemTable).WithNumMemtables(memTables).WithNumCompactors(2).
		WithBlockCacheSize(64 << 20).WithIndexCacheSize(0). // the index is only cached where it is encrypted
		WithCompression(options.None).
		WithValueThreshold(valueThreshold).WithValueLogFileSize(1 << 20).
		WithChecksumVerificationMode(options.OnTableAndBlockRead).WithVerifyValueChecksum(true).
		WithDetectConflicts(false).WithNumVersionsToKeep(1).WithMetricsEnabled(false).WithSyncWrites(false).
		WithLogger(quiet{o.Log}))
	if err != nil {
		if strings.Contains(err.Error(), "Another process is using this Badger database") {
			return fmt.Errorf("store %s: another process uses it", b.dir)
		}
		return damaged(b.dir, "", "%v", err) // what it gives beside an error cannot be closed
	}
	b.db = db
	if v := b.version(); v != found.version {
		return damaged(b.dir, "", "it opens at transaction %d, and its files hold %d", v, found.version)
	}
	if b.mark, err = openMark(b.dir); err != nil {
		return err
	}
	if err := b.identify(o, found.version == 0); err != nil {
		return err
	}
	return b.findParts()
}

// identify holds the store against who opens it, or takes down whose it is.
func (b *Badger) identify(o Options, fresh bool) error {
	if fresh {
		ws := []Write{{Key: formatKey, Val: []byte(storeFormat)}, {Key: appKey, Val: []byte(o.App)}, {Key: idKey, Val: []byte(o.ID)}}
		if err := b.Commit(ws); err != nil {
			return err
		}
		return b.Sync()
	}
	format, app, id, err := Identity(b)
	if err != nil {
		return err
	}
	_, unfinished, err := b.Get(importKey)
	switch {
	case err != nil:
		return err
	case unfinished:
		return &RefusedError{Dir: b.dir, Err: ErrDamaged, Msg: "an import into it did not come to its end", Do: "remove it and import again"}
	case format == "":
		return damaged(b.dir, "", "it does not say of what format it is")
	case format != storeFormat:
		return &RefusedError{Dir: b.dir, Err: ErrNewer, Do: "use the version of Sluice that made it, or another state directory",
			Msg: fmt.Sprintf("it has format %s, and this version of Sluice reads and writes format %s", format, storeFormat)}
	case o.App != "" && app != o.App:
		return &RefusedError{Dir: b.dir, Err: ErrForeign, Do: "give this program its own state directory with --state",
			Msg: fmt.Sprintf("it belongs to the program %q, and this is %q", app, o.App)}
	case o.ID != "" && id != o.ID:
		return &RefusedError{Dir: b.dir, Err: ErrForeign, Do: "put the store back into the state directory it came from, or restore the whole directory from a copy",
			Msg: fmt.Sprintf("it belongs to the state directory with the id %s, and this one has %s", id, o.ID)}
	}
	return nil
}

// Identity is what a store says of itself: the version of its format, the name of
// the program and the id of the state directory; "" for what it does not say.
func Identity(s Store) (format, app, id string, err error) {
	out := []*string{&format, &app, &id}
	for i, k := range [][]byte{formatKey, appKey, idKey} {
		v, _, err := s.Get(k)
		if err != nil {
			return "", "", "", err
		}
		*out[i] = string(v)
	}
	return format, app, id, nil
}

// translate turns a panic of Badger's into a store that is damaged.
func (b *Badger) translate(err *error) {
	if r := recover(); r != nil {
		text := fmt.Sprint(r)
		if i := strings.IndexByte(text, '\n'); i > 0 {
			text = text[:i]
		}
		*err = damaged(b.dir, "", "Badger stops at it: %s", text)
	}
}

// reading runs fn on a transaction that reads all that is committed.
func (b *Badger) reading(fn func(txn *badger.Txn) error) error {
	b.mu.RLock()
	for b.view == nil {
		b.mu.RUnlock()
		b.mu.Lock()
		if b.view == nil {
			b.view = b.db.NewTransaction(false)
		}
		b.mu.Unlock()
		b.mu.RLock()
	}
	defer b.mu.RUnlock()
	return fn(b.view)
}

// Get gives the value of a key.
func (b *Badger) Get(key []byte) (val []byte, ok bool, err error) {
	defer b.translate(&err)
	err = b.reading(func(txn *badger.Txn) error {
		item, err := txn.Get(key)
		if errors.Is(err, badger.ErrKeyNotFound) {
			return nil
		}
		if err != nil {
			return b.unreadable(err)
		}
		val, ok = nil, true
		return item.Value(func(v []byte) error {
			// The item is of this call, and so are the bytes it has copied.
			if item.UserMeta() == metaParts {
				val, err = b.joined(txn, key, v)
				return err
			}
			if val = v; val == nil {
				val = []byte{}
			}
			return nil
		})
	})
	if err != nil {
		return nil, false, err
	}
	return val, ok, nil
}

func (b *Badger) unreadable(err error) error {
	return damaged(b.dir, "", "it cannot be read: %v", err)
}

// Scan visits keys in order, as they were when it began.
func (b *Badger) Scan(prefix, from []byte, visit func(key, val []byte) bool) (err error) {
	visiting := false
	defer func() {
		if !visiting { // a panic of the visitor's is none of Badger's
			b.translate(&err)
		}
	}()
	txn := b.db.NewTransaction(false)
	defer txn.Discard()
	it := txn.NewIterator(badger.IteratorOptions{Prefix: prefix})
	defer it.Close()
	if bytes.Compare(from, prefix) < 0 {
		from = prefix
	}
	for it.Seek(from); it.ValidForPrefix(prefix); it.Next() {
		item := it.Item()
		if item.Key()[0] == partKind {
			continue
		}
		more := true
		err := item.Value(func(v []byte) error {
			if item.UserMeta() == metaParts {
				var err error
				if v, err = b.joined(txn, item.Key(), v); err != nil {
					return err
				}
			}
			visiting = true
			more = visit(item.Key(), v)
			visiting = false
			return nil
		})
		if err != nil || !more {
			return err
		}
	}
	return nil
}

// Commit makes writes durable against the end of the process, in one transaction.
func (b *Badger) Commit(ws []Write) (err error) {
	defer b.translate(&err)
	b.commit.Lock()
	defer b.commit.Unlock()
	txn := b.db.NewTransaction(true)
	defer txn.Discard()
	err = txn.SetEntry(&badger.Entry{Key: commitKey})
	var size int
	parts := map[string]int{} // as this transaction leaves them
	for i := 0; i < len(ws) && err == nil; i++ {
		size += len(ws[i].Key) + len(ws[i].Val)
		err = b.write(txn, ws[i], parts)
	}
	if errors.Is(err, badger.ErrTxnTooBig) {
		writes, bytes := b.Limits()
		return fmt.Errorf("store %s: a bug of ours: a transaction of %d writes and %d bytes, and one takes %d and %d", b.dir, len(ws), size, writes, bytes)
	}
	if err == nil {
		err = txn.Commit()
	}
	if err != nil {
		return fmt.Errorf("store %s: commit %d writes: %w", b.dir, len(ws), err)
	}
	for k, n := range parts {
		if b.parts[k] = n; n == 0 {
			delete(b.parts, k)
		}
	}
	b.mu.Lock()
	if b.view != nil {
		b.view.Discard()
		b.view = nil
	}
	b.mu.Unlock()
	return nil
}

func (b *Badger) write(txn *badger.Txn, w Write, parts map[string]int) error {
	if len(b.parts)+len(parts) > 0 || len(w.Val) > partSize {
		if split, err := b.writeParts(txn, w, parts); split || err != nil {
			return err
		}
	}
	if w.Delete {
		return txn.Delete(w.Key)
	}
	return txn.SetEntry(&badger.Entry{Key: w.Key, Value: w.Val})
}

// Limits are how many writes and bytes of keys and values one transaction surely
// takes.
func (b *Badger) Limits() (writes, bytes int) {
	writes = min(int(b.db.MaxBatchCount())/2, 4*MaxCells)
	return writes, int(b.db.MaxBatchSize()) - 16*writes // it counts 12 of its own for each
}

// version is that of the last transaction.
func (b *Badger) version() uint64 {
	txn := b.db.NewTransaction(false)
	defer txn.Discard()
	return txn.ReadTs()
}

// Sync makes everything committed durable against the loss of power. Badger's own
// syncs the log at hand and not those before it that are still being made tables.
func (b *Badger) Sync() (err error) {
	defer b.translate(&err)
	b.sync.Lock()
	defer b.sync.Unlock()
	v := b.version()
	files, err := os.ReadDir(b.dir)
	if err != nil {
		return err
	}
	for _, f := range files {
		if strings.HasSuffix(f.Name(), memSuffix) {
			// One that is gone has become a table, which was synced.
			if err := syncFile(filepath.Join(b.dir, f.Name())); err != nil && !errors.Is(err, os.ErrNotExist) {
				return fmt.Errorf("store %s: sync: %w", b.dir, err)
			}
		}
	}
	if err := syncFile(b.dir); err != nil {
		return fmt.Errorf("store %s: sync: %w", b.dir, err)
	}
	return b.mark.put(v)
}

func syncFile(path string) error {
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	defer f.Close()
	return f.Sync()
}

// Close makes what is committed tables, and closes the store.
func (b *Badger) Close() (err error) {
	defer b.translate(&err)
	b.commit.Lock()
	defer b.commit.Unlock()
	v := b.version()
	b.mu.Lock()
	if b.view != nil {
		b.view.Discard()
		b.view = nil
	}
	b.mu.Unlock()
	if err := b.db.Close(); err != nil {
		return fmt.Errorf("store %s: close: %w", b.dir, err)
	}
	if err := b.mark.put(v); err != nil {
		return err
	}
	return b.mark.close()
}

// Dir is where the store lies.
func (b *Badger) Dir() string { return b.dir }

// Size is how much the store takes on disk, in bytes, logs at their written size
// left out.
func (b *Badger) Size() int64 {
	lsm, _ := b.db.Size()
	return lsm
}

// quiet is Badger's logger: its notes are ours to debug with, and what it prints of
// keys and values stays out (I9).
type quiet struct{ log *slog.Logger }

func (q quiet) say(level slog.Level, format string, args []any) {
	if q.log == nil {
		return
	}
	for i := range args {
		if _, ok := args[i].([]byte); ok {
			args[i] = "(bytes)"
		}
	}
	text, _, _ := strings.Cut(strings.TrimSpace(fmt.Sprintf(format, args...)), "\n")
	q.log.Log(context.Background(), level, "badger: "+text)
}

// Errorf logs an error.
func (q quiet) Errorf(format string, args ...any) { q.say(slog.LevelError, format, args) }

// Warningf logs a warning.
func (q quiet) Warningf(format string, args ...any) { q.say(slog.LevelWarn, format, args) }

// Infof logs what Badger does, for us.
func (q quiet) Infof(format string, args ...any) { q.say(slog.LevelDebug, format, args) }

// Debugf drops what Badger does at each write.
func (quiet) Debugf(string, ...any) {}

// Values up to valueThreshold lie in the tables. Larger ones would lie in Badger's
// value log, whose errors at reading are logged and not returned, whose end is cut
// where it is damaged, and which may be younger than a pointer to it after the loss
// of power. So none is larger: a value beyond partSize lies in parts.
const (
	valueThreshold = 1 << 20
	partSize       = 512 << 10

	partKind  = 'v'
	metaParts = 1 // of an entry: its value is the number of parts and the length of all
)

// partKey is where a part of a key's value lies: v KEY NO(4).
func partKey(key []byte, no int) []byte {
	k := append(append(make([]byte, 0, len(key)+5), partKind), key...)
	return binary.BigEndian.AppendUint32(k, uint32(no))
}

// findParts reads which keys have parts: to write such a key is to write them, too.
func (b *Badger) findParts() error {
	return b.reading(func(txn *badger.Txn) error {
		it := txn.NewIterator(badger.IteratorOptions{Prefix: []byte{partKind}})
		defer it.Close()
		for it.Rewind(); it.Valid(); it.Next() {
			k := it.Item().Key()
			if len(k) < 5 {
				return damaged(b.dir, "", "a part of a value without a key")
			}
			key := string(k[1 : len(k)-4])
			b.parts[key] = max(b.parts[key], int(binary.BigEndian.Uint32(k[len(k)-4:]))+1)
		}
		return nil
	})
}

// writeParts writes a value in parts, or takes those of the value before away and
// leaves the write to the caller.
func (b *Badger) writeParts(txn *badger.Txn, w Write, parts map[string]int) (split bool, err error) {
	had, now := parts[string(w.Key)]
	if !now {
		had = b.parts[string(w.Key)]
	}
	n := 0
	if len(w.Val) > partSize && !w.Delete {
		for rest := w.Val; len(rest) > 0; n++ {
			size := min(len(rest), partSize)
			if err := txn.SetEntry(&badger.Entry{Key: partKey(w.Key, n), Value: rest[:size]}); err != nil {
				return true, err
			}
			rest = rest[size:]
		}
		head := binary.AppendUvarint(binary.AppendUvarint(nil, uint64(n)), uint64(len(w.Val)))
		if err := txn.SetEntry(&badger.Entry{Key: w.Key, Value: head, UserMeta: metaParts}); err != nil {
			return true, err
		}
	}
	for i := n; i < had; i++ {
		if err := txn.Delete(partKey(w.Key, i)); err != nil {
			return true, err
		}
	}
	if had > 0 || n > 0 {
		parts[string(w.Key)] = n
	}
	return n > 0, nil
}

// joined reads a value that lies in parts.
func (b *Badger) joined(txn *badger.Txn, key, head []byte) ([]byte, error) {
	n, i := binary.Uvarint(head)
	size, j := binary.Uvarint(head[max(i, 0):])
	if i <= 0 || j <= 0 || n > 1<<16 {
		return nil, damaged(b.dir, "", "the head of a value in parts is cut")
	}
	var out []byte
	for no := range int(n) {
		item, err := txn.Get(partKey(key, no))
		if err != nil {
			return nil, damaged(b.dir, "", "part %d of %d of a value: %v", no, n, err)
		}
		err = item.Value(func(v []byte) error { out = append(out, v...); return nil })
		if err != nil {
			return nil, b.unreadable(err)
		}
	}
	if uint64(len(out)) != size {
		return nil, damaged(b.dir, "", "a value of %d bytes has %d", size, len(out))
	}
	return out, nil
}
