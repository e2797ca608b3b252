package embedded

import (
	"encoding/json"
	"fmt"
	"maps"
	"net/url"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"

	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// ends are where logs go on that hold nothing any more. kfake knows where a log goes on by
// the records that it holds on disk and by nothing else, whether it was closed or killed:
// one that holds none begins at 0 again, and who had read up to 5 would pass over the next
// five. So an end is written down before its log is emptied, and given back at the start
// (standin.go).
type ends struct {
	dir string // of the data

	mu sync.Mutex
	of map[string]map[int32]int64 // by topic and partition, as in the file
}

// endsFile is where they stand in the data directory.
const endsFile = "ends.json"

func loadEnds(dir string) (*ends, error) {
	e := &ends{dir: dir, of: map[string]map[int32]int64{}}
	b, err := os.ReadFile(filepath.Join(dir, endsFile))
	if os.IsNotExist(err) {
		return e, nil
	}
	if err == nil {
		err = json.Unmarshal(b, &e.of)
	}
	if err != nil {
		return nil, fmt.Errorf("embedded broker: %s: %w", filepath.Join(dir, endsFile), err)
	}
	return e, nil
}

// put writes down what set changes. The file is whole at any time, and on the disk when put
// returns.
func (e *ends) put(set func(of map[string]map[int32]int64)) error {
	e.mu.Lock()
	defer e.mu.Unlock()
	next := make(map[string]map[int32]int64, len(e.of))
	for t, ps := range e.of {
		next[t] = maps.Clone(ps)
	}
	set(next)
	maps.DeleteFunc(next, func(_ string, ps map[int32]int64) bool { return len(ps) == 0 })
	if maps.EqualFunc(e.of, next, maps.Equal[map[int32]int64, map[int32]int64]) {
		return nil
	}
	b, err := json.Marshal(next)
	if err != nil {
		return err
	}
	if err := replace(filepath.Join(e.dir, endsFile), b); err != nil {
		return err
	}
	e.of = next
	return nil
}

// replace writes a file whole or not at all.
func replace(path string, b []byte) error {
	f, err := os.OpenFile(path+".new", os.O_CREATE|os.O_TRUNC|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	_, err = f.Write(b)
	if err == nil {
		err = f.Sync()
	}
	if closing := f.Close(); err == nil {
		err = closing
	}
	if err == nil {
		err = os.Rename(path+".new", path)
	}
	if err != nil {
		return err
	}
	d, err := os.Open(filepath.Dir(path))
	if err != nil {
		return err
	}
	defer d.Close()
	return d.Sync()
}

// before writes down the ends of all logs: what follows may empty any of them.
func (e *ends) before(c *kfake.Cluster) error {
	return e.put(func(of map[string]map[int32]int64) {
		e.each(c, func(topic string, in *kfake.PartitionInfo) {
			if in.HighWatermark > 0 {
				keep(of, topic, in.Partition, in.HighWatermark)
			}
		})
	})
}

// after forgets the ends of logs that have gone on, which say it themselves, and of those
// that are gone.
func (e *ends) after(c *kfake.Cluster) error {
	return e.put(func(of map[string]map[int32]int64) {
		old := maps.Clone(of)
		clear(of)
		e.each(c, func(topic string, in *kfake.PartitionInfo) {
			// One that stands where it is written may be about to be emptied.
			if in.HighWatermark > 0 && (in.LogStartOffset >= in.HighWatermark || old[topic][in.Partition] == in.HighWatermark) {
				keep(of, topic, in.Partition, in.HighWatermark)
			}
		})
	})
}

func keep(of map[string]map[int32]int64, topic string, partition int32, end int64) {
	if of[topic] == nil {
		of[topic] = map[int32]int64{}
	}
	of[topic][partition] = end
}

// each tells of every log that has ever held a record.
func (e *ends) each(c *kfake.Cluster, tell func(topic string, in *kfake.PartitionInfo)) {
	list, _ := os.ReadDir(filepath.Join(e.dir, partitionsDir)) // it is made with the first record
	for _, d := range list {
		topic, partition, ok := logOf(d.Name())
		if !ok {
			continue
		}
		if in := c.PartitionInfo(topic, partition); in != nil {
			tell(topic, in)
		}
	}
}

// partitionsDir holds a directory for each log, with its records.
const partitionsDir = "partitions"

func (e *ends) dirOf(topic string, partition int32) string {
	return filepath.Join(e.dir, partitionsDir, fmt.Sprintf("%s-%d", url.PathEscape(topic), partition))
}

// logOf is the other way round.
func logOf(name string) (topic string, partition int32, ok bool) {
	i := strings.LastIndexByte(name, '-')
	if i < 0 {
		return "", 0, false
	}
	p, err := strconv.ParseInt(name[i+1:], 10, 32)
	if err != nil {
		return "", 0, false
	}
	topic, err = url.PathUnescape(name[:i])
	return topic, int32(p), err == nil
}

// watch writes down the end of a log that is deleted whole by request, before it is. One
// whose end cannot be written keeps its last record.
func (e *ends) watch(c *kfake.Cluster) {
	c.ControlKey(int16(kmsg.DeleteRecords), func(r kmsg.Request) (kmsg.Response, error, bool) {
		c.KeepControl()
		// What a cluster knows is told by the goroutine that waits for this function.
		c.SleepControl(func() { e.deleted(c, r.(*kmsg.DeleteRecordsRequest)) })
		return nil, nil, false
	})
}

// deleted gives the positions of a request that mean the end of a log that end as it is
// now: what comes meanwhile is kept.
func (e *ends) deleted(c *kfake.Cluster, r *kmsg.DeleteRecordsRequest) {
	var whole []*int64
	err := e.put(func(of map[string]map[int32]int64) {
		for i := range r.Topics {
			t := &r.Topics[i]
			for j := range t.Partitions {
				p := &t.Partitions[j]
				in := c.PartitionInfo(t.Topic, p.Partition)
				if in == nil || p.Offset >= 0 && p.Offset != in.HighWatermark || in.LogStartOffset >= in.HighWatermark {
					continue // nothing is asked for, or not all of it
				}
				p.Offset = in.HighWatermark
				keep(of, t.Topic, p.Partition, p.Offset)
				whole = append(whole, &p.Offset)
			}
		}
	})
	if err != nil {
		for _, at := range whole {
			*at--
		}
	}
}
