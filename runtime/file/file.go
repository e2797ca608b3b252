// Package file reads the lines of files, of JSON lines or CSV, compressed or not, one
// record after the other, and tells of each where it stands: whoever goes on with a file
// finds by that how far it was read, and whether it is still the same.
//
// It takes a stream of bytes and holds one record of it at a time, so neither a large
// file nor one that inflates to a large one takes memory. A record that cannot be read
// is one that says why; only what makes the whole file unreadable is an error. It opens
// nothing, and must not know what becomes of a record.
package file

import (
	"bufio"
	"bytes"
	"compress/flate"
	"compress/gzip"
	"errors"
	"fmt"
	"io"

	"github.com/zeebo/xxh3"

	"github.com/sluice-dev/sluice/lang/diag"
	"github.com/sluice-dev/sluice/lang/ir"
)

// MaxLine bounds a record: values have at most 4 MiB.
const MaxLine = 4 << 20

// Line is one record of a file.
type Line struct {
	N     int64  // the number of the line at which it begins, from 1
	Value []byte // JSON; of CSV an object of texts. Valid until the next record
	At    At
	// Fault is why it cannot be read, nil where it can. Value is then what stands there,
	// or, of one that is too long, where it does.
	Fault *Fault
}

// Fault is why a record cannot be read.
type Fault struct {
	Code      *diag.Code
	Why, Help string // without a line break; Help may be ""
}

// Error is why a file cannot be read, or not on.
type Error struct {
	File string
	Line int64 // the last line that could be read; 0: none
	Why  string
	Help string // what to do; may be ""
	Err  error  // of the system, where it is one
}

// Error says it in one line.
func (e *Error) Error() string {
	s := e.File + ": " + e.Why
	if e.Help != "" {
		s += "; " + e.Help
	}
	return s
}

// Unwrap gives the error of the system.
func (e *Error) Unwrap() error { return e.Err }

// Reader reads the records of one file.
type Reader struct {
	name   string
	csv    bool
	tail   bool
	in     *bufio.Reader
	back   []byte // lines that were read and are to be read again
	err    error  // what the stream ended with, when back is done
	begun  bool
	header []string
	line   int64 // of the line that was read last
	sum    xxh3.Uint128
	hash   *xxh3.Hasher
	left   bool
	buf    []byte // of the record at hand
	out    []byte // its value, where that is another
}

// Options say how a file is read.
type Options struct {
	Name string // for people
	File *ir.File
	// Tail takes also what stands behind the last line end. Without, it is left: it may
	// be a line that is being written.
	Tail bool
}

// NewReader reads a file's bytes from the beginning.
func NewReader(in io.Reader, o Options) *Reader {
	r := &Reader{name: o.Name, csv: o.File.Format == "csv", tail: o.Tail, hash: xxh3.New()}
	r.in = bufio.NewReaderSize(in, 64<<10)
	mark, _ := r.in.Peek(3)
	packed := len(mark) >= 2 && mark[0] == 0x1f && mark[1] == 0x8b
	switch {
	case o.File.Gzip || packed && o.File.Stdin():
		if len(mark) == 0 {
			break // an empty file is one that nobody has written to yet
		}
		z, err := gzip.NewReader(r.in)
		if err != nil {
			r.err = &Error{File: r.name, Why: "is not compressed with gzip", Help: "leave .gz off its name, or compress it", Err: err}
			if packed {
				r.err = &Error{File: r.name, Why: "the compressed data is damaged or cut at its beginning", Help: "compress it again", Err: err}
			}
			r.in.Reset(bytes.NewReader(nil))
			return r
		}
		r.in = bufio.NewReaderSize(z, 64<<10)
		mark, _ = r.in.Peek(3)
	case packed:
		r.err = &Error{File: r.name, Why: "is compressed with gzip", Help: "let its name end in .gz"}
		r.in.Reset(bytes.NewReader(nil))
		return r
	}
	switch {
	case bytes.Equal(mark, byteOrderMark):
		_, _ = r.in.Discard(len(mark)) // they have been peeked
	case bytes.Equal(mark, []byte("PK\x03")):
		r.err = &Error{File: r.name, Why: "is a zip archive, as the files of spreadsheets are", Help: "take the file out of it, or save the sheet as CSV"}
		r.in.Reset(bytes.NewReader(nil))
	case bytes.HasPrefix(mark, []byte("\xff\xfe")), bytes.HasPrefix(mark, []byte("\xfe\xff")):
		r.err = &Error{File: r.name, Why: "is UTF-16", Help: "save the file as UTF-8"}
		r.in.Reset(bytes.NewReader(nil))
	}
	return r
}

var byteOrderMark = []byte("\ufeff")

// Next gives the next record; io.EOF behind the last one, an *Error where the file goes
// no further.
func (r *Reader) Next() (*Line, error) {
	if r.csv {
		if _, err := r.Header(); err != nil {
			return nil, err
		}
		return r.nextRow()
	}
	for {
		before := r.sum
		text, size, open, err := r.physical()
		if err != nil {
			return nil, err
		}
		if len(bytes.TrimSpace(text)) == 0 {
			continue
		}
		l := &Line{N: r.line, Value: bytes.TrimPrefix(text, byteOrderMark), At: r.at(r.line, open, before)}
		if size > MaxLine {
			r.tooLong(l, size)
		}
		return l, nil
	}
}

// Left tells, behind io.EOF, whether something stands behind the last line end that was
// not taken.
func (r *Reader) Left() bool { return r.left }

// at is where the record stands that begins at a line.
func (r *Reader) at(line int64, open bool, before xxh3.Uint128) At {
	return At{Line: line, Sum: r.sum.Bytes(), Open: open, Before: before.Bytes()}
}

// tooLong makes a record of one that is longer than a value may be.
func (r *Reader) tooLong(l *Line, size int64) {
	l.refuse(r.name, size, fmt.Sprintf("it is longer than %d MiB: %d bytes", MaxLine>>20, size), "values have at most 4 MiB; the letter says where it stands")
}

// Refuse makes a record of one that whoever writes it down cannot take: it says where it
// stands instead of what it is.
func (l *Line) Refuse(name, who string, limit int) {
	l.refuse(name, int64(len(l.Value)), fmt.Sprintf("it has %d bytes, and %s %d", len(l.Value), who, limit), "the letter says where it stands")
}

func (l *Line) refuse(name string, size int64, why, help string) {
	l.Value = fmt.Appendf(nil, `{"file":%q,"line":%d,"bytes":%d}`, name, l.N, size)
	l.Fault = &Fault{diag.BadLine, why, help}
}

// physical reads a line without its end, and takes it into the sum. Of one that is longer
// than MaxLine it gives the beginning; size is that of all. open: no line end stands
// behind it.
func (r *Reader) physical() (text []byte, size int64, open bool, err error) {
	if len(r.back) > 0 {
		text, rest, more := bytes.Cut(r.back, []byte("\n"))
		r.back = rest
		r.sumUp(text)
		return text, int64(len(text)), !more, nil
	}
	if r.err != nil {
		return nil, 0, false, r.err
	}
	r.buf = r.buf[:0]
	long := false
	for {
		part, err := r.in.ReadSlice('\n')
		size += int64(len(part))
		if !long && len(r.buf)+len(part) > MaxLine+len("\r\n") {
			long = true
			r.begin()
			_, _ = r.hash.Write(r.buf)
		}
		if long {
			_, _ = r.hash.Write(part)
		} else {
			r.buf = append(r.buf, part...)
		}
		if err == bufio.ErrBufferFull {
			continue
		}
		if err != nil && !r.ended(size, err) {
			return nil, 0, false, r.err
		}
		if long {
			r.sum = r.hash.Sum128()
			r.line++
			return r.buf, size, err != nil, nil
		}
		text = bytes.TrimSuffix(bytes.TrimSuffix(r.buf, []byte("\n")), []byte("\r"))
		r.sumUp(text)
		return text, int64(len(text)), err != nil, nil
	}
}

// begin begins the sum of a line behind those before it.
func (r *Reader) begin() {
	s := r.sum.Bytes()
	r.hash.Reset()
	_, _ = r.hash.Write(s[:])
}

func (r *Reader) sumUp(text []byte) {
	r.begin()
	_, _ = r.hash.Write(text)
	r.sum = r.hash.Sum128()
	r.line++
}

// ended takes the end of the stream, and tells whether what stands behind the last line
// end is a line.
func (r *Reader) ended(size int64, err error) bool {
	if err == io.EOF {
		r.err = io.EOF
		r.left = size > 0 && !r.tail
		return size > 0 && r.tail
	}
	e := &Error{File: r.name, Line: r.line, Why: "cannot be read on: " + err.Error(), Err: err}
	if errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, gzip.ErrChecksum) || errors.Is(err, gzip.ErrHeader) || isCorrupt(err) {
		e.Why, e.Help = fmt.Sprintf("the compressed data is damaged or cut behind line %d", r.line), "compress it again; what stands before that was read"
	}
	r.err = e
	return false
}

// isCorrupt tells whether an error says that compressed data is damaged.
func isCorrupt(err error) bool {
	var c flate.CorruptInputError
	return errors.As(err, &c)
}
