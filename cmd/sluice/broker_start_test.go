package main

import (
	"log/slog"
	"path/filepath"
	"strconv"
	"sync"
	"testing"
)

// TestBrokersThatStartAtOnce: of programs that start together at most one gets the port
// of the broker, and none is refused for it.
func TestBrokersThatStartAtOnce(t *testing.T) {
	const brokers = 16
	dir := t.TempDir()
	begin := make(chan struct{})
	addrs := make([]string, brokers)
	var all, ended sync.WaitGroup
	all.Add(brokers)
	for i := range brokers {
		ended.Go(func() {
			<-begin
			b, err := startBroker(filepath.Join(dir, strconv.Itoa(i)), false, slog.New(slog.DiscardHandler))
			all.Done()
			if err != nil {
				t.Error(err)
				return
			}
			all.Wait() // a port that is given back could be had twice
			addrs[i] = b.Addr()
			b.Close()
		})
	}
	close(begin)
	ended.Wait()
	seen := map[string]bool{}
	for _, a := range addrs {
		if a != "" && seen[a] {
			t.Errorf("two brokers listen on %s", a)
		}
		seen[a] = true
	}
}
