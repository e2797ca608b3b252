package state

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
)

// TestRows holds what is read in pieces against what stands there, with epochs in
// flight above the store and cells of other states around.
func TestRows(t *testing.T) {
	r := rand.New(rand.NewPCG(7, 7))
	store := NewMemory()
	c, err := Open(store, []Spec{{Number: 1}, {Number: 2}, {Number: 3}})
	if err != nil {
		t.Fatal(err)
	}
	want := map[string]string{}
	for epoch := range 12 {
		c.Begin()
		for i := range 600 {
			k := fmt.Sprint(r.IntN(3000))
			if r.IntN(4) == 0 || epoch == 9 && k < "2" {
				c.Delete(1, []byte(k))
				delete(want, k)
			} else {
				v := fmt.Sprint(epoch, i)
				c.Put(1, []byte(k), []byte(v))
				want[k] = v
			}
			c.Put(i%2*2, []byte(k), nil)
		}
		c.Done()
		n := c.Seal()
		if epoch%3 == 2 && epoch < 9 {
			if err := store.Commit(c.Batch(n)); err != nil {
				t.Fatal(err)
			}
			c.Persisted(n)
		}
		var keys []string
		pieces := 0
		for behind := []byte(nil); ; pieces++ {
			rows := c.Rows(1, behind)
			if len(rows) == 0 {
				break
			}
			for _, row := range rows {
				keys = append(keys, string(row.Key))
				if want[string(row.Key)] != string(row.Val) {
					t.Fatalf("%s is %q, want %q", row.Key, row.Val, want[string(row.Key)])
				}
			}
			behind = rows[len(rows)-1].Key
		}
		if len(keys) != len(want) || !slices.IsSorted(keys) || len(slices.Compact(keys)) != len(want) {
			t.Fatalf("epoch %d: %d keys, want %d", epoch, len(keys), len(want))
		}
		if epoch == 8 && pieces < 2 {
			t.Error("all came in one piece: the test shows nothing")
		}
	}
}

// TestRowsDeleted: where everything that a piece of the store holds was deleted since,
// what is behind it is found all the same.
func TestRowsDeleted(t *testing.T) {
	store := NewMemory()
	c, _ := Open(store, []Spec{{Number: 1}})
	c.Begin()
	for i := range 3*rowsRead + 5 {
		c.Put(0, fmt.Appendf(nil, "%06d", i), []byte("v"))
	}
	c.Done()
	n := c.Seal()
	if err := store.Commit(c.Batch(n)); err != nil {
		t.Fatal(err)
	}
	c.Persisted(n)
	c.Begin()
	for i := range 2*rowsRead + 7 {
		c.Delete(0, fmt.Appendf(nil, "%06d", i))
	}
	c.Done()
	rows := c.Rows(0, nil)
	if len(rows) == 0 || string(rows[0].Key) != fmt.Sprintf("%06d", 2*rowsRead+7) {
		t.Fatalf("%d rows", len(rows))
	}
}
