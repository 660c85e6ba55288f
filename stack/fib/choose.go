package fib

import "net/netip"

// choose4 is the inner loop of fib_table_lookup: the first entry whose TOS
// fits and that has a hop to use. An entry that rejects does so whatever the
// packet is bound to.
func (l *leaf) choose4(q *Query, m *match) outcome {
	for _, e := range l.entries {
		if e.tos != 0 && (e.tos^q.TOS)&^ecnBits != 0 {
			continue
		}
		if e.typ.isReject() {
			return e.reject(m)
		}
		// A bound look-up takes the first hop there; only a free one spreads
		// flows (fib_select_path).
		var hop *NextHop
		if q.OIF != 0 {
			hop = e.firstVia(q.OIF)
		} else {
			hop = e.spread(q.Hash, 0)
		}
		if hop != nil {
			m.entry, m.hop = e, hop
			return hit
		}
	}
	return miss
}

// choose6 is rt6_select: the entries come by source length and metric; in the
// first run of equals that has a usable one, the preference and then the
// bound interface decide, then the order.
func (l *leaf) choose6(q *Query, strict bool, m *match) outcome {
	var best *entry
	score := -1
	for _, e := range l.entries {
		if best != nil && best.compare(e) != 0 {
			break
		}
		if !matchPrefix(e.src, q.Src) {
			continue
		}
		if s := e.score(q.OIF, strict); s > score {
			best, score = e, s
		}
	}
	if best == nil {
		return miss
	}
	if best.typ.isReject() {
		return best.reject(m)
	}
	bound := 0
	if strict {
		bound = q.OIF
	}
	m.entry, m.hop = best, best.spread(q.Hash, bound)
	return hit
}

// score is rt6_score_route: -1 for an entry that cannot be used, else 2 for a
// match of the interface and the RFC 4191 preference above that.
func (e *entry) score(oif int, strict bool) int {
	s := 0
	switch {
	case e.typ.isReject():
		// Such a route is on the loopback interface.
		if strict && oif != 0 {
			return -1
		}
	case e.spread(0, 0) == nil:
		return -1
	case oif == 0 || e.firstVia(oif) != nil:
		s = 2
	case strict:
		return -1
	}
	// 2 is medium, 3 high, 1 low (IPV6_DECODE_PREF).
	return s | int(e.pref&3^2)<<2
}

// firstVia is the first live hop through the interface.
func (e *entry) firstVia(index int) *NextHop {
	for i := range e.hops {
		if h := &e.hops[i]; h.Index == index && !h.Dead {
			return h
		}
	}
	return nil
}

// spread picks a live hop (through the interface, if that is not 0) by the
// flow hash, each as often as its weight says. LinkDown alone does not
// exclude a hop: where ignore_routes_with_linkdown is set, rtnetlink says
// Dead as well (fib_nexthop_info).
func (e *entry) spread(hash uint32, index int) *NextHop {
	if len(e.hops) == 1 {
		if h := &e.hops[0]; !h.Dead && (index == 0 || h.Index == index) {
			return h
		}
		return nil
	}
	total := uint64(0)
	for i := range e.hops {
		total += e.hops[i].share(index)
	}
	at := uint64(hash) * total >> 32
	for i := range e.hops {
		share := e.hops[i].share(index)
		if at < share {
			return &e.hops[i]
		}
		at -= share
	}
	return nil
}

func (h *NextHop) share(index int) uint64 {
	if h.Dead || index != 0 && h.Index != index {
		return 0
	}
	return uint64(max(h.Weight, 1))
}

// strict6 is rt6_need_strict and the rule about a missing source in
// ip6_route_output_flags: addresses of link scope stay on the bound
// interface.
func strict6(q *Query) bool {
	return q.Dst.IsLinkLocalUnicast() || q.Dst.IsMulticast() || q.Dst.IsLoopback() || !q.Src.IsValid() || q.Src.IsUnspecified()
}

// badSource4 is what ip_route_output_key_hash and __mkroute_output refuse;
// no source at all is fine.
func badSource4(a netip.Addr) bool {
	if !a.Is4() {
		return a.IsValid()
	}
	k := key4(a)
	return k != 0 && (k>>24 == 0 || k>>24 == 127 || k>>28 == 0xe || k == 1<<32-1)
}
