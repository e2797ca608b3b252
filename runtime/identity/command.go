package identity

// Command is what an operator asks of a group, as its own log holds it, so that a
// replay repeats it: merge, unlink, split, block, forget; and erase, by which one
// group tells the others of a person who is forgotten.
type Command struct {
	Do    string    `json:"do"`
	Space string    `json:"space,omitempty"`
	IDs   []NamedID `json:"ids,omitempty"`  // whom or what it is about; of merge who stays
	From  []NamedID `json:"from,omitempty"` // of merge: who becomes the other
	// Pattern is RE2, of block; what it matches names nobody from here on.
	Pattern string   `json:"pattern,omitempty"`
	Force   bool     `json:"force,omitempty"` // merge also where both have a user id
	Reason  string   `json:"reason,omitempty"`
	Keys    []string `json:"keys,omitempty"` // of erase
	At      int64    `json:"at"`             // the operator's clock, microseconds
}

// NamedID is an identifier by the name of its type; Type "id" is a person's own.
type NamedID struct {
	Type  string `json:"type"`
	Value string `json:"value"`
}
