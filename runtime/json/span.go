package json

// MaxDepth is how deep lists and objects may nest: `[[1]]` is two deep.
const MaxDepth = 512

// Kind says what a slot holds after a scan.
type Kind uint8

// The kinds. From Null on there is a value and the span says where it stands.
const (
	// Missing: the record has no such member, or the path leads through a
	// null or a missing member.
	Missing Kind = iota
	// PathErr: the path reads a field of text, a number, a bool or a list
	// (`.a.b` where `.a` is text). The span is of the value that stood in
	// the way, quotes included: its first byte tells which kind that was.
	PathErr
	Null
	False
	True
	// Num: the span is the number as written.
	Num
	// Str: the span is the text without its quotes, and holds no escape, so
	// it is the decoded text.
	Str
	// StrEsc: the span is the text without its quotes, as written, with at
	// least one escape in it; see AppendText.
	StrEsc
	Obj
	Arr
)

var kindNames = [...]string{"missing", "path error", "null", "false", "true", "number", "string", "string with escapes", "object", "list"}

// String names the kind for tests and messages to ourselves.
func (k Kind) String() string {
	if int(k) < len(kindNames) {
		return kindNames[k]
	}
	return "no kind"
}

// Flags are what the scan noticed inside a value on its way through.
type Flags uint8

const (
	// Escaped: a backslash escape stands in the text, or anywhere in the
	// object or list, keys included.
	Escaped Flags = 1 << iota
	// Lone: among those escapes is a surrogate without its partner. Passed
	// on it has to become U+FFFD; AppendRaw does so.
	Lone
)

// Span is what a slot holds: the kind of a value and where it stands in the
// record, in bytes. The zero Span is Missing.
type Span struct {
	Start, End uint32
	ref        uint32 // of a list with element frames: its index in Scanner.lists
	Kind       Kind
	Flags      Flags
}

// IsStr reports whether the value is text, with or without escapes.
func (sp Span) IsStr() bool { return sp.Kind == Str || sp.Kind == StrEsc }

// Bytes is the span's part of record d, the record that was scanned: a text
// without its quotes and with its escapes, anything else whole. It is empty
// for Missing.
func (sp Span) Bytes(d []byte) []byte { return d[sp.Start:sp.End] }

// Raw is the value as it stands in record d, quotes of a text included. To
// pass it on use AppendRaw, which mends lone surrogates.
func (sp Span) Raw(d []byte) []byte {
	if sp.IsStr() {
		return d[sp.Start-1 : sp.End+1]
	}
	return d[sp.Start:sp.End]
}

// Elems are the element frames of one list.
type Elems struct {
	slots []Span
	size  int
	count int
}

// Len is the number of elements.
func (e Elems) Len() int { return e.count }

// At is the frame of element i, to be indexed with the slots that nodes below
// Each gave out.
func (e Elems) At(i int) []Span { return e.slots[i*e.size : (i+1)*e.size : (i+1)*e.size] }
