package fib

import (
	"bytes"
	"encoding/binary"
	"math/bits"
)

const (
	slots8     = 1 << 16 // /24s of a /8
	blockSlots = 64
	blocks     = slots8 / blockSlots
	headBytes  = blockSlots / 8
	unit       = 4 // where a block begins and ends, in bytes
	maxPacked  = headBytes + blockSlots*2
)

// block is the slots of the 64 /24s of a /18.
type block [blockSlots]slot

// node is the slots of a /8 for prefixes from /9 on, by the /24 that they hold:
// shorter prefixes are written into each. Neighbours are often equal, and are
// held once, so that a full table fits the caches better.
type node struct {
	width uint // of a value, in bits
	// data has a block's head first: a bit for each slot that differs from the
	// one before it; the first slot always does. The values of these slots
	// follow. Equal blocks side by side are one.
	data []byte
	// at is where a block begins, in units.
	at [blocks]uint16
}

// newNode has room for the numbers of leaves and appends to buf.
func newNode(leaves []*leaf, buf []byte) *node {
	return &node{width: uint(bits.Len(uint(len(leaves) - 1))), data: buf}
}

// slot is the slot of the address.
func (n *node) slot(a uint32) slot {
	b := n.data[uint(n.at[a>>14%blocks])*unit:]
	upTo := binary.LittleEndian.Uint64(b) << (^a >> 8 % blockSlots)
	return n.value(b, uint(bits.OnesCount64(upTo)-1))
}

// value is the i-th value of the block that b begins with. Behind the last one
// of the node there is room to read more.
func (n *node) value(b []byte, i uint) slot {
	at := i * n.width
	four := binary.LittleEndian.Uint32(b[headBytes+at/8:])
	return slot(four >> (at % 8) & (1<<(n.width%32) - 1))
}

// packed is the i-th block as it is in data.
func (n *node) packed(i int) []byte {
	b := n.data[uint(n.at[i])*unit:]
	return b[:n.size(binary.LittleEndian.Uint64(b))]
}

// size is that of a block with this head.
func (n *node) size(head uint64) uint {
	return headBytes + (uint(bits.OnesCount64(head))*n.width+8*unit-1)/(8*unit)*unit
}

// block unpacks one; those of nil are all none.
func (n *node) block(i int) (b block) {
	if n == nil {
		return b
	}
	data, seen := n.data[uint(n.at[i])*unit:], uint(0)
	head := binary.LittleEndian.Uint64(data)
	for j := range b {
		if head>>j&1 != 0 {
			b[j] = n.value(data, seen)
			seen++
		} else {
			b[j] = b[j-1]
		}
	}
	return b
}

// add packs the i-th block, after all that are before it.
func (n *node) add(i int, b *block) {
	var packed [maxPacked]byte
	var head, acc uint64
	at, have := headBytes, uint(0)
	for j, s := range b {
		if j > 0 && s == b[j-1] {
			continue
		}
		head |= 1 << j
		acc |= uint64(s) << have
		for have += n.width; have >= 8; have -= 8 {
			packed[at] = byte(acc)
			acc >>= 8
			at++
		}
	}
	if have > 0 {
		packed[at] = byte(acc)
	}
	binary.LittleEndian.PutUint64(packed[:], head)
	n.place(i, packed[:n.size(head)])
}

// keep takes the i-th block as o has it, after all that are before it. Both
// have the same width.
func (n *node) keep(i int, o *node) { n.place(i, o.packed(i)) }

// place appends the i-th block, unless it equals the one before it.
func (n *node) place(i int, packed []byte) {
	if i > 0 && bytes.Equal(n.packed(i-1), packed) {
		n.at[i] = n.at[i-1]
		return
	}
	n.at[i] = uint16(len(n.data) / unit) // 1024 blocks of 136 bytes at most
	n.data = append(n.data, packed...)
}

// done is n in little more memory than it needs, nil if it holds nothing.
func (n *node) done() *node {
	if string(n.data) == "\x01\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00" {
		return nil // one block of none
	}
	if spare := cap(n.data) - len(n.data); spare < unit || spare > 4*maxPacked {
		n.data = append(make([]byte, 0, len(n.data)+unit), n.data...)
	}
	n.data = append(n.data, 0, 0, 0, 0)
	return n
}
