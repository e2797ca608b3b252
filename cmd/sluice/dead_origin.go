package main

import (
	"context"
	"errors"

	"github.com/sluice-dev/sluice/runtime/kafka"
)

// A letter that could not hold its value stands for it by reference: the record is read
// where it stood, as long as it does.

// fill reads the values that letters do not hold. Of one that is nowhere any more it is
// noted why.
func (d *deadTopics) fill(ctx context.Context, ls []*dead) error {
	for _, l := range ls {
		if !l.ByReference {
			continue
		}
		l.away = l.Elsewhere()
		if l.away != "" {
			continue
		}
		c, cancel := context.WithTimeout(ctx, d.o.wait)
		rec, err := kafka.RecordAt(c, d.config[l.conn], d.admins[l.conn], l.Topic, l.Origin)
		cancel()
		var gone *kafka.GoneError
		var missing *kafka.MissingTopicError
		switch {
		case errors.As(err, &gone), errors.As(err, &missing):
			l.away = "the value was too large for the dead topic, so the letter does not hold it, and " + err.Error()
		case err != nil:
			return runError(err)
		default:
			l.headers = l.Fill(&rec)
		}
	}
	return nil
}
