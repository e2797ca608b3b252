package kafka

// PartitionOf is the partition that Kafka's clients choose for a key among n.
func PartitionOf(key []byte, n int32) int32 { return int32(murmur2(key)&0x7fffffff) % n }
