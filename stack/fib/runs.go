package fib

import "math/bits"

// runs are 256 slots, of which neighbours are often equal: in a full table they
// take a fifth of the room, and so fewer pages and lines of the caches. nil is
// all none.
//
// The first four words have a bit for each slot that differs from the one
// before it; the first slot always does. The fifth has four numbers of 16 bits:
// where, in units of 16 bits from the start of all, the value before the first
// of that word's bits is. The values follow, four in a word.
type runs []uint64

const (
	runsHead  = 5
	perWord   = 4
	valueBits = 16
)

// at is the i-th slot. r is not nil.
func (r runs) at(i byte) slot {
	word := i / 64
	upTo := r[word] << (63 - i%64)
	n := uint(r[4]>>(word*valueBits)&0xffff) + uint(bits.OnesCount64(upTo))
	return slot(r[n/perWord] >> (n % perWord * valueBits))
}

// newRuns packs slots; nil if all are none.
func newRuns(slots *[256]slot) runs {
	if *slots == ([256]slot{}) {
		return nil
	}
	n := 1
	for i := 1; i < len(slots); i++ {
		if slots[i] != slots[i-1] {
			n++
		}
	}
	r := make(runs, runsHead+(n+perWord-1)/perWord)
	n = runsHead*perWord - 1 // the last value written
	for i, s := range slots {
		if i%64 == 0 {
			r[4] |= uint64(n) << (i / 64 * valueBits)
		}
		if i == 0 || s != slots[i-1] {
			n++
			r[i/64] |= 1 << (i % 64)
			r[n/perWord] |= uint64(s) << (n % perWord * valueBits)
		}
	}
	return r
}

// slots unpacks r, which may be nil.
func (r runs) slots() (slots [256]slot) {
	if r == nil {
		return slots
	}
	for i := range slots {
		slots[i] = r.at(byte(i))
	}
	return slots
}
