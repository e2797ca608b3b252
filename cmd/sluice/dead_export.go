package main

import (
	"encoding/base64"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/sluice-dev/sluice/lang/value"
	"github.com/sluice-dev/sluice/runtime/event"
	"github.com/sluice-dev/sluice/runtime/letter"
)

func deadExportCmd() *cobra.Command {
	var o deadOptions
	c := o.command(&cobra.Command{
		Use:   "export [DIR]",
		Short: "Print letters as lines of JSON",
		Long: "Export prints the event of each letter as a line that can stand in the section -- in -- of a golden case. Without --values it shows the shape of values: letters are x and digits 9. " +
			"A letter that holds an output, a record that Sluice made itself, or no value, is no input; how many there were is said.",
	}, func(cmd *cobra.Command, _ *deadTopics, ls []*dead) error {
		left := map[string]int{}
		for _, l := range ls {
			row, why := o.row(l)
			if why != "" {
				left[why]++
				continue
			}
			if _, err := fmt.Fprintf(cmd.OutOrStdout(), "%s\n", value.AppendJSON(nil, row)); err != nil {
				return err
			}
		}
		for _, why := range []string{isOutput, isMade, isAway, isNowhere} {
			if n := left[why]; n > 0 {
				fmt.Fprintf(cmd.ErrOrStderr(), "%s left out: %s\n", count(n, "letter"), why)
			}
		}
		return nil
	})
	o.valuesFlag(c)
	return c
}

// Why a letter is no line of an input.
const (
	isOutput  = "an output that was refused is no input"
	isMade    = "a record that Sluice made itself is no input"
	isAway    = "the value was too large for the dead topic, and is not where the record stood"
	isNowhere = "the letter was written by a version of Sluice that did not say of which topic the event was"
)

// row is a letter as a line of `-- in --`.
func (o *deadOptions) row(l *dead) (row *value.Object, why string) {
	switch {
	case l.Class == letter.Delivery:
		return nil, isOutput
	case l.Made != nil:
		return nil, isMade
	case l.ByReference:
		return nil, isAway
	case l.Topic == "":
		return nil, isNowhere
	}
	v, bad := value.DecodeJSON(l.Value)
	if l.Value == nil {
		bad = nil
	}
	if l.route != nil && l.route.Source.Hook != nil && bad == nil {
		if req, ok := v.(*value.Object); ok && l.route.Source.Hook.Segment == "sdk" {
			return o.call(req), ""
		} else if ok {
			return o.request(req), ""
		}
	}
	row = value.NewObject()
	row.Put("topic", l.Topic)
	if l.Key != nil {
		row.Put("key", o.text(l.Key))
	}
	switch {
	case bad != nil && o.values:
		row.Put("value_base64", base64.StdEncoding.EncodeToString(l.Value))
	case bad != nil:
		row.Put("value_base64", base64.StdEncoding.EncodeToString([]byte(o.broken(l.Value))))
	case o.values:
		row.Put("value", v)
	default:
		row.Put("value", maskValue(v))
	}
	if len(l.Headers) > 0 {
		hs := value.NewObject()
		for _, h := range l.Headers {
			hs.Put(h.Key, o.text(h.Value))
		}
		row.Put("headers", hs)
	}
	if l.Time == event.NoTime {
		row.Put("timestamp", nil)
	} else {
		row.Put("timestamp", millis(l.Time))
	}
	return row, ""
}

// call is a call of an SDK as it was logged, as a batch of one.
func (o *deadOptions) call(req *value.Object) *value.Object {
	row := value.NewObject()
	path, _ := req.Get("path")
	row.Put("segment", fmt.Sprint(path, "/batch"))
	if key, ok := req.Get("write_key"); ok {
		row.Put("write_key", o.text(fmt.Append(nil, key)))
	}
	v, _ := req.Get("json")
	if !o.values {
		masked := maskValue(v)
		if c, ok := v.(*value.Object); ok {
			if kind, there := c.Get("type"); there {
				masked.(*value.Object).Set("type", kind) // it says nothing of anybody
			}
		}
		v = masked
	}
	row.Put("json", value.NewObject(value.Field{Key: "batch", Value: value.List{v}}))
	return row
}

// request is a request as it was logged, which is a line of an input but for the name of
// its path.
func (o *deadOptions) request(req *value.Object) *value.Object {
	row := value.NewObject()
	path, _ := req.Get("path")
	row.Put("webhook", path)
	for i := range req.Len() {
		f := req.At(i)
		switch f.Key {
		case "path", "remote_ip", "element", "write_key":
		case "method":
			row.Put(f.Key, f.Value)
		case "body_base64":
			b, _ := f.Value.(string)
			if raw, err := base64.StdEncoding.DecodeString(b); err == nil && !o.values {
				b = base64.StdEncoding.EncodeToString([]byte(o.text(raw)))
			}
			row.Put(f.Key, b)
		default:
			v := f.Value
			if !o.values {
				v = maskValue(v)
			}
			row.Put(f.Key, v)
		}
	}
	return row
}
