package golden

import (
	"fmt"
	"strings"

	"github.com/rogpeppe/go-internal/txtar"

	"github.com/sluice-dev/sluice/lang/value"
)

// Update gives the case's file with out, dead, dropped and, where it is there,
// tables after as they came. A row that was right stays as it is written, wildcards
// and names included; comments stay in front of the rows they stood before.
func (c *Case) Update(a *Actual) []byte {
	u := &updater{b: bindings{}, ids: map[string]string{}}
	ar := &txtar.Archive{Comment: c.archive.Comment}
	have := map[string]bool{}
	for _, f := range c.archive.Files {
		have[f.Name] = true
		switch f.Name {
		case "out":
			f.Data = u.rewrite(f.Data, c.Out, a.Out)
		case "dead":
			f.Data = u.rewrite(f.Data, c.Dead, a.Dead)
		case "dropped":
			f.Data = u.rewrite(f.Data, c.Dropped, a.Dropped)
		case "tables after":
			f.Data = u.rewrite(f.Data, c.TablesAfter, a.Tables)
		}
		ar.Files = append(ar.Files, f)
	}
	if !have["out"] && (len(a.Out) > 0 || c.Bare && len(a.Dead) == 0) {
		ar.Files = append(ar.Files, txtar.File{Name: "out", Data: u.rewrite(nil, nil, a.Out)})
	}
	if !have["dead"] && len(a.Dead) > 0 {
		ar.Files = append(ar.Files, txtar.File{Name: "dead", Data: u.rewrite(nil, nil, a.Dead)})
	}
	if c.Bare && len(a.Dropped) > 0 {
		ar.Files = append(ar.Files, txtar.File{Name: "dropped", Data: u.rewrite(nil, nil, a.Dropped)})
	}
	return txtar.Format(ar)
}

// updater rewrites the sections of one case.
type updater struct {
	b   bindings
	ids map[string]string // ids of ours → the names that stand for them
}

// text writes a row that was not there. An id of ours becomes a name: it is the
// same for ever for one record, and another when a line of input is put above it.
func (u *updater) text(o *value.Object) string {
	if id, ok := textField(o, "messageId"); ok && strings.HasPrefix(id, "sl1-") {
		name := u.ids[id]
		for n := len(u.ids) + 1; name == ""; n++ {
			if try := fmt.Sprintf("$m%d", n); u.b[try] == nil {
				name = try
			}
		}
		u.ids[id] = name
		u.b[name] = id
		o = o.Clone()
		o.Set("messageId", name)
	}
	if o.Has("identity") && o.Has("ids") { // their id says nothing that these do not
		o = o.Clone()
		o.Delete("id")
	}
	if to, _ := textField(o, "to"); strings.HasPrefix(to, "http ") {
		o = o.Clone()
		o.Delete("idempotency_key") // it is another when a line of input is put above it
	}
	return string(value.AppendJSON(nil, o))
}

func (u *updater) rewrite(old []byte, want []Row, got []ActualRow) []byte {
	// The text and the comments of each expected row, in order.
	type piece struct {
		above []string
		text  string
	}
	var pieces []piece
	var above []string
	for _, l := range lines(old) {
		if t := strings.TrimSpace(l); t == "" || strings.HasPrefix(t, "#") {
			above = append(above, l)
			continue
		}
		pieces = append(pieces, piece{above, l})
		above = nil
	}
	used := make([]bool, len(want))
	var out []string
	for _, g := range got {
		text := ""
		for i, w := range want {
			if used[i] || !sameTo(w.Obj, g.Obj) {
				continue
			}
			try := u.b.clone()
			if matches(w.Obj, g.as(w.Obj), try) {
				for k, v := range try {
					u.b[k] = v
				}
				used[i] = true
				out = append(out, pieces[i].above...)
				text = pieces[i].text
				break
			}
		}
		if text == "" {
			text = u.text(g.Obj)
		}
		out = append(out, text)
	}
	out = append(out, above...)
	if len(out) == 0 {
		return nil
	}
	return []byte(strings.Join(out, "\n") + "\n")
}
