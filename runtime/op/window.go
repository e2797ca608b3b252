package op

import (
	"fmt"

	"github.com/sluice-dev/sluice/lang/ir"
)

func (c *compiler) window(p place, _ *ir.Window) error {
	return fmt.Errorf("%s: `window` is not there yet", p.node)
}
