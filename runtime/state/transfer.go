package state

import (
	"bufio"
	"bytes"
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"time"

	"github.com/sluice-dev/sluice/lang/value"
	"github.com/sluice-dev/sluice/runtime/event"
	"github.com/sluice-dev/sluice/runtime/letter"
)

// A store is exported as lines of JSON that can be read, and that an import makes
// the same store of: the first says whose it is, then come the states as they were
// made, then what they hold, then where the groups stand.
//
//	{"format":1,"app":"shop","id":"sluice-…"}
//	{"state":"table ltv","number":2,"kind":"table","keys":["string"],"row_type":"number"}
//	{"state":"table ltv","key":["u1"],"row":12.5,"at":"2026-01-01T00:00:00Z"}
//	{"state":"table ltv","key":["u1"],"timer":1767225600000000}
//	{"state":"dedupe orders by .id","segment":1,"claims":"…"}
//	{"state":"identity people","key_bytes":"…","bytes":"…"}
//	{"group":"ltv","part":"progress","bytes":"…"}
//	{"erased":{"sums":["…"],"at":1767225600000}}
//
// Where JSON does not say all of a key or a row (times, durations, bytes), the
// stored bytes stand beside it, and they count; cells that are no rows are bytes alone.
// Without values what a row holds is
// masked, its shape stays (I9); such an export cannot be imported.

// transferFormat is the version of the lines.
const transferFormat = 1

type line struct {
	Format int    `json:"format,omitempty"`
	App    string `json:"app,omitempty"`
	ID     string `json:"id,omitempty"`
	Masked bool   `json:"masked,omitempty"`

	State   string   `json:"state,omitempty"`
	Number  uint32   `json:"number,omitempty"`
	Kind    string   `json:"kind,omitempty"`
	Keys    []string `json:"keys,omitempty"`
	RowType string   `json:"row_type,omitempty"`
	SpanMS  int64    `json:"span_ms,omitempty"`

	Key     json.RawMessage `json:"key,omitempty"`
	KeyRaw  []byte          `json:"key_bytes,omitempty"`
	Row     json.RawMessage `json:"row,omitempty"`
	At      string          `json:"at,omitempty"`
	Timer   *int64          `json:"timer,omitempty"` // due, microseconds
	Segment *uint64         `json:"segment,omitempty"`
	Claims  []byte          `json:"claims,omitempty"`

	Group string  `json:"group,omitempty"`
	Part  string  `json:"part,omitempty"`
	No    *uint64 `json:"no,omitempty"`

	Bytes []byte `json:"bytes,omitempty"` // as stored
	Size  int    `json:"size,omitempty"`  // of what is masked

	Erased *Erased `json:"erased,omitempty"`
}

var groupParts = map[byte]string{'a': "progress", 'i': "intent", 'h': "held"}

// Row is a cell of a table, or of `changed by`, as people read it.
type Row struct {
	Key value.List // its parts
	Row value.Value
	At  int64 // microseconds; event.NoMicros: the record that wrote it had no time
}

// JSON is the row on one line. Without values it is masked.
func (r Row) JSON(values bool) string {
	l := line{Key: shown(r.Key, values), Row: shown(r.Row, values), At: timeText(r.At)}
	b, err := l.encode()
	if err != nil {
		panic("state: a row that is no JSON: " + err.Error())
	}
	return string(bytes.TrimSpace(b))
}

// shown is a value as JSON, or as a text that shows its shape.
func shown(v value.Value, values bool) json.RawMessage {
	b := value.AppendJSON(nil, v)
	if values {
		return b
	}
	return value.AppendJSON(nil, letter.Mask(string(b)))
}

func (l *line) encode() ([]byte, error) {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	err := e.Encode(l)
	return b.Bytes(), err
}

func timeText(at int64) string {
	if at == event.NoMicros {
		return ""
	}
	return time.UnixMicro(at).UTC().Format(time.RFC3339Nano)
}

// Export writes a store as lines. What cannot be read is an error that names it.
func Export(w io.Writer, store Store, values bool) error {
	out := bufio.NewWriterSize(w, 64<<10)
	_, app, id, err := Identity(store)
	if err != nil {
		return err
	}
	entries, err := ReadDirectory(store)
	if err != nil {
		return err
	}
	write := func(l line) error {
		b, err := l.encode()
		if err == nil {
			_, err = out.Write(b)
		}
		return err
	}
	if err := write(line{Format: transferFormat, App: app, ID: id, Masked: !values}); err != nil {
		return err
	}
	byNumber := map[uint32]*Entry{}
	for i := range entries {
		e := &entries[i]
		byNumber[e.Number] = e
		if err := write(line{State: e.Name, Number: e.Number, Kind: e.Kind, Keys: e.Keys, RowType: e.Row, SpanMS: e.SpanMS}); err != nil {
			return err
		}
	}
	var bad error
	for _, kind := range []byte{'c', timerKind, 'l', 'g'} {
		err := store.Scan([]byte{kind}, nil, func(key, val []byte) bool {
			var idle bool
			if idle, bad = idleTimer(store, byNumber, key); idle || bad != nil {
				return bad == nil
			}
			var l line
			if l, bad = lineOf(byNumber, key, val, values); bad == nil {
				bad = write(l)
			}
			return bad == nil
		})
		if err := errors.Join(err, bad); err != nil {
			return err
		}
	}
	erased, err := ReadErased(store)
	if err != nil {
		return err
	}
	for _, x := range erased {
		l := line{Erased: x}
		if !values {
			l.Erased = &Erased{At: x.At}
		}
		if err := write(l); err != nil {
			return err
		}
	}
	return out.Flush()
}

// idleTimer tells whether a timer is of a row that is gone. It would do nothing, and
// what it names may have been forgotten.
func idleTimer(store Store, byNumber map[uint32]*Entry, key []byte) (bool, error) {
	if key[0] != timerKind || len(key) < timerHead {
		return false, nil
	}
	e, _, err := stateOf(byNumber, key)
	if err != nil || !e.hasRows() {
		return false, err
	}
	_, there, err := store.Get(append(stateKey('c', e.Number), key[timerHead:]...))
	return !there, err
}

func lineOf(byNumber map[uint32]*Entry, key, val []byte, values bool) (line, error) {
	if key[0] == 'g' {
		return groupLine(key, val, values)
	}
	e, rest, err := stateOf(byNumber, key)
	if err != nil {
		return line{}, err
	}
	l := line{State: e.Name}
	switch key[0] {
	case 'l':
		if len(rest) != 8 {
			return line{}, fmt.Errorf("%w: %s: a segment of claims under the key %x", ErrDamaged, e.Name, key)
		}
		if _, err := openSegment(key, val); err != nil {
			return line{}, err
		}
		no := binary.BigEndian.Uint64(rest)
		l.Segment, l.Claims = &no, val
		if !values {
			l.Claims, l.Size = nil, len(val)
		}
		return l, nil
	case timerKind:
		if len(rest) < 8 {
			return line{}, fmt.Errorf("%w: %s: a timer under the key %x", ErrDamaged, e.Name, key)
		}
		due := timerDue(string(key))
		l.Timer, rest = &due, rest[8:]
	}
	l.key(e, rest, values)
	switch {
	case key[0] == timerKind:
	case e.hasRows():
		at, v, err := DecodeRow(val)
		if err != nil {
			return line{}, fmt.Errorf("%s, row %x: %w", e.Name, rest, err)
		}
		l.Row, l.At = shown(v, values), timeText(at)
		if values && !l.saysAll(at, val) {
			l.Bytes = val
		}
	case values:
		l.Bytes = val
	default:
		l.Size += len(val)
	}
	return l, nil
}

// stateOf is the state that a key lies under, and the rest of the key.
func stateOf(byNumber map[uint32]*Entry, key []byte) (*Entry, []byte, error) {
	if len(key) >= cellHead {
		if e := byNumber[binary.BigEndian.Uint32(key[1:])]; e != nil {
			return e, key[cellHead:], nil
		}
	}
	return nil, nil, fmt.Errorf("%w: the key %x belongs to no state", ErrDamaged, key)
}

// hasRows tells whether the cells of a state are rows.
func (e *Entry) hasRows() bool {
	return e.Kind == "table" || e.Kind == "changed" || e.Kind == "audience"
}

// key fills in the key of a cell, and its bytes where JSON does not say them. Those of
// an identity space are no keys of the language.
func (l *line) key(e *Entry, key []byte, values bool) {
	if parts, err := value.DecodeKey(key); err == nil && e.Kind != "identity" {
		l.Key = shown(parts, values)
		if again, err := keyOf(l.Key); !values || err == nil && bytes.Equal(again, key) {
			return
		}
	}
	if values {
		l.KeyRaw = bytes.Clone(key)
	} else if l.Key == nil {
		l.Size += len(key)
	}
}

func keyOf(b []byte) ([]byte, error) {
	v, bad := value.DecodeJSON(b)
	parts, ok := v.(value.List)
	if bad != nil || !ok {
		return nil, fmt.Errorf("a key is a list of its parts, and this is %s", b)
	}
	var key []byte
	for _, p := range parts {
		key = value.AppendKey(key, p)
	}
	return key, nil
}

// saysAll tells whether the row as JSON is the stored one to the byte.
func (l *line) saysAll(at int64, val []byte) bool {
	again, err := l.rowBytes()
	return err == nil && at == l.micros() && bytes.Equal(again, val)
}

func (l *line) micros() int64 {
	if t, err := value.ParseTime(l.At); err == nil {
		return t.UnixMicro()
	}
	return event.NoMicros
}

func (l *line) rowBytes() ([]byte, error) {
	v, bad := value.DecodeJSON(l.Row)
	if bad != nil {
		return nil, bad
	}
	return AppendRow(nil, l.micros(), v), nil
}

func groupLine(key, val []byte, values bool) (line, error) {
	at := bytes.IndexByte(key, 0)
	if at < 0 || at+1 == len(key) || groupParts[key[at+1]] == "" {
		return line{}, fmt.Errorf("%w: the key %x is of no part of a group", ErrDamaged, key)
	}
	l := line{Group: string(key[1:at]), Part: groupParts[key[at+1]], Bytes: val}
	if rest := key[at+2:]; len(rest) == 8 {
		no := binary.BigEndian.Uint64(rest)
		l.No = &no
	}
	if !values {
		l.Bytes, l.Size = nil, len(val)
	}
	return l, nil
}

// Import is an export that is being read.
type Import struct {
	App, ID string // whose store it was
	r       *bufio.Reader
	at      int // the line at hand
	numbers map[string]*Entry
}

// NewImport reads the first line of an export.
func NewImport(r io.Reader) (*Import, error) {
	im := &Import{r: bufio.NewReaderSize(r, 64<<10), numbers: map[string]*Entry{}}
	l, err := im.line()
	switch {
	case errors.Is(err, io.EOF):
		return nil, errors.New("there is nothing to import")
	case err != nil:
		return nil, err
	case l.Format == 0:
		return nil, im.wrong("what `sluice state export --values` writes begins with its format")
	case l.Format > transferFormat:
		return nil, im.wrong(fmt.Sprintf("it has format %d, and this version of Sluice reads format %d: %v", l.Format, transferFormat, ErrNewer))
	case l.Masked:
		return nil, im.wrong("it was exported without --values: what was masked cannot be imported")
	}
	im.App, im.ID = l.App, l.ID
	return im, nil
}

func (im *Import) wrong(what string) error { return fmt.Errorf("line %d: %s", im.at, what) }

// line reads the next line that is not empty.
func (im *Import) line() (l line, err error) {
	for {
		b, err := im.r.ReadBytes('\n')
		if len(b) == 0 && err != nil {
			return line{}, err
		}
		im.at++
		if b = bytes.TrimSpace(b); len(b) == 0 {
			continue
		}
		d := json.NewDecoder(bytes.NewReader(b))
		d.DisallowUnknownFields()
		if err := d.Decode(&l); err != nil {
			return line{}, im.wrong(fmt.Sprintf("it is not as `sluice state export` writes it: %v", err))
		}
		return l, nil
	}
}

// importKey is in a store while an import is not at its end.
var importKey = []byte("mimport")

// Into writes the rest into a store that holds nothing yet, and gives how many
// lines there were. Where it ends early the store is not used by anybody.
func (im *Import) Into(store Store) (lines int, err error) {
	empty := true
	if err := store.Scan(nil, nil, func(key, _ []byte) bool {
		empty = key[0] == 'm'
		return empty
	}); err != nil {
		return 0, err
	}
	if !empty {
		return 0, errors.New("the store holds something already: import into an empty state directory")
	}
	if err := store.Commit([]Write{{Key: importKey, Val: []byte("unfinished")}}); err != nil {
		return 0, err
	}
	var ws []Write
	size := 0
	for {
		l, err := im.line()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return 0, err
		}
		w, err := im.write(&l)
		if err != nil {
			return 0, im.wrong(err.Error())
		}
		ws = append(ws, w)
		lines++
		if size += len(w.Key) + len(w.Val); len(ws) >= pageRows || size > pageBytes {
			if err := store.Commit(ws); err != nil {
				return 0, err
			}
			ws, size = nil, 0
		}
	}
	if err := store.Commit(append(ws, Write{Key: importKey, Delete: true})); err != nil {
		return 0, err
	}
	return lines, store.Sync()
}

func (im *Import) write(l *line) (Write, error) {
	switch {
	case l.Erased != nil:
		return l.Erased.Put(), nil
	case l.Group != "":
		for kind, part := range groupParts {
			if part == l.Part {
				key := groupKey(l.Group, kind)
				if l.No != nil {
					key = binary.BigEndian.AppendUint64(key, *l.No)
				}
				return Write{Key: key, Val: l.Bytes}, nil
			}
		}
		return Write{}, fmt.Errorf("a group has no %q", l.Part)
	case l.Kind != "":
		e := &Entry{Name: l.State, Number: l.Number, Kind: l.Kind, Keys: l.Keys, Row: l.RowType, SpanMS: l.SpanMS}
		if e.Number == 0 || e.Name == "" || !slices.Contains(kindNames[:], e.Kind) {
			return Write{}, errors.New("a state has a name, a number and a kind")
		}
		for _, other := range im.numbers {
			if other.Number == e.Number || other.Name == e.Name {
				return Write{}, fmt.Errorf("%s and %s have one name or one number", other.Name, e.Name)
			}
		}
		im.numbers[e.Name] = e
		return Write{Key: entryKey(e.Name), Val: e.encode()}, nil
	}
	e := im.numbers[l.State]
	if e == nil {
		return Write{}, fmt.Errorf("no line above says what %q is", l.State)
	}
	if l.Segment != nil {
		key := segmentKey(e.Number, *l.Segment)
		_, err := openSegment(key, l.Claims)
		return Write{Key: key, Val: l.Claims}, err
	}
	key := l.KeyRaw
	if key == nil && l.Key != nil {
		var err error
		if key, err = keyOf(l.Key); err != nil {
			return Write{}, err
		}
	}
	if l.Timer != nil {
		return Write{Key: timerKey(e.Number, *l.Timer, key), Val: noValue}, nil
	}
	w := Write{Key: append(stateKey('c', e.Number), key...), Val: l.Bytes}
	switch {
	case !e.hasRows():
	case w.Val == nil && l.Row == nil:
		return Write{}, errors.New("a row is missing")
	case w.Val == nil:
		var err error
		w.Val, err = l.rowBytes()
		return w, err
	default:
		if _, _, err := DecodeRow(w.Val); err != nil {
			return Write{}, fmt.Errorf("its bytes %s: %w", base64.StdEncoding.EncodeToString(w.Val), err)
		}
	}
	return w, nil
}
