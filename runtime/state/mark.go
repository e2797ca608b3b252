package state

import (
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"os"
	"path/filepath"
)

// mark is the file that says up to which transaction a store was synced: what it
// lacks of those is damage, what it lacks behind them went with the power. It is
// written in place, one of two slots in turn, each in a sector of its own, and
// need not be synced itself: an older mark says less, and nothing wrong.
type mark struct {
	f    *os.File
	turn int
}

const (
	markFile = "SYNCED"
	slotSize = 512
)

// castagnoli is the polynomial of all checksums here, Badger's too.
var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// openMark opens the file, or makes it.
func openMark(dir string) (*mark, error) {
	path := filepath.Join(dir, markFile)
	_, err := os.Stat(path)
	fresh := errors.Is(err, os.ErrNotExist)
	f, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, err
	}
	m := &mark{f: f}
	if fresh {
		err = errors.Join(m.put(0), m.put(0), f.Sync(), syncFile(dir))
	}
	return m, err
}

func (m *mark) put(version uint64) error {
	slot := binary.BigEndian.AppendUint64(nil, version)
	slot = binary.BigEndian.AppendUint32(slot, crc32.Checksum(slot, castagnoli))
	if _, err := m.f.WriteAt(slot, int64(m.turn*slotSize)); err != nil {
		return fmt.Errorf("note what is synced: %w", err)
	}
	m.turn = 1 - m.turn
	return nil
}

func (m *mark) close() error { return m.f.Close() }

// readMark gives the last transaction that was synced; os.ErrNotExist where
// nothing was noted yet.
func readMark(dir string) (uint64, error) {
	b, err := os.ReadFile(filepath.Join(dir, markFile))
	if err != nil {
		return 0, err
	}
	version, good := uint64(0), false
	for at := 0; at+12 <= len(b); at += slotSize {
		if slot := b[at : at+12]; crc32.Checksum(slot[:8], castagnoli) == binary.BigEndian.Uint32(slot[8:]) {
			version, good = max(version, binary.BigEndian.Uint64(slot)), true
		}
	}
	if !good {
		return 0, damaged(dir, markFile, "neither of its two entries can be read")
	}
	return version, nil
}
