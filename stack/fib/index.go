package fib

import (
	"net/netip"
	"slices"

	"github.com/gaissmai/bart"
)

// slot is what an index says of a destination: one of the following, or the
// number of a leaf.
type slot uint16

const (
	none    slot = iota // no prefix of these lengths
	ask                 // the trie knows: there is a prefix longer than /24, or the leaf has no number
	firstID             // of the leaves
)

// index4 answers IPv4 look-ups of one trie, three strides of eight bits. Each
// node holds, for prefixes of its own lengths, the longest that covers a slot.
// So a change of one prefix writes 256 slots of one node at most, and a look-up
// in a full table waits for the memory of one small node, where the trie has
// some seven places to go to. Like the trie it never changes.
type index4 struct {
	leaves []*leaf   // by number
	slots  [256]slot // up to /8
	kids   [256]*node16
}

// node16 is for prefixes from /9 to /16.
type node16 struct {
	slots [256]slot
	kids  [256]runs // from /17 to /24
}

// find is the slot of the longest prefix that holds a.
func (x *index4) find(a [4]byte) slot {
	if n := x.kids[a[0]]; n != nil {
		if c := n.kids[a[1]]; c != nil {
			if s := c.at(a[2]); s != none {
				return s
			}
		}
		if s := n.slots[a[1]]; s != none {
			return s
		}
	}
	return x.slots[a[0]]
}

// newIndex4 makes the index of a trie; nil if it holds no IPv4 prefix.
func newIndex4(tab *bart.Table[*leaf], leaves []*leaf) *index4 {
	if tab.Size4() == 0 {
		return nil
	}
	p := painter{x: &index4{leaves: leaves}}
	// Shorter prefixes come before those that they hold, and are painted over.
	for dst, l := range tab.AllSorted4() {
		p.paint(dst.Addr().As4(), int(l.bits), l.id)
	}
	p.flush()
	return p.x
}

// painter makes an index of prefixes in their order. It holds the slots from
// /17 to /24 of one node at a time.
type painter struct {
	x     *index4
	slots [256]slot
	of    *runs // where slots go to; nil: nowhere
}

// paint writes the slots of a prefix.
func (p *painter) paint(a [4]byte, bits int, s slot) {
	if bits <= 8 {
		paintSlots(&p.x.slots, a[0], 8-bits, s)
		return
	}
	n := p.x.kids[a[0]]
	if n == nil {
		n = new(node16)
		p.x.kids[a[0]] = n
	}
	if bits <= 16 {
		paintSlots(&n.slots, a[1], 16-bits, s)
		return
	}
	if of := &n.kids[a[1]]; of != p.of {
		p.flush()
		p.of = of
	}
	if bits <= 24 {
		paintSlots(&p.slots, a[2], 24-bits, s)
	} else {
		p.slots[a[2]] = ask
	}
}

// flush puts the slots where they belong.
func (p *painter) flush() {
	if p.of != nil {
		*p.of = newRuns(&p.slots)
	}
	p.of, p.slots = nil, [256]slot{}
}

// paintSlots writes 1<<free slots from first on.
func paintSlots(slots *[256]slot, first byte, free int, s slot) {
	for i := range 1 << free {
		slots[int(first)+i&0xff] = s
	}
}

// redraw is x after p changed in the trie, which is tab now. x may be nil. It
// shares with x what is the same.
func (x *index4) redraw(tab *bart.Table[*leaf], leaves []*leaf, p netip.Prefix) *index4 {
	next := index4{leaves: leaves}
	if x != nil {
		next = *x
		next.leaves = leaves
	}
	a, bits := p.Addr().As4(), p.Bits()
	if bits <= 8 {
		redrawSlots(&next.slots, tab, a, bits, 8)
	} else {
		next.kids[a[0]] = next.kids[a[0]].redraw(tab, a, bits)
	}
	return &next
}

// redraw is n with the slots of a prefix asked for again; nil if nothing is
// left. n may be nil.
func (n *node16) redraw(tab *bart.Table[*leaf], a [4]byte, bits int) *node16 {
	var next node16
	if n != nil {
		next = *n
	}
	if bits <= 16 {
		redrawSlots(&next.slots, tab, a, bits, 16)
	} else {
		slots := next.kids[a[1]].slots()
		redrawSlots(&slots, tab, a, min(bits, 24), 24)
		next.kids[a[1]] = newRuns(&slots)
	}
	if next.slots == ([256]slot{}) && !slices.ContainsFunc(next.kids[:], func(c runs) bool { return c != nil }) {
		return nil
	}
	return &next
}

// redrawSlots asks tab about every slot of a node that a prefix covers. The
// node's prefixes end at the given level: 8, 16 or 24.
func redrawSlots(slots *[256]slot, tab *bart.Table[*leaf], a [4]byte, bits, level int) {
	at := level/8 - 1
	a[3] = 0
	for i := range 1 << (level - bits) {
		n := int(a[at]) + i&0xff
		b := a
		b[at] = byte(n)
		slots[n&0xff] = answer(tab, netip.PrefixFrom(netip.AddrFrom4(b), level))
	}
}

// answer is the slot that p, as long as its level, is in.
func answer(tab *bart.Table[*leaf], p netip.Prefix) slot {
	if p.Bits() == 24 {
		for q := range tab.Subnets(p) {
			if q.Bits() > 24 {
				return ask
			}
		}
	}
	l, ok := tab.LookupPrefix(p)
	if !ok || p.Bits() > 8 && int(l.bits) <= p.Bits()-8 {
		return none
	}
	return l.id
}
