package fib

import (
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

// index4 answers IPv4 look-ups of one trie. What is up to /8 is in slots, the
// rest in a node for each /8, so that a new default route changes 256 slots. In
// a full table a look-up waits for the memory of one block of a node, where the
// trie has some seven places to go to. Like the trie it never changes.
type index4 struct {
	leaves []*leaf // by number
	slots  [256]slot
	nodes  [256]*node // nil: nothing in that /8 is longer
}

// find is the slot of the longest prefix that holds a.
func (x *index4) find(a uint32) slot {
	if n := x.nodes[a>>24]; n != nil {
		if s := n.slot(a); s != none {
			return s
		}
	}
	return x.slots[a>>24]
}

// newIndex4 makes the index of a trie; nil if it holds no IPv4 prefix.
func newIndex4(tab *bart.Table[*leaf], leaves []*leaf) *index4 {
	if tab.Size4() == 0 {
		return nil
	}
	p := painter{x: &index4{leaves: leaves}}
	// Shorter prefixes come before those that they hold, and are painted over.
	for dst, l := range tab.AllSorted4() {
		p.paint(key4(dst.Addr()), int(l.bits), l.id)
	}
	p.flush()
	return p.x
}

// canvas is the blocks of one node, unpacked.
type canvas [blocks]block

// painter makes an index of prefixes in their order, one node at a time.
type painter struct {
	x       *index4
	at      uint32 // the node
	canvas  *canvas
	touched bool // something is on the canvas
	buf     []byte
}

// paint writes the slots of a prefix.
func (p *painter) paint(a uint32, bits int, s slot) {
	at := a >> 24
	if at != p.at {
		p.flush()
		p.at = at
	}
	if bits <= 8 {
		for i := range uint32(1) << (8 - bits) {
			p.x.slots[at+i] = s
		}
		return
	}
	if p.canvas == nil {
		p.canvas = new(canvas)
	}
	p.touched = true
	if bits > 24 {
		bits, s = 24, ask
	}
	first := int(a >> 8 & (slots8 - 1))
	for i := first; i < first+1<<(24-bits); i++ {
		p.canvas[i/blockSlots][i%blockSlots] = s
	}
}

// flush makes the node of what is on the canvas.
func (p *painter) flush() {
	if !p.touched {
		return
	}
	n := newNode(p.x.leaves, p.buf[:0])
	for i := range p.canvas {
		if i > 0 && p.canvas[i] == p.canvas[i-1] {
			n.at[i] = n.at[i-1]
		} else {
			n.add(i, &p.canvas[i])
		}
	}
	p.buf = n.data
	n.data = slices.Clip(n.data) // the next node uses the buffer
	p.x.nodes[p.at] = n.done()
	*p.canvas, p.touched = canvas{}, false
}
