package segment

import (
	"context"
	"io"
	"net"
	"time"
)

// dial makes connections that take a body whole. net/http copies a body in pieces of
// 32 KB, each through a buffer of its own, which for a batch of 120 KB is four
// writes and a copy where one write would do. Under TLS it stays as it is.
func dial(ctx context.Context, network, addr string) (net.Conn, error) {
	d := net.Dialer{Timeout: dialTimeout, KeepAlive: keepAlive}
	c, err := d.DialContext(ctx, network, addr)
	if err != nil {
		return nil, err
	}
	return conn{c}, nil
}

// As in http.DefaultTransport.
const (
	dialTimeout = 30 * time.Second
	keepAlive   = 30 * time.Second
)

// writeBuffer is what the head of a request goes into; the body passes it by.
const writeBuffer = 4 << 10

type conn struct{ net.Conn }

var _ io.ReaderFrom = conn{}

// ReadFrom writes what is left of a body of ours in one piece.
func (c conn) ReadFrom(r io.Reader) (int64, error) {
	if l, ok := r.(*io.LimitedReader); ok {
		if b, ok := l.R.(*body); ok && int64(b.Len()) <= l.N {
			n, err := b.WriteTo(c.Conn)
			l.N -= n
			return n, err
		}
	}
	// Without the method, or io.Copy would come back here.
	return io.Copy(struct{ io.Writer }{c.Conn}, r)
}
