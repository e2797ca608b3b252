package engine

import (
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
)

// stateFormat is the version of the state directory; a newer one is refused.
const stateFormat = "1"

// StateError is a state directory that cannot be used.
type StateError struct {
	Dir string
	Msg string
}

// Error says which directory and what to do.
func (e *StateError) Error() string { return fmt.Sprintf("state directory %s: %s", e.Dir, e.Msg) }

// ErrInUse is a state directory that another process has locked, to be asked for with
// errors.Is.
var ErrInUse = errors.New("another process uses it: stop that one, or give this one its own with --state")

// Is tells whether it is ErrInUse.
func (e *StateError) Is(target error) bool { return target == ErrInUse && e.Msg == ErrInUse.Error() }

// StateDir is a locked state directory: who this process is for the brokers. Its
// id is the group instance id, so a process that comes back on the same directory
// takes its partitions over at once, and a second one beside it is kept out.
type StateDir struct {
	Dir  string
	ID   string
	lock *os.File
}

// OpenState makes the directory if it is new and locks it.
func OpenState(dir string) (*StateDir, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, &StateError{dir, err.Error()}
	}
	lock, err := os.OpenFile(filepath.Join(dir, "lock"), os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, &StateError{dir, err.Error()}
	}
	s := &StateDir{Dir: dir, lock: lock}
	// The lock goes with the process, also with one that is killed.
	if err := syscall.Flock(int(lock.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
		lock.Close()
		return nil, &StateError{dir, ErrInUse.Error()}
	}
	if err := s.load(); err != nil {
		s.Close()
		return nil, err
	}
	return s, nil
}

// AdoptState makes a state directory of an id where there is none yet: the store
// that is put into it was another's, and takes over from it.
func AdoptState(dir, id string) error {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return &StateError{dir, err.Error()}
	}
	if id == "" {
		return nil
	}
	_, err := (&StateDir{Dir: dir}).file("id", func() string { return id })
	return err
}

func (s *StateDir) load() error {
	format, err := s.file("format", func() string { return stateFormat })
	if err != nil {
		return err
	}
	if format != stateFormat {
		return &StateError{s.Dir, fmt.Sprintf("it has format %s and this version of Sluice writes %s: use the version that made it, or another directory", format, stateFormat)}
	}
	s.ID, err = s.file("id", func() string {
		b := make([]byte, 8)
		_, _ = rand.Read(b) // never fails
		return "sluice-" + hex.EncodeToString(b)
	})
	return err
}

// file reads a one-line file, or makes it.
func (s *StateDir) file(name string, make func() string) (string, error) {
	path := filepath.Join(s.Dir, name)
	b, err := os.ReadFile(path)
	if err == nil && strings.TrimSpace(string(b)) != "" {
		return strings.TrimSpace(string(b)), nil
	}
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		return "", &StateError{s.Dir, err.Error()}
	}
	text := make()
	// Written aside and renamed: a crash leaves the whole file or none.
	if err := os.WriteFile(path+".new", []byte(text+"\n"), 0o600); err != nil {
		return "", &StateError{s.Dir, err.Error()}
	}
	if err := os.Rename(path+".new", path); err != nil {
		return "", &StateError{s.Dir, err.Error()}
	}
	return text, nil
}

// Store is where the program's store lies.
func (s *StateDir) Store() string { return filepath.Join(s.Dir, "store") }

// Close unlocks the directory.
func (s *StateDir) Close() { s.lock.Close() }
