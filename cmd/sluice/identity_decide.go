package main

import (
	"errors"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"github.com/sluice-dev/sluice/runtime/engine"
	"github.com/sluice-dev/sluice/runtime/identity"
)

func identityMergeCmd() *cobra.Command {
	var o deciding
	var force bool
	c := &cobra.Command{
		Use:   "merge SPACE INTO FROM",
		Short: "Make two people one",
		Long: "Merge makes the person FROM a part of the person INTO, who keeps their id: identifiers, rows of tables keyed by the space and audiences move as in a merge that records cause, and the id of FROM leads to INTO from then on. " +
			"It cannot be taken back. Two people who both have a user id are merged with --force only.",
		Args: cobra.ExactArgs(3),
		RunE: func(cmd *cobra.Command, args []string) error {
			p, err := o.people(cmd, args[0], o.envFile)
			if err != nil {
				return err
			}
			ids, err := p.allNamed(args[1:])
			if err != nil {
				return err
			}
			into, from := ids[:1], ids[1:]
			if into[0] == from[0] {
				return fail(exitProblems, errors.New("INTO and FROM are the same: nobody is merged with themselves"))
			}
			c := &identity.Command{Do: "merge", IDs: into, From: from, Force: force}
			return o.decide(cmd, p, c, func(l *looking) (string, error) { return l.merge(c) })
		},
	}
	o.flags(c)
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
		return "", l.refused(why, "")
	}
	return fmt.Sprintf("%s, with %s, becomes %s, with %s", from.ID, count(len(from.IDs), "identifier"), into.ID, count(len(into.IDs), "identifier")), nil
}

func identityUnlinkCmd() *cobra.Command {
	var o deciding
	c := &cobra.Command{
		Use:   "unlink SPACE TYPE=VALUE",
		Short: "Take an identifier from a person",
		Long:  "Unlink takes an identifier from the person who has it. It is not linked to that person again; the next record that names it finds or makes another one. What the person's rows hold stays with them.",
		Args:  cobra.ExactArgs(2),
		RunE: func(cmd *cobra.Command, args []string) error {
			p, err := o.people(cmd, args[0], o.envFile)
			if err != nil {
				return err
			}
			ids, err := p.identifiers("unlink", args[1:])
			if err != nil {
				return err
			}
			c := &identity.Command{Do: "unlink", IDs: ids}
			return o.decide(cmd, p, c, func(l *looking) (string, error) {
				who, err := l.find(ids)
				if err != nil {
					return "", err
				}
				if _, why := l.ids.Unlink(l.cells, l.given(ids)[0], c.At); why != "" {
					return "", l.refused(why, "")
				}
				return fmt.Sprintf("%s loses 1 of %s", who.ID, count(len(who.IDs), "identifier")), nil
			})
		},
	}
	o.flags(c)
	return c
}

func identitySplitCmd() *cobra.Command {
	var o deciding
	c := &cobra.Command{
		Use:   "split SPACE TYPE=VALUE...",
		Short: "Make some identifiers of a person another person",
		Long:  "Split takes identifiers from the one person who has them all, and makes them a person of their own. Rows stay where they are: which of them belong to the other person nobody knows.",
		Args:  cobra.MinimumNArgs(2),
		RunE: func(cmd *cobra.Command, args []string) error {
			p, err := o.people(cmd, args[0], o.envFile)
			if err != nil {
				return err
			}
			ids, err := p.identifiers("split", args[1:])
			if err != nil {
				return err
			}
			c := &identity.Command{Do: "split", IDs: ids}
			return o.decide(cmd, p, c, func(l *looking) (string, error) {
				who, err := l.find(ids)
				if err != nil {
					return "", err
				}
				if len(ids) >= len(who.IDs) {
					return "", fail(exitProblems, fmt.Errorf("the person has no other identifiers: nobody would be left of them"))
				}
				_, made, why := l.ids.Split(l.cells, l.given(ids), c.At)
				if why != "" || made == nil {
					return "", l.refused(why, "")
				}
				return fmt.Sprintf("%s loses %d of %s to a person of their own, %s", who.ID, len(ids), count(len(who.IDs), "identifier"), made.ID), nil
			})
		},
	}
	o.flags(c)
	return c
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
	var o deciding
	c := &cobra.Command{
		Use:   "block SPACE TYPE PATTERN",
		Short: "Let values of an identifier name nobody",
		Long:  "Block lets values that a pattern (RE2) matches, anywhere in them unless ^ and $ stand in it, name nobody from here on: identifiers of one TYPE, or of `any`. Whoever is known by one stays who they are; see unlink.",
		Args:  cobra.ExactArgs(3),
		RunE: func(cmd *cobra.Command, args []string) error {
			p, err := o.people(cmd, args[0], o.envFile)
			if err != nil {
				return err
			}
			typ := -1
			c := &identity.Command{Do: "block", Pattern: args[2]}
			if args[1] != anyType {
				if typ, err = p.typ(args[1]); err != nil {
					return err
				}
				c.IDs = []identity.NamedID{{Type: args[1]}}
			}
			if err := pattern(args[2]); err != nil {
				return err
			}
			return o.decide(cmd, p, c, func(l *looking) (string, error) {
				if l.cells != nil {
					if err := l.ids.Block(l.cells, typ, args[2]); err != nil {
						return "", fail(exitUsage, err)
					}
				}
				return "what " + quoted(args[2]) + " matches will name nobody", nil
			})
		},
	}
	o.flags(c)
	return c
}

func identityForgetCmd() *cobra.Command {
	var o deciding
	c := &cobra.Command{
		Use:   "forget SPACE TYPE=VALUE...",
		Short: "Erase a person",
		Long:  "Forget erases the one person whom the identifiers name: who they are, their rows, and what the groups of the program remember under their identifiers. It prints what goes when. It cannot be taken back.\n\n" + strings.TrimSpace(engine.ForgetReport),
		Args:  cobra.MinimumNArgs(2),
		RunE: func(cmd *cobra.Command, args []string) error {
			p, err := o.people(cmd, args[0], o.envFile)
			if err != nil {
				return err
			}
			ids, err := p.allNamed(args[1:])
			if err != nil {
				return err
			}
			if p.secret == "" {
				return fail(exitUsage, fmt.Errorf("forget keeps a keyed hash of each identifier, so that older records do not bring the person back: set the secret %s, here and where the program runs", privacyKey))
			}
			c := &identity.Command{Do: "forget", IDs: ids}
			err = o.decide(cmd, p, c, func(l *looking) (string, error) {
				who, err := l.find(ids)
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
				if _, why := l.ids.Forget(l.cells, l.given(ids), c.At); why != "" {
					return "", l.refused(why, "")
				}
				return fmt.Sprintf("%s is forgotten: %s, %s", who.ID, count(len(who.IDs), "identifier"), count(n, "row")), nil
			})
			if err == nil {
				fmt.Fprint(cmd.OutOrStdout(), "\n"+engine.ForgetReport)
			}
			return err
		},
	}
	o.flags(c)
	return c
}

// refused says why a command cannot be carried out, and what to do.
func (l *looking) refused(why identity.Reason, about string) error {
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
