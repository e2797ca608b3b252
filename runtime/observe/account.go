package observe

import (
	"fmt"
	"io"
	"slices"
	"strings"
	"text/tabwriter"

	"github.com/sluice-dev/sluice/runtime/task"
)

// WriteAccount prints the account as a table: a line a route, below it a line an
// emit, and why records were dropped.
func WriteAccount(w io.Writer, r *task.Report) error {
	tw := tabwriter.NewWriter(w, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(tw, "route\tin\tcompleted\tdropped\tdead\tin flight\t")
	for _, rt := range r.Routes {
		dropped := uint64(0)
		for _, n := range rt.Dropped {
			dropped += n
		}
		fmt.Fprintf(tw, "%s\t%d\t%d\t%d\t%d\t%d\t\n", rt.Route, rt.In, rt.Completed, dropped, rt.Dead, rt.InFlight)
	}
	if err := tw.Flush(); err != nil {
		return err
	}
	fmt.Fprintln(w)
	fmt.Fprintln(tw, "emit\tto\temitted\taccepted\tdead\theld\tin flight\t")
	for _, rt := range r.Routes {
		for _, e := range rt.Emits {
			fmt.Fprintf(tw, "%s: %s\t%s\t%d\t%d\t%d\t%d\t%d\t\n", rt.Route, e.ID, e.To, e.Emitted, e.Accepted, e.Dead, e.Held, e.InFlight)
		}
	}
	if err := tw.Flush(); err != nil {
		return err
	}
	for _, rt := range r.Routes {
		if len(rt.Dropped) == 0 {
			continue
		}
		var why []string
		for reason, n := range rt.Dropped {
			why = append(why, fmt.Sprintf("%s %d", reason, n))
		}
		slices.Sort(why)
		fmt.Fprintf(w, "%s dropped: %s\n", rt.Route, strings.Join(why, ", "))
	}
	return nil
}
