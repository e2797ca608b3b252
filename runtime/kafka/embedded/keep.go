package embedded

import (
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// keepLast has a log that is cut keep its last record. kfake knows where a log goes on
// by the records that it holds on disk and by nothing else, whether it was closed or
// killed: one that holds none begins at 0 again, and who had read up to 5 would pass over
// the next five.
func keepLast(c *kfake.Cluster) {
	c.ControlKey(int16(kmsg.DeleteRecords), func(r kmsg.Request) (kmsg.Response, error, bool) {
		c.KeepControl()
		// What a cluster knows is told by the goroutine that waits for this function.
		c.SleepControl(func() { leaveLast(c, r.(*kmsg.DeleteRecordsRequest)) })
		return nil, nil, false
	})
}

// leaveLast lowers the positions below which a request deletes.
func leaveLast(c *kfake.Cluster, r *kmsg.DeleteRecordsRequest) {
	for i := range r.Topics {
		t := &r.Topics[i]
		for j := range t.Partitions {
			p := &t.Partitions[j]
			in := c.PartitionInfo(t.Topic, p.Partition)
			if in == nil || in.LogStartOffset >= in.HighWatermark || p.Offset > in.HighWatermark {
				continue // there is nothing to keep, or nothing that is asked for
			}
			if last := in.HighWatermark - 1; p.Offset < 0 || p.Offset > last {
				p.Offset = last
			}
		}
	}
}
