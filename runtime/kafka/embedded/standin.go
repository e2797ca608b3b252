package embedded

import (
	"encoding/binary"
	"fmt"
	"hash/crc32"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// standIn is a record batch whose one record stands right before end, so that a log which
// holds it goes on at end.
func standIn(end int64) []byte {
	rec := kmsg.Record{Length: 6} // no key, no value
	b := kmsg.RecordBatch{FirstOffset: end - 1, Magic: 2, ProducerID: -1, ProducerEpoch: -1, FirstSequence: -1, NumRecords: 1, Records: rec.AppendTo(nil)}
	out := b.AppendTo(nil)
	binary.BigEndian.PutUint32(out[8:], uint32(len(out)-12))                                          // of what follows
	binary.BigEndian.PutUint32(out[17:], crc32.Checksum(out[21:], crc32.MakeTable(crc32.Castagnoli))) // likewise
	return out
}

// laid is a log that holds a stand-in.
type laid struct {
	topic     string
	partition int32
	from      int64 // where what it really holds begins
}

// lay puts a stand-in in every log that holds nothing below its end, before a cluster reads
// what is there.
func (e *ends) lay() ([]laid, error) {
	var out []laid
	for topic, ps := range e.of {
		for partition, end := range ps {
			dir := e.dirOf(topic, partition)
			from, empty, err := holds(dir, end)
			if err != nil {
				return nil, fmt.Errorf("embedded broker: %w", err)
			}
			if !empty {
				continue
			}
			if err := replace(filepath.Join(dir, segmentOf(end-1)), standIn(end)); err != nil {
				return nil, fmt.Errorf("embedded broker: %w", err)
			}
			out = append(out, laid{topic, partition, from})
		}
	}
	return out, nil
}

// holds looks for the files of a log: from is where the first begins that is not below end.
// A log that is gone, or has a file below, is not empty there; a stand-in does not count.
func holds(dir string, end int64) (from int64, empty bool, err error) {
	list, err := os.ReadDir(dir)
	if os.IsNotExist(err) {
		return 0, false, nil
	}
	from = -1
	for _, f := range list {
		name, ok := strings.CutSuffix(f.Name(), ".dat")
		base, bad := strconv.ParseInt(name, 10, 64)
		switch {
		case !ok || bad != nil:
		case base >= end:
			if from < 0 || base < from {
				from = base
			}
		case base == end-1 && isStandIn(filepath.Join(dir, f.Name()), end):
		default:
			return 0, false, err
		}
	}
	return max(from, end), true, err
}

func isStandIn(path string, end int64) bool {
	b, err := os.ReadFile(path)
	return err == nil && string(b) == string(standIn(end))
}

func segmentOf(base int64) string { return strconv.FormatInt(base, 10) + ".dat" }

// lift takes the stand-ins out again. The logs go on where they would have.
func lift(c *kfake.Cluster, list []laid) error {
	for _, l := range list {
		in := c.PartitionInfo(l.topic, l.partition)
		if in == nil {
			continue // its topic was deleted
		}
		if err := c.DeleteRecords(l.topic, l.partition, min(l.from, in.HighWatermark)); err != nil {
			return fmt.Errorf("embedded broker: %s-%d: %w", l.topic, l.partition, err)
		}
	}
	return nil
}

// gate is a listener that lets nobody in before it is opened.
type gate struct {
	net.Listener
	open chan struct{}
}

func (g gate) Accept() (net.Conn, error) {
	<-g.open
	return g.Listener.Accept()
}
