package state

import (
	"errors"
	"testing"
)

func TestLook(t *testing.T) {
	s := NewMemory()
	e, other := &Entry{Name: "identity people", Number: 7}, &Entry{Name: "table ltv", Number: 8}
	if err := s.Commit([]Write{
		{Key: append(stateKey('c', 7), "a"...), Val: []byte("1")}, {Key: append(stateKey('c', 7), "b"...), Val: []byte{}}, {Key: append(stateKey('c', 8), "c"...), Val: []byte("3")},
	}); err != nil {
		t.Fatal(err)
	}
	l := NewLook(s, e)
	if v, ok := l.Get([]byte("a")); !ok || string(v) != "1" {
		t.Errorf("a: %q, %v", v, ok)
	}
	if v, ok := l.Get([]byte("b")); !ok || len(v) != 0 {
		t.Errorf("an empty cell: %q, %v", v, ok)
	}
	if _, ok := l.Get([]byte("c")); ok {
		t.Error("a cell of another state")
	}
	l.Put([]byte("a"), []byte("2"))
	l.Put([]byte("d"), nil)
	l.Delete([]byte("b"))
	if v, ok := l.Get([]byte("a")); !ok || string(v) != "2" {
		t.Errorf("a: %q, %v", v, ok)
	}
	if _, ok := l.Get([]byte("d")); !ok {
		t.Error("an empty cell that was written is not there")
	}
	if _, ok := l.Get([]byte("b")); ok {
		t.Error("b is there and was deleted")
	}
	// Nothing of it comes to the store.
	seen := ""
	NewLook(s, e).Stored(func(key, val []byte) bool { seen += string(key) + "=" + string(val) + " "; return true })
	if seen != "a=1 b= " {
		t.Errorf("stored %q", seen)
	}
	if _, ok := NewLook(s, other).Get([]byte("c")); !ok || l.Err() != nil {
		t.Errorf("c of the other state; %v", l.Err())
	}
}

type brokenStore struct{ Store }

func (brokenStore) Get([]byte) ([]byte, bool, error) { return nil, false, errors.New("gone") }

func TestLookTellsOfErrors(t *testing.T) {
	l := NewLook(brokenStore{NewMemory()}, &Entry{Number: 1})
	if _, ok := l.Get([]byte("a")); ok || l.Err() == nil {
		t.Errorf("%v, %v", ok, l.Err())
	}
}
