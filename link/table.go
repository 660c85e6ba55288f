package link

import (
	"hash/maphash"
	"net/netip"
)

// index maps addresses to devices. It is immutable: with and without return a
// changed copy that shares all buckets but one, so that a change costs the
// bucket array whatever the number of addresses behind it.
type index[K comparable] struct {
	seed    maphash.Seed
	buckets [][]entry[K] // a power of two of them, or none
	n       int
}

type entry[K comparable] struct {
	key K
	dev *Device
}

const (
	minBuckets = 64
	// maxLoad is how many entries a bucket holds on average before the array doubles.
	maxLoad = 4
)

func (x *index[K]) bucket(k K) int {
	return int(maphash.Comparable(x.seed, k)) & (len(x.buckets) - 1)
}

// get returns the owner of k, or nil.
func (x *index[K]) get(k K) *Device {
	if x.n == 0 {
		return nil
	}
	for _, e := range x.buckets[x.bucket(k)] {
		if e.key == k {
			return e.dev
		}
	}
	return nil
}

// with returns x and k, which x does not hold.
func (x index[K]) with(k K, d *Device) index[K] {
	if x.n >= len(x.buckets)*maxLoad {
		x = x.grown()
	} else {
		x.buckets = append([][]entry[K](nil), x.buckets...)
	}
	i := x.bucket(k)
	old := x.buckets[i]
	x.buckets[i] = append(old[:len(old):len(old)], entry[K]{k, d})
	x.n++
	return x
}

// without returns x less k; it is x itself where k is not there.
func (x index[K]) without(k K) index[K] {
	if x.get(k) == nil {
		return x
	}
	x.buckets = append([][]entry[K](nil), x.buckets...)
	i := x.bucket(k)
	kept := make([]entry[K], 0, len(x.buckets[i])-1)
	for _, e := range x.buckets[i] {
		if e.key != k {
			kept = append(kept, e)
		}
	}
	x.buckets[i] = kept
	x.n--
	return x
}

func (x index[K]) grown() index[K] {
	size := max(minBuckets, 2*len(x.buckets))
	g := index[K]{seed: x.seed, buckets: make([][]entry[K], size), n: x.n}
	if len(x.buckets) == 0 {
		g.seed = maphash.MakeSeed()
	}
	for _, b := range x.buckets {
		for _, e := range b {
			i := g.bucket(e.key)
			g.buckets[i] = append(g.buckets[i], e)
		}
	}
	return g
}

// table is the demux's address table: who owns which address.
type table struct {
	v4 index[uint32]
	v6 index[key6]
}

func (t *table) with(a netip.Addr, d *Device) {
	if a.Is4() {
		b := a.As4()
		t.v4 = t.v4.with(be32(b[:]), d)
		return
	}
	b := a.As16()
	t.v6 = t.v6.with(load6(b[:]), d)
}

func (t *table) without(a netip.Addr) {
	if a.Is4() {
		b := a.As4()
		t.v4 = t.v4.without(be32(b[:]))
		return
	}
	b := a.As16()
	t.v6 = t.v6.without(load6(b[:]))
}

// holder is the device that is up and has address a, or nil.
func (t *table) holder(a netip.Addr) *Device {
	switch a = a.Unmap(); {
	case a.Is4():
		b := a.As4()
		return t.v4.get(be32(b[:]))
	case a.Is6():
		b := a.As16()
		return t.v6.get(load6(b[:]))
	}
	return nil
}

// owner looks up where m goes to.
func (t *table) owner(m *meta) *Device {
	switch m.kind {
	case kindIPv4, kindARP:
		return t.v4.get(m.v4dst)
	case kindIPv6, kindDAD:
		return t.v6.get(m.v6dst)
	}
	return nil
}

// sender looks up who m comes from.
func (t *table) sender(m *meta) *Device {
	switch m.kind {
	case kindIPv4, kindARP:
		return t.v4.get(m.v4src)
	case kindIPv6, kindDAD:
		return t.v6.get(m.v6src)
	}
	return nil
}
