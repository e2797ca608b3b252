package identity

import (
	"fmt"
	"regexp"
	"slices"
	"sort"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

// model is the rules of spec/identity.md once more, as plain as they can be written:
// people as values in memory, every question answered by looking at everything. It knows
// no cells, no redirects and no hashes.
type model struct {
	types  []Type
	people []*modelPerson // who are there
	shared map[Given]bool
	users  map[Given]map[string]bool // other users on a device
	erased map[Given]int64
	blocks []modelBlock
	made   int
	pids   map[string]bool // ever
}

type modelBlock struct {
	typ int
	re  *regexp.Regexp
}

type modelPerson struct {
	pid     string // as the space gave it
	created int
	ids     []modelID
	former  []string
	taken   map[Given]bool
}

type modelID struct {
	Given
	timed       bool
	first, last int64
	adopted     bool
}

func newModel(cfg Config) *model {
	return &model{types: cfg.Types, shared: map[Given]bool{}, users: map[Given]map[string]bool{}, erased: map[Given]int64{}, pids: map[string]bool{}}
}

func (m *model) owner(g Given) *modelPerson {
	for _, p := range m.people {
		if p.find(g) != nil {
			return p
		}
	}
	return nil
}

func (p *modelPerson) find(g Given) *modelID {
	for i := range p.ids {
		if p.ids[i].Given == g {
			return &p.ids[i]
		}
	}
	return nil
}

// live are the identifiers that are not of shared devices.
func (m *model) live(p *modelPerson) (out []modelID) {
	for _, id := range p.ids {
		if !m.shared[id.Given] {
			out = append(out, id)
		}
	}
	return out
}

func (m *model) has(p *modelPerson, typ int) bool {
	return slices.ContainsFunc(m.live(p), func(id modelID) bool { return id.Type == typ })
}

func (m *model) known(p *modelPerson) bool { return m.has(p, tUser) || m.has(p, tEmail) }

// floor is the day of a time.
func floor(at int64) int64 {
	n := at / day
	for n*day > at {
		n--
	}
	return n * day
}

func (id *modelID) see(at int64) {
	switch {
	case at == noTime:
	case !id.timed:
		id.timed, id.first, id.last = true, at, floor(at)
	default:
		if at < id.first {
			id.first = at
		}
		if floor(at) > id.last {
			id.last = floor(at)
		}
	}
}

// usable are the identifiers of a record in order, and why the others are none.
func (m *model) usable(ids []Given) (out []Given, why map[Given]Reason) {
	why = map[Given]Reason{}
	for _, g := range ids {
		if slices.ContainsFunc(m.blocks, func(b modelBlock) bool { return b.typ == g.Type && b.re.MatchString(g.Value) }) {
			why[g] = Blocked
			continue
		}
		if !slices.Contains(out, g) {
			out = append(out, g)
		}
	}
	sort.Slice(out, func(i, j int) bool {
		if out[i].Type != out[j].Type {
			return out[i].Type < out[j].Type
		}
		return out[i].Value < out[j].Value
	})
	return out, why
}

// outcome is what the model says of an operation.
type outcome struct {
	person   *modelPerson
	merged   []string // how the losers looked
	kind     Kind
	rejected map[Given]Reason
}

// fits tells whether a limit allows times of identifiers to be together, of which some
// are added.
func fits(t Type, there, added []modelID) bool {
	if t.Limit == 0 || len(added) == 0 {
		return true
	}
	all := append(slices.Clone(there), added...)
	if len(all) <= t.Limit {
		return true
	}
	if t.Per == 0 {
		return false
	}
	latest, any := int64(0), false
	for _, id := range all {
		if id.timed && (!any || id.first > latest) {
			latest, any = id.first, true
		}
	}
	if !any {
		return false
	}
	in := func(id modelID, begin int64, isAdded bool) bool { // of the span that begins there
		if !id.timed {
			if !isAdded {
				return true
			}
			id.first = latest
		}
		return begin <= id.first && id.first < begin+t.Per
	}
	for _, b := range all {
		begin := b.first
		if !b.timed {
			begin = latest
		}
		n, news := 0, 0
		for _, id := range there {
			if in(id, begin, false) {
				n++
			}
		}
		for _, id := range added {
			if in(id, begin, true) {
				n++
				news++
			}
		}
		if news > 0 && n > t.Limit {
			return false
		}
	}
	return true
}

func ofType(ids []modelID, typ int) (out []modelID) {
	for _, id := range ids {
		if id.Type == typ {
			out = append(out, id)
		}
	}
	return out
}

// together tells what keeps people and new identifiers from being one person.
func (m *model) together(there, added []modelID) Reason {
	for typ, t := range m.types {
		a, b := ofType(there, typ), ofType(added, typ)
		if len(a) == 0 && len(b) <= 1 || fits(t, a, b) || len(a) == 0 {
			continue
		}
		if typ == tUser {
			return OtherUser
		}
		return OverLimit
	}
	return ""
}

func (m *model) resolve(ids []Given, at int64) (out outcome) {
	list, why := m.usable(ids)
	out.rejected = why
	var people []*modelPerson
	var news []modelID
	known := false
	everyone := func() (l []modelID) {
		for _, p := range people {
			l = append(l, m.live(p)...)
		}
		return append(l, news...)
	}
	for _, g := range list {
		if m.shared[g] {
			why[g] = SharedID
			continue
		}
		if until, ok := m.erased[g]; ok && at != noTime && at < until {
			why[g] = WasErased
			continue
		}
		p := m.owner(g)
		if p == nil {
			n := modelID{Given: g}
			n.see(at)
			r := m.together(everyone(), []modelID{n})
			for _, q := range people {
				if r == "" && q.taken[g] {
					r = Unlinked
				}
			}
			if r != "" {
				why[g] = r
				continue
			}
			news = append(news, n)
			known = known || m.types[g.Type].Person
			continue
		}
		if slices.Contains(people, p) {
			continue
		}
		if len(people)+len(news) > 0 {
			r := Reason("")
			if !m.types[g.Type].Person && known && m.known(p) {
				r = OwnedDevice
			}
			if r == "" {
				r = m.together(everyone(), m.live(p))
			}
			merges := len(p.former) + len(people)
			for _, q := range people {
				merges += len(q.former)
			}
			if r == "" && (merges > 100 || len(people) == 8) {
				r = TooMany
			}
			for _, n := range news {
				if r == "" && p.taken[n.Given] {
					r = Unlinked
				}
			}
			for _, q := range people {
				if r == "" && (m.took(p, q) || m.took(q, p)) {
					r = Unlinked
				}
			}
			if r != "" {
				why[g] = r
				continue
			}
		}
		people = append(people, p)
		known = known || m.known(p)
	}
	if len(people)+len(news) == 0 {
		return out
	}
	var w *modelPerson
	was, user := false, false
	for _, p := range people {
		if w == nil || m.better(p, w) {
			w = p
		}
	}
	if w == nil {
		m.made++
		w = &modelPerson{created: m.made, taken: map[Given]bool{}}
		m.people = append(m.people, w)
		out.kind = Created
	} else {
		was, user = m.known(w), m.has(w, tUser)
	}
	for _, p := range people {
		if p != w {
			out.merged = append(out.merged, m.show(p))
			m.absorb(w, p)
		}
	}
	for _, g := range list {
		if id := w.find(g); id != nil && why[g] != WasErased && !m.shared[g] {
			id.see(at)
			delete(why, g)
		}
	}
	w.ids = append(w.ids, news...)
	// Others' devices.
	for _, g := range list {
		p := m.owner(g)
		if m.types[g.Type].Person || p == nil || p == w || m.shared[g] || why[g] == WasErased {
			continue
		}
		for _, u := range list {
			if u.Type != tUser || w.find(u) == nil || why[u] != "" {
				continue
			}
			if m.users[g] == nil {
				m.users[g] = map[string]bool{}
			}
			if m.users[g][u.Value] {
				continue
			}
			for x := range m.users[g] {
				if p.find(Given{tUser, x}) != nil { // they have become one since
					delete(m.users[g], x)
				}
			}
			m.users[g][u.Value] = true
		}
		if len(m.users[g]) >= 5 {
			m.shared[g] = true
			delete(m.users, g)
		}
	}
	out.person = w
	switch {
	case len(out.merged) > 0:
		out.kind = Merged
	case m.known(w) && !was, m.has(w, tUser) && !user:
		out.kind = Known
	case out.kind == Nothing && len(news) > 0:
		out.kind = Linked
	}
	return out
}

// took tells whether something of b was taken from a.
func (m *model) took(a, b *modelPerson) bool {
	return slices.ContainsFunc(b.ids, func(id modelID) bool { return a.taken[id.Given] })
}

func (m *model) better(a, b *modelPerson) bool {
	for _, typ := range []int{tUser, tEmail} {
		if x, y := m.has(a, typ), m.has(b, typ); x != y {
			return x
		}
	}
	return a.created < b.created
}

func (m *model) absorb(w, l *modelPerson) {
	for _, id := range l.ids {
		id.adopted = true
		w.ids = append(w.ids, id)
	}
	w.former = append(append(w.former, l.pid), l.former...)
	for g := range l.taken {
		w.taken[g] = true
	}
	m.remove(l)
}

func (m *model) remove(p *modelPerson) {
	m.people = slices.DeleteFunc(m.people, func(o *modelPerson) bool { return o == p })
}

// whose finds the person whom identifiers name.
func (m *model) whose(ids []Given) (p *modelPerson, ambiguous bool) {
	list, _ := m.usable(ids)
	for _, g := range list {
		o := m.owner(g)
		switch {
		case o == nil || m.shared[g] || o == p:
		case p == nil:
			p = o
		default:
			ambiguous = true
		}
	}
	return p, ambiguous
}

// The commands give who is there after them, and why nothing was done.

func (m *model) merge(into, from []Given, force bool) (out outcome, why Reason) {
	w, x := m.whose(into)
	l, y := m.whose(from)
	switch {
	case x || y:
		return out, Ambiguous
	case w == nil || l == nil:
		return out, NoIdea
	case w == l:
		return out, SamePerson
	case len(w.former)+len(l.former)+1 > 100:
		return out, TooMany
	}
	if why := m.together(m.live(w), m.live(l)); why != "" && !force {
		return out, why
	}
	out = outcome{person: w, kind: Merged, merged: []string{m.show(l)}, rejected: map[Given]Reason{}}
	for _, id := range l.ids {
		delete(w.taken, id.Given)
	}
	for _, id := range w.ids {
		delete(l.taken, id.Given)
	}
	m.absorb(w, l)
	return out, ""
}

func (m *model) unlink(g Given) (*modelPerson, Reason) {
	list, _ := m.usable([]Given{g})
	if len(list) == 0 {
		return nil, NoIdea
	}
	p := m.owner(g)
	switch {
	case p == nil:
		return nil, NoIdea
	case len(p.ids) == 1:
		return nil, NotApart
	}
	m.take(p, g)
	delete(m.shared, g)
	return p, ""
}

func (m *model) take(p *modelPerson, g Given) modelID {
	i := slices.IndexFunc(p.ids, func(id modelID) bool { return id.Given == g })
	id := p.ids[i]
	p.ids = slices.Delete(slices.Clone(p.ids), i, i+1)
	p.taken[g] = true
	delete(m.users, g)
	return id
}

func (m *model) split(ids []Given) (from, made *modelPerson, why Reason) {
	p, ambiguous := m.whose(ids)
	switch {
	case ambiguous:
		return nil, nil, Ambiguous
	case p == nil:
		return nil, nil, NoIdea
	}
	list, _ := m.usable(ids)
	list = slices.DeleteFunc(list, func(g Given) bool { return m.owner(g) != p || m.shared[g] })
	if len(list) == len(p.ids) {
		return nil, nil, NotApart
	}
	m.made++
	n := &modelPerson{created: m.made, taken: map[Given]bool{}}
	for _, g := range list {
		id := m.take(p, g)
		id.adopted = false
		n.ids = append(n.ids, id)
	}
	m.people = append(m.people, n)
	return p, n, ""
}

func (m *model) forget(ids []Given, at int64) (*modelPerson, Reason) {
	p, ambiguous := m.whose(ids)
	if ambiguous {
		return nil, Ambiguous
	}
	if p != nil && at == noTime {
		for _, id := range p.ids {
			if id.timed && id.last+day > at {
				at = id.last + day
			}
		}
	}
	list, _ := m.usable(ids)
	list = slices.DeleteFunc(list, func(g Given) bool { return m.owner(g) != nil || m.shared[g] })
	if p != nil {
		for _, id := range p.ids {
			list = append(list, id.Given)
			delete(m.users, id.Given)
		}
		m.remove(p)
	}
	for _, g := range list {
		if old, ok := m.erased[g]; !ok || at > old {
			m.erased[g] = at
		}
	}
	return p, ""
}

// show is a person in the words of showPerson, without their id and anonymous id.
func (m *model) show(p *modelPerson) string {
	var ids, shared []ID
	for typ := range m.types {
		for _, id := range p.ids {
			if id.Type != typ {
				continue
			}
			v := ID{Type: typ, Value: id.Value, First: noTime, Last: noTime}
			if id.timed {
				v.First, v.Last = id.first, max(id.last, id.first)
			}
			if m.shared[id.Given] {
				shared = append(shared, v)
			} else {
				ids = append(ids, v)
			}
		}
	}
	return fmt.Sprintf("%v %v known %v merges %d created %d", ids, shared, m.known(p), len(p.former), p.created)
}

func shownByModel(p *Person) string {
	return fmt.Sprintf("%v %v known %v merges %d created %d", p.IDs, p.Shared, p.Known, p.Merges, p.Created)
}

// own is the first own anonymous id of a person; "" where they have none.
func (m *model) own(p *modelPerson) string {
	for _, id := range m.live(p) {
		if id.Type == tAnonymous && !id.adopted {
			return id.Value
		}
	}
	return ""
}

// same compares a person with the model's, whose id it learns.
func (m *model) same(t *rapid.T, o op, want *modelPerson, got *Person) {
	if (want == nil) != (got == nil) {
		t.Fatalf("%v:\ngot  %s\nwant %v", o, showPerson(got), want)
	}
	if want == nil {
		return
	}
	if want.pid == "" {
		if m.pids[got.ID] {
			t.Fatalf("%v: the id %s was somebody's before", o, got.ID)
		}
		want.pid = got.ID
		m.pids[got.ID] = true
	}
	if got.ID != want.pid {
		t.Fatalf("%v: the person is %s, want %s", o, got.ID, want.pid)
	}
	if g, w := shownByModel(got), m.show(want); g != w {
		t.Fatalf("%v:\ngot  %s\nwant %s", o, g, w)
	}
	switch own := m.own(want); {
	case own != "" && own != got.Anonymous:
		t.Fatalf("%v: the anonymous id is %s, want their own %s", o, got.Anonymous, own)
	case own == "" && (len(got.Anonymous) != 36 || got.Anonymous[14] != '5' || got.Anonymous == got.ID):
		t.Fatalf("%v: the anonymous id is %s, want a derived one", o, got.Anonymous)
	}
}

func (m *model) sameResult(t *rapid.T, o op, want outcome, got Result) {
	m.same(t, o, want.person, got.Person)
	var merged []string
	for _, p := range got.Merged {
		merged = append(merged, shownByModel(p))
	}
	var rejected []Rejected
	for g, why := range want.rejected {
		rejected = append(rejected, Rejected{g, why})
	}
	g := fmt.Sprintf("%s %s %s", got.Kind, strings.Join(merged, ", "), showRejected(got.Rejected))
	w := fmt.Sprintf("%s %s %s", want.kind, strings.Join(want.merged, ", "), showRejected(rejected))
	if g != w {
		t.Fatalf("%v:\ngot  %s\nwant %s", o, g, w)
	}
}

// do has both do something, and compares.
func (m *model) do(t *rapid.T, s *Space, c Cells, o op) {
	switch o.do {
	case "resolve":
		got := s.Resolve(c, o.ids, o.at)
		m.sameResult(t, o, m.resolve(o.ids, o.at), got)
	case "find":
		got, ambiguous := s.Find(c, o.ids)
		want, also := m.whose(o.ids)
		if m.same(t, o, want, got); ambiguous != also {
			t.Fatalf("%v: ambiguous %v, want %v", o, ambiguous, also)
		}
	case "merge":
		got, why := s.Merge(c, o.ids, o.from, o.force, o.at)
		want, because := m.merge(o.ids, o.from, o.force)
		if m.sameResult(t, o, want, got); why != because {
			t.Fatalf("%v: %s, want %s", o, why, because)
		}
	case "unlink":
		got, why := s.Unlink(c, o.ids[0], o.at)
		want, because := m.unlink(o.ids[0])
		if m.same(t, o, want, got); why != because {
			t.Fatalf("%v: %s, want %s", o, why, because)
		}
	case "split":
		from, made, why := s.Split(c, o.ids, o.at)
		a, b, because := m.split(o.ids)
		m.same(t, o, a, from)
		if m.same(t, o, b, made); why != because {
			t.Fatalf("%v: %s, want %s", o, why, because)
		}
	case "forget":
		was, _ := m.whose(o.ids)
		shown := ""
		if was != nil {
			shown = m.show(was)
		}
		got, why := s.Forget(c, o.ids, o.at)
		want, because := m.forget(o.ids, o.at)
		if why != because || (want == nil) != (got == nil) {
			t.Fatalf("%v: %s %s, want %v %s", o, showPerson(got), why, want, because)
		}
		if got != nil {
			f := slices.Clone(want.former)
			sort.Strings(f)
			g := slices.Clone(got.Former)
			sort.Strings(g)
			if got.ID != want.pid || shownByModel(got) != shown || !slices.Equal(f, g) {
				t.Fatalf("%v: forgot %s, want %s %s", o, showPerson(got), want.pid, shown)
			}
			for _, pid := range append([]string{want.pid}, want.former...) {
				if p, ok := s.Person(c, pid); ok {
					t.Fatalf("%v: %s is still known: %s", o, pid, showPerson(p))
				}
			}
		}
	case "block":
		if err := s.Block(c, o.ids[0].Type, "^"+o.ids[0].Value+"$"); err != nil {
			t.Fatal(err)
		}
		m.blocks = append(m.blocks, modelBlock{o.ids[0].Type, regexp.MustCompile("^" + o.ids[0].Value + "$")})
	}
}

// everybody compares all people, by every id that they ever had.
func (m *model) everybody(t *rapid.T, s *Space, c Cells) {
	for _, p := range m.people {
		for _, pid := range append([]string{p.pid}, p.former...) {
			got, ok := s.Person(c, pid)
			if !ok || got.ID != p.pid {
				t.Fatalf("%s is %s, want %s", pid, showPerson(got), p.pid)
			}
			m.same(t, op{do: "look"}, p, got)
		}
		former := slices.Clone(p.former)
		sort.Strings(former)
		got := s.Former(c, p.pid)
		sort.Strings(got)
		if !slices.Equal(got, former) {
			t.Fatalf("who became %s: %v, want %v", p.pid, got, former)
		}
	}
}

// L2: with limits, what becomes of people depends on the order of the log alone, and is
// what the rules say.
func TestModel(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		cfg := testConfig()
		s, err := New(cfg)
		if err != nil {
			t.Fatal(err)
		}
		c, m := newMemory(), newModel(cfg)
		w := everything
		if rapid.Bool().Draw(t, "kiosk") {
			w = kiosk
		}
		for i, o := range w.log(t) {
			m.do(t, s, c, o)
			if i%50 == 0 {
				m.everybody(t, s, c)
			}
		}
		m.everybody(t, s, c)
	})
}
