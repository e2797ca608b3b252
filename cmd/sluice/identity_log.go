package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/spf13/cobra"

	"github.com/sluice-dev/sluice/runtime/event"
	"github.com/sluice-dev/sluice/runtime/identity"
	"github.com/sluice-dev/sluice/runtime/kafka"
	"github.com/sluice-dev/sluice/runtime/task"
)

// deciding are the options of commands that an operator writes to a group's log.
type deciding struct {
	stateOptions
	brokerOptions
	dryRun bool
	reason string
}

func (o *deciding) flags(c *cobra.Command) {
	o.stateOptions.flags(c)
	o.brokerOptions.flags(c.Flags(), embeddedBeside)
	c.Flags().BoolVar(&o.dryRun, "dry-run", false, "say what would happen, and write nothing; the program must be stopped")
	c.Flags().StringVar(&o.reason, "reason", "", "`text`: why, for whoever reads the log later")
}

// decide tries a command on the state, where it can be read, and writes it to the
// log of the group. try says in words what it does, or why it cannot be done.
func (o *deciding) decide(cmd *cobra.Command, p *people, c *identity.Command, try func(*looking) (string, error)) error {
	c.Space, c.Reason, c.At = p.space.Name, o.reason, micros(time.Now())
	words := cmd.ErrOrStderr()
	dir := o.directory(p)
	said := ""
	err := o.look(p, dir, func(l *looking) (err error) {
		said, err = try(l)
		return err
	})
	switch {
	case err == nil && o.dryRun:
		fmt.Fprintln(words, "dry run: nothing was written")
		_, err := fmt.Fprintln(cmd.OutOrStdout(), said)
		return err
	case err == nil:
	case o.dryRun, !errors.Is(err, errRuns) && !errors.Is(err, errNoDirectory):
		return err
	default:
		fmt.Fprintf(words, "%v; so nothing was looked at: a command that cannot be carried out is refused when the group reads it, and its log says why\n", err)
	}
	at, err := o.write(cmd, p, dir, c)
	if err != nil {
		return err
	}
	if said != "" {
		said += "\n"
	}
	_, err = fmt.Fprintf(cmd.OutOrStdout(), "%sposition %d of %s: the group runs it when it reads it\n", said, at, p.log())
	return err
}

// log is the own log of the space's group.
func (p *people) log() string { return kafka.OwnTopic(p.program.App, p.group.Name) }

// write appends a command to the group's own log.
func (o *deciding) write(cmd *cobra.Command, p *people, dir string, c *identity.Command) (int64, error) {
	env, err := newEnvironment(o.envFile)
	if err != nil {
		return 0, err
	}
	settings, err := resolve(p.program, env, o.brokers, o.program)
	if err != nil {
		return 0, err
	}
	cfg, ok := settings.Kafka["main"]
	if !ok {
		var end func()
		if cfg, end, err = beside(cmd, dir); err != nil {
			return 0, err
		}
		defer end()
	}
	cfg.Logger = newLogger(cmd.ErrOrStderr(), slog.LevelWarn)
	return o.append(cmd.Context(), p, cfg, c)
}

func (o *deciding) append(ctx context.Context, p *people, cfg kafka.Config, c *identity.Command) (int64, error) {
	admin, err := kafka.NewAdmin(cfg)
	if err != nil {
		return 0, runError(err)
	}
	defer admin.Close()
	if err := admin.Wait(ctx, o.wait); err != nil {
		return 0, runError(err)
	}
	// The group makes its log, and a state that begins reads it from its end: what is
	// written before is never run.
	topic := p.log()
	_, err = admin.Describe(ctx, topic)
	var missing *kafka.MissingTopicError
	if errors.As(err, &missing) {
		return 0, fail(exitUnreachable, fmt.Errorf("there is no log %s: the group makes it when it runs for the first time; until then nobody is known", topic))
	}
	if err != nil {
		return 0, runError(err)
	}
	producer, err := kafka.NewProducer(cfg, kafka.ProducerOptions{})
	if err != nil {
		return 0, runError(err)
	}
	defer producer.Close()
	ctx, cancel := context.WithTimeout(ctx, o.wait)
	defer cancel()
	res := producer.SendSync(ctx, kafka.Record{Topic: topic, Value: task.CommandNote(c), Timestamp: event.NoTime})
	if res.Class != kafka.Accepted {
		return 0, fail(exitUnreachable, fmt.Errorf("the command was not written to %s: %w; it may be there all the same: look at the people before it is written again", topic, res.Err))
	}
	return res.Offset, nil
}
