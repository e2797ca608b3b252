package receiver

import (
	"encoding/json"
	"testing"
	"unicode/utf8"
)

// FuzzWalk: on valid JSON the walk finds what encoding/json finds; on
// anything it ends without a panic.
func FuzzWalk(f *testing.F) {
	for _, s := range []string{
		`{}`, `[]`, `{"a":1,"b":[1,2,{"c":"}\\\""}],"a":null}`, ` [ 1 , "x" , { } , [ ] ] `, `{"\u0061\"":"é"}`,
		`{"a"`, `{"a":`, `[1,`, `"\`, `{"":""}`, `[[[[`, `{,}`, "{\"a\":\"\\\\\"}",
	} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		gotM := map[string]string{}
		members(b, func(k, v []byte) bool { gotM[string(k)] = string(v); return true })
		var gotE []string
		elements(b, func(v []byte) bool { gotE = append(gotE, string(v)); return true })
		if !json.Valid(b) || !utf8.Valid(b) {
			return
		}
		var wantM map[string]json.RawMessage
		if trimSpace(b)[0] == '{' && json.Unmarshal(b, &wantM) == nil {
			for k, v := range wantM {
				if gotM[k] != string(v) {
					t.Errorf("member %q: %s, want %s", k, gotM[k], v)
				}
			}
			if len(gotM) != len(wantM) {
				t.Errorf("found %d members, want %d", len(gotM), len(wantM))
			}
		}
		var wantE []json.RawMessage
		if trimSpace(b)[0] == '[' && json.Unmarshal(b, &wantE) == nil {
			if len(gotE) != len(wantE) {
				t.Fatalf("found %d elements, want %d", len(gotE), len(wantE))
			}
			for i, v := range wantE {
				if gotE[i] != string(v) {
					t.Errorf("element %d: %s, want %s", i, gotE[i], v)
				}
			}
		}
	})
}
