package event

// Replay says of a record that it is a dead letter which goes back to its route.
type Replay struct {
	Letter string // id of the letter that it is
	Round  int    // of this try, from 1
	// Topic and Partition are where the letter stands: its tombstone is to stand behind it.
	Topic     string
	Partition int32
	// At is its place in the replay log, as letters name one: what became of it is told
	// with the letter's tombstone.
	At string
	// Corrected: the value is not what the letter held.
	Corrected bool
}
