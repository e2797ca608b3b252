package golden_test

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/sluice-dev/sluice/runtime/golden"
)

const peopled = `app "a"
identity people { user_id, email, anonymous_id }
table money: number = 0 keyed by people merge sum
table pages: int = 0 keyed by string
audience rich on money { enter: it >= 10, leave: it < 5 }

route pay
from topic "t" as { user_id: string?, email: string?, anonymous_id: string?, paid: number = 0 }
resolve people as p? { user_id: .user_id, email: .email, anonymous_id: .anonymous_id }
require p != null else "nobody"
when .paid != 0 { update money[p] = it + .paid }
emit log "paid" { id: p.id, money: money[p], rich: rich[p] }

route look
from topic "l" as { user_id: string? }
find people as p { user_id: .user_id }
emit log "look" { found: p != null }
`

// People stand before and after, and rows are found by any of their identifiers.
func TestPeople(t *testing.T) {
	p := load(t, map[string]string{"p.route": peopled})
	const before = `-- tables --
{"identity":"people","ids":{"user_id":"ann","email":["a@x.io","B@x.io"]},"at":"2025-12-01T00:00:00Z"}
{"identity":"people","ids":{"anonymous_id":"a1"}}
{"table":"money","key":[{"email":"b@x.io"}],"row":7}
{"table":"rich","key":[{"user_id":"ann"}],"row":true}
`
	const in = `-- in --
{"topic":"t","value":{"user_id":"ann","anonymous_id":"a1","paid":1}}
{"topic":"t","value":{"email":"c@x.io","paid":2}}
`
	const out = `-- out --
{"to":"log","route":"pay","name":"paid","fields":{"id":"$ann","money":8,"rich":true}}
{"to":"log","route":"pay","name":"paid","fields":{"id":"$c","money":2,"rich":false}}
`
	const after = `-- tables after --
{"identity":"people","ids":{"email":"c@x.io"},"id":"$c"}
{"identity":"people","ids":{"anonymous_id":"a1","email":["b@x.io","a@x.io"],"user_id":"ann"},"id":"$ann"}
{"table":"money","key":["$c"],"row":2}
{"table":"money","key":[{"email":"a@x.io","anonymous_id":"a1"}],"row":8}
{"table":"rich","key":[{"user_id":"ann"}],"row":true}
`
	with := func(old, new string) string { return strings.Replace(before+in+out+after, old, new, 1) }
	tests := []struct{ name, text, want string }{
		{"as it came", before + in + out + after, "ok    shop/c  2 in = 2 out\n"},
		{"at least these", with(`"ids":{"anonymous_id":"a1","email":["b@x.io","a@x.io"],"user_id":"ann"}`, `"ids":{"email":"b@x.io","...":true}`), "ok    shop/c  2 in = 2 out\n"},
		{"any person", with(`"ids":{"anonymous_id":"a1","email":["b@x.io","a@x.io"],"user_id":"ann"},"id":"$ann"`, `"...":true`), "ok    shop/c  2 in = 2 out\n"},
		{"an identifier too few", with(`["b@x.io","a@x.io"]`, `"b@x.io"`), `FAIL  shop/c  2 in = 2 out shop.test/c.txtar:14
      in 1 completed in pay: 1 out
      in 2 completed in pay: 1 out
      tables after[1].ids.email  want "b@x.io"  got ["b@x.io","a@x.io"]
      rerun: R      accept: A
`},
		{"a person too few", with(`{"identity":"people","ids":{"email":"c@x.io"},"id":"$c"}`+"\n", ""), `FAIL  shop/c  2 in = 2 out shop.test/c.txtar
      in 1 completed in pay: 1 out
      in 2 completed in pay: 1 out
      tables after  want <absent>  got {"identity":"people","ids":{"email":"c@x.io"},"id":"2065cba4-199c-5484-b719-94b7c16bc8d9"}
      rerun: R      accept: A
`},
		{"another's row", with(`"key":["$c"]`, `"key":[{"email":"c@x.io","user_id":"cat"}]`), `FAIL  shop/c  2 in = 2 out shop.test/c.txtar:15
      in 1 completed in pay: 1 out
      in 2 completed in pay: 1 out
      tables after[2].key[0].user_id  want "cat"  got <absent>
      rerun: R      accept: A
`},
		{"no such space", with(`{"identity":"people","ids":{"anonymous_id":"a1"}}`, `{"identity":"folk","ids":{"anonymous_id":"a1"}}`), "ERROR shop/c  shop.test/c.txtar:3: the program declares no identity folk: there is people\n"},
		{"no such identifier", with(`{"anonymous_id":"a1"}}`, `{"phone":"1"}}`), "ERROR shop/c  shop.test/c.txtar:3: identity people has no identifier phone: there are user_id, email, anonymous_id\n"},
		{"an identifier of two", with(`{"anonymous_id":"a1"}}`, `{"email":"a@x.io"}}`), "ERROR shop/c  shop.test/c.txtar:3: another has one of these identifiers already\n"},
		{"an identifier that means nobody", with(`{"anonymous_id":"a1"}}`, `{"email":"a1"}}`), "ERROR shop/c  shop.test/c.txtar:3: email \"a1\" cannot be linked: no form\n"},
		{"a row of nobody", with(`"key":[{"email":"b@x.io"}]`, `"key":[{"email":"z@x.io"}]`), "ERROR shop/c  shop.test/c.txtar:4: nobody has the identifiers of its key: write {\"identity\":\"people\",\"ids\":{…}}, too\n"},
		{"a row of two", with(`"key":[{"email":"b@x.io"}]`, `"key":[{"email":"b@x.io","anonymous_id":"a1"}]`), "ERROR shop/c  shop.test/c.txtar:4: several people have the identifiers of its key\n"},
		{"a key that is no person", with(`"key":[{"email":"b@x.io"}]`, `"key":["ann"]`), "ERROR shop/c  shop.test/c.txtar:4: table money is keyed by people: its key is a list of an object of identifiers, like [{\"user_id\":\"…\"}]\n"},
		{"no member", with(`"key":[{"user_id":"ann"}],"row":true`, `"key":[{"user_id":"ann"}],"row":false`), "ERROR shop/c  shop.test/c.txtar:5: row of audience rich: it is true, who is no member has none\n"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if d := cmp.Diff(tt.want, steady(report(t, p, tt.text, golden.Options{}))); d != "" {
				t.Errorf("report (-want +got):\n%s", d)
			}
		})
	}
	t.Run("update", func(t *testing.T) {
		c, err := golden.Parse("c", []byte(before+in+"-- tables after --\n# mine\n{\"table\":\"money\",\"key\":[{\"anonymous_id\":\"a1\"}],\"row\":8}\n"))
		if err != nil {
			t.Fatal(err)
		}
		_, a := golden.Run(p.Plan, c, golden.Options{})
		want := before + in + `-- tables after --
{"identity":"people","ids":{"user_id":"ann","email":["a@x.io","b@x.io"],"anonymous_id":"a1"}}
{"identity":"people","ids":{"email":"c@x.io"}}
`
		got := string(c.Update(a))
		if !strings.HasPrefix(got, want) || !strings.Contains(got, "# mine\n{\"table\":\"money\",\"key\":[{\"anonymous_id\":\"a1\"}],\"row\":8}\n") ||
			!strings.Contains(got, `{"table":"money","key":[{"email":"c@x.io"}],"row":2,"at":"2026-01-01T00:00:00.000Z"}`) {
			t.Errorf("file:\n%s", got)
		}
		c, err = golden.Parse("c", c.Update(a))
		if err != nil {
			t.Fatal(err)
		}
		if v, _ := golden.Run(p.Plan, c, golden.Options{}); len(v.Diffs) > 2 { // but for the ids in the log lines
			t.Errorf("what was written is not what comes: %v", v.Diffs)
		}
	})
}

// A row of a person that cannot be read says what it should be.
func TestPeopleUnread(t *testing.T) {
	const in = "-- in --\n{\"topic\":\"t\",\"value\":1}\n"
	for _, tt := range []struct{ text, want string }{
		{"-- tables --\n{\"identity\":1,\"ids\":{\"a\":\"b\"}}\n" + in, `c.txtar:2: a person needs the name of their space: {"identity":"NAME","ids":{…}}`},
		{"-- tables --\n{\"identity\":\"p\"}\n" + in, "c.txtar:2: a person needs their ids"},
		{"-- tables --\n{\"identity\":\"p\",\"ids\":{}}\n" + in, `c.txtar:2: ids are an object: {"user_id":"u1","email":["a@x.io","b@x.io"]}`},
		{"-- tables --\n{\"identity\":\"p\",\"ids\":{\"a\":\"b\"},\"id\":\"x\"}\n" + in, `c.txtar:2: a person has no field "id"`},
		{in + "-- tables after --\n{\"identity\":\"p\",\"ids\":{\"a\":\"b\"},\"at\":\"2026-01-01T00:00:00Z\"}\n", `c.txtar:4: a person has no field "at"`},
		{in + "-- tables after --\n{\"identity\":\"p\",\"ids\":{\"a\":\"b\"},\"id\":7}\n", "c.txtar:4: id is a text"},
	} {
		if _, err := golden.Parse("c", []byte(tt.text)); err == nil || err.Error() != tt.want {
			t.Errorf("%q: %v, want %s", tt.text, err, tt.want)
		}
	}
}

// `as p?` and `find` have two ways, too.
func TestCoverageOfPeople(t *testing.T) {
	p := load(t, map[string]string{"p.route": peopled})
	cover := golden.NewCoverage(p.Plan)
	report(t, p, `-- in --
{"topic":"t","value":{"user_id":"ann","paid":1}}
{"topic":"l","value":{"user_id":"ann"}}
-- out --
`, golden.Options{Cover: cover})
	missed := func() string {
		j := &golden.JSONCover{}
		j.Add(cover, "dir")
		var b strings.Builder
		j.WriteText(&b)
		return b.String()
	}
	want := `cover 62.5% (5/8 branches)
      dir/p.route:9  never without a person: resolve people as p? { user_id: .user_id, email: .email, anonymous_id: .anonymous_id }
      dir/p.route:11  never false: when .paid != 0
      dir/p.route:16  never finds nobody: find people as p { user_id: .user_id }
`
	if d := cmp.Diff(want, missed()); d != "" {
		t.Errorf("coverage (-want +got):\n%s", d)
	}
	report(t, p, `-- in --
{"topic":"t","value":{"user_id":"null"}}
{"topic":"t","value":{"user_id":"ann"}}
{"topic":"l","value":{"user_id":"ben"}}
-- out --
`, golden.Options{Cover: cover})
	if got := missed(); got != "cover 100.0% (8/8 branches)\n" {
		t.Errorf("coverage: %s", got)
	}
}

// TestAwkward holds the table of spec/identity.md against the cases that there are.
func TestAwkward(t *testing.T) {
	text, err := os.ReadFile("../../spec/identity.md")
	if err != nil {
		t.Fatal(err)
	}
	told := map[string]bool{}
	for _, m := range regexp.MustCompile(`(?m)^\| \[[^\]]+\]\((cases/golden/identity/tests/\w+\.txtar)\)`).FindAllStringSubmatch(string(text), -1) {
		told[m[1]] = true
	}
	files, err := filepath.Glob("../../spec/cases/golden/identity/tests/*.txtar")
	if err != nil || len(files) != 20 || len(told) != 20 {
		t.Fatalf("%d cases, %d of them told: there are twenty (%v)", len(files), len(told), err)
	}
	for _, f := range files {
		if rel := strings.TrimPrefix(filepath.ToSlash(f), "../../spec/"); !told[rel] {
			t.Errorf("spec/identity.md does not tell %s", rel)
		}
	}
}
