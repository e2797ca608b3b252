package types

import "strings"

// Signature prints a function as functions.md does:
// `round(x: number, digits: int = 0) -> number`.
func Signature(f *Func) string {
	if f.Sign != "" {
		return f.Sign
	}
	var b strings.Builder
	b.WriteString(f.Name + "(")
	for i := range f.Params {
		p := &f.Params[i]
		if i > 0 {
			b.WriteString(", ")
		}
		b.WriteString(p.Name + ": ")
		if p.Type == nil {
			b.WriteString("T")
		} else {
			b.WriteString(p.Type.Brief())
		}
		if i == 0 && f.TakesNull && (p.Type == nil || !MayBeNull(p.Type)) {
			b.WriteString("?")
		}
		if p.HasDef {
			b.WriteString(" = " + quoteDefault(p.Default))
		}
		if p.Rest {
			b.WriteString(", …")
		}
	}
	b.WriteString(")")
	if f.Result != nil {
		b.WriteString(" -> " + f.Result.Brief())
	}
	if f.Fails {
		b.WriteString("!")
	}
	return b.String()
}
