package docs

import (
	"strings"

	"github.com/sluice-dev/sluice/lang/types"
	"github.com/sluice-dev/sluice/stdlib/segment"
)

// eventPages are Segment's semantic events with their properties.
func eventPages() (out []*Page) {
	for _, name := range segment.Events() {
		p := &Page{Kind: Event, Name: name, Section: "Segment's semantic events", Forms: []string{`emit track "` + name + `"`},
			Doc: "A semantic event of Segment's specification. These properties have a meaning there; a property of another name may stand beside them."}
		p.Fields = fieldsOf(segment.Reserved("track", name))
		out = append(out, p)
	}
	return out
}

// reservedBy lists what Segment's specification reserves in the traits or properties
// of a call, and in the context that `with` gives. Names in snake_case, which traits
// may have, too, are left out.
func reservedBy(word string) (out []Field) {
	call := strings.TrimPrefix(word, "emit ")
	if word == "with" {
		call = "context"
	} else if call == word {
		return nil
	}
	for _, f := range fieldsOf(segment.Reserved(call, "")) {
		if !strings.Contains(f.Name, "_") {
			out = append(out, f)
		}
	}
	return out
}

func fieldsOf(t *types.Type) (out []Field) {
	if t == nil {
		return nil
	}
	for i := range t.Fields {
		f := &t.Fields[i]
		out = append(out, Field{f.Name, types.NonNull(f.Type).String()})
	}
	return out
}

// typePages are the types that a script has without a declaration of its own.
func typePages() []*Page {
	p := &Page{Kind: Type, Name: "segment.Call", Section: "Types", Doc: "A call as Segment's SDKs send it and its webhooks pass it on; `match .type` tells them apart. Ids and the " +
		"messageId may be null. It is what `from segment` gives and `emit segment` passes on.", Examples: []Example{{Code: "from topic \"calls\" as segment.Call\nemit segment"}}}
	for _, m := range segment.Call().Members {
		p.Forms = append(p.Forms, m.String())
	}
	return []*Page{p}
}
