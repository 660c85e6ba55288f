package fib

import (
	"math/bits"
	"slices"
)

const (
	slots8     = 1 << 16 // /24s of a /8
	blockSlots = 64
	blocks     = slots8 / blockSlots
	startWords = blockSlots / wordBits
	wordBits   = 32
	spareWords = 40 // a change of one block needs no more
)

// block is the slots of the 64 /24s of a /18.
type block [blockSlots]slot

// node is the slots of a /8 for prefixes from /9 on, by the /24 that they hold:
// shorter prefixes are written into each. Neighbours are often equal, and are
// held once, so that a full table fits the caches better. Look-ups at random
// wait for one line of memory, seldom for two.
type node struct {
	width uint // of a value, in bits
	words []uint32
	// at is where in words a block is. Its first two words have a bit for each
	// slot that differs from the one before it; the first slot always does.
	// The values of these slots follow. Equal blocks side by side are one.
	at [blocks]uint16
}

// newNode has room for the numbers of leaves and appends to buf.
func newNode(leaves []*leaf, buf []uint32) *node {
	return &node{width: uint(bits.Len(uint(len(leaves) - 1))), words: buf}
}

// slot is the slot of the address.
func (n *node) slot(a uint32) slot {
	w := n.words[n.at[a>>14%blocks]:]
	upTo := (uint64(w[0]) | uint64(w[1])<<wordBits) << (^a >> 8 % blockSlots)
	return n.value(w, uint(bits.OnesCount64(upTo)-1))
}

// value is the i-th value of the block that w begins with. There is a word
// behind every value.
func (n *node) value(w []uint32, i uint) slot {
	at := i * n.width
	w = w[startWords+at/wordBits:]
	two := uint64(w[0]) | uint64(w[1])<<wordBits
	return slot(two >> (at % wordBits) & (1<<(n.width%wordBits) - 1))
}

// block unpacks one; those of nil are all none.
func (n *node) block(i int) (b block) {
	if n == nil {
		return b
	}
	w := n.words[n.at[i]:]
	starts, seen := uint64(w[0])|uint64(w[1])<<wordBits, uint(0)
	for j := range b {
		if starts>>j&1 != 0 {
			b[j] = n.value(w, seen)
			seen++
		} else {
			b[j] = b[j-1]
		}
	}
	return b
}

// add packs the i-th block, after all that are before it.
func (n *node) add(i int, b *block) {
	at := len(n.words)
	var starts, acc uint64
	n.words = append(n.words, 0, 0)
	have := uint(0)
	for j, s := range b {
		if j > 0 && s == b[j-1] {
			continue
		}
		starts |= 1 << j
		acc |= uint64(s) << have
		if have += n.width; have >= wordBits {
			n.words = append(n.words, uint32(acc))
			acc >>= wordBits
			have -= wordBits
		}
	}
	if have > 0 {
		n.words = append(n.words, uint32(acc))
	}
	n.words[at], n.words[at+1] = uint32(starts), uint32(starts>>wordBits)
	n.placed(i, at)
}

// keep takes the i-th block as o has it, after all that are before it. Both
// have the same width.
func (n *node) keep(i int, o *node) {
	w := o.words[o.at[i]:]
	values := uint(bits.OnesCount32(w[0]) + bits.OnesCount32(w[1]))
	at := len(n.words)
	n.words = append(n.words, w[:startWords+(values*n.width+wordBits-1)/wordBits]...)
	n.placed(i, at)
}

// placed ends a block that begins at the word at, and drops it if it equals
// the one before it, which is right before it in memory too.
func (n *node) placed(i, at int) {
	if i > 0 && slices.Equal(n.words[n.at[i-1]:at], n.words[at:]) {
		n.words, n.at[i] = n.words[:at], n.at[i-1]
		return
	}
	n.at[i] = uint16(at) // 1024 blocks of 34 words at most
}

// done is n in no more memory than it needs, nil if it holds nothing.
func (n *node) done() *node {
	if slices.Equal(n.words, []uint32{1, 0, uint32(none)}) {
		return nil
	}
	if spare := cap(n.words) - len(n.words); spare == 0 || spare > spareWords {
		n.words = append(make([]uint32, 0, len(n.words)+1), n.words...)
	}
	n.words = append(n.words, 0)
	return n
}
