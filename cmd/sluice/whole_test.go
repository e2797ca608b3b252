package main

import (
	"encoding/json"
	"flag"
	"fmt"
	mathrand "math/rand/v2"
	"net/http"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/sluice-dev/sluice/runtime/kafka"
	"github.com/sluice-dev/sluice/runtime/receiver"
)

var (
	wholeLeads = flag.Int("whole", 3_000, "how many leads TestWhole posts")
	wholeKills = flag.Int("whole-kills", 3, "how often TestWhole kills the program")
)

// wholeProgram is every kind of edge in one program: requests come in, are kept in a
// topic, asked about, counted and sent to two receivers, and what has failed is sent
// back by a route of its own.
const wholeProgram = `
connection segment main { write_key: env("WRITE_KEY", "k"), url: "URL", batch: 50 or 20ms }
connection http crm { url: "URL", private: true }
type Lead = { id: string, user: string, seq: int, how: string }
table leads: int = 0 keyed by string

route hook
from webhook "/leads" as Lead { id: .id, within: 1h, key: .user }
emit topic "leads~" { value: { id: .id, user: .user, seq: .seq, how: .how } }

route enrich
from topic "leads~" as Lead
dedupe by .id within 1d
key by .user
call http GET "/people/${.user}" via crm as p: { tier: string } { query: { id: .id, how: .how } }
update leads[.user] = it + 1 as n
emit track "Lead" { userId: .user, properties: { topic: "segment", seq: .seq, tier: p.body.tier, n } }
emit http POST "/leads" via crm { body: { topic: "crm", user: .user, seq: .seq, how: .how } }

route mend
from dead enrich
throttle 100/s by "all" else wait
replay
`

// leadDesk is the receiver's side: it knows people, refuses some once, and says of one
// kind that they are not there.
type leadDesk struct {
	mu     sync.Mutex
	asked  map[string]int // by lead, of those that are answered wrongly at first
	counts map[string]string
	double []string
}

// reply answers calls and takes leads. What is wrong at first is so twice: a letter, and
// again a letter when it has been replayed.
func (d *leadDesk) reply(c receiver.Capture) receiver.Reply {
	how, key := "", ""
	if c.Method == http.MethodGet {
		for field := range strings.SplitSeq(c.URL[strings.Index(c.URL, "?")+1:], "&") {
			if v, ok := strings.CutPrefix(field, "how="); ok {
				how = v
			}
		}
		key = c.URL
	} else {
		var lead struct{ How string }
		if err := json.Unmarshal(c.Body, &lead); err != nil {
			return receiver.Reply{Status: http.StatusBadRequest}
		}
		how, key = lead.How, c.Header.Get("Idempotency-Key")
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	switch call := c.Method == http.MethodGet; {
	case how == "gone" && call:
		return receiver.Reply{Status: http.StatusNotFound}
	case how == "page" && call, how == "refused" && !call:
		if d.asked[key]++; d.asked[key] <= 2 {
			return receiver.Reply{Status: http.StatusUnprocessableEntity, Body: "<html>not now</html>", Header: map[string]string{"Content-Type": "text/html"}}
		}
	}
	return receiver.Reply{Status: http.StatusOK, Body: `{"tier":"gold"}`}
}

// read gives the lead that a request holds.
func (d *leadDesk) read(c receiver.Capture) []receiver.Event {
	var lead struct {
		Topic, User string
		Seq         uint64
	}
	if c.Method == http.MethodGet || json.Unmarshal(c.Body, &lead) != nil {
		return nil
	}
	return []receiver.Event{{MessageID: c.Header.Get("Idempotency-Key"), Topic: lead.Topic, User: lead.User, Seq: lead.Seq, Numbered: true, Raw: c.Body}}
}

// counted takes note of the counts: two leads must not have the same.
func (d *leadDesk) counted(e receiver.Event) {
	if e.Topic != "segment" || e.Repeat {
		return
	}
	var msg struct{ Properties struct{ N int } }
	if json.Unmarshal(e.Raw, &msg) != nil {
		return
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	count, lead := fmt.Sprint(e.User, " ", msg.Properties.N), fmt.Sprint(e.User, " ", e.Seq)
	if was, ok := d.counts[count]; ok {
		d.double = append(d.double, was+" and "+lead+" are both "+count)
	}
	d.counts[count] = lead
}

// openLetters counts letters as `sluice dead ls` tells them.
func openLetters(t *testing.T, bin string, args []string) (n int) {
	t.Helper()
	out, err := exec.Command(bin, append([]string{"dead", "ls", "-o", "json"}, args...)...).Output()
	if err != nil {
		t.Fatal(err)
	}
	var list struct{ Groups []struct{ Letters int } }
	if err := json.Unmarshal(out, &list); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	for _, g := range list.Groups {
		n += g.Letters
	}
	return n
}

// TestWhole runs a program with every kind of edge under load, with receivers that
// misbehave, and kills it with SIGKILL, on the embedded broker broker and all. What was
// answered 200 arrives at both receivers once and in the order of its key, is counted
// once, and only what nobody can mend is still a letter at the end.
func TestWhole(t *testing.T) { onBrokers(t, testWhole) }

func testWhole(t *testing.T, flags ...string) {
	seed := mathrand.Uint64()
	t.Logf("seed %d", seed)
	desk := &leadDesk{asked: map[string]int{}, counts: map[string]string{}}
	ledger := receiver.NewLedger()
	chance := receiver.Shares{Seed: seed, TooMany: 0.001, Unavailable: 0.02, Cut: 0.02}
	r := receiving(t, receiver.Options{
		Fault: func(n uint64) receiver.Fault {
			f := chance.Fault(n)
			if f == (receiver.Fault{}) && n%97 == 3 {
				f.Short = true
			}
			return f
		},
		Ledger: ledger, Reply: desk.reply, Read: desk.read, OnEvent: desk.counted,
	})
	name := appName("whole")
	script := `app "` + name + `"` + strings.NewReplacer("URL", r.URL(), "~", "-"+name).Replace(wholeProgram)
	dir, state := folder(t, script), filepath.Join(t.TempDir(), "state")
	bin := build(t)
	if len(flags) > 0 { // topics of Apache Kafka are made by their owners
		brokers := flags[1]
		admin, err := kafka.NewAdmin(kafka.Config{Name: "test", Brokers: strings.Split(brokers, ",")})
		if err != nil {
			t.Fatal(err)
		}
		defer admin.Close()
		if err := admin.Ensure(t.Context(), kafka.TopicSpec{Name: "leads-" + name, Partitions: 3}); err != nil {
			t.Fatal(err)
		}
	}
	p := runProgram(t, bin, dir, state, flags...)
	d := newDoor(p)
	client := &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 64}}
	defer client.CloseIdleConnections()

	const senders = 16
	var work sync.WaitGroup
	var mu sync.Mutex
	taken, gone := 0, 0
	passed := make(chan int, 1) // holds the newest count of what was taken
	for s := range senders {
		work.Go(func() {
			rng := mathrand.New(mathrand.NewPCG(seed, uint64(s)))
			seqs := map[string]uint64{}
			for i := range *wholeLeads / senders {
				// Who is in trouble is so alone: nobody's order is asked of what was replayed.
				user, how := fmt.Sprintf("u%d-%d", s, rng.IntN(8)), "ok"
				switch x := rng.IntN(100); {
				case x < 2:
					how = "page"
				case x < 4:
					how = "refused"
				case x < 5:
					how = "gone"
				}
				if how != "ok" {
					user = fmt.Sprintf("%s-%d-%d", how, s, i)
				}
				seqs[user]++
				seq := seqs[user]
				if how != "gone" {
					ledger.Expect("segment", user, seq)
					ledger.Expect("crm", user, seq)
				}
				body := fmt.Sprintf(`{"id":"%s/%d","user":%q,"seq":%d,"how":%q}`, user, seq, user, seq, how)
				times := 1
				if rng.IntN(20) == 0 {
					times = 2 // who is not sure sends again
				}
				for range times {
					d.post(client, "/leads", body)
				}
				mu.Lock()
				taken++
				if how == "gone" {
					gone++
				}
				select {
				case <-passed:
				default:
				}
				passed <- taken
				mu.Unlock()
			}
		})
	}
	for k := range *wholeKills {
		for at := (k + 1) * *wholeLeads / (*wholeKills + 2); <-passed < at; {
		}
		p.kill(t)
		p = runProgram(t, bin, dir, state, flags...)
		d.move(p.hooks)
	}
	work.Wait()
	settled := func() bool {
		return ledger.Outstanding() == 0 && openLetters(t, bin, append([]string{dir, "--state", state, "--route", "enrich"}, flags...)) == gone
	}
	for late := time.After(3 * time.Minute); !settled(); {
		select {
		case <-time.After(200 * time.Millisecond): // the letters are asked for again
		case <-late:
			t.Fatalf("not everything has arrived: %+v", ledger.Report())
		}
	}
	rep := ledger.Report()
	if !rep.Clean() {
		t.Errorf("the receiver saw %+v", rep)
	}
	desk.mu.Lock()
	for _, s := range desk.double {
		t.Error(s)
	}
	if len(desk.counts) != rep.Expected/2 {
		t.Errorf("%d leads have a count, of %d", len(desk.counts), rep.Expected/2)
	}
	desk.mu.Unlock()
	t.Logf("%d leads, %d of nobody; %d arrivals, %d of them repeats", taken, gone, rep.Accepted, rep.Repeats)
	p.end(t)
}
