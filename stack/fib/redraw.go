package fib

import (
	"encoding/binary"
	"net/netip"

	"github.com/gaissmai/bart"
)

// change is one prefix that has changed in a trie, for its index.
type change struct {
	tab    *bart.Table[*leaf] // as it is now
	leaves []*leaf
	a      uint32
	bits   int
}

// redraw is x after the change, sharing with x what is the same. x may be nil.
func (x *index4) redraw(c *change) *index4 {
	next := index4{}
	if x != nil {
		next = *x
	}
	next.leaves = c.leaves
	at := c.a >> 24
	if c.bits > 8 {
		next.nodes[at] = next.nodes[at].redraw(c)
		return &next
	}
	s := c.slot(c.bits)
	for i := range uint32(1) << (8 - c.bits) {
		next.slots[at+i] = c.after(next.slots[at+i], s, 8)
	}
	return &next
}

// redraw is n after the change, nil if nothing is left. n may be nil.
func (n *node) redraw(c *change) *node {
	room := 2 * maxPacked
	if n != nil {
		room += len(n.data)
	}
	next := newNode(c.leaves, make([]byte, 0, room))
	level := min(c.bits, 24)
	s := c.slot(level)
	first := int(c.a >> 8 & (slots8 - 1))
	last := first + 1<<(24-level) - 1
	for i := range next.at {
		if n != nil && n.width == next.width && (i < first/blockSlots || i > last/blockSlots) {
			next.keep(i, n)
			continue
		}
		b := n.block(i)
		for j := max(first, i*blockSlots); j <= min(last, i*blockSlots+blockSlots-1); j++ {
			b[j%blockSlots] = c.after(b[j%blockSlots], s, 24)
		}
		next.add(i, &b)
	}
	return next.done()
}

// after is what becomes of a slot that the prefix covers, where s is what the
// prefix itself is in now. level is the length of the slot's own.
func (c *change) after(old, s slot, level int) slot {
	switch {
	case c.bits >= level || old == none:
		return s
	case old == ask, int(c.leaves[old].bits) > c.bits:
		return old // there is a longer prefix; or there was a leaf without a number, and the trie still knows
	}
	return s
}

// slot is what the prefix of a with that length is in.
func (c *change) slot(bits int) slot {
	p := netip.PrefixFrom(addr4(c.a), bits).Masked()
	if bits == 24 {
		for q := range c.tab.Subnets(p) {
			if q.Bits() > 24 {
				return ask
			}
		}
	}
	l, ok := c.tab.LookupPrefix(p)
	if !ok || bits > 8 && l.bits <= 8 {
		return none
	}
	return l.id
}

// key4 is an IPv4 address as a number.
func key4(a netip.Addr) uint32 {
	b := a.As4()
	return binary.BigEndian.Uint32(b[:])
}

// addr4 is the reverse of key4.
func addr4(a uint32) netip.Addr {
	var b [4]byte
	binary.BigEndian.PutUint32(b[:], a)
	return netip.AddrFrom4(b)
}
