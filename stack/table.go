package stack

import (
	"encoding/binary"
	"math/bits"
	"math/rand/v2"
	"net/netip"
	"sync/atomic"
)

// neighborTable finds the neighbour of an address without a lock: fixed
// buckets of chains, whose links are only ever replaced whole. Those that
// write hold Router.mu. One that reads along a chain while a node is taken
// out of it still reaches the end.
type neighborTable struct {
	seed    uint64
	mask    uint64
	buckets []atomic.Pointer[chainNode]
	max     int // dynamic neighbours, for Router.admit
	len     int // guarded by Router.mu
}

type chainNode struct {
	n    *neighbor
	next atomic.Pointer[chainNode]
}

// newNeighborTable has room for about size neighbours; more only lengthen
// the chains.
func newNeighborTable(size int) *neighborTable {
	n := 1 << bits.Len(uint(size))
	return &neighborTable{seed: rand.Uint64(), max: size, mask: uint64(n - 1), buckets: make([]atomic.Pointer[chainNode], n)}
}

// bucket mixes the address with a seed: a device chooses the addresses, and
// must not choose the chain.
func (t *neighborTable) bucket(a netip.Addr) *atomic.Pointer[chainNode] {
	b := a.As16()
	hi, lo := bits.Mul64(binary.LittleEndian.Uint64(b[:8])^t.seed, binary.LittleEndian.Uint64(b[8:])^0x9e3779b97f4a7c15^bits.RotateLeft64(t.seed, 31))
	return &t.buckets[(hi^lo)&t.mask]
}

// get is the neighbour with the address, nil for none.
func (t *neighborTable) get(a netip.Addr) *neighbor {
	for c := t.bucket(a).Load(); c != nil; c = c.next.Load() {
		if c.n.addr == a {
			return c.n
		}
	}
	return nil
}

// put adds n, whose address must not be there.
func (t *neighborTable) put(n *neighbor) {
	head := t.bucket(n.addr)
	c := &chainNode{n: n}
	c.next.Store(head.Load())
	head.Store(c)
	t.len++
}

// remove takes n out, if it is in.
func (t *neighborTable) remove(n *neighbor) {
	link := t.bucket(n.addr)
	for c := link.Load(); c != nil; c = link.Load() {
		if c.n == n {
			link.Store(c.next.Load())
			t.len--
			return
		}
		link = &c.next
	}
}

// all calls f for each neighbour.
func (t *neighborTable) all(f func(*neighbor)) {
	for i := range t.buckets {
		for c := t.buckets[i].Load(); c != nil; c = c.next.Load() {
			f(c.n)
		}
	}
}

// list is every neighbour.
func (t *neighborTable) list() []*neighbor {
	out := make([]*neighbor, 0, t.len)
	t.all(func(n *neighbor) { out = append(out, n) })
	return out
}
