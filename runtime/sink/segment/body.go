// Package segment sends batches of Segment messages: bytes to request to
// answer. What a message must look like and how large it may be was judged
// before it became an output; what an answer means is judged by deliver.
package segment

import (
	"bytes"
	"sync"
	"sync/atomic"
	"time"

	"github.com/klauspost/compress/gzip"

	"github.com/sluice-dev/sluice/runtime/event"
)

// envelopeHead opens the body of /v1/batch; the library stands in the envelope's
// context, which Segment merges below each message's own.
const (
	envelopeHead = `{"batch":[`
	envelopeTail = `],"context":{"library":{"name":"sluice","version":"`
	envelopeSent = `"}},"sentAt":"`
	envelopeEnd  = `"}`
)

// EnvelopeBytes is what a batch costs beside its messages and the commas between
// them, in bytes, at most.
const EnvelopeBytes = 160

// appendBody writes the body of one request. sentAt is the clock of this very
// attempt: Segment corrects a message's time by received − (sentAt − timestamp),
// so a retry with the first attempt's sentAt would move every event.
func appendBody(dst []byte, outs []*event.Output, version string, sentAt time.Time) []byte {
	dst = append(dst, envelopeHead...)
	for i, o := range outs {
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = append(dst, o.Body.Of(o.Arena)...)
	}
	dst = append(dst, envelopeTail...)
	dst = append(dst, version...)
	dst = append(dst, envelopeSent...)
	dst = sentAt.UTC().AppendFormat(dst, "2006-01-02T15:04:05.000Z")
	return append(dst, envelopeEnd...)
}

// buffers are reused between requests: a batch is up to 450 KB, and requests
// come at hundreds a second.
type buffers struct{ pool sync.Pool }

type buffer struct {
	plain []byte
	zip   bytes.Buffer
	gz    *gzip.Writer
	open  atomic.Int32 // bodies that the transport has not closed
}

// body is one reading of a buffer.
type body struct {
	bytes.Reader
	open *atomic.Int32
	once sync.Once
}

// Close is the transport's word that it reads no more.
func (b *body) Close() error {
	b.once.Do(func() { b.open.Add(-1) })
	return nil
}

func (b *buffer) body(bytes []byte) *body {
	b.open.Add(1)
	r := &body{open: &b.open}
	r.Reset(bytes)
	return r
}

func (p *buffers) get() *buffer {
	if b, _ := p.pool.Get().(*buffer); b != nil {
		return b
	}
	return &buffer{}
}

// put keeps a buffer for the next request, unless the transport may still read it:
// after a time-out or an early answer its writer can be behind.
func (p *buffers) put(b *buffer) {
	if b.open.Load() == 0 {
		p.pool.Put(b)
	}
}

// compress gives the body in gzip, level 1: of all levels measured it costs least
// and still makes events a sixth of their size.
func (b *buffer) compress() []byte {
	b.zip.Reset()
	if b.gz == nil {
		b.gz, _ = gzip.NewWriterLevel(&b.zip, gzip.BestSpeed) // the level is a valid constant
	} else {
		b.gz.Reset(&b.zip)
	}
	// A bytes.Buffer takes every write.
	_, _ = b.gz.Write(b.plain)
	_ = b.gz.Close()
	return b.zip.Bytes()
}
