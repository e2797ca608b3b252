package state

// Counts is what a state holds and what was done with it since Open: the work, with
// that of records that were undone.
type Counts struct {
	// Memory tells a state that lives in memory: Keys and Bytes are the claims of a
	// dedupe memory, or the cells of an identity space, and what they take there. What
	// every other state holds lies in the store, uncounted.
	Memory      bool
	Keys, Bytes int64
	// Reads are questions: cells read, or keys asked of a dedupe memory. Hits are those
	// of them that found something; of a dedupe memory, the repeats.
	Reads, Hits int64
	// Writes are cells written, or keys that passed a dedupe memory.
	Writes int64
	// Evictions are cells removed (deleted rows, those past their ttl, panes that were
	// told), or claims that were forgotten because they count no more.
	Evictions int64
	// Watermark is in microseconds; event.NoMicros: none yet.
	Watermark int64
}

// Counts gives those of a state. It is the task's to call, like all of Cells.
func (c *Cells) Counts(s int) Counts {
	st := &c.states[s]
	n := st.counts
	n.Watermark = st.w
	if m := st.memory; m != nil {
		n.Memory, n.Keys, n.Bytes, n.Evictions = true, int64(m.table.Len()), m.table.Bytes(), m.table.Evicted()
	}
	if x := st.index; x != nil {
		n.Memory, n.Keys, n.Bytes = true, int64(x.n), x.bytes
	}
	return n
}
