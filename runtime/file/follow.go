package file

import "io"

// Follow reads a file behind where it was read to.
type Follow struct {
	*Reader
	first *Line // of what comes next, where it has been read already
}

// To reads up to the record that was read last. False where the file holds another now,
// or fewer: then it is to be read from its beginning, by a new reader.
func (f *Follow) To(was At) (bool, error) {
	for {
		l, err := f.Next()
		if err == io.EOF {
			return false, nil
		}
		if err != nil {
			return false, err
		}
		if l.N < was.Line {
			continue
		}
		if l.N == was.Line && l.At.Sum == was.Sum {
			return true, nil
		}
		if l.N == was.Line && was.Open && l.At.Before == was.Before {
			f.first = l // it was read before its end
			return true, nil
		}
		return false, nil
	}
}

// Next is Reader's.
func (f *Follow) Next() (*Line, error) {
	if l := f.first; l != nil {
		f.first = nil
		return l, nil
	}
	return f.Reader.Next()
}
