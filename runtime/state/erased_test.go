package state

import (
	"errors"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestErased(t *testing.T) {
	s := NewMemory()
	x, y := NewErased([]string{"pid", "ann@example.com"}, 7), NewErased([]string{"other"}, 8)
	for range 2 { // a replay writes it again
		if err := s.Commit([]Write{x.Put(), y.Put()}); err != nil {
			t.Fatal(err)
		}
	}
	got, err := ReadErased(s)
	if err != nil || len(got) != 2 {
		t.Fatalf("read %v, %v", got, err)
	}
	for _, e := range got {
		want := x
		if e.At == 8 {
			want = y
		}
		if diff := cmp.Diff(want, e); diff != "" {
			t.Errorf("entry (-written +read):\n%s", diff)
		}
	}
	// Done: its keys go and its hashes stay, under the same key.
	x.Keys = nil
	if err := s.Commit([]Write{x.Put(), y.Remove()}); err != nil {
		t.Fatal(err)
	}
	got, err = ReadErased(s)
	if err != nil || len(got) != 1 || got[0].Keys != nil || got[0].Sums[1] != SumErased("ann@example.com") {
		t.Fatalf("read %+v, %v", got, err)
	}
	if err := s.Commit([]Write{{Key: x.key(), Val: []byte(`{"sums":["zz"]}`)}}); err != nil {
		t.Fatal(err)
	}
	if _, err := ReadErased(s); !errors.Is(err, ErrDamaged) {
		t.Errorf("error %v", err)
	}
}
