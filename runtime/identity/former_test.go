package identity

import (
	"slices"
	"testing"
)

type formerCells map[string]string

func (c formerCells) Get(key []byte) ([]byte, bool) { v, ok := c[string(key)]; return []byte(v), ok }
func (c formerCells) Put(key, val []byte)           { c[string(key)] = string(val) }
func (c formerCells) Delete(key []byte)             { delete(c, string(key)) }

// Who became a person is known by id, through merges of merges, and told with who is
// forgotten: what bears one of the ids is about them.
func TestFormer(t *testing.T) {
	s, err := New(Config{Name: "people", Types: []Type{{Name: "user_id", Person: true}, {Name: "anonymous_id"}}, Secret: []byte("k")})
	if err != nil {
		t.Fatal(err)
	}
	c := formerCells{}
	var ids []string
	for _, d := range []string{"d0", "d1", "d2"} {
		ids = append(ids, s.Resolve(c, []Given{{1, d}}, 1).Person.ID)
	}
	if got := s.Former(c, ids[0]); got != nil {
		t.Errorf("nobody became them, and %v did", got)
	}
	for i := range 2 { // d2 becomes d1, and both d0
		if _, why := s.Merge(c, []Given{{1, "d" + string('1'-rune(i))}}, []Given{{1, "d" + string('2'-rune(i))}}, false, 2); why != "" {
			t.Fatal(why)
		}
	}
	want := []string{ids[1], ids[2]}
	slices.Sort(want)
	for _, by := range []string{ids[0], ids[2]} {
		got := s.Former(c, by)
		slices.Sort(got)
		if !slices.Equal(got, want) {
			t.Errorf("who became %s: %v, want %v", by, got, want)
		}
	}
	who, why := s.Forget(c, []Given{{-1, ids[1]}}, 3)
	if why != "" || who.ID != ids[0] {
		t.Fatalf("forgot %+v, %v", who, why)
	}
	slices.Sort(who.Former)
	if !slices.Equal(who.Former, want) {
		t.Errorf("told with who is forgotten: %v, want %v", who.Former, want)
	}
	if got := s.Former(c, ids[2]); got != nil {
		t.Errorf("a forgotten person is known: %v", got)
	}
}
