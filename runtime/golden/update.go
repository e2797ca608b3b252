package golden

import (
	"strings"

	"github.com/rogpeppe/go-internal/txtar"

	"github.com/sluice-dev/sluice/lang/value"
)

// Update gives the case's file with out, dead and dropped as they came. A row
// that was right stays as it is written, wildcards and names included; comments
// stay in front of the rows they stood before.
func (c *Case) Update(a *Actual) []byte {
	b := bindings{}
	ar := &txtar.Archive{Comment: c.archive.Comment}
	have := map[string]bool{}
	for _, f := range c.archive.Files {
		have[f.Name] = true
		switch f.Name {
		case "out":
			f.Data = rewrite(f.Data, c.Out, a.Out, b)
		case "dead":
			f.Data = rewrite(f.Data, c.Dead, a.Dead, b)
		case "dropped":
			f.Data = rewrite(f.Data, c.Dropped, a.Dropped, b)
		}
		ar.Files = append(ar.Files, f)
	}
	if !have["out"] && len(a.Out) > 0 {
		ar.Files = append(ar.Files, txtar.File{Name: "out", Data: rewrite(nil, nil, a.Out, b)})
	}
	if !have["dead"] && len(a.Dead) > 0 {
		ar.Files = append(ar.Files, txtar.File{Name: "dead", Data: rewrite(nil, nil, a.Dead, b)})
	}
	return txtar.Format(ar)
}

func rewrite(old []byte, want []Row, got []ActualRow, b bindings) []byte {
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
		text := string(value.AppendJSON(nil, g.Obj))
		for i, w := range want {
			if used[i] || !sameTo(w.Obj, g.Obj) {
				continue
			}
			try := b.clone()
			if matches(w.Obj, g.Obj, try) {
				for k, v := range try {
					b[k] = v
				}
				used[i] = true
				out = append(out, pieces[i].above...)
				text = pieces[i].text
				break
			}
		}
		out = append(out, text)
	}
	out = append(out, above...)
	if len(out) == 0 {
		return nil
	}
	return []byte(strings.Join(out, "\n") + "\n")
}
