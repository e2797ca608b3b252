package lookup

import (
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/sluice-dev/sluice/lang/ir"
)

// CheckFile reads the file of a table of the program in dir, and tells what is wrong
// with it as an *Error: what `check` and a start want to know before anything runs.
func CheckFile(dir string, t *ir.Table) error {
	b, err := load(dir, t)
	if err != nil {
		return err
	}
	_, err = parse(b, t)
	return err
}

// LoadFiles reads the files of all tables that come from one, of the program in dir.
// It loads what it can and gives the *Errors of the others, joined.
func (s *Set) LoadFiles(dir string) error {
	var errs []error
	for _, t := range s.list {
		if t.Decl.Load.File == "" {
			continue
		}
		if _, err := t.reload(dir, time.Time{}); err != nil {
			errs = append(errs, err)
		}
	}
	return errors.Join(errs...)
}

// errBusy is a file that is just being written.
var errBusy = errors.New("the file is being written")

// reload reads the table's file where it is another than the one read last. It tells
// whether anything is another now; an error leaves the rows as they were. A file that
// was changed less than settle before now is errBusy; the zero time reads it anyway.
func (t *Table) reload(dir string, now time.Time) (changed bool, err error) {
	before, _ := os.Stat(path(dir, t.Decl))
	if before != nil && !now.IsZero() {
		if age := now.Sub(before.ModTime()); age >= 0 && age < settle {
			return false, errBusy
		}
	}
	b, err := load(dir, t.Decl)
	if after, _ := os.Stat(path(dir, t.Decl)); !now.IsZero() && before != nil && after != nil &&
		(after.Size() != before.Size() || !after.ModTime().Equal(before.ModTime())) {
		return false, errBusy // begun while we read
	}
	var fresh *rows
	if err == nil {
		hash := sha256.Sum256(b)
		t.mu.Lock()
		same := hash == t.hash && t.hash != [32]byte{}
		t.hash = hash
		t.mu.Unlock()
		if same {
			return false, nil
		}
		fresh, err = parse(b, t.Decl)
	} else {
		t.mu.Lock()
		t.hash = [32]byte{}
		t.mu.Unlock()
	}
	if err != nil {
		return t.update(func(s *Status) {
			s.Problem = err.Error()
			if s.Loaded {
				s.Problem += "; the version loaded before stays in use"
			}
		}), err
	}
	t.publish(fresh)
	t.update(func(s *Status) { s.Problem = "" })
	return true, nil
}

// maxFile bounds the file itself; its rows are bounded by maxBytes.
const maxFile = 512 << 20

func load(dir string, t *ir.Table) ([]byte, error) {
	name := path(dir, t)
	info, err := os.Stat(name)
	if err == nil && info.Size() > maxFile {
		return nil, &Error{File: t.Load.File, Why: fmt.Sprintf("is larger than %d MiB", maxFile>>20), Help: tooLarge}
	}
	var b []byte
	if err == nil {
		b, err = os.ReadFile(name)
	}
	if err != nil {
		e := &Error{File: t.Load.File, Why: "cannot be read: " + cause(err), Err: err}
		if errors.Is(err, fs.ErrNotExist) {
			e.Why, e.Help = "there is no such file", "its name is relative to the program's directory"
		}
		return nil, e
	}
	return b, nil
}

// path is where the table's file is.
func path(dir string, t *ir.Table) string {
	name := filepath.FromSlash(t.Load.File)
	if filepath.IsAbs(name) {
		return name
	}
	return filepath.Join(dir, name)
}

// cause is an error of the system without the path, which is said beside it.
func cause(err error) string {
	var p *fs.PathError
	if errors.As(err, &p) {
		return p.Err.Error()
	}
	return err.Error()
}

// parse gives the rows that a file's bytes hold.
func parse(b []byte, t *ir.Table) (*rows, error) {
	in := io.Reader(bytes.NewReader(b))
	if strings.HasSuffix(strings.ToLower(t.Load.File), ".gz") {
		z, err := gzip.NewReader(in)
		if err != nil {
			return nil, &Error{File: t.Load.File, Why: "is not compressed with gzip", Help: "leave .gz off its name, or compress it", Err: err}
		}
		in = z
	}
	r, err := read(in, t)
	var e *Error
	if err != nil && !errors.As(err, &e) {
		// The bytes are at hand, so only the decompression fails.
		err = &Error{File: t.Load.File, Why: "the compressed data is damaged or cut: " + err.Error(), Help: "compress it again", Err: err}
	}
	if err != nil {
		return nil, err
	}
	r.whole = true
	return r, nil
}
