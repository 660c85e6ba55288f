package fib

import (
	"encoding/binary"
	"net/netip"
	"sync"
)

// maxPooled bounds the entries and the leaves of a pool: a slot of an index
// numbers that many.
const maxPooled = 1 << 16

// pool finds equal entries and leaves, and numbers them: a full table has a
// million prefixes and a few dozen ways out. A Table and all that Apply makes
// of it share one. What does not fit any more is made anew each time, and its
// leaf has no number.
type pool struct {
	limit int // of each kind

	mu sync.Mutex
	// +checklocks:mu
	entries map[string]*entry
	// +checklocks:mu
	leaves map[string]*leaf
	// numbered are the leaves by their id. It only grows: an index keeps what
	// it was when the index was made.
	//
	// +checklocks:mu
	numbered []*leaf
	// +checklocks:mu
	buf []byte
}

func newPool() *pool {
	return &pool{
		limit: maxPooled, entries: make(map[string]*entry), leaves: make(map[string]*leaf),
		numbered: make([]*leaf, firstID, 64),
	}
}

// known is what numbered is now.
func (p *pool) known() []*leaf {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.numbered
}

// leaf is the one leaf with these entries.
func (p *pool) leaf(bits uint8, entries []*entry) *leaf {
	p.mu.Lock()
	defer p.mu.Unlock()
	b, all := append(p.buf[:0], bits), true
	for _, e := range entries {
		b = binary.NativeEndian.AppendUint32(b, e.num)
		all = all && e.num != 0
	}
	p.buf = b
	if all {
		if l := p.leaves[string(b)]; l != nil {
			return l
		}
	}
	l := newLeaf(bits, entries)
	if all && len(p.numbered) < p.limit {
		l.id = slot(len(p.numbered))
		p.numbered = append(p.numbered, l)
		p.leaves[string(b)] = l
	}
	return l
}

// entry is the one entry equal to r.
func (p *pool) entry(r *Route) *entry {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.buf = appendEntry(p.buf[:0], r)
	e := p.entries[string(p.buf)]
	if e == nil {
		e = newEntry(r)
		if len(p.entries) < p.limit {
			p.entries[string(p.buf)] = e
			e.num = uint32(len(p.entries))
		}
	}
	return e
}

// appendEntry appends all of r that an entry holds, so that different ones
// end up different.
func appendEntry(b []byte, r *Route) []byte {
	b = append(b, byte(r.Type), r.TOS, r.Protocol, r.Scope, r.Pref)
	b = binary.NativeEndian.AppendUint32(b, r.Metric)
	b = binary.NativeEndian.AppendUint32(b, r.MTU)
	b = appendAddr(b, r.PrefSrc)
	src := r.source()
	b = append(appendAddr(b, src.Addr()), byte(src.Bits()))
	for i := range r.NextHops {
		h := &r.NextHops[i]
		b = binary.NativeEndian.AppendUint64(b, uint64(h.Index))
		b = binary.NativeEndian.AppendUint64(b, uint64(h.Weight))
		b = append(appendAddr(b, h.Via), bit(h.OnLink), bit(h.Dead), bit(h.LinkDown))
	}
	return b
}

// appendAddr appends a so that different addresses end up different.
func appendAddr(b []byte, a netip.Addr) []byte {
	b = append(b, byte(family(a)))
	if a.Is4() {
		v := a.As4()
		return append(b, v[:]...)
	}
	v := a.As16()
	return append(b, v[:]...)
}

func bit(v bool) byte {
	if v {
		return 1
	}
	return 0
}
