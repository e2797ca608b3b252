package check

import (
	"github.com/sluice-dev/sluice/lang/diag"
	"github.com/sluice-dev/sluice/lang/syntax"
	"github.com/sluice-dev/sluice/lang/types"
)

// schema gives the type of `type X = schema "file.json"`.
func (c *checker) schema(d *syntax.TypeDecl) *types.Type {
	at, name := d.Schema.Span(), d.Schema.Value
	if c.file == nil {
		c.errorf(diag.BadSchema, at, "%q cannot be read: the script has no folder", name)
		return bad
	}
	data, err := c.file(name)
	if err != nil {
		c.errorf(diag.BadSchema, at, "%q cannot be read: %s", name, err)
		return bad
	}
	t, open, err := c.env.Schema(data)
	if err != nil {
		c.errorf(diag.BadSchema, at, "%q: %s", name, err)
		return bad
	}
	if len(open) > 0 {
		c.errorf(diag.OpenSchema, at, "%q has rules that a type cannot say", name).WithLabel("%s", few(open)).
			WithHelp("what matters is said in the route: `require .total >= 0 else \"…\"`")
	}
	return t
}
