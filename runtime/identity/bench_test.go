package identity

import (
	"encoding/binary"
	"fmt"
	"testing"
)

// benchCells is cells that read without making anything, as those of the engine do.
type benchCells map[string][]byte

func (c benchCells) Get(key []byte) ([]byte, bool) { v, ok := c[string(key)]; return v, ok }
func (c benchCells) Put(key, val []byte)           { c[string(key)] = val }
func (c benchCells) Delete(key []byte)             { delete(c, string(key)) }

func benchIDs(n int) []Given {
	return []Given{
		{tUser, fmt.Sprintf("u_%07d", n)}, {tAnonymous, value(tAnonymous, n)}, {tIDFA, value(tIDFA, n)}, {tEmail, value(tEmail, n)},
	}
}

// BenchmarkResolve is what a record costs beside the cells' reads: most teach nothing.
func BenchmarkResolve(b *testing.B) {
	const people = 10_000
	fill := func(b *testing.B, ids func(n int) []Given) (*Space, benchCells) {
		s, c := newSpace(b, testConfig()), benchCells{}
		for n := range people {
			s.Resolve(c, ids(n), 0)
		}
		b.ReportAllocs()
		b.ResetTimer()
		return s, c
	}
	b.Run("nothing new", func(b *testing.B) {
		three := make([][]Given, people)
		for n := range three {
			three[n] = benchIDs(n)[:3]
		}
		s, c := fill(b, benchIDs)
		for i := range b.N {
			if r := s.Resolve(c, three[i%people], int64(i)%day); r.Kind != Nothing {
				b.Fatal(showResult(r))
			}
		}
	})
	b.Run("a new identifier", func(b *testing.B) {
		s, c := fill(b, func(n int) []Given { return benchIDs(n)[:1] })
		more := []Given{{tUser, ""}, {tIDFA, ""}}
		for i := range b.N {
			more[0].Value = benchIDs(i % people)[0].Value
			more[1].Value = value(tIDFA, i)
			if r := s.Resolve(c, more, 0); r.Kind != Linked && i < 900*people {
				b.Fatal(showResult(r))
			}
		}
	})
	b.Run("a new person", func(b *testing.B) {
		s, c := fill(b, benchIDs)
		for i := range b.N {
			if r := s.Resolve(c, benchIDs(people+i), 0); r.Kind != Known {
				b.Fatal(showResult(r))
			}
		}
	})
	b.Run("a merge", func(b *testing.B) {
		s, c := fill(b, func(int) []Given { return []Given{{tUser, "u"}} })
		for i := range b.N {
			b.StopTimer()
			ids := benchIDs(i)
			s.Resolve(c, ids[:1], 0)
			s.Resolve(c, ids[1:3], 0)
			b.StartTimer()
			if r := s.Resolve(c, ids[:2], 0); r.Kind != Merged {
				b.Fatal(showResult(r))
			}
		}
	})
}

// A person of four identifiers is small: five million of them are to fit into memory.
func TestSizeOfPeople(t *testing.T) {
	s, c := newSpace(t, testConfig()), benchCells{}
	const people = 1000
	for n := range people {
		s.Resolve(c, benchIDs(n), 1_760_000_000_000_000+int64(n)*1e6)
	}
	bytes, cells := 0, 0
	for k, v := range c {
		if k[0] == headKind || k[0] == countKind {
			continue
		}
		cells++
		bytes += len(k) + len(v) + len(binary.AppendUvarint(nil, uint64(len(v)))) + 1
	}
	t.Logf("%d cells, %d bytes a person", cells/people, bytes/people)
	if cells > 5*people || bytes > 240*people {
		t.Errorf("%d cells and %d bytes for %d people", cells, bytes, people)
	}
}
