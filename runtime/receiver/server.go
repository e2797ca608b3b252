package receiver

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"sync"
	"time"
)

// shutdownGrace is how long requests under way may take when Run ends.
const shutdownGrace = 2 * time.Second

// Listen makes a receiver that listens on addr (host:port, port 0 picks a
// free one); [Receiver.Run] serves.
func Listen(addr string, o Options) (*Receiver, error) {
	ln, err := net.Listen("tcp", addr)
	if err != nil {
		return nil, fmt.Errorf("receiver: %w", err)
	}
	r := New(o)
	r.ln = ln
	return r, nil
}

// URL is the base of the receiver's addresses, with the port it really got.
// Only a receiver of [Listen] has one.
func (r *Receiver) URL() string { return "http://" + r.ln.Addr().String() }

// Run serves until ctx is done and gives requests under way two seconds to
// end.
func (r *Receiver) Run(ctx context.Context) error {
	srv := &http.Server{Handler: r, ReadHeaderTimeout: 10 * time.Second}
	failed := make(chan error, 1) // closed by nobody: one value, if Serve fails
	var wg sync.WaitGroup
	wg.Go(func() {
		if err := srv.Serve(r.ln); !errors.Is(err, http.ErrServerClosed) {
			failed <- fmt.Errorf("receiver: %w", err)
		}
	})
	defer wg.Wait()
	select {
	case err := <-failed:
		return err
	case <-ctx.Done():
	}
	// The context that ended must not end the grace with it.
	grace, cancel := context.WithTimeout(context.WithoutCancel(ctx), shutdownGrace)
	defer cancel()
	if srv.Shutdown(grace) != nil {
		return srv.Close()
	}
	return nil
}
