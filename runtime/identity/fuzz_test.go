package identity

import (
	"encoding/json"
	"fmt"
	"reflect"
	"testing"
)

// FuzzDecode: no cell breaks the decoder, and what it reads comes back from what it writes.
func FuzzDecode(f *testing.F) {
	s, c := newSpace(f, testConfig()), newMemory()
	for i := range 40 {
		ids := []Given{{i % 6, value(i%6, i%5)}, {(i * 5) % 6, value((i*5)%6, i%4)}}
		done(s, c, op{do: []string{"resolve", "resolve", "resolve", "merge", "unlink", "split", "forget", "block"}[i%8], ids: ids, from: ids[1:], at: int64(i) * tick, force: true})
	}
	for k, v := range c.cells {
		f.Add([]byte(k), []byte(v))
	}
	f.Fuzz(func(t *testing.T, key, val []byte) {
		PersonKey(key, val)
		var n, n2 node
		if n.decode(val) && (!n2.decode(n.encode()) || !reflect.DeepEqual(n, n2) && len(n.users)+len(n2.users) > 0) {
			t.Errorf("node %+v comes back as %+v", n, n2)
		}
		var r, r2 record
		types := []int{2, 1, 0, -1, 3, 4, 5, 0, 1, 2}
		if r.decode(half{1}, val, types) {
			if !r2.decode(half{1}, r.encode(), types) || fmt.Sprint(r) != fmt.Sprint(r2) {
				t.Errorf("person %+v comes back as %+v", r, r2)
			}
			s := newSpace(t, testConfig())
			s.view(&r, &Person{})
		}
		h := newSpace(t, testConfig())
		if h.readHead(val) && len(val) > 0 {
			h2, c := newSpace(t, testConfig()), newMemory()
			h.writeHead(c)
			if h2.begin(c); fmt.Sprint(h.head.names, h.head.gone, len(h.head.blocks)) != fmt.Sprint(h2.head.names, h2.head.gone, len(h2.head.blocks)) {
				t.Errorf("head %+v comes back as %+v", h.head, h2.head)
			}
		}
	})
}

// FuzzCommands: no command, as the log holds it, breaks a space; what it does is the same
// when it is done again on a copy.
func FuzzCommands(f *testing.F) {
	for _, c := range []Command{
		{Do: "merge", IDs: []NamedID{{"user_id", "u1"}}, From: []NamedID{{"email", "e@x.io"}}, Force: true, At: 5},
		{Do: "unlink", IDs: []NamedID{{"anonymous_id", "a"}}}, {Do: "split", IDs: []NamedID{{"email", "e@x.io"}, {"anonymous_id", "a"}}},
		{Do: "forget", IDs: []NamedID{{"id", "00000000-0000-0000-0000-000000000000"}, {"user_id", "u1"}}, At: -1 << 63},
		{Do: "block", Pattern: "^x", IDs: []NamedID{{Type: "email"}}}, {Do: "resolve", IDs: []NamedID{{"idfa", "a"}}, At: 1<<63 - 1},
	} {
		b, _ := json.Marshal(c)
		f.Add(b, b)
	}
	f.Fuzz(func(t *testing.T, first, second []byte) {
		s, c := newSpace(t, testConfig()), newMemory()
		again, c2 := newSpace(t, testConfig()), newMemory()
		for _, b := range [][]byte{
			[]byte(`{"do":"resolve","ids":[{"type":"user_id","value":"u1"},{"type":"anonymous_id","value":"a"}],"at":1}`),
			[]byte(`{"do":"resolve","ids":[{"type":"email","value":"e@x.io"},{"type":"idfa","value":"A1B2C3D4-0000-4000-8000-00000000000A"}],"at":2}`),
			first, second, first,
		} {
			var cmd Command
			if json.Unmarshal(b, &cmd) != nil {
				return
			}
			a, b := carryOut(s, c, cmd), carryOut(again, c2, cmd)
			if a != b || c.String() != c2.String() {
				t.Fatalf("%s and %s", a, b)
			}
		}
	})
}

// carryOut does what a command says, as the engine does.
func carryOut(s *Space, c Cells, cmd Command) string {
	given := func(named []NamedID, own bool) (out []Given) {
		for _, n := range named {
			if typ := s.Type(n.Type); typ >= 0 || own {
				out = append(out, Given{typ, n.Value})
			}
		}
		return out
	}
	o := op{do: cmd.Do, ids: given(cmd.IDs, true), from: given(cmd.From, true), at: cmd.At, force: cmd.Force}
	switch cmd.Do {
	case "resolve":
		o.ids = given(cmd.IDs, false)
	case "block":
		typ := -1
		if len(o.ids) > 0 {
			typ = o.ids[0].Type
		}
		return fmt.Sprint(s.Block(c, typ, cmd.Pattern))
	case "merge", "split", "forget":
	case "unlink":
		if len(o.ids) == 0 {
			return "none"
		}
	default:
		return "no command"
	}
	return done(s, c, o)
}
