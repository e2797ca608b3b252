package op

import (
	"encoding/binary"
	"encoding/hex"
	"strings"

	"github.com/zeebo/xxh3"

	"github.com/sluice-dev/sluice/lang/ir"
	"github.com/sluice-dev/sluice/runtime/event"
)

// Message ids. They are for ever (I4): a sink takes repeats out by them, so what
// is written here may never change. An id is
//
//	sl1-  8 hex of H(app)  24 hex of H(app, route, emit, topic id, partition, offset, path)
//
// where route is the route's oldest name, emit its emit id and path the element
// path below the record ("" or "/0/3"). H is XXH3 with 128 bits and seed 0, big
// endian, high word first, of which the first bytes are taken. It hashes texts
// as their length in four bytes and their bytes, the topic id as its 16 bytes,
// partition and offset in four and eight; integers are big endian.
type ids struct {
	app    string
	route  string
	prefix string // "sl1-" and the app's part
	lane   uint64 // seed of lanes
	policy policy
	by     []ir.Expr // of a source with an `id`, ir.Hook.By; nil: ids are made of the origin
}

// idPrefix begins every message id; the digit is the version of the scheme.
const idPrefix = "sl1-"

// idLen is the length of an id: prefix, 8 and 24.
const idLen = len(idPrefix) + 8 + 24

// newIDs prepares the ids of a route. Lanes are made from the present name: they
// live no longer than the process.
func newIDs(app, idName, name string) ids {
	h := xxh3.Hash128(appendText(nil, app)).Bytes()
	return ids{
		app: app, route: idName,
		prefix: idPrefix + hex.EncodeToString(h[:4]),
		lane:   xxh3.Hash(appendText(appendText(nil, app), name)),
	}
}

// emit is the part of the hashed text that is the same for all messages of an emit.
func (i *ids) emit(id string) []byte {
	b := appendText(nil, i.app)
	b = appendText(b, i.route)
	return appendText(b, id)
}

// append writes the id of an output of emit that o caused. buf is scratch.
func (i *ids) append(dst, buf, emit []byte, o *event.Record, path []byte) (id, scratch []byte) {
	buf = append(buf[:0], emit...)
	buf = append(buf, o.TopicID[:]...)
	buf = binary.BigEndian.AppendUint32(buf, uint32(o.Partition))
	buf = binary.BigEndian.AppendUint64(buf, uint64(o.Offset))
	buf = binary.BigEndian.AppendUint32(buf, uint32(len(path)))
	buf = append(buf, path...)
	buf = i.policy.salt(buf)
	h := xxh3.Hash128(buf).Bytes()
	dst = append(dst, i.prefix...)
	return hex.AppendEncode(dst, h[:12]), buf
}

// origin is what ids are made of: topic, partition and offset, or the id that the
// source says. A request that is sent again has another place in the log and the same
// id, however long ago the first was. Of those the topic id is then H(keys of the id),
// the partition -1 and the offset 0.
//
// A dead letter may stand twice in its topic, after a crash, and is one by its id, which
// takes the place of the topic id likewise.
func (fr *Frame) origin(i *ids) *event.Record {
	f := &fr.eval
	if f.Dead != nil {
		return fr.ofLetter()
	}
	if i.by == nil || f.Request == nil { // a pane is of no request
		return fr.rec
	}
	cur := f.Cur
	f.Cur = f.Event // as where the record begins, also in what became of it
	key, fail := f.Key(i.by)
	f.Cur = cur
	if fail != nil {
		return fr.rec
	}
	fr.byID = event.Record{TopicID: xxh3.Hash128(key).Bytes(), Partition: -1}
	return &fr.byID
}

// own tells whether a message id was made by this program.
func (i *ids) own(id string) bool { return len(id) == idLen && strings.HasPrefix(id, i.prefix) }

func appendText(dst []byte, s string) []byte {
	dst = binary.BigEndian.AppendUint32(dst, uint32(len(s)))
	return append(dst, s...)
}

// laneOf is the lane of an ordering key: one order per route and key, and two
// routes never wait for one another (I3).
func (i *ids) laneOf(key []byte) uint64 { return xxh3.HashSeed(key, i.policy.lane(i.lane)) }
