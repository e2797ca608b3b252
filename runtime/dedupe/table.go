package dedupe

// Table is the claims of one memory. It is used by one goroutine at a time.
type Table struct {
	keep  int64 // the longest `within` of the stages that use it
	n     int
	slots map[Print][]Claim
}

// New makes an empty table that keeps claims for the longest of its stages' spans.
func New(keep int64) *Table { return &Table{keep: keep, slots: map[Print][]Claim{}} }

// Seen tells whether a record with the key at a time is a repeat, with the
// watermark at w.
func (t *Table) Seen(k Print, at, within, w int64) bool {
	for _, c := range t.slots[k] {
		if Near(c.At, at, within) && w < c.End(within) {
			return true
		}
	}
	return false
}

// Add takes a claim, with the watermark at w: what it has passed is forgotten.
func (t *Table) Add(c Claim, w int64) {
	t.slots[c.Key] = append(t.slots[c.Key], c)
	t.n++
}

// Len counts the claims, those past their time that still lie there among them.
func (t *Table) Len() int { return t.n }

// Bytes is about the memory that the table holds.
func (t *Table) Bytes() int64 { return int64(t.n) * 64 }
