package check

import (
	"path"
	"slices"
	"strings"

	"github.com/sluice-dev/sluice/lang/diag"
	"github.com/sluice-dev/sluice/lang/syntax"
	"github.com/sluice-dev/sluice/lang/token"
	"github.com/sluice-dev/sluice/lang/types"
)

// space is a world of names: that of the program, or of a module.
type space struct {
	name   string // of a module; "" of the program
	types  map[string]*typeDecl
	defs   map[string]*defDecl
	consts map[string]*constDecl
	tables map[string]*tableDecl
	// unread are names that stand for something, only not for anything this
	// version or this text lets us know: declarations that could not be read. Their use
	// is no second mistake.
	unread     map[string]token.Span
	identities map[string]*spaceDecl
	order      []string // of types and defs, for reports in the order of the text
}

func newSpace(name string) *space {
	return &space{name: name, types: map[string]*typeDecl{}, defs: map[string]*defDecl{}, consts: map[string]*constDecl{}, tables: map[string]*tableDecl{}, unread: map[string]token.Span{}, identities: map[string]*spaceDecl{}}
}

// fileScope is what names mean in one file: those of its space, and its `use`s.
type fileScope struct {
	file  *syntax.File
	stem  string
	space *space
	uses  map[string]*use
}

// use is a module in use; space is nil where it is not there (which was reported).
type use struct {
	path  string
	space *space
}

type typeDecl struct {
	decl    *syntax.TypeDecl
	in      *fileScope
	t       *types.Type // nil until it is resolved
	pending bool        // being resolved: who asks again has found a cycle
}

type defDecl struct {
	decl   *syntax.DefDecl
	in     *fileScope
	params []*types.Type // resolved once
}

type constDecl struct {
	decl *syntax.Let
	in   *fileScope
}

// collect takes the names that a file declares.
func (c *checker) collect(f *syntax.File, s *space) *fileScope {
	fs := &fileScope{file: f, stem: strings.TrimSuffix(path.Base(f.Source.Name), ".route"), space: s, uses: map[string]*use{}}
	for _, d := range f.Decls {
		switch d := d.(type) {
		case *syntax.AppDecl:
			if s.name != "" {
				continue
			}
			c.apps = append(c.apps, d)
		case *syntax.UseDecl:
			c.use(fs, d)
		case *syntax.TypeDecl:
			if c.fresh(s, "type", d.Name) {
				s.types[d.Name.Text] = &typeDecl{decl: d, in: fs}
				s.order = append(s.order, d.Name.Text)
			}
		case *syntax.DefDecl:
			if c.fresh(s, "def", d.Name) {
				s.defs[d.Name.Text] = &defDecl{decl: d, in: fs}
				s.order = append(s.order, d.Name.Text)
			}
		case *syntax.Let:
			if c.fresh(s, "let", d.Name) {
				s.consts[d.Name.Text] = &constDecl{decl: d, in: fs}
				s.order = append(s.order, d.Name.Text)
			}
		case *syntax.ConnDecl:
			c.collectConn(fs, d)
		case *syntax.TableDecl:
			if s.name != "" {
				c.notYet(keyword(d), "table in a module")
				s.unread[d.Name.Text] = d.Name.Span()
			} else if c.fresh(s, "table", d.Name) {
				s.tables[d.Name.Text] = &tableDecl{decl: d, in: fs}
			}
		case *syntax.IdentDecl:
			if s.name != "" {
				c.notYet(keyword(d), "identity in a module")
				s.unread[d.Name.Text] = d.Name.Span()
			} else if c.fresh(s, "identity", d.Name) {
				s.identities[d.Name.Text] = &spaceDecl{decl: d, in: fs}
			}
		case *syntax.AudDecl:
			if s.name != "" {
				c.notYet(keyword(d), "audience in a module")
				s.unread[d.Name.Text] = d.Name.Span()
			} else if c.fresh(s, "audience", d.Name) {
				s.tables[d.Name.Text] = &tableDecl{aud: d, in: fs}
			}
		case *syntax.BadDecl:
			if d.Name.Set() {
				s.unread[d.Name.Text] = d.Name.Span()
			}
		}
	}
	return fs
}

// keyword is the span of the first word of a node: what is refused by name.
func keyword(n syntax.Node) token.Span {
	s := n.Span()
	if i := strings.IndexFunc(s.Text(), func(r rune) bool { return r < 'a' || r > 'z' }); i > 0 {
		s.End = s.Start + i
	}
	return s
}

// fresh tells whether a name may be declared, and reports where it stands for
// something already. Types have names of their own; functions cannot meet
// constants and tables either, because a function is always followed by "(".
func (c *checker) fresh(s *space, kind string, name syntax.Word) bool {
	var old token.Span
	switch kind {
	case "type":
		if types.Builtin(name.Text) != nil {
			c.errorf(diag.Duplicate, name.Span(), "the type `%s` is there already", name.Text).WithLabel("part of the language")
			return false
		}
		if d := s.types[name.Text]; d != nil {
			old = d.decl.Name.Span()
		}
	case "def":
		if c.env.Func(name.Text) != nil {
			c.errorf(diag.Duplicate, name.Span(), "the function `%s` is there already", name.Text).
				WithLabel("part of the library").WithHelp("give it another name")
			return false
		}
		if d := s.defs[name.Text]; d != nil {
			old = d.decl.Name.Span()
		}
	case "let", "table", "identity", "audience":
		if d := s.consts[name.Text]; d != nil {
			old = d.decl.Name.Span()
		} else if d := s.tables[name.Text]; d != nil {
			old = d.name().Span()
		} else if d := s.identities[name.Text]; d != nil {
			old = d.decl.Name.Span()
		}
	}
	if old.Valid() {
		c.errorf(diag.Duplicate, name.Span(), "`%s` is declared twice", name.Text).WithLabel("it is declared at %s", old)
		return false
	}
	return true
}

// use brings a module into a file.
func (c *checker) use(fs *fileScope, d *syntax.UseDecl) {
	words := make([]string, len(d.Path))
	for i := range d.Path {
		words[i] = d.Path[i].Text
	}
	if len(words) == 0 {
		return
	}
	p, alias := strings.Join(words, "/"), words[len(words)-1]
	at := d.Path[0].Span().Join(d.Path[len(d.Path)-1].Span())
	if d.As.Set() {
		alias = d.As.Text
	}
	if fs.uses[alias] != nil {
		c.errorf(diag.Duplicate, at, "`%s` is in use already", alias).WithHelp("`use %s as …` gives it another name here", p)
		return
	}
	if c.useAs(fs, p, alias) {
		return
	}
	fs.uses[alias] = &use{path: p}
	e := c.errorf(diag.UnknownModule, at, "there is no module `%s`", p)
	if near := diag.Nearest(p, c.env.ModuleNames()); near != "" {
		e.WithHelp("did you mean %s?", near)
	} else {
		e.WithHelp("there are: %s", strings.Join(c.env.ModuleNames(), ", "))
	}
}

// useAs brings a module into a file under a name; false where there is none.
func (c *checker) useAs(fs *fileScope, p, alias string) bool {
	u := &use{path: p}
	if s, ok := c.modules[p]; ok {
		fs.uses[alias], u.space = u, s
		return true
	}
	text, ok := c.env.Module(p)
	if !ok {
		return false
	}
	fs.uses[alias] = u
	file := token.NewFile("module "+p, text)
	file.Module = true
	f := syntax.Parse(file)
	c.bag.Add(f.Diags...)
	s := newSpace(p)
	c.modules[p], u.space = s, s // before it is read: a module that uses itself finds itself
	c.collect(f, s)
	return true
}

// moduleWords are the words by which modules are known where they are in use: the
// last of a path.
func (c *checker) moduleWords() []string {
	var out []string
	for _, path := range c.env.ModuleNames() {
		out = append(out, path[strings.LastIndexByte(path, '/')+1:])
	}
	return out
}

// modulePath is the module that is known by a word, "" where there is none.
func (c *checker) modulePath(word string) string {
	for i, w := range c.moduleWords() {
		if w == word {
			return c.env.ModuleNames()[i]
		}
	}
	return ""
}

// module finds what a dotted name begins with; rest is the name within it. ok is
// false where no module of that name is in use.
func (fs *fileScope) module(name string) (u *use, rest string, ok bool) {
	i := strings.IndexByte(name, '.')
	if i < 0 {
		return nil, name, false
	}
	u, ok = fs.uses[name[:i]]
	return u, name[i+1:], ok
}

// keys lists the names of a map in order.
func keys[T any](m map[string]T) []string {
	out := make([]string, 0, len(m))
	for k := range m {
		out = append(out, k)
	}
	slices.Sort(out)
	return out
}
