package identity

import (
	"fmt"
	"slices"
	"strings"
	"testing"
)

// town is a space that tests talk to.
type town struct {
	*testing.T
	*Space
	c *memory
}

func newTown(t *testing.T, cfg Config) *town { return &town{t, newSpace(t, cfg), newMemory()} }

// ids reads "user_id=u1 email=a@x.io".
func (w *town) ids(text string) (out []Given) {
	for _, f := range strings.Fields(text) {
		name, v, _ := strings.Cut(f, "=")
		typ := w.Type(name)
		if typ < 0 && name != "id" {
			w.Fatalf("no type %s", name)
		}
		out = append(out, Given{typ, v})
	}
	return out
}

// say resolves and gives who it is: their identifiers, what was done, what was rejected.
func (w *town) say(at int64, ids string) string {
	w.Helper()
	r := w.Resolve(w.c, w.ids(ids), at)
	out := "nobody"
	if r.Person != nil {
		out = w.who(r.Person)
	}
	if r.Kind != Nothing {
		out += " " + r.Kind.String()
	}
	for _, m := range r.Merged {
		out += " +" + w.who(m)
	}
	for _, x := range r.Rejected {
		out += fmt.Sprintf(" !%s %s", x.Value, x.Reason)
	}
	return out
}

func (w *town) who(p *Person) string {
	var out []string
	for _, id := range p.IDs {
		out = append(out, id.Value)
	}
	return "(" + strings.Join(out, " ") + ")"
}

func (w *town) want(got, want string) {
	w.Helper()
	if got != want {
		w.Errorf("got  %s\nwant %s", got, want)
	}
}

func TestKinds(t *testing.T) {
	w := newTown(t, testConfig())
	w.want(w.say(1, "anonymous_id=a1"), "(a1) created")
	w.want(w.say(2, "anonymous_id=a1"), "(a1)")
	w.want(w.say(3, "anonymous_id=a1 kochava_device_id=k1"), "(k1 a1) linked")
	w.want(w.say(4, "anonymous_id=a1 email=a@x.io"), "(a@x.io k1 a1) known")
	w.want(w.say(5, "email=a@x.io user_id=u1"), "(u1 a@x.io k1 a1) known")
	w.want(w.say(6, "user_id=u1 email=b@x.io"), "(u1 a@x.io b@x.io k1 a1) linked")
	w.want(w.say(7, "user_id=u2 anonymous_id=a2"), "(u2 a2) known")
	w.want(w.say(8, "anonymous_id=a3"), "(a3) created")
	w.want(w.say(9, "user_id=u1 anonymous_id=a3"), "(u1 a@x.io b@x.io k1 a1 a3) merged +(a3)")
	w.want(w.say(10, "user_id=null email=info@x.io"), "nobody !null blocked !info@x.io blocked")
}

// Limits count what lies in one span of event time, whatever came first.
func TestLimitsInEventTime(t *testing.T) {
	w := newTown(t, testConfig()) // e-mails: 3 in 30 days
	w.say(100*day, "user_id=u1 email=a@x.io")
	w.say(110*day, "user_id=u1 email=b@x.io")
	w.say(120*day, "user_id=u1 email=c@x.io")
	w.want(w.say(130*day-1, "user_id=u1 email=d@x.io"), "(u1 a@x.io b@x.io c@x.io) !d@x.io limit")
	w.want(w.say(91*day, "user_id=u1 email=e@x.io"), "(u1 a@x.io b@x.io c@x.io) !e@x.io limit") // as of its own time
	w.want(w.say(90*day, "user_id=u1 email=e@x.io"), "(u1 a@x.io b@x.io c@x.io e@x.io) linked")
	w.want(w.say(130*day, "user_id=u1 email=d@x.io"), "(u1 a@x.io b@x.io c@x.io e@x.io d@x.io) linked")
	w.want(w.say(noTime, "user_id=u1 email=f@x.io"), "(u1 a@x.io b@x.io c@x.io e@x.io d@x.io) !f@x.io limit") // as of now
	w.want(w.say(noTime, "user_id=u2 email=f@x.io"), "(u2 f@x.io) known")
	w.want(w.say(5*day, "user_id=u2 email=g@x.io"), "(u2 f@x.io g@x.io) linked")
	w.want(w.say(900*day, "user_id=u2 email=h@x.io"), "(u2 f@x.io g@x.io h@x.io) linked")
	w.want(w.say(901*day, "user_id=u2 email=i@x.io"), "(u2 f@x.io g@x.io h@x.io i@x.io) linked")
	w.want(w.say(902*day, "user_id=u2 email=j@x.io"), "(u2 f@x.io g@x.io h@x.io i@x.io) !j@x.io limit") // f has no time: it counts
	w.want(w.say(3*day, "email=f@x.io"), "(u2 f@x.io g@x.io h@x.io i@x.io)")
	w.want(w.say(902*day, "user_id=u2 email=j@x.io"), "(u2 f@x.io g@x.io h@x.io i@x.io j@x.io) linked") // now it has
}

func TestSights(t *testing.T) {
	w := newTown(t, testConfig())
	sights := func() string {
		p, _ := w.Find(w.c, w.ids("user_id=u1"))
		return fmt.Sprint(p.IDs[0].First, " ", p.IDs[0].Last)
	}
	w.say(noTime, "user_id=u1")
	w.want(sights(), fmt.Sprint(noTime, " ", noTime))
	w.say(10*day+5, "user_id=u1")
	w.want(sights(), fmt.Sprint(10*day+5, " ", 10*day+5))
	w.say(12*day+7, "user_id=u1")
	w.want(sights(), fmt.Sprint(10*day+5, " ", 12*day))
	writes := w.c.writes
	for _, at := range []int64{13*day - 1, 11 * day, 10*day + 5, noTime} {
		w.say(at, "user_id=u1")
	}
	if w.c.writes != writes {
		t.Errorf("%d writes for nothing new", w.c.writes-writes)
	}
	w.say(10*day+4, "user_id=u1")
	w.want(sights(), fmt.Sprint(10*day+4, " ", 12*day))
	w.say(-day-1, "user_id=u1")
	w.want(sights(), fmt.Sprint(-day-1, " ", 12*day))
	w.say(0, "user_id=u1 email=new@x.io")
	w.say(-5, "user_id=u1 email=old@x.io")
	p, _ := w.Find(w.c, w.ids("user_id=u1"))
	w.want(p.Value(tEmail), "new@x.io")
	w.want(p.Value(tIDFA), "")
}

// A device of a known person stays with them; the record is of who else it names.
func TestDevicesStay(t *testing.T) {
	w := newTown(t, testConfig())
	w.say(1, "user_id=ann kochava_device_id=T")
	w.want(w.say(2, "user_id=ben kochava_device_id=T anonymous_id=b"), "(ben b) known !T other's")
	w.want(w.say(3, "email=c@x.io kochava_device_id=T"), "(c@x.io) known !T other's")
	w.want(w.say(4, "kochava_device_id=T anonymous_id=t"), "(ann T t) linked") // nobody is signed in
	w.want(w.say(5, "anonymous_id=u"), "(u) created")
	w.want(w.say(6, "kochava_device_id=T anonymous_id=u"), "(ann T t u) merged +(u)")
}

func TestSharedDevice(t *testing.T) {
	w := newTown(t, testConfig())
	w.say(1, "user_id=ann kochava_device_id=T")
	for _, u := range []string{"u1", "u2", "u1", "u3", "u2", "ann", "u4"} {
		w.say(2, "kochava_device_id=T user_id="+u)
	}
	w.want(w.say(3, "kochava_device_id=T"), "(ann T)")
	w.want(w.say(4, "kochava_device_id=T user_id=u5"), "(u5) known !T other's")
	w.want(w.say(5, "kochava_device_id=T"), "nobody !T shared")
	w.want(w.say(6, "kochava_device_id=T user_id=u6"), "(u6) known !T shared")
	w.want(w.say(7, "user_id=ann kochava_device_id=T"), "(ann) !T shared")
	p, _ := w.Find(w.c, w.ids("user_id=ann"))
	if len(p.Shared) != 1 || p.Shared[0].Value != "T" {
		t.Errorf("shared devices: %v", p.Shared)
	}
	if p, _ := w.Find(w.c, w.ids("kochava_device_id=T")); p != nil {
		t.Errorf("a shared device leads to %s", showPerson(p))
	}
	if _, why := w.Forget(w.c, w.ids("user_id=ann kochava_device_id=T"), 8); why != "" {
		t.Error(why)
	}
	w.want(w.say(9, "kochava_device_id=T"), "nobody !T shared") // though nobody has it any more
}

// A shared device does not count among the devices that its owner may have.
func TestSharedDeviceTakesNoRoom(t *testing.T) {
	w := newTown(t, testConfig()) // 4 in 10 days
	w.say(1, "user_id=ann kochava_device_id=T kochava_device_id=U kochava_device_id=V kochava_device_id=W")
	w.want(w.say(1, "user_id=ann kochava_device_id=X"), "(ann T U V W) !X limit")
	for i := range 5 {
		w.say(2, fmt.Sprint("kochava_device_id=T user_id=u", i))
	}
	w.want(w.say(3, "user_id=ann kochava_device_id=X"), "(ann U V W X) linked")
}

// A user who has become one with the owner of a device is none of the others on it, and
// who is parted from them begins to count anew.
func TestUsersOnADevice(t *testing.T) {
	w := newTown(t, testConfig())
	w.say(1, "email=ann@x.io kochava_device_id=T")
	for _, u := range []string{"u1", "u2", "u3", "u4"} {
		w.say(2, "kochava_device_id=T user_id="+u)
	}
	w.want(w.say(3, "user_id=u1 email=ann@x.io"), "(u1 ann@x.io T) merged +(ann@x.io T)")
	w.say(4, "kochava_device_id=T user_id=u5")
	w.want(w.say(5, "kochava_device_id=T"), "(u1 ann@x.io T)")
	if _, _, why := w.Split(w.c, w.ids("kochava_device_id=T"), 6); why != "" {
		t.Fatal(why)
	}
	w.want(w.say(6, "kochava_device_id=T email=bob@x.io"), "(bob@x.io T) known")
	w.say(7, "kochava_device_id=T user_id=u6")
	w.want(w.say(8, "kochava_device_id=T"), "(bob@x.io T)")
}

// What an operator took from a person stays taken from whom they become.
func TestTakenStaysTaken(t *testing.T) {
	w := newTown(t, testConfig())
	w.say(1, "anonymous_id=a anonymous_id=b")
	if _, why := w.Unlink(w.c, w.ids("anonymous_id=b")[0], 2); why != "" {
		t.Fatal(why)
	}
	w.say(3, "user_id=u")
	w.want(w.say(4, "user_id=u anonymous_id=a"), "(u a) merged +(a)")
	w.want(w.say(5, "user_id=u anonymous_id=b"), "(u a) !b unlinked")
	w.say(6, "anonymous_id=b user_id=v")
	if _, why := w.Merge(w.c, w.ids("user_id=v"), w.ids("user_id=u"), true, 7); why != "" {
		t.Fatal(why)
	}
	w.begin(w.c)
	if r, _ := w.whose(w.c, w.ids("user_id=v")); len(r.unlinked) > 0 {
		t.Error("they have what was taken from them, and it is still told as taken")
	}
}

// An operator who takes a shared device from its owner makes it an ordinary one.
func TestSharedDeviceIsFreed(t *testing.T) {
	w := newTown(t, testConfig())
	w.say(1, "user_id=ann kochava_device_id=T")
	for i := range 5 {
		w.say(2, fmt.Sprint("kochava_device_id=T user_id=u", i))
	}
	p, why := w.Unlink(w.c, w.ids("kochava_device_id=T")[0], 3)
	if why != "" || len(p.Shared) != 0 {
		t.Fatal(showPerson(p), why)
	}
	w.want(w.say(4, "kochava_device_id=T user_id=ann"), "(ann) !T unlinked")
	w.want(w.say(5, "kochava_device_id=T user_id=u7"), "(u7 T) known")
}

// What was rejected because of whose it is, is theirs in the end if a later identifier
// brings them.
func TestRejectedAndBrought(t *testing.T) {
	cfg := testConfig()
	cfg.Types = []Type{cfg.Types[tUser], cfg.Types[tDevice], cfg.Types[tEmail], cfg.Types[tAnonymous]}
	w := newTown(t, cfg)
	w.say(1, "email=a@x.io kochava_device_id=T")
	w.want(w.say(2, "user_id=u kochava_device_id=T"), "(u) known !T other's")
	w.want(w.say(3, "user_id=u kochava_device_id=T email=a@x.io"), "(u T a@x.io) merged +(T a@x.io)")
}

func TestMost(t *testing.T) {
	t.Run("persons at once", func(t *testing.T) {
		w := newTown(t, testConfig())
		all := ""
		for i := range 10 {
			id := " idfa=" + value(tIDFA, i)
			w.say(1, id)
			all += id
		}
		r := w.Resolve(w.c, w.ids(all), 2)
		if len(r.Merged) != 7 || len(r.Rejected) != 2 || r.Rejected[0].Reason != TooMany {
			t.Error(showResult(r))
		}
	})
	t.Run("identifiers", func(t *testing.T) {
		w := newTown(t, testConfig())
		for i := range 999 {
			w.say(1, "user_id=u idfa="+value(tIDFA, i))
		}
		r := w.Resolve(w.c, w.ids("user_id=u idfa="+value(tIDFA, 999)), 2)
		if len(r.Person.IDs) != 1000 || len(r.Rejected) != 1 || r.Rejected[0].Reason != TooMany {
			t.Error(len(r.Person.IDs), r.Rejected)
		}
		w.say(3, "idfa="+value(tIDFA, 1000))
		r = w.Resolve(w.c, w.ids("user_id=u idfa="+value(tIDFA, 1000)), 4)
		if len(r.Person.IDs) != 1000 || len(r.Rejected) != 1 || r.Rejected[0].Reason != TooMany {
			t.Error(len(r.Person.IDs), r.Rejected)
		}
		if _, why := w.Merge(w.c, w.ids("user_id=u"), w.ids("idfa="+value(tIDFA, 1000)), true, 5); why != TooMany {
			t.Error(why)
		}
	})
	t.Run("merges", func(t *testing.T) {
		w := newTown(t, testConfig())
		w.say(1, "user_id=u")
		for i := range 101 {
			id := "idfa=" + value(tIDFA, i)
			w.say(2, id)
			r := w.Resolve(w.c, w.ids("user_id=u "+id), 3)
			if i < 100 && r.Person.Merges != i+1 || i == 100 && (r.Person.Merges != 100 || r.Rejected[0].Reason != TooMany) {
				t.Fatal(i, showResult(r))
			}
		}
	})
}

// Of a merge the better person stays.
func TestWinner(t *testing.T) {
	for _, tt := range []struct{ first, second, want string }{
		{"anonymous_id=a", "idfa=" + value(tIDFA, 1), "first"},
		{"anonymous_id=a", "email=b@x.io", "second"},
		{"email=a@x.io", "user_id=u", "second"},
		{"user_id=u", "email=a@x.io", "first"},
		{"email=b@x.io", "email=a@x.io", "first"},
	} {
		w := newTown(t, testConfig())
		var ids []string
		for _, text := range []string{tt.first, tt.second} {
			ids = append(ids, w.Resolve(w.c, w.ids(text), 1).Person.ID)
		}
		r := w.Resolve(w.c, w.ids(tt.first+" "+tt.second), 2)
		if want := ids[slices.Index([]string{"first", "second"}, tt.want)]; r.Person.ID != want || r.Kind != Merged {
			t.Errorf("%s and %s: %s", tt.first, tt.second, showResult(r))
		}
	}
}

// Redirects get short when a record passes them, and lead there for ever.
func TestRedirectsGetShort(t *testing.T) {
	w := newTown(t, testConfig())
	var pids []string
	id := func(i int) string { return "idfa=" + value(tIDFA, i) }
	for i := range 5 {
		pids = append(pids, w.Resolve(w.c, w.ids(id(i)), 1).Person.ID)
	}
	for i := 3; i >= 0; i-- { // 4 becomes 3, which becomes 2, …
		if _, why := w.Merge(w.c, w.ids(id(i)), w.ids(id(i+1)), false, 2); why != "" {
			t.Fatal(why)
		}
	}
	steps := func(pid string) (n int) {
		w.begin(w.c)
		var room [16]byte
		u, _ := packUUID(room[:0], pid, lowerDigits)
		for r := w.read(w.c, half(u[:8])); r.to != (half{}); n++ {
			r = w.read(w.c, r.to)
		}
		return n
	}
	long := steps(pids[4])
	if long < 2 {
		t.Errorf("%d steps: there is nothing to shorten", long)
	}
	before := w.c.String()
	if p, ok := w.Person(w.c, pids[4]); !ok || p.ID != pids[0] || w.c.String() != before {
		t.Errorf("a look leads to %s, or wrote", showPerson(p))
	}
	w.say(3, id(4))
	if n := steps(pids[4]); n > 1 {
		t.Errorf("%d steps after a record passed", n)
	}
	writes := w.c.writes
	w.say(3, id(4))
	if w.c.writes != writes {
		t.Error("short is not short enough")
	}
}

// Types go by name: a declaration with others, and in another order, knows the same people.
func TestTypesByName(t *testing.T) {
	w := newTown(t, testConfig())
	w.say(1, "user_id=u email=a@x.io anonymous_id=a kochava_device_id=k")
	cfg := testConfig()
	cfg.Types = []Type{cfg.Types[tUser], {Name: "shoe"}, cfg.Types[tAnonymous], cfg.Types[tEmail]}
	w2 := &town{t, newSpace(t, cfg), w.c}
	w2.want(w2.say(2, "email=a@x.io"), "(u a a@x.io)")
	w2.want(w2.say(3, "email=a@x.io shoe=42"), "(u 42 a a@x.io) linked")
	w.want(w.say(4, "kochava_device_id=k"), "(u a@x.io k a)")
	w2.want(w2.say(5, "shoe=42"), "(u 42 a a@x.io)")
	// One that is declared no more is erased with the others.
	p, why := w2.Forget(w2.c, w2.ids("user_id=u"), 6)
	if why != "" || len(p.IDs) != 4 {
		t.Fatal(showPerson(p), why)
	}
	w.want(w.say(5, "kochava_device_id=k"), "nobody !k erased")
}

func TestAnonymousID(t *testing.T) {
	w := newTown(t, testConfig())
	anon := func(ids string) string {
		p, _ := w.Find(w.c, w.ids(ids))
		return p.Anonymous
	}
	w.say(1, "user_id=u")
	derived := anon("user_id=u")
	if len(derived) != 36 {
		t.Error(derived)
	}
	w.say(2, "anonymous_id=a1")
	w.say(3, "user_id=u anonymous_id=a1")
	w.want(anon("user_id=u"), derived) // a1 was another's
	w.say(4, "user_id=u anonymous_id=a2")
	w.want(anon("user_id=u"), "a2") // their first own
	w.say(5, "user_id=u anonymous_id=a3")
	w.want(anon("user_id=u"), "a2")
	if p, ok := w.Person(w.c, "00000000-0000-0000-0000-000000000000"); ok {
		t.Error(showPerson(p))
	}
}

func TestForget(t *testing.T) {
	w := newTown(t, testConfig())
	w.say(10, "user_id=u anonymous_id=a")
	w.say(10, "user_id=v idfa="+value(tIDFA, 1))
	old, _ := w.Find(w.c, w.ids("user_id=u"))
	pid := old.ID
	was := w.c.String()
	if p, why := w.Forget(w.c, w.ids("user_id=u idfa="+value(tIDFA, 1)), 20); p != nil || why != Ambiguous || w.c.String() != was {
		t.Error(showPerson(p), why)
	}
	p, why := w.Forget(w.c, w.ids("id="+pid), 20)
	if why != "" || p.ID != pid || len(p.IDs) != 2 {
		t.Fatal(showPerson(p), why)
	}
	w.want(w.say(19, "user_id=u"), "nobody !u erased")
	w.want(w.say(19, "user_id=v anonymous_id=a"), "(v "+value(tIDFA, 1)+") !a erased")
	w.want(w.say(20, "anonymous_id=a"), "(a) created")
	w.want(w.say(19, "anonymous_id=a"), "nobody !a erased") // still
	w.want(w.say(21, "user_id=u anonymous_id=a"), "(u a) known")
	again, _ := w.Find(w.c, w.ids("user_id=u"))
	if again.ID == pid {
		t.Error("the id of a forgotten person is given again")
	}
	// Nobody is known by it yet: older records that come later do not name it either.
	if p, why := w.Forget(w.c, w.ids("user_id=w"), 30); p != nil || why != "" {
		t.Error(showPerson(p), why)
	}
	w.want(w.say(29, "user_id=w"), "nobody !w erased")
	w.want(w.say(noTime, "user_id=w"), "(w) known")

	cfg := testConfig()
	cfg.Secret = nil
	s, c := newSpace(t, cfg), newMemory()
	s.Resolve(c, []Given{{tUser, "u"}}, 1)
	if p, why := s.Forget(c, []Given{{tUser, "u"}}, 2); p != nil || why != NoSecret {
		t.Error(showPerson(p), why)
	}
}

func TestCommands(t *testing.T) {
	w := newTown(t, testConfig())
	merge := func(into, from string, force bool) string {
		t.Helper()
		r, why := w.Merge(w.c, w.ids(into), w.ids(from), force, 9)
		if why != "" {
			return string(why)
		}
		return w.who(r.Person) + " " + r.Kind.String() + " +" + w.who(r.Merged[0])
	}
	w.say(1, "user_id=u1 anonymous_id=a1")
	w.say(1, "user_id=u2 anonymous_id=a2")
	w.say(1, "anonymous_id=a3")
	w.want(merge("user_id=u1", "user_id=u9", false), string(NoIdea))
	w.want(merge("user_id=u1 user_id=u2", "anonymous_id=a3", false), string(Ambiguous))
	w.want(merge("user_id=u1", "anonymous_id=a1", true), string(SamePerson))
	w.want(merge("user_id=u1", "user_id=u2", false), string(OtherUser))
	w.want(merge("anonymous_id=a3", "user_id=u1", false), "(u1 a3 a1) merged +(u1 a1)") // who stays is said
	w.want(merge("user_id=u1", "anonymous_id=a3", false), string(SamePerson))
	w.want(merge("user_id=u1", "user_id=u2", true), "(u1 u2 a3 a1 a2) merged +(u2 a2)")
	w.want(merge("user_id=u2", "user_id=u1", true), string(SamePerson)) // round a circle

	from, made, why := w.Split(w.c, w.ids("user_id=u2 anonymous_id=a2"), 10)
	if why != "" {
		t.Fatal(why)
	}
	w.want(w.who(from)+w.who(made), "(u1 a3 a1)(u2 a2)")
	w.want(w.say(11, "user_id=u1 anonymous_id=a2"), "(u1 a3 a1) !a2 other's")
	w.want(w.say(11, "anonymous_id=a3 anonymous_id=a2"), "(u2 a2) !a3 other's")
	p, why := w.Unlink(w.c, w.ids("anonymous_id=a3")[0], 12)
	if why != "" {
		t.Fatal(why)
	}
	w.want(w.who(p), "(u1 a1)")
	w.want(w.say(13, "user_id=u1 anonymous_id=a3"), "(u1 a1) !a3 unlinked")
	w.want(w.say(13, "anonymous_id=a3"), "(a3) created")
	w.want(w.say(13, "anonymous_id=a3 user_id=u1"), "(u1 a1) !a3 unlinked")
	w.want(merge("user_id=u1", "anonymous_id=a3", false), "(u1 a1 a3) merged +(a3)") // an operator may
	w.want(w.say(14, "user_id=u1 anonymous_id=a3"), "(u1 a1 a3)")

	for _, tt := range []struct {
		ids  string
		want Reason
	}{{"user_id=u9", NoIdea}, {"user_id=u1 user_id=u2", Ambiguous}, {"user_id=u2 anonymous_id=a2", NotApart}} {
		was := w.c.String()
		if _, _, why := w.Split(w.c, w.ids(tt.ids), 15); why != tt.want || w.c.String() != was {
			t.Errorf("split %s: %s", tt.ids, why)
		}
	}
	w.say(15, "idfa="+value(tIDFA, 7))
	for _, tt := range []struct {
		id   string
		want Reason
	}{{"user_id=u9", NoIdea}, {"user_id=null", NoIdea}, {"id=u", NoIdea}, {"idfa=" + value(tIDFA, 7), NotApart}} {
		if _, why := w.Unlink(w.c, w.ids(tt.id)[0], 16); why != tt.want {
			t.Errorf("unlink %s: %s", tt.id, why)
		}
	}

	if err := w.Block(w.c, -1, "("); err == nil {
		t.Error("a pattern that is none")
	}
	if err := w.Block(w.c, tAnonymous, "^test"); err != nil {
		t.Fatal(err)
	}
	if err := w.Block(w.c, -1, "bot$"); err != nil {
		t.Fatal(err)
	}
	writes := w.c.writes
	if err := w.Block(w.c, -1, "bot$"); err != nil || w.c.writes != writes {
		t.Error("blocked twice", err)
	}
	again := &town{t, newSpace(t, testConfig()), w.c} // after a start
	again.want(again.say(17, "anonymous_id=test-1 user_id=a-bot crm_id=test-2"), "(test-2) created !test-1 blocked !a-bot blocked")
}

func TestNew(t *testing.T) {
	for _, cfg := range []Config{
		{Name: "none"},
		{Name: "unnamed", Types: []Type{{}}},
		{Name: "twice", Types: []Type{{Name: "a"}, {Name: "a"}}},
		{Name: "no e-mail", Types: []Type{{Name: "email", Canon: EmailText}}},
		{Name: "no phone", Types: []Type{{Name: "phone", Canon: PhoneText}}},
	} {
		if _, err := New(cfg); err == nil {
			t.Errorf("%s: no error", cfg.Name)
		}
	}
	s := newSpace(t, Config{Name: "devices", Types: []Type{{Name: "idfa", Canon: UpperUUID}}}) // nobody is a user
	c := newMemory()
	r := s.Resolve(c, []Given{{0, value(tIDFA, 1)}, {0, value(tIDFA, 2)}}, 1)
	if r.Kind != Created || r.Person.Known || s.Type("idfa") != 0 || s.Type("id") != -1 {
		t.Error(showResult(r))
	}
}
