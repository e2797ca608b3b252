package json

import "slices"

// Plan is a trie of paths. It is built by one goroutine through Root, then
// sealed; a sealed plan never changes and may be used by any number of
// Scanners.
//
// Slots are numbered in the order they are asked for, each frame from 0, so a
// slot's number is known (and may be compiled into a closure) before the plan
// is complete.
type Plan struct {
	root     *Node
	frames   []*frame // 0 is the record's own
	reserved int      // levels of MaxDepth that a record may not use
	sealed   bool
}

// frame is the set of slots of the record, or of each element of one list.
type frame struct {
	id   int
	size int   // slots in it
	root *Node // the record, or an element
	list *Node // the list whose elements these are; nil for the record
}

// Node is one place in the records a plan describes: the record itself, a
// member of an object, or an element of a list. Its methods up to Slot's
// number are for building; they panic once the plan is sealed.
type Node struct {
	// What the scanner looks at for every value stands together.
	slot     int    // -1: not asked for
	each     *frame // its elements' frame, if anybody reads them
	bit      uint64 // its own bit in the parent's object, or crowd
	watch    Mask   // kinds that something has to be done about
	mask     Mask   // kinds that fit
	required bool   // its object must have some members

	below    []uint32 // slots of all nodes below it in the same frame
	need     uint64   // bits of the members its object must have
	needMore []uint32 // slots of required members that have no bit of their own
	oneOf    []string

	plan    *Plan
	frame   *frame
	name    string // its key in the parent
	require bool   // the parent's object must have it
	kids    []*Node
	byName  map[string]*Node // only when kids are many
}

// crowd is the bit that members share from the 64th on. It always counts as
// seen.
const crowd = uint64(1) << 63

// fewKids is up to where comparing with each key beats a map.
const fewKids = 6

// NewPlan returns a plan of no paths. Sealed like that it still makes a
// scanner that checks a whole record.
func NewPlan() *Plan {
	p := &Plan{}
	p.root = p.newFrame(nil).root
	return p
}

func (p *Plan) newFrame(list *Node) *frame {
	f := &frame{id: len(p.frames), list: list}
	f.root = &Node{plan: p, frame: f, slot: -1, mask: MaskAny}
	p.frames = append(p.frames, f)
	return f
}

// Reserve keeps one more level of nesting free: records that nest deeper than
// MaxDepth less the levels reserved are refused. Who puts parts of a record into
// lists and objects of its own asks for it, and need not measure them again.
func (p *Plan) Reserve() { p.reserved++ }

// Root is the record itself, which may be any JSON value.
func (p *Plan) Root() *Node { return p.root }

// Key returns the member name of the object at n, adding it if it is new. The
// name is decoded text.
func (n *Node) Key(name string) *Node {
	for _, k := range n.kids {
		if k.name == name {
			return k
		}
	}
	n.plan.building()
	k := &Node{plan: n.plan, frame: n.frame, slot: -1, name: name, mask: MaskAny}
	n.kids = append(n.kids, k)
	return k
}

// Each returns the element of the list at n. Slots at and below it belong to
// the element's own frame, one for every element whatever its kind; see
// Scanner.Elems. Lists in lists are Each().Each().
func (n *Node) Each() *Node {
	if n.each == nil {
		n.plan.building()
		n.each = n.plan.newFrame(n)
	}
	return n.each.root
}

// Slot makes the scanner note this node's value and returns the number of its
// slot within its frame. Asking again returns the same number. A slot in an
// element's frame gives the list a slot too, since only its span leads there.
func (n *Node) Slot() int {
	if n.slot < 0 {
		n.plan.building()
		n.slot = n.frame.size
		n.frame.size++
		if n.frame.list != nil {
			n.frame.list.Slot()
		}
	}
	return n.slot
}

func (p *Plan) building() {
	if p.sealed {
		panic("json: a sealed plan cannot be changed")
	}
}

// Seal ends the building. Scanners take sealed plans only.
func (p *Plan) Seal() {
	p.building()
	// Element frames come after the frame of their list and may still give
	// that list a slot, so they go first.
	for _, f := range slices.Backward(p.frames) {
		f.root.seal()
	}
	p.sealed = true
}

// seal computes what the scanner wants to know of n and returns the slots at
// and below n within its frame.
func (n *Node) seal() []uint32 {
	for i, k := range n.kids {
		k.bit = 1 << min(i, 63)
		switch {
		case !k.require:
		case k.bit != crowd:
			n.need |= k.bit
		default:
			n.needMore = append(n.needMore, uint32(k.Slot()))
		}
		n.required = n.required || k.require
		n.below = append(n.below, k.seal()...)
	}
	n.watch = ^n.mask
	if len(n.below) > 0 {
		n.watch |= ^(MaskObj | MaskNull)
	}
	if len(n.kids) > fewKids {
		n.byName = make(map[string]*Node, len(n.kids))
		for _, k := range n.kids {
			n.byName[k.name] = k
		}
	}
	if n.slot < 0 {
		return n.below
	}
	return append(slices.Clone(n.below), uint32(n.slot))
}

// kid is the member of that decoded name, or nil.
func (n *Node) kid(name []byte) *Node {
	if n.byName != nil {
		return n.byName[string(name)]
	}
	for _, k := range n.kids {
		if k.name == string(name) {
			return k
		}
	}
	return nil
}
