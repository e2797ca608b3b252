package letter

import (
	"bytes"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/sluice-dev/sluice/runtime/event"
)

func drawLetter(t *rapid.T) *Letter {
	text := rapid.StringN(0, 20, -1)
	l := &Letter{
		ID:    rapid.StringN(1, 32, -1).Draw(t, "id"),
		Class: rapid.SampledFrom([]Class{Processing, Delivery}).Draw(t, "class"),
		Origin: event.Origin{
			Topic:     event.TopicID(rapid.SliceOfN(rapid.Byte(), 16, 16).Draw(t, "topic")),
			Partition: rapid.Int32Range(0, 1<<20).Draw(t, "partition"),
			Offset:    rapid.Int64Range(-1<<60, 1<<60).Draw(t, "offset"),
			Path:      rapid.SampledFrom([]string{"", "/0", "/12/3", "~rows/writer/0", "/1~rows/writer/0~more/told/12"}).Draw(t, "path"),
		},
		Route: rapid.StringN(1, 20, -1).Draw(t, "route"), Stage: text.Draw(t, "stage"), Emit: text.Draw(t, "emit"),
		Span: text.Draw(t, "span"), Code: text.Draw(t, "code"), Message: text.Draw(t, "message"), Help: text.Draw(t, "help"), Excerpt: text.Draw(t, "excerpt"),
		Attempts: rapid.IntRange(0, 1e6).Draw(t, "attempts"), Round: rapid.IntRange(0, 5).Draw(t, "round"),
		Target: text.Draw(t, "target"), Time: rapid.Int64Range(-1, 1<<50).Draw(t, "time"),
	}
	bytesOrNil := rapid.SampledFrom([][]byte{nil, {}, {0, 1, 2, 0xff}, []byte(`{"a":1}`)})
	l.Value, l.Key = bytesOrNil.Draw(t, "value"), bytesOrNil.Draw(t, "key")
	for range rapid.IntRange(0, 3).Draw(t, "persons") {
		l.Persons = append(l.Persons, rapid.StringN(1, 36, 64).Draw(t, "person"))
	}
	for range rapid.IntRange(0, 3).Draw(t, "headers") {
		// A name that is one of ours must not be taken for the envelope.
		name := rapid.SampledFrom([]string{"", "h", "sluice-id", "sluice-class", "sluice-header.x"}).Draw(t, "name")
		l.Headers = append(l.Headers, event.Header{Key: name, Value: []byte(text.Draw(t, "header"))})
	}
	return l
}

// What is written is read again, whatever the original carried.
func TestRoundTrip(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		l := drawLetter(t)
		r := l.Encode(0)
		if r.Value == nil {
			t.Fatal("a null value would be a tombstone")
		}
		got, err := Decode(r.Key, r.Value, r.Headers)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(l, got); diff != "" {
			t.Fatalf("letter (-written +read):\n%s", diff)
		}
	})
}

// A letter that does not fit stands by its origin.
func TestByReference(t *testing.T) {
	l := &Letter{ID: "x", Class: Processing, Route: "r", Value: make([]byte, 10_000), Headers: []event.Header{{Key: "h", Value: make([]byte, 10_000)}}, Time: event.NoTime}
	if r := l.Encode(30_000); len(r.Value) != 10_000 {
		t.Errorf("fits, and was cut to %d bytes", len(r.Value))
	}
	r := l.Encode(5_000)
	if r.Size() > 5_000 {
		t.Errorf("%d bytes", r.Size())
	}
	got, err := Decode(r.Key, r.Value, r.Headers)
	if err != nil || !got.ByReference || got.Value != nil || got.Origin != l.Origin {
		t.Errorf("read %+v, %v", got, err)
	}
}

// The envelope has a bound, so that the 64 KB above the source's limit suffice.
func TestEnvelopeIsBounded(t *testing.T) {
	long := strings.Repeat("ä", 100_000)
	l := &Letter{ID: "x", Class: Processing, Route: "r", Message: long, Help: long, Excerpt: long, Time: event.NoTime}
	if r := l.Encode(0); r.Size() > 14<<10 {
		t.Errorf("%d bytes of envelope", r.Size())
	}
}

func TestDecodeRefuses(t *testing.T) {
	good := (&Letter{ID: "x", Class: Processing, Route: "r", Time: event.NoTime, Value: []byte("v")}).Encode(0)
	tests := []struct {
		name string
		edit func(*Record)
		want string
	}{
		{"a tombstone", func(r *Record) { r.Value = nil }, "a tombstone is no letter"},
		{"what is no letter", func(r *Record) { r.Headers = nil }, "no header sluice-v"},
		{"a later version", func(r *Record) { r.Headers[0].Value = []byte("2") }, `version "2" is not known`},
		{"a class of no meaning", func(r *Record) { r.Headers[1].Value = []byte("x") }, `class "x" is not known`},
		{"a bad origin", func(r *Record) { r.Headers[2].Value = []byte("1/2/3") }, "no topic id"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			r := good
			r.Headers = append([]event.Header(nil), good.Headers...)
			tt.edit(&r)
			if _, err := Decode(r.Key, r.Value, r.Headers); err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("error %v, want %q", err, tt.want)
			}
		})
	}
}

// Ids are for ever: these may never change.
func TestID(t *testing.T) {
	o := event.Origin{Topic: event.TopicID{1, 2, 3}, Partition: 4, Offset: 5, Path: "/6"}
	first := ID("orders", o, "", 0)
	if want := "840dd0d35a0a9c8d8e969bd99c24388f"; first != want {
		t.Errorf("id %s, want %s", first, want)
	}
	other := o
	other.Path = ""
	ids := map[string]bool{first: true}
	for _, id := range []string{ID("orders", other, "", 0), ID("order", o, "s", 0), ID("orders", o, "s", 0), ID("orders", o, "", 1)} {
		if ids[id] {
			t.Errorf("id %s twice", id)
		}
		ids[id] = true
	}
}

func TestMask(t *testing.T) {
	for _, tt := range []struct{ name, in, want string }{
		{"texts and numbers", `{"email":"jo@x.de","total":12.50}`, `{"email":"xx@x.xx","total":99.99}`},
		{"the shape that was wrong is seen", `"12,50 €"`, `"99,99 €"`},
		{"null is shape, not payload", `{"a":null,"b":true}`, `{"a":null,"b":xxxx}`},
		{"nullable is no null", `nullable`, `xxxxxxxx`},
		{"keys that are payload", `{"jo@x.de":1,"4711":2,"a1b2c3d4":3}`, `{"xx@x.xx":9,"9999":9,"x9x9x9x9":9}`},
		{"a text with a colon behind is a name, one in a list is not", `{"name": ["name"]}`, `{"name": ["xxxx"]}`},
		{"cut inside a text", `{"name":"Jos\"é Mü…`, `{"name":"xxx\"x xx…`},
		{"other scripts", `"Ελένη 東京 ٣"`, `"xxxxx xx 9"`},
		{"nothing", ``, ``},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if got := Mask(tt.in); got != tt.want {
				t.Errorf("got %s, want %s", got, tt.want)
			}
		})
	}
}

func TestMaskEcho(t *testing.T) {
	body := []byte(`{"userId":"u-4711","properties":{"email":"jo@x.de","reason":"Smith"}}`)
	for _, tt := range []struct{ name, in, want string }{
		{"the sink's words stay", `{"code":"invalid_request","message":"event too large"}`, `{"code":"invalid_request","message":"event too large"}`},
		{"what it repeats does not", `email jo@x.de of u-4711 (Smith.) is not valid`, `email xx@x.xx of x-9999 (xxxxx.) is not valid`},
		{"an address of somebody else", `held by ann@crm.example, see https://crm.example/@help`, `held by xxx@xxx.xxxxxxx, see https://crm.example/@help`},
		{"names of fields stay", `userId is missing`, `userId is missing`},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if got := MaskEcho(tt.in, body); got != tt.want {
				t.Errorf("got %s, want %s", got, tt.want)
			}
		})
	}
}

// No letter or digit of a value is left, whatever the excerpt.
func TestMaskLeaksNothing(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		secret := rapid.StringMatching(`[b-dgmq-tv]{3}[2-8]{3}`).Draw(t, "secret")
		around := rapid.SampledFrom([]string{`"%"`, `{"a":"%"}`, `["%",1]`, `{"a":{"b":%}}`, `x%…`}).Draw(t, "around")
		if got := Mask(strings.ReplaceAll(around, "%", secret)); bytes.ContainsAny([]byte(got), "2345678") {
			t.Fatalf("%s shows %s", got, secret)
		}
	})
}
