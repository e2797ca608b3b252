package main

import (
	"errors"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"github.com/sluice-dev/sluice/runtime/engine"
	"github.com/sluice-dev/sluice/runtime/identity"
)

// command is one that an operator decides: of gives what is to be written to the log, and
// how it is tried on the state before.
func (o *deciding) command(c *cobra.Command, of func(p *people, args []string) (*identity.Command, attempt, error)) *cobra.Command {
	c.RunE = func(cmd *cobra.Command, args []string) error {
		p, err := o.people(cmd, args[0], o.envFile)
		if err != nil {
			return err
		}
		what, try, err := of(p, args[1:])
		if err != nil {
			return err
		}
		return o.decide(cmd, p, what, try)
	}
	o.flags(c)
	return c
}

// attempt carries a command out on a state that nothing is written to, and says what it
// does.
type attempt func(l *looking) (string, error)

func identityMergeCmd() *cobra.Command {
	var force bool
	c := new(deciding).command(&cobra.Command{
		Use:   "merge SPACE INTO FROM",
		Short: "Make two people one",
		Long: "Merge makes the person FROM a part of the person INTO, who keeps their id: identifiers, rows of tables keyed by the space and audiences move as in a merge that records cause, and the id of FROM leads to INTO from then on. " +
			"It cannot be taken back. Two people who both have a user id are merged with --force only.",
		Args: cobra.ExactArgs(3),
	}, func(p *people, args []string) (*identity.Command, attempt, error) {
		ids, err := p.allNamed(args)
		if err != nil {
			return nil, nil, err
		}
		if ids[0] == ids[1] {
			return nil, nil, fail(exitProblems, errors.New("INTO and FROM are the same: nobody is merged with themselves"))
		}
		c := &identity.Command{Do: "merge", IDs: ids[:1], From: ids[1:], Force: force}
		return c, func(l *looking) (string, error) { return l.merge(c) }, nil
	})
	c.Flags().BoolVar(&force, "force", false, "merge two people who both have a user id, too")
	return c
}

func (l *looking) merge(c *identity.Command) (string, error) {
	into, err := l.find(c.IDs)
	if err != nil {
		return "", err
	}
	from, err := l.find(c.From)
	if err != nil {
		return "", err
	}
	if into.ID == from.ID {
		return "", fail(exitProblems, fmt.Errorf("both are the person %s already; `sluice identity show %s id=%s` lists who became them", into.ID, l.space.Name, into.ID))
	}
	r, why := l.ids.Merge(l.cells, l.given(c.IDs), l.given(c.From), c.Force, c.At)
	if why != "" || r.Person == nil {
		return "", l.refused(why)
	}
	return fmt.Sprintf("%s, with %s, becomes %s, with %s", from.ID, count(len(from.IDs), "identifier"), into.ID, count(len(into.IDs), "identifier")), nil
}

func identityUnlinkCmd() *cobra.Command {
	return new(deciding).command(&cobra.Command{
		Use:   "unlink SPACE TYPE=VALUE",
		Short: "Take an identifier from a person",
		Long:  "Unlink takes an identifier from the person who has it. It is not linked to that person again; the next record that names it finds or makes another one. What the person's rows hold stays with them.",
		Args:  cobra.ExactArgs(2),
	}, func(p *people, args []string) (*identity.Command, attempt, error) {
		ids, err := p.identifiers("unlink", args)
		c := &identity.Command{Do: "unlink", IDs: ids}
		return c, func(l *looking) (string, error) {
			who, err := l.find(ids)
			if err != nil {
				return "", err
			}
			if _, why := l.ids.Unlink(l.cells, l.given(ids)[0], c.At); why != "" {
				return "", l.refused(why)
			}
			return fmt.Sprintf("%s loses 1 of %s", who.ID, count(len(who.IDs), "identifier")), nil
		}, err
	})
}

func identitySplitCmd() *cobra.Command {
	return new(deciding).command(&cobra.Command{
		Use:   "split SPACE TYPE=VALUE...",
		Short: "Make some identifiers of a person another person",
		Long:  "Split takes identifiers from the one person who has them all, and makes them a person of their own. Rows stay where they are: which of them belong to the other person nobody knows.",
		Args:  cobra.MinimumNArgs(2),
	}, func(p *people, args []string) (*identity.Command, attempt, error) {
		ids, err := p.identifiers("split", args)
		c := &identity.Command{Do: "split", IDs: ids}
		return c, func(l *looking) (string, error) {
			who, err := l.find(ids)
			if err != nil {
				return "", err
			}
			if len(ids) >= len(who.IDs) {
				return "", l.refused(identity.NotApart)
			}
			_, made, why := l.ids.Split(l.cells, l.given(ids), c.At)
			if why != "" || made == nil {
				return "", l.refused(why)
			}
			return fmt.Sprintf("%s loses %d of %s to a person of their own, %s", who.ID, len(ids), count(len(who.IDs), "identifier"), made.ID), nil
		}, err
	})
}

// identifiers reads names that are identifiers, no id of a person.
func (p *people) identifiers(verb string, args []string) ([]identity.NamedID, error) {
	ids, err := p.allNamed(args)
	if err != nil {
		return nil, err
	}
	seen := map[identity.NamedID]bool{}
	for i, id := range ids {
		if id.Type == ownID {
			return nil, fail(exitUsage, fmt.Errorf("%s takes identifiers, and %s is a person's own id: name what they are known by", verb, args[i]))
		}
		if seen[id] {
			return nil, fail(exitUsage, fmt.Errorf("%s stands twice", quoted(args[i])))
		}
		seen[id] = true
	}
	return ids, nil
}

// anyType stands for identifiers of every type.
const anyType = "any"

func identityBlockCmd() *cobra.Command {
	return new(deciding).command(&cobra.Command{
		Use:   "block SPACE TYPE PATTERN",
		Short: "Let values of an identifier name nobody",
		Long:  "Block lets values that a pattern (RE2) matches, anywhere in them unless ^ and $ stand in it, name nobody from here on: identifiers of one TYPE, or of `any`. Whoever is known by one stays who they are; see unlink.",
		Args:  cobra.ExactArgs(3),
	}, func(p *people, args []string) (*identity.Command, attempt, error) {
		typ, values := -1, args[1]
		c := &identity.Command{Do: "block", Pattern: values}
		if args[0] != anyType {
			var err error
			if typ, err = p.typ(args[0]); err != nil {
				return nil, nil, err
			}
			c.IDs = []identity.NamedID{{Type: args[0]}}
		}
		return c, func(l *looking) (string, error) {
			if l.cells != nil {
				if err := l.ids.Block(l.cells, typ, values); err != nil {
					return "", fail(exitUsage, err)
				}
			}
			return "what " + quoted(values) + " matches will name nobody", nil
		}, pattern(values)
	})
}

func identityForgetCmd() *cobra.Command {
	c := new(deciding).command(&cobra.Command{
		Use:   "forget SPACE TYPE=VALUE...",
		Short: "Erase a person",
		Long:  "Forget erases the one person whom the identifiers name: who they are, their rows, and what the groups of the program remember under their identifiers. It prints what goes when. It cannot be taken back.\n\n" + strings.TrimSpace(engine.ForgetReport),
		Args:  cobra.MinimumNArgs(2),
	}, func(p *people, args []string) (*identity.Command, attempt, error) {
		ids, err := p.allNamed(args)
		if err != nil {
			return nil, nil, err
		}
		if p.secret == "" {
			return nil, nil, fail(exitUsage, fmt.Errorf("forget keeps a keyed hash of each identifier, so that older records do not bring the person back: set the secret %s, here and where the program runs", privacyKey))
		}
		c := &identity.Command{Do: "forget", IDs: ids}
		return c, func(l *looking) (string, error) { return l.forget(c) }, nil
	})
	decide := c.RunE
	c.RunE = func(cmd *cobra.Command, args []string) error {
		if err := decide(cmd, args); err != nil {
			return err
		}
		_, err := fmt.Fprint(cmd.OutOrStdout(), "\n"+engine.ForgetReport)
		return err
	}
	return c
}

func (l *looking) forget(c *identity.Command) (string, error) {
	who, err := l.find(c.IDs)
	var nobody *nobodyError
	if errors.As(err, &nobody) && nobody.id.Type != ownID {
		// What failed has linked nothing, and stands in letters.
		return nobody.Error() + ": what is remembered under it, and letters of records that gave it, are erased", nil
	}
	if err != nil {
		return "", err
	}
	rows, err := l.rows(who.ID)
	if err != nil {
		return "", err
	}
	n := 0
	for _, r := range rows {
		if !r.audience {
			n++
		}
	}
	if _, why := l.ids.Forget(l.cells, l.given(c.IDs), c.At); why != "" {
		return "", l.refused(why)
	}
	return fmt.Sprintf("%s is forgotten: %s, %s", who.ID, count(len(who.IDs), "identifier"), count(n, "row")), nil
}

// refused says why a command cannot be carried out, and what to do.
func (l *looking) refused(why identity.Reason) error {
	say := "nobody is known by what it names"
	switch why {
	case "":
	case identity.OtherUser:
		say = "both have a user id, and two users are not merged: if they are one person, say --force"
	case identity.TooMany:
		say = "a person has at most 1,000 identifiers and 100 merges: unlink what is not theirs first"
	case identity.OverLimit:
		say = "together they would have more identifiers of one type than a person may"
	case identity.SamePerson:
		say = "they are one person already"
	case identity.NotApart:
		say = "the person has no other identifiers: nobody would be left of them"
	case identity.Ambiguous:
		say = "it is not clear who is meant: name identifiers of one person"
	default:
		say = string(why)
	}
	return fail(exitProblems, errors.New(say))
}
