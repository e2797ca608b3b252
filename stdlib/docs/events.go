package docs

import (
	"github.com/sluice-dev/sluice/lang/types"
	"github.com/sluice-dev/sluice/stdlib/segment"
)

// eventPages are Segment's semantic events with their properties.
func eventPages() (out []*Page) {
	for _, name := range segment.Events() {
		p := &Page{Kind: Event, Name: name, Section: "Segment's semantic events", Forms: []string{`emit track "` + name + `"`},
			Doc: "A semantic event of Segment's specification. These properties have a meaning there; a property of another name may stand beside them."}
		t := segment.Reserved("track", name)
		for i := range t.Fields {
			f := &t.Fields[i]
			p.Fields = append(p.Fields, Field{f.Name, types.NonNull(f.Type).String()})
		}
		out = append(out, p)
	}
	return out
}
