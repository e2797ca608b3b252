package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"path/filepath"
	"regexp"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/sluice-dev/sluice/lang/ir"
	"github.com/sluice-dev/sluice/lang/plan"
	"github.com/sluice-dev/sluice/lang/value"
	"github.com/sluice-dev/sluice/runtime/engine"
	"github.com/sluice-dev/sluice/runtime/identity"
	"github.com/sluice-dev/sluice/runtime/op"
	"github.com/sluice-dev/sluice/runtime/state"
)

func identityCmd() *cobra.Command {
	c := &cobra.Command{
		Use:   "identity",
		Short: "Look at the people of a program, and put right who is who",
		Long: "Identity shows a person of an identity space, and writes what an operator decides about people to the log of their group: the group runs it as it runs a record, in its place in the order, and again when it is read again.\n\n" +
			"A person is named by an identifier, as in email=ann@example.com, or by their own id, as in id=0e9a1f6c-5b1d-5c3e-8f11-2a3b4c5d6e7f.",
		GroupID: "run",
	}
	c.AddCommand(identityShowCmd(), identityMergeCmd(), identityUnlinkCmd(), identitySplitCmd(), identityBlockCmd(), identityForgetCmd())
	return c
}

// people are those of an identity space, as a command names it.
type people struct {
	program *plan.Plan
	group   *plan.Group
	space   *ir.Space
	ids     *identity.Space
	secret  value.Secret // "": none is set
}

// people finds an identity space of the program.
func (o *stateOptions) people(cmd *cobra.Command, name, envFile string) (*people, error) {
	p, err := mustCheck(cmd.ErrOrStderr(), o.program, false)
	if err != nil {
		return nil, err
	}
	env, err := newEnvironment(envFile)
	if err != nil {
		return nil, err
	}
	out := &people{program: p.Plan}
	out.secret, _ = env.secret(privacyKey) // who needs it says so
	var all []string
	for _, s := range p.Plan.Spaces {
		all = append(all, s.Name)
		if s.Name == name {
			out.space = s
		}
	}
	if out.space == nil {
		return nil, fail(exitUsage, fmt.Errorf("the program has no identity space %s; %s", name, hint(name, all)))
	}
	for _, g := range p.Plan.Groups {
		if g.Index(out.space.State) >= 0 {
			out.group = g
		}
	}
	if out.group == nil {
		return nil, fail(exitUsage, fmt.Errorf("no route of the program resolves or looks up anybody in %s: it is empty", name))
	}
	if out.ids, err = identity.New(op.SpaceConfig(out.space, []byte(out.secret))); err != nil {
		return nil, fail(exitUsage, err)
	}
	return out, nil
}

// privacyKey is the secret that hashes of people who are forgotten are keyed with.
const privacyKey = "SLUICE_PRIVACY_KEY"

// ownID is the word for a person's own id.
const ownID = "id"

// named reads TYPE=VALUE, the value in its canonical form.
func (p *people) named(arg string) (identity.NamedID, error) {
	typ, v, ok := strings.Cut(arg, "=")
	if !ok {
		return identity.NamedID{}, fail(exitUsage, fmt.Errorf("%q names nobody: write TYPE=VALUE, as in %s=…, or id=… for a person's own id", arg, p.space.IDs[0].Name))
	}
	if typ == ownID {
		if v = strings.ToLower(strings.TrimSpace(v)); v == "" {
			return identity.NamedID{}, fail(exitUsage, errors.New("id= names nobody: write the id of a person behind it"))
		}
		return identity.NamedID{Type: ownID, Value: v}, nil
	}
	t, err := p.typ(typ)
	if err != nil {
		return identity.NamedID{}, err
	}
	canon, why := p.ids.Canon(t, v)
	if why != "" {
		return identity.NamedID{}, fail(exitUsage, fmt.Errorf("%s is no %s that names anybody: %s", quoted(v), typ, p.unusable(t, why)))
	}
	return identity.NamedID{Type: typ, Value: canon}, nil
}

func (p *people) allNamed(args []string) ([]identity.NamedID, error) {
	var out []identity.NamedID
	for _, a := range args {
		id, err := p.named(a)
		if err != nil {
			return nil, err
		}
		out = append(out, id)
	}
	return out, nil
}

func (p *people) typ(name string) (int, error) {
	if t := p.ids.Type(name); t >= 0 {
		return t, nil
	}
	var all []string
	for i := range p.space.IDs {
		all = append(all, p.space.IDs[i].Name)
	}
	return 0, fail(exitUsage, fmt.Errorf("%s has no identifier %s; %s", p.space.Name, name, hint(name, all)))
}

// unusable says why a value is no identifier.
func (p *people) unusable(typ int, why identity.Reason) string {
	switch why {
	case identity.TooLong:
		return "it has more than 400 bytes"
	case identity.Blocked:
		return "it is a value that means nobody, or is blocked by the program"
	case identity.NoForm:
		switch p.space.IDs[typ].Canon {
		case ir.EmailText:
			return "an e-mail address is written name@example.com"
		case ir.PhoneText:
			if c := p.space.IDs[typ].Country; c != "" {
				return "it is no phone number, read as one of " + c
			}
			return "a phone number is written +49 170 1234567, or the identifier says its country"
		case ir.UpperUUID, ir.LowerUUID:
			return "a UUID is 32 hex digits in five groups, not all zero"
		case ir.LowerHex:
			return "it is made of hex digits"
		}
	}
	return "it is empty, or not text"
}

// given are names as package identity takes them.
func (p *people) given(ids []identity.NamedID) []identity.Given {
	var out []identity.Given
	for _, id := range ids {
		t := -1
		if id.Type != ownID {
			t = p.ids.Type(id.Type)
		}
		out = append(out, identity.Given{Type: t, Value: id.Value})
	}
	return out
}

// looking is a store that is open to be read.
type looking struct {
	*people
	store   *state.Badger
	entries []state.Entry
	cells   *state.Look // nil: the group has never run
}

// look opens the state of the program, if there is one and nobody has it.
func (o *stateOptions) look(p *people, dir string, do func(*looking) error) error {
	if err := stateThere(dir); err != nil {
		return err
	}
	d, err := engine.OpenState(dir)
	if errors.Is(err, engine.ErrInUse) {
		return fail(exitState, fmt.Errorf("state directory %s: %w and holds its state, which can be looked at while it is stopped", dir, errRuns))
	}
	if err != nil {
		return fail(exitState, err)
	}
	defer d.Close()
	l := &looking{people: p}
	if l.store, err = openExisting(d, p.program.App); err != nil {
		return fail(exitState, err)
	}
	if l.store != nil {
		if l.entries, err = state.ReadDirectory(l.store); err == nil {
			for i := range l.entries {
				if l.entries[i].Name == p.space.State.Name {
					l.cells = state.NewLook(l.store, &l.entries[i])
				}
			}
		}
	}
	if err == nil {
		err = do(l)
	}
	if l.cells != nil && l.cells.Err() != nil {
		err = l.cells.Err()
	}
	if err != nil {
		err = stateFailed(err)
	}
	if l.store != nil {
		err = errors.Join(err, l.store.Close())
	}
	return err
}

func (o *stateOptions) directory(p *people) string {
	if o.state != "" {
		return o.state
	}
	return filepath.Join(".sluice", p.program.App)
}

// nobodyError is an identifier that nobody has.
type nobodyError struct {
	space string
	id    identity.NamedID
}

// Error says which.
func (e *nobodyError) Error() string {
	return fmt.Sprintf("nobody in %s has the %s %s", e.space, e.id.Type, quoted(e.id.Value))
}

// find finds the one person whom names mean.
func (l *looking) find(ids []identity.NamedID) (*identity.Person, error) {
	if l.cells == nil {
		return nil, fail(exitProblems, fmt.Errorf("nobody is known: the group %s has not run on this state directory", l.group.Name))
	}
	var found *identity.Person
	for i, g := range l.given(ids) {
		p, _ := l.ids.Find(l.cells, []identity.Given{g})
		switch {
		case p == nil:
			return nil, fail(exitProblems, &nobodyError{l.space.Name, ids[i]})
		case found != nil && found.ID != p.ID:
			return nil, fail(exitProblems, fmt.Errorf("it is not clear who is meant: %s and %s are of two people; name one of them", quoted(ids[0].Value), quoted(ids[i].Value)))
		}
		found = kept(p)
	}
	return found, nil
}

// kept is a copy of a person, which stands for longer than the space's own.
func kept(p *identity.Person) *identity.Person {
	c := *p
	c.IDs = append([]identity.ID(nil), p.IDs...)
	return &c
}

// pattern reads the pattern of a block.
func pattern(text string) error {
	if text == "" {
		return fail(exitUsage, errors.New("an empty pattern blocks every value: write what it has to match"))
	}
	if _, err := regexp.Compile(text); err != nil {
		return fail(exitUsage, fmt.Errorf("the pattern: %w", err))
	}
	return nil
}

func micros(t time.Time) int64 { return t.UnixMicro() }

func encode(cmd *cobra.Command, v any) error {
	e := json.NewEncoder(cmd.OutOrStdout())
	e.SetEscapeHTML(false)
	e.SetIndent("", "  ")
	return e.Encode(v)
}
