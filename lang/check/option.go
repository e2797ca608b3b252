package check

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/sluice-dev/sluice/lang/diag"
	"github.com/sluice-dev/sluice/lang/ir"
	"github.com/sluice-dev/sluice/lang/syntax"
	"github.com/sluice-dev/sluice/lang/token"
	"github.com/sluice-dev/sluice/lang/types"
	"github.com/sluice-dev/sluice/lang/value"
)

// optionKind is what an option takes.
type optionKind uint8

const (
	settingOption  optionKind = iota // an expression that is evaluated at start, of a type
	choiceOption                     // one of some words
	durationOption                   // 24h
	rateOption                       // 900/s
	limitOption                      // 250 or 450KB or 100ms
	eventOption                      // an expression over the event, of a type
	wordOption                       // a name of something
	methodsOption                    // [GET, POST]
	requestOption                    // an expression over a request before `as T`
	countOption                      // a whole number from 1 on
)

// option is one line of the list of what stands in some braces.
type option struct {
	name     string
	kind     optionKind
	t        *types.Type
	choices  []string
	required bool
	help     string // what to write, where the type says little
	// mayBeNull admits null in an eventOption: what is null fails when the record runs.
	mayBeNull bool
}

// The lists. What the runtime reads of them is ir's; see ir.Source, ir.Route
// and the doc of ir.Connection.
var (
	textSetting  = types.StringT
	topicOptions = []option{
		{name: "start", kind: choiceOption, choices: []string{"earliest", "latest"}},
		{name: "key", kind: eventOption, t: keyType},
		{name: "max_future", kind: durationOption},
		{name: "via", kind: wordOption},
	}
	routeOptions = []option{
		{name: "priority", kind: choiceOption, choices: []string{"high", "normal", "low"}},
	}
	connOptions = map[string][]option{
		"kafka": {
			{name: "brokers", kind: settingOption, t: types.UnionOf(textSetting, types.ListOf(textSetting)), required: true},
			{name: "sasl", kind: settingOption, t: types.OpaqueOf("sasl")},
			{name: "tls", kind: settingOption, t: types.BoolT},
		},
		"segment": {
			{name: "write_key", kind: settingOption, t: types.UnionOf(types.SecretT, textSetting), required: true},
			{name: "region", kind: choiceOption, choices: []string{"us", "eu"}},
			{name: "url", kind: settingOption, t: textSetting},
			{name: "rate", kind: rateOption},
			{name: "batch", kind: limitOption},
			{name: "retry", kind: durationOption},
			{name: "max_retry_after", kind: durationOption},
			{name: "hold_after", kind: durationOption},
			{name: "plan", kind: settingOption, t: types.StringT},
		},
		"http": httpOptions,
	}
)

// keyType is what a key may be of: something with one canonical text.
var keyType = types.UnionOf(types.StringT, types.NumberT, types.BoolT, types.TimeT, types.DurationT)

// options checks what stands in braces against its list.
func (e *ex) options(o *syntax.Options, list []option, of string) []ir.Option {
	if o == nil {
		return nil
	}
	var out []ir.Option
	seen := map[string]bool{}
	for _, x := range o.List {
		name := x.Key.Text
		i := slices.IndexFunc(list, func(s option) bool { return s.name == name })
		if i < 0 {
			names := make([]string, len(list))
			for j := range list {
				names[j] = list[j].name
			}
			d := e.errorf(diag.UnknownOption, x.Key.Span(), "%s has no option `%s`", of, name)
			if near := diag.Nearest(name, names); near != "" {
				d.WithHelp("did you mean %s?", near)
			} else {
				d.WithHelp("it takes %s", strings.Join(names, ", "))
			}
			continue
		}
		if seen[name] {
			e.errorf(diag.FieldTwice, x.Key.Span(), "the option `%s` stands twice", name)
			continue
		}
		seen[name] = true
		if opt, ok := e.option(x, &list[i], of); ok {
			out = append(out, opt)
		}
	}
	return out
}

func (e *ex) option(x *syntax.Option, s *option, of string) (ir.Option, bool) {
	out := ir.Option{Name: s.name, At: x.Span()}
	at := x.Key.Span()
	if x.Value != nil {
		at = x.Value.Span()
	} else if x.Rate != nil {
		at = x.Rate.Span()
	}
	wrong := func(want string) (ir.Option, bool) {
		e.errorf(diag.BadOption, at, "`%s` takes %s", s.name, want).WithHelp("%s", s.help)
		return out, false
	}
	if x.Rate != nil && s.kind != rateOption {
		return wrong(s.takes())
	}
	switch s.kind {
	case choiceOption:
		n, ok := x.Value.(*syntax.Name)
		if !ok || !slices.Contains(s.choices, n.Name) {
			d := e.errorf(diag.BadOption, at, "`%s` is one of %s", s.name, strings.Join(s.choices, ", "))
			if ok {
				if near := diag.Nearest(n.Name, s.choices); near != "" {
					d.WithHelp("did you mean %s?", near)
				}
			} else if l, isText := x.Value.(*syntax.Lit); isText && slices.Contains(s.choices, l.Value) {
				d.WithHelp("write it without quotes: %s", l.Value)
			}
			return out, false
		}
		out.X = e.constNode(n.Name, at)
	case wordOption:
		n, ok := x.Value.(*syntax.Name)
		if !ok {
			return wrong("a name")
		}
		out.X = e.constNode(n.Name, at)
	case durationOption:
		l, ok := x.Value.(*syntax.Lit)
		if !ok || l.Kind != syntax.UnitLit {
			return wrong(s.takes())
		}
		kind, n, ok := syntax.ParseUnit(l.Text)
		if !ok || kind != syntax.Duration || n <= 0 {
			return wrong(s.takes())
		}
		out.X = e.constNode(time.Duration(n), at)
	case countOption:
		l, ok := x.Value.(*syntax.Lit)
		if !ok || l.Kind != syntax.NumberLit {
			return wrong(s.takes())
		}
		n, ok := number(l.Text)
		if i, whole := n.Int64(); !ok || !whole || i < 1 || i > maxCount {
			return wrong(s.takes())
		}
		out.X = e.constNode(n, at)
	case rateOption:
		r, ok := rate(x.Rate)
		if !ok {
			return wrong(s.takes())
		}
		out.Rate = r
	case methodsOption:
		ms, ok := e.methods(x.Value)
		if !ok {
			return wrong(s.takes())
		}
		out.X = &ir.Const{Node: e.node(types.AnyT, at), Value: ms}
	case requestOption:
		v, ok := e.challenge(x.Value)
		if !ok {
			return out, false
		}
		out.X = v
	case limitOption:
		l, ok := limit(x.Value)
		if !ok {
			return wrong(s.takes())
		}
		out.Limit = l
	case settingOption:
		sub := *e
		sub.f, sub.src, sub.place, sub.set = newFlow(), nil, "an option", true
		v := sub.expr(x.Value)
		if isBad(v) || !sub.fixed(v) {
			return out, false
		}
		if !types.Assignable(v.Type(), s.t) {
			e.errorf(diag.BadOption, at, "`%s` takes %s", s.name, s.t.Brief()).WithLabel("this is %s", short(v.Type())).WithHelp("%s", s.help)
			return out, false
		}
		if emptyList(v) {
			e.errorf(diag.BadOption, at, "`%s` is an empty list", s.name).WithHelp("name one at least, or leave the option out")
			return out, false
		}
		out.X = v
	case eventOption:
		v := e.expr(x.Value)
		if t := v.Type(); !s.mayBeNull || isBad(v) || t.Kind == types.Null || !types.Assignable(types.NonNull(t), keyType) {
			v = e.key(v, "the key")
		}
		if isBad(v) {
			return out, false
		}
		out.X = v
	}
	return out, true
}

// emptyList tells whether an expression is `[]`.
func emptyList(x ir.Expr) bool {
	switch x := x.(type) {
	case *ir.List:
		return len(x.Items) == 0
	case *ir.Const:
		l, ok := x.Value.(value.List)
		return ok && len(l) == 0
	}
	return false
}

// fixed refuses a setting that is another each time: there is no time at start.
func (e *ex) fixed(x ir.Expr) bool {
	ok := true
	ir.Walk(x, func(n ir.Expr) bool {
		if call, is := n.(*ir.Call); is && call.Func.Impure && !call.Func.Setting {
			e.errorf(diag.NotConstant, n.Span(), "`%s` is no setting", call.Func.Name)
			ok = false
		}
		return true
	})
	return ok
}

// takes says in words what an option takes.
func (s *option) takes() string {
	switch s.kind {
	case durationOption:
		return "a duration, as 10m"
	case countOption:
		return fmt.Sprintf("a whole number from 1 to %d", maxCount)
	case rateOption:
		return "a rate, as 900/s"
	case limitOption:
		return "limits, as 250 or 450KB or 100ms"
	case choiceOption:
		return "one of " + strings.Join(s.choices, ", ")
	case wordOption:
		return "a name"
	case methodsOption:
		return "a list of " + strings.Join(hookMethods, ", ")
	}
	return s.t.Brief()
}

func rate(r *syntax.Rate) (*ir.Rate, bool) {
	if r == nil {
		return nil, false
	}
	n, ok := number(r.N.Text)
	if !ok {
		return nil, false
	}
	i, ok := n.Int64()
	per := map[string]int64{"s": 1000, "m": 60_000, "h": 3_600_000, "d": 86_400_000}[r.Per.Text]
	return &ir.Rate{N: i, PerMS: per}, ok && i > 0 && per > 0
}

// limit reads `250 or 450KB or 100ms`, each part at most once.
func limit(x syntax.Expr) (*ir.Limit, bool) {
	out := &ir.Limit{}
	var read func(syntax.Expr) bool
	put := func(to *int64, n int64) bool {
		if *to != 0 || n <= 0 {
			return false
		}
		*to = n
		return true
	}
	read = func(x syntax.Expr) bool {
		switch x := x.(type) {
		case *syntax.Binary:
			return x.Op == "or" && read(x.X) && read(x.Y)
		case *syntax.Lit:
			switch x.Kind {
			case syntax.NumberLit:
				n, ok := number(x.Text)
				i, whole := n.Int64()
				return ok && whole && put(&out.Count, i)
			case syntax.UnitLit:
				kind, n, ok := syntax.ParseUnit(x.Text)
				if kind == syntax.Size {
					return ok && put(&out.Bytes, n)
				}
				return ok && put(&out.MS, n/int64(time.Millisecond))
			}
		}
		return false
	}
	return out, x != nil && read(x)
}

// conn is a connection as it is declared.
type conn struct {
	decl    *syntax.ConnDecl
	in      *fileScope
	own     []ir.Option
	out     *ir.Connection
	pending bool
	broken  bool // it inherits from itself, or from what does or is not there
}

func (c *checker) collectConn(fs *fileScope, d *syntax.ConnDecl) {
	if fs.space.name != "" {
		return // a module has no connections; it would be its own mistake
	}
	kind := d.Kind.Text
	key := kind + " " + d.Name.Text
	if old := c.conns[key]; old != nil {
		c.errorf(diag.Duplicate, d.Name.Span(), "the connection `%s` is declared twice", key).WithLabel("it is declared at %s", old.decl.Name.Span())
		return
	}
	c.conns[key] = &conn{decl: d, in: fs}
}

// connections checks the options of all connections and merges what they inherit.
func (c *checker) connections() {
	for _, key := range keys(c.conns) {
		n := c.conns[key]
		list := connOptions[n.decl.Kind.Text]
		e := &ex{c: c, in: n.in, f: newFlow(), frame: &frame{}, place: "an option"}
		n.own = e.options(n.decl.Options, list, "a connection of kind "+n.decl.Kind.Text)
		if n.decl.Kind.Text == "http" {
			e.httpSettings(n)
		}
		for _, o := range n.own {
			if o.Name != "write_key" {
				continue
			}
			if k, ok := o.X.(*ir.Const); ok {
				if _, isText := k.Value.(string); isText {
					c.errorf(diag.PlainSecret, o.X.Span(), "a secret in the text of a script").WithHelp("secret(\"SEGMENT_WRITE_KEY\") takes it from the environment or a file")
				}
			}
		}
	}
	c.readPlans()
	for _, key := range keys(c.conns) {
		n := c.conns[key]
		if out := c.connection(n); out != nil {
			c.prog.Connections = append(c.prog.Connections, out)
		}
	}
}

// connection merges what a connection inherits, once; nil where it cannot be.
func (c *checker) connection(n *conn) *ir.Connection {
	if n.out != nil || n.broken {
		return n.out
	}
	d := n.decl
	kind := d.Kind.Text
	if n.pending {
		c.errorf(diag.ConnectionCycle, d.Parent.Span(), "the connection `%s` inherits from itself", d.Name.Text)
		n.broken = true
		return nil
	}
	out := &ir.Connection{Kind: kind, Name: d.Name.Text, Shares: d.Name.Text, At: head(d.Span()), Options: n.own}
	if d.Parent.Set() {
		parent := c.conns[kind+" "+d.Parent.Text]
		if parent == nil {
			c.noConnection(d.Parent.Span(), kind, d.Parent.Text)
			n.broken = true
			return nil
		}
		n.pending = true
		p := c.connection(parent)
		n.pending = false
		if p == nil {
			n.broken = true
			return nil
		}
		out.Shares = p.Shares
		for _, o := range p.Options {
			if out.Option(o.Name) == nil {
				out.Options = append(out.Options[:len(out.Options):len(out.Options)], o)
			}
		}
	}
	for _, o := range connOptions[kind] {
		given := d.Options != nil && slices.ContainsFunc(d.Options.List, func(x *syntax.Option) bool { return x.Key.Text == o.name })
		if o.required && out.Option(o.name) == nil && !given {
			e := c.errorf(diag.MissingOption, d.Name.Span(), "the connection `%s %s` needs `%s`", kind, d.Name.Text, o.name)
			switch o.name {
			case "write_key":
				e.WithHelp("write_key: secret(\"SEGMENT_WRITE_KEY\")")
			case "brokers":
				e.WithHelp("brokers: env(\"KAFKA_BROKERS\", \"localhost:9092\")")
			}
		}
	}
	n.out = out
	return out
}

func (c *checker) noConnection(at token.Span, kind, name string) {
	if c.missing[kind+" "+name] {
		return // one place is told, and the help is the same for all
	}
	c.missing[kind+" "+name] = true
	d := c.errorf(diag.UnknownConnection, at, "there is no `connection %s %s`", kind, name)
	var names []string
	for _, k := range keys(c.conns) {
		if n, ok := strings.CutPrefix(k, kind+" "); ok {
			names = append(names, n)
		}
	}
	switch near := diag.Nearest(name, names); {
	case near != "":
		d.WithHelp("did you mean %s?", near)
	case len(names) > 0:
		d.WithHelp("there are: %s", strings.Join(names, ", "))
	case kind == "segment":
		d.WithHelp("declare it: connection segment %s { write_key: secret(\"SEGMENT_WRITE_KEY\") }", name)
	case kind == "http":
		d.WithHelp("declare it: connection http %s { url: \"https://…\" }", name)
	case kind == "kafka":
		d.WithHelp("declare it: connection kafka %s { brokers: env(\"KAFKA_BROKERS\") }", name)
	}
}

// via gives the name of the connection of a stage. Only kafka main may be
// undeclared: the caller runs an embedded broker then.
func (c *checker) via(kind string, via syntax.Word, at token.Span) string {
	name := "main"
	if via.Set() {
		name, at = via.Text, via.Span()
	}
	if c.conns[kind+" "+name] == nil && !(kind == "kafka" && name == "main") {
		c.noConnection(at, kind, name)
	}
	return name
}

// key demands what a key may be made of: a scalar that is not null.
func (e *ex) key(x ir.Expr, place string) ir.Expr {
	t := x.Type()
	switch {
	case isBad(x), types.Assignable(t, keyType):
		return x
	case t.Kind == types.Any:
		return x // what it is shows when the record runs
	case types.MayBeNull(t) && t.Kind != types.Null && types.Assignable(types.NonNull(t), keyType):
		return e.nullHere(x, "in "+place)
	}
	e.errorf(diag.WrongType, x.Span(), "%s is made of texts, numbers, bools and times", place).WithLabel("this is %s", short(t))
	return badExpr(x.Span())
}

// constText gives the text of a constant.
func constText(x ir.Expr) (string, bool) {
	k, ok := x.(*ir.Const)
	if !ok || k.T == bad {
		return "", false
	}
	s, ok := k.Value.(string)
	return s, ok
}

// maxCount bounds a countOption.
const maxCount = 1000

// durationMS gives a duration option in milliseconds.
func durationMS(o *ir.Option) int64 {
	if o == nil {
		return 0
	}
	d, _ := o.X.(*ir.Const).Value.(time.Duration)
	return d.Milliseconds()
}
