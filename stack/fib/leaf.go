package fib

import (
	"net/netip"
	"slices"
)

// entry is a route without its table and prefix: what a look-up reads once
// the prefix is found. Entries are shared between prefixes and never change.
type entry struct {
	// What most look-ups read comes first, to be in few lines of the cache.
	typ     Type
	tos     uint8
	pref    uint8
	mtu     uint32
	one     [1]NextHop // what hops is most often
	prefSrc netip.Addr
	hops    []NextHop

	src      netip.Prefix // IPv6 source-specific route, else the zero Prefix
	metric   uint32
	num      uint32 // in its pool, from 1; 0: it is not there
	protocol uint8
	scope    uint8
}

// leaf is everything at one prefix of one table, best first. It never
// changes, so that many prefixes and many Tables can share one.
type leaf struct {
	bits    uint8  // length of the prefix
	id      slot   // number in its pool, or ask
	plain   *entry // the only entry, if it takes every packet that may use its only hop
	entries []*entry
	one     [1]*entry // what entries is most often, to be in the same line of the cache
}

func newEntry(r *Route) *entry {
	e := &entry{
		src: r.source(), prefSrc: r.PrefSrc, metric: r.Metric, mtu: r.MTU,
		typ: r.Type, tos: r.TOS, protocol: r.Protocol, scope: r.Scope, pref: r.Pref,
	}
	e.hops = append(e.one[:0], r.NextHops...)
	return e
}

func newLeaf(bits uint8, entries []*entry) *leaf {
	l := &leaf{bits: bits, id: ask}
	l.entries = append(l.one[:0], entries...)
	if len(entries) == 1 && entries[0].isPlain() {
		l.plain = entries[0]
	}
	return l
}

// isPlain: nothing but the interface of its only hop decides whether a packet
// can go there.
func (e *entry) isPlain() bool {
	return len(e.hops) == 1 && !e.hops[0].Dead && !e.typ.isReject() && e.tos == 0 && !e.src.IsValid()
}

// source is r.Src, where ::/0 is the same as none.
func (r *Route) source() netip.Prefix {
	if r.Src.Bits() <= 0 {
		return netip.Prefix{}
	}
	return r.Src
}

// route is the reverse of newEntry.
func (e *entry) route(table uint32, dst netip.Prefix) Route {
	return Route{
		Dst: dst, Src: e.src, Table: table, Type: e.typ, Metric: e.metric, TOS: e.tos, Protocol: e.protocol,
		Scope: e.scope, Pref: e.pref, PrefSrc: e.prefSrc, MTU: e.mtu, NextHops: slices.Clone(e.hops),
	}
}

// compare is the total order of the entries at one prefix. IPv4 sorts by TOS,
// then metric (fib_insert_alias); IPv6 by source length, as its subtrees are
// searched, then metric (fib6_add_rt2node). What compares equal keeps the
// order in which it came, as the kernel's lists do.
func (e *entry) compare(o *entry) int {
	if a, b := e.src.Bits(), o.src.Bits(); a != b {
		return b - a
	}
	if e.tos != o.tos {
		return int(o.tos) - int(e.tos)
	}
	switch {
	case e.metric < o.metric:
		return -1
	case e.metric > o.metric:
		return 1
	}
	return 0
}

// sameKey reports whether the kernel takes e and o for the same route where
// one replaces the other.
func (e *entry) sameKey(o *entry) bool {
	return e.src == o.src && e.tos == o.tos && e.metric == o.metric
}

// equal compares everything.
func (e *entry) equal(o *entry) bool {
	return e == o || e.sameRoute(o) && slices.Equal(e.hops, o.hops)
}

// sameRoute compares everything but the hops' flags and weights of 0 and 1.
func (e *entry) sameRoute(o *entry) bool {
	return e.sameKey(o) && e.typ == o.typ && e.protocol == o.protocol && e.scope == o.scope && e.pref == o.pref &&
		e.mtu == o.mtu && e.prefSrc == o.prefSrc && slices.EqualFunc(e.hops, o.hops, sameHop)
}

func sameHop(a, b NextHop) bool {
	return a.Index == b.Index && a.Via == b.Via && a.OnLink == b.OnLink && max(a.Weight, 1) == max(b.Weight, 1)
}

// Equal compares two leaves; bart calls it to compare tables.
func (l *leaf) Equal(o *leaf) bool {
	return l == o || l.bits == o.bits && slices.EqualFunc(l.entries, o.entries, (*entry).equal)
}

// with is l (nil: none) and e after its equals; nil if e is there already.
func (l *leaf) with(p *pool, bits int, e *entry) *leaf {
	if l == nil {
		return p.leaf(uint8(bits), []*entry{e})
	}
	at := len(l.entries)
	for i, have := range l.entries {
		if have.equal(e) {
			return nil
		}
		if at == len(l.entries) && have.compare(e) > 0 {
			at = i
		}
	}
	return p.leaf(l.bits, slices.Insert(slices.Clone(l.entries), at, e))
}
