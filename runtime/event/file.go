package event

import "strconv"

// Headers of a record that is a line of a file.
const (
	// HeaderLine is the number of the line at which it begins, from 1.
	HeaderLine = "sluice-line"
	// HeaderAt is where the line stands in what the file held: whoever goes on reading
	// the file finds by it how far it was read.
	HeaderAt = "sluice-at"
	// HeaderFault says that the line cannot be read, and why: a code, the reason and what
	// to do, each on a line of its own.
	HeaderFault = "sluice-fault"
)

// Header gives the last header of a name; nil: there is none.
func (r *Record) Header(name string) []byte {
	for i := len(r.Headers) - 1; i >= 0; i-- {
		if r.Headers[i].Key == name {
			return r.Headers[i].Value
		}
	}
	return nil
}

// Line is the number of the line that the record is; 0: it is none.
func (r *Record) Line() int64 {
	n, err := strconv.ParseInt(string(r.Header(HeaderLine)), 10, 64)
	if err != nil {
		return 0
	}
	return n
}
