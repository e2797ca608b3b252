package state

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/dgraph-io/badger/v4"
	"github.com/dgraph-io/badger/v4/fb"
	"github.com/dgraph-io/badger/v4/pb"
	"github.com/dgraph-io/badger/v4/table"
	"github.com/dgraph-io/badger/v4/y"
	"google.golang.org/protobuf/proto"
)

// A store's files are verified before Badger sees them, because of what it does
// with damaged ones: it takes a manifest or a log that is cut for one that ends
// there, truncates it for good and removes the tables that it does not name; it ends
// the process where a table's end cannot be read; it reads on without a table whose
// checksum is wrong.
//
// What is verified: the manifest is whole and every table it names is there; each
// block of each table has its checksum; the transactions in the tables and in the
// logs of memtables, put in order, have no gap; and they reach as far as was synced
// (mark). A log may end in a transaction that is cut: that is how the end of the
// process, or of the power, leaves it, and what is behind it was never synced.

// inspection is what the files of a store hold.
type inspection struct {
	fresh   bool     // there is no store yet
	version uint64   // the last transaction
	empty   []string // logs of no bytes: their removal was cut short
}

const (
	memSuffix   = ".mem"
	vlogSuffix  = ".vlog"
	tableSuffix = ".sst"

	// logHead is what stands before the first entry of a log: the key's id, which is 0
	// for us, and what would encrypt.
	logHead = 20
	// Of a log's entry: the longest head, the bits of its first byte, and more than
	// any takes.
	entryHead   = 22
	bitTxn      = 1 << 6
	bitFinTxn   = 1 << 7
	largestItem = 2 << 20
)

func inspect(dir string) (out inspection, err error) {
	defer func() {
		if r := recover(); r != nil {
			err = damaged(dir, "", "its files cannot be read: %v", r)
		}
	}()
	files, err := os.ReadDir(dir)
	if err != nil {
		if errors.Is(err, os.ErrNotExist) {
			return inspection{fresh: true}, nil
		}
		return out, err
	}
	var logs []string
	manifest, others := false, ""
	for _, f := range files {
		name := f.Name()
		switch {
		case name == badger.ManifestFilename:
			manifest = true
		case name == badger.KeyRegistryFileName:
			if err := inspectRegistry(dir); err != nil {
				return out, err
			}
		case strings.HasSuffix(name, memSuffix), strings.HasSuffix(name, vlogSuffix):
			others = name
			info, err := f.Info()
			if err != nil {
				return out, err
			}
			switch {
			case info.Size() == 0:
				out.empty = append(out.empty, name)
			case strings.HasSuffix(name, vlogSuffix):
				if err := inspectHead(dir, name); err != nil {
					return out, err
				}
			default:
				logs = append(logs, name)
			}
		case strings.HasSuffix(name, tableSuffix):
			others = name
		}
	}
	if !manifest {
		if others != "" {
			return out, damaged(dir, badger.ManifestFilename, "it is not there, and %s is", others)
		}
		return inspection{fresh: true}, nil
	}
	if out.version, err = inspectTables(dir); err != nil {
		return out, err
	}
	if out.version, err = inspectLogs(dir, logs, out.version); err != nil {
		return out, err
	}
	synced, err := readMark(dir)
	switch {
	case errors.Is(err, os.ErrNotExist) && out.version == 0:
	case errors.Is(err, os.ErrNotExist):
		return out, damaged(dir, markFile, "it is not there")
	case err != nil:
		return out, err
	case synced > out.version:
		return out, damaged(dir, "", "it has been synced up to transaction %d, and %s up to %d", synced, what(logs), out.version)
	}
	return out, nil
}

func what(logs []string) string {
	if len(logs) == 0 {
		return "its tables go"
	}
	return "its tables and " + strings.Join(logs, ", ") + " go"
}

// inspectTables verifies the manifest and every table it names, and gives the
// greatest version in them.
func inspectTables(dir string) (uint64, error) {
	f, err := os.Open(filepath.Join(dir, badger.ManifestFilename))
	if err != nil {
		return 0, err
	}
	defer f.Close()
	m, _, err := badger.ReplayManifestFile(f, 0, badger.Options{})
	if err != nil {
		return 0, damaged(dir, badger.ManifestFilename, "%v", err)
	}
	version := uint64(0)
	var buf bytes.Buffer
	var bad []string
	for id := range m.Tables {
		name := table.IDToFilename(id)
		v, err := inspectTable(filepath.Join(dir, name), &buf)
		if err != nil {
			bad = append(bad, fmt.Sprintf("%s: %v", name, err))
		}
		version = max(version, v)
	}
	if len(bad) > 0 { // all of them: who restores a file should know which
		slices.Sort(bad)
		return 0, damaged(dir, "", "%s", strings.Join(bad, "; "))
	}
	return version, nil
}

var errCut = errors.New("it is cut")

// inspectTable verifies one table: blocks, and behind them their index, its size,
// its checksum and the size of that.
func inspectTable(path string, buf *bytes.Buffer) (version uint64, err error) {
	defer func() {
		if r := recover(); r != nil {
			err = fmt.Errorf("its index cannot be read: %v", r)
		}
	}()
	f, err := os.Open(path)
	if errors.Is(err, os.ErrNotExist) {
		return 0, errors.New("it is not there")
	}
	if err != nil {
		return 0, err
	}
	defer f.Close()
	buf.Reset()
	if _, err := buf.ReadFrom(f); err != nil {
		return 0, err
	}
	rest := buf.Bytes()
	sum, err := lastPart(&rest)
	if err != nil {
		return 0, err
	}
	index, err := lastPart(&rest)
	if err != nil {
		return 0, err
	}
	if err := checksum(index, sum); err != nil {
		return 0, fmt.Errorf("its index: %w", err)
	}
	ti := fb.GetRootAsTableIndex(index, 0)
	if ti.OffsetsLength() == 0 {
		return 0, errors.New("it has no blocks")
	}
	var at fb.BlockOffset
	for i := range ti.OffsetsLength() {
		if !ti.Offsets(&at, i) || uint64(at.Offset())+uint64(at.Len()) > uint64(len(rest)) {
			return 0, fmt.Errorf("block %d is not there", i)
		}
		block := rest[at.Offset() : at.Offset()+at.Len()]
		sum, err := lastPart(&block)
		if err == nil {
			err = checksum(block, sum)
		}
		if err != nil {
			return 0, fmt.Errorf("block %d at byte %d: %w", i, at.Offset(), err)
		}
	}
	return ti.MaxVersion(), nil
}

// lastPart takes a part off the end: its bytes, and behind them their number.
func lastPart(b *[]byte) ([]byte, error) {
	n := len(*b) - 4
	if n < 0 {
		return nil, errCut
	}
	size := uint64(binary.BigEndian.Uint32((*b)[n:]))
	if size > uint64(n) {
		return nil, errCut
	}
	part := (*b)[n-int(size) : n]
	*b = (*b)[:n-int(size)]
	return part, nil
}

func checksum(data, sum []byte) error {
	var want pb.Checksum
	if err := proto.Unmarshal(sum, &want); err != nil {
		return errors.New("its checksum cannot be read")
	}
	if want.Algo != pb.Checksum_CRC32C || want.Sum != uint64(crc32.Checksum(data, castagnoli)) {
		return errors.New("its checksum is wrong")
	}
	return nil
}

// inspectRegistry verifies the file of Badger's keys, which has none: what would
// encrypt, and a text that shows whether the right key was given.
func inspectRegistry(dir string) error {
	b, err := os.ReadFile(filepath.Join(dir, badger.KeyRegistryFileName))
	if err == nil && (len(b) < 16 || string(b[16:]) != "Hello Badger") {
		err = damaged(dir, badger.KeyRegistryFileName, "it is not that of a store without encryption")
	}
	return err
}

func inspectHead(dir, name string) error {
	f, err := os.Open(filepath.Join(dir, name))
	if err != nil {
		return err
	}
	defer f.Close()
	return head(dir, name, f)
}

func head(dir, name string, r io.Reader) error {
	var b [logHead]byte
	n, err := io.ReadFull(r, b[:])
	if n == logHead && binary.BigEndian.Uint64(b[:]) != 0 {
		return damaged(dir, name, "its first bytes are not those of a log")
	}
	if err != nil && !errors.Is(err, io.ErrUnexpectedEOF) && !errors.Is(err, io.EOF) {
		return err
	}
	return nil
}

// inspectLogs puts the transactions of the memtables' logs behind those of the
// tables, up to version, and gives the last.
func inspectLogs(dir string, names []string, version uint64) (uint64, error) {
	number := func(name string) int {
		n, err := strconv.Atoi(strings.TrimSuffix(name, memSuffix))
		if err != nil {
			return math.MaxInt
		}
		return n
	}
	slices.SortFunc(names, func(a, b string) int { return number(a) - number(b) })
	for _, name := range names {
		f, err := os.Open(filepath.Join(dir, name))
		if err != nil {
			return 0, err
		}
		r := bufio.NewReaderSize(f, 2*largestItem)
		if err = head(dir, name, r); err == nil {
			err = transactions(r, func(v uint64) error {
				if v > version+1 {
					return damaged(dir, name, "transaction %d follows on %d", v, version)
				}
				version = max(version, v)
				return nil
			})
		}
		f.Close()
		if errors.Is(err, errTooLarge) {
			return 0, damaged(dir, name, "%v", err)
		}
		if err != nil {
			return 0, err
		}
	}
	return version, nil
}

var errTooLarge = errors.New("an entry larger than any that was written")

// transactions reads the whole transactions of a log up to the first entry that is
// none, and tells their versions. It reads what Badger would read (logFile.iterate).
func transactions(r *bufio.Reader, tell func(version uint64) error) error {
	open := uint64(0) // the version of the transaction at hand; 0: none
	for {
		b, _ := r.Peek(entryHead)
		klen, vlen, n := entrySizes(b)
		if n == 0 {
			return nil
		}
		if klen > math.MaxUint16 || vlen > largestItem {
			return errTooLarge
		}
		meta := b[0]
		size := n + int(klen) + int(vlen)
		b, _ = r.Peek(size + crc32.Size)
		if len(b) < size+crc32.Size || crc32.Checksum(b[:size], castagnoli) != binary.BigEndian.Uint32(b[size:]) {
			return nil
		}
		key, val := b[n:n+int(klen)], b[n+int(klen):size]
		switch {
		case klen == 0:
			return nil
		case meta&bitTxn != 0:
			v := y.ParseTs(key)
			if open != 0 && open != v {
				return nil
			}
			open = v
		case meta&bitFinTxn != 0:
			v, err := strconv.ParseUint(string(val), 10, 64)
			if err != nil || v != open {
				return nil
			}
			if err := tell(v); err != nil {
				return err
			}
			open = 0
		case open != 0:
			return nil
		}
		if _, err := r.Discard(size + crc32.Size); err != nil {
			return err
		}
	}
}

// entrySizes reads the head of an entry: two bytes, and the sizes of key and value
// and a time as varints. n is its own size; 0 where it is cut.
func entrySizes(b []byte) (klen, vlen uint64, n int) {
	if len(b) < 2 {
		return 0, 0, 0
	}
	n = 2
	var sizes [3]uint64
	for i := range sizes {
		v, size := binary.Uvarint(b[n:])
		if size <= 0 {
			return 0, 0, 0
		}
		sizes[i] = v
		n += size
	}
	return sizes[0], sizes[1], n
}
