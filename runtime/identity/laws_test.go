package identity

import (
	"bytes"
	"fmt"
	"slices"
	"sort"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

// free is a space without limits in which nothing keeps devices apart.
func free(person bool) Config {
	cfg := testConfig()
	for i := range cfg.Types {
		cfg.Types[i].Limit, cfg.Types[i].Per, cfg.Types[i].Person = 0, 0, person
	}
	return cfg
}

// L1: without limits it does not matter in which order records come: people are the
// connected components of what records name together.
func TestOrderDoesNotMatter(t *testing.T) {
	w := world{values: [6]int{18, 18, 12, 18, 18, 6}} // 90 identifiers: no limit is near
	rapid.Check(t, func(t *rapid.T) {
		records := make([][]Given, max(20, *operations/100))
		for i := range records {
			// Few that join many, or soon there is one person.
			records[i] = w.given(t, "ids", rapid.SampledFrom([]int{1, 1, 1, 2, 3}).Draw(t, "most"))
		}
		if n := rapid.IntRange(1, len(records)).Draw(t, "records"); n < 60 || rapid.Bool().Draw(t, "all") {
			records = records[:n]
		}
		want := components(records)
		person := rapid.Bool().Draw(t, "person")
		for range 2 {
			order := rapid.Permutation(records).Draw(t, "order")
			s, c := newSpaceOf(t, free(person)), newMemory()
			for i, ids := range order {
				if r := s.Resolve(c, ids, int64(i)*tick); len(r.Rejected) > 0 {
					t.Fatalf("%v: rejected %v", ids, r.Rejected)
				}
			}
			if got := parts(s, c, records); got != want {
				t.Fatalf("people are\n%s\nwant\n%s", got, want)
			}
		}
	})
}

func newSpaceOf(t *rapid.T, cfg Config) *Space {
	s, err := New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// components are the connected components of records, by the usual algorithm.
func components(records [][]Given) string {
	root := map[Given]Given{}
	var find func(g Given) Given
	find = func(g Given) Given {
		if r, ok := root[g]; ok && r != g {
			return find(r)
		}
		return g
	}
	for _, ids := range records {
		for _, g := range ids {
			if _, ok := root[g]; !ok {
				root[g] = g
			}
			root[find(g)] = find(ids[0])
		}
	}
	sets := map[Given][]string{}
	for g := range root {
		sets[find(g)] = append(sets[find(g)], fmt.Sprint(g))
	}
	var out []string
	for _, s := range sets {
		sort.Strings(s)
		out = append(out, strings.Join(s, " "))
	}
	sort.Strings(out)
	return strings.Join(out, "\n")
}

// parts are the people whom identifiers of records name.
func parts(s *Space, c Cells, records [][]Given) string {
	sets := map[string][]string{}
	seen := map[Given]bool{}
	for _, ids := range records {
		for _, g := range ids {
			if p, _ := s.Find(c, []Given{g}); p != nil && !seen[g] {
				seen[g] = true
				sets[p.ID] = append(sets[p.ID], fmt.Sprint(g))
			}
		}
	}
	var out []string
	for _, s := range sets {
		sort.Strings(s)
		out = append(out, strings.Join(s, " "))
	}
	sort.Strings(out)
	return strings.Join(out, "\n")
}

// L3: a record that comes again teaches nothing, and writes nothing.
func TestAgainIsNothing(t *testing.T) {
	w := everything
	w.most = maxPersons // of more, the rest joins when the record comes again
	rapid.Check(t, func(t *rapid.T) {
		s, c := newSpaceOf(t, testConfig()), newMemory()
		for _, o := range w.log(t) {
			done(s, c, o)
			if o.do != "resolve" {
				continue
			}
			// What one record changes may let others of it in, where they stood after it.
			first := s.Resolve(c, o.ids, o.at)
			want, rejected := showPerson(first.Person), showRejected(first.Rejected)
			was, writes := c.String(), c.writes
			again := s.Resolve(c, o.ids, o.at)
			if again.Kind != Nothing || showPerson(again.Person) != want || showRejected(again.Rejected) != rejected {
				t.Fatalf("%v again: %s, want %s %s", o, showResult(again), want, rejected)
			}
			if c.writes != writes {
				t.Fatalf("%v again wrote\n%s\nwas\n%s", o, c, was)
			}
		}
	})
}

// L4: a replay of a log, with other commands between and a start in the middle, gives the
// same bytes and tells the same.
func TestReplay(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		log := everything.log(t)
		start := rapid.IntRange(0, len(log)).Draw(t, "start")
		s, c := newSpaceOf(t, testConfig()), newMemory()
		again, c2 := newSpaceOf(t, testConfig()), newMemory()
		for i, o := range log {
			want := done(s, c, o)
			if i == start {
				again = newSpaceOf(t, testConfig())
			}
			// Reads between change nothing.
			again.Find(c2, o.ids)
			again.Person(c2, strings.Repeat("0", 36))
			if got := done(again, c2, o); got != want {
				t.Fatalf("%v told %s, and told %s before", o, got, want)
			}
		}
		if a, b := c.String(), c2.String(); a != b {
			t.Fatalf("the cells differ:\n%s\n%s", a, b)
		}
	})
}

// A record that failed is undone; what the space keeps beside the cells must not show.
func TestUndone(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s, c := newSpaceOf(t, testConfig()), newMemory()
		plain, c2 := newSpaceOf(t, testConfig()), newMemory()
		for _, o := range everything.log(t) {
			if rapid.IntRange(0, 2).Draw(t, "undone") == 0 {
				x := everything.draw(t, 0)
				was := c.String()
				before := map[string]string{}
				for k, v := range c.cells {
					before[k] = v
				}
				done(s, c, x)
				c.cells = before
				if c.String() != was {
					t.Fatal("not undone")
				}
			}
			if got, want := done(s, c, o), done(plain, c2, o); got != want {
				t.Fatalf("%v told %s, want %s", o, got, want)
			}
		}
		if a, b := c.String(), c2.String(); a != b {
			t.Fatalf("the cells differ:\n%s\n%s", a, b)
		}
	})
}

// L5: what a record linked is found, and is of the person that it gave.
func TestLinkedIsFound(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s, c := newSpaceOf(t, testConfig()), newMemory()
		for _, o := range everything.log(t) {
			if o.do != "resolve" {
				done(s, c, o)
				continue
			}
			r := s.Resolve(c, o.ids, o.at)
			if r.Person == nil {
				continue
			}
			id := r.Person.ID
			linked := slices.DeleteFunc(slices.Clone(o.ids), func(g Given) bool {
				return slices.ContainsFunc(r.Rejected, func(x Rejected) bool { return x.Given == g })
			})
			for i := range linked {
				if p, ambiguous := s.Find(c, linked[i:]); p == nil || p.ID != id || ambiguous {
					t.Fatalf("%v gave %s; by %v %s %v is found", o, id, linked[i:], showPerson(p), ambiguous)
				}
			}
		}
	})
}

// everyone reads all people out of the cells.
func everyone(t *rapid.T, s *Space, c *memory) (out []Person) {
	for k, v := range c.cells {
		pid, ok := PersonKey([]byte(k), []byte(v))
		if !ok {
			continue
		}
		p, ok := s.Person(c, pid)
		if !ok {
			t.Fatalf("the cell of %s leads nowhere", pid)
		}
		if p.ID != pid { // they became another
			continue
		}
		q := *p
		q.IDs, q.Shared = slices.Clone(p.IDs), slices.Clone(p.Shared)
		out = append(out, q)
	}
	return out
}

// L6: every identifier has one owner: the person who has it, and nobody else.
// L7: nobody has two user ids, unless an operator forced it. And no other limit is passed.
func TestOneOwnerOneUser(t *testing.T) {
	w := everything
	w.does = slices.DeleteFunc(slices.Clone(w.does), func(s string) bool { return s == "force" })
	rapid.Check(t, func(t *rapid.T) {
		cfg := testConfig()
		s, c := newSpaceOf(t, cfg), newMemory()
		log := w.log(t)
		for i, o := range log {
			done(s, c, o)
			if i%16 != 0 && i < len(log)-1 {
				continue
			}
			owner := map[Given]string{}
			for _, p := range everyone(t, s, c) {
				counts := make([]int, len(cfg.Types))
				for _, id := range p.IDs {
					g := Given{id.Type, id.Value}
					if other := owner[g]; other != "" {
						t.Fatalf("%v is of %s and of %s", g, other, p.ID)
					}
					owner[g] = p.ID
					counts[g.Type]++
				}
				for typ, n := range counts {
					if l := cfg.Types[typ]; l.Limit > 0 && l.Per == 0 && n > l.Limit {
						t.Fatalf("%s has %d of %s: %s", p.ID, n, l.Name, showPerson(&p))
					}
				}
			}
			nodes := 0
			for k, v := range c.cells {
				var n node
				if k[0] != nodeKind {
					continue
				}
				if !n.decode([]byte(v)) {
					t.Fatalf("a cell is damaged: %q", v)
				}
				if !n.shared {
					nodes++
				}
			}
			if nodes != len(owner) {
				t.Fatalf("%d identifiers have a cell, and people have %d", nodes, len(owner))
			}
			s.begin(c)
			for g, pid := range owner {
				key := s.node(cfg.Types[g.Type].Name, g.Value)
				val, _ := c.Get(key[:])
				var n node
				n.decode(val)
				r := s.live(c, n.owner)
				u := r.uuid()
				if got := string(appendUUID(nil, u[:], lowerDigits)); got != pid {
					t.Fatalf("the cell of %v leads to %s, and %s has it", g, got, pid)
				}
			}
		}
	})
}

// L8: of who is forgotten no byte of an identifier stays, plain or packed, and nothing
// leads to them. A record of before the request does not bring them back; a later one
// begins another person.
func TestForgottenIsGone(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s, c := newSpaceOf(t, testConfig()), newMemory()
		ids := map[string]bool{} // of forgotten people
		for i, o := range everything.log(t) {
			if o.do != "forget" {
				if got := done(s, c, o); containsAny(got, ids) {
					t.Fatalf("%v: who was forgotten is back: %s", o, got)
				}
				if i%8 != 0 {
					continue
				}
				// One more is forgotten.
				o = op{do: "forget", ids: everything.given(t, "forgotten", 1), at: int64(i) * tick}
			}
			p, _ := s.Forget(c, o.ids, o.at)
			if p == nil {
				continue
			}
			ids[p.ID] = true
			for _, f := range p.Former {
				ids[f] = true
			}
			all := c.String()
			for _, id := range append(p.IDs, p.Shared...) {
				_, packed := pack(nil, id.Value)
				for k, v := range c.cells {
					if k == string(headKey) {
						continue // an operator's pattern is an operator's
					}
					if strings.Contains(k+v, id.Value) || strings.Contains(strings.ToLower(k+v), strings.ToLower(id.Value)) || bytes.Contains([]byte(k+v), packed) {
						t.Fatalf("%s stays in %q %q", id.Value, k, v)
					}
				}
				if q, _ := s.Find(c, []Given{{id.Type, id.Value}}); q != nil {
					t.Fatalf("%s leads to %s", id.Value, showPerson(q))
				}
			}
			for pid := range ids {
				if q, ok := s.Person(c, pid); ok {
					t.Fatalf("%s is %s", pid, showPerson(q))
				}
			}
			if o.at == noTime {
				continue
			}
			for _, id := range p.IDs {
				r := s.Resolve(c, []Given{{id.Type, id.Value}}, o.at-1)
				if r.Person != nil || len(r.Rejected) != 1 || r.Rejected[0].Reason != WasErased && r.Rejected[0].Reason != Blocked {
					t.Fatalf("a record of before the request: %s", showResult(r))
				}
			}
			if c.String() != all {
				t.Fatal("a record of before the request left something")
			}
		}
	})
}

func containsAny(text string, ids map[string]bool) bool {
	for id := range ids {
		if strings.Contains(text, id) {
			return true
		}
	}
	return false
}
