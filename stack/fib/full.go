package fib

import "net/netip"

// LookupFull answers q as the namespace would for a packet that it routes
// without being bound to an interface: all rules, routes and interfaces count,
// and what stands against the destination is an answer. Only for a destination
// of link scope, and in a VRF, does the interface with index master matter. A
// loopback destination is refused, as Linux does for what comes from outside
// (ip_route_input_slow, ip6_rcv_core). With ReasonUnreachable, Result.Type is
// Unreachable if a route said so, and not if a rule did. It does not allocate.
func (t *Table) LookupFull(master int, q Query) (r Result) {
	t.full(&r, &q, master)
	return r
}

// full is LookupFull, as lookup is Lookup.
func (t *Table) full(r *Result, q *Query, master int) {
	q.OIF = 0
	q.dropZones()
	m := match{dev: t.ifaces.get(master)}
	if m.dev == nil {
		r.Reason = ReasonLinkDown
		return
	}
	switch fam := family(q.Dst); {
	case fam == 0:
		r.Reason = ReasonBadDestination
	case fam == 4:
		m.dst = key4(q.Dst)
		r.Reason = refuse4(m.dst, q.Src)
	case q.Dst.IsMulticast():
		r.Reason = ReasonBroadcast
	case q.Dst.IsUnspecified():
		r.Reason = ReasonBadDestination
	case q.Dst.IsLinkLocalUnicast():
		q.OIF = master
	}
	if r.Reason == ReasonNone && q.Dst.IsLoopback() {
		r.Reason = ReasonBadDestination
	}
	if r.Reason == ReasonNone {
		t.walkFull(r, q, &m)
	}
}

func (t *Table) walkFull(r *Result, q *Query, m *match) {
	rules, strict := t.rules4, false
	if !q.Dst.Is4() {
		rules, strict = t.rules6, strict6(q)
	}
	if t.walk(rules, q, strict, m) != hit {
		r.Reason = m.reason
		if m.reason == ReasonUnreachable && m.entry != nil {
			r.Type = Unreachable
		}
		return
	}
	t.fill(r, q, m)
	if out := t.ifaces.get(r.Index); r.Verdict == VerdictForward && (out == nil || !out.Up) {
		*r = Result{Reason: ReasonLinkDown, Index: r.Index}
	}
}

// Select is the address of the interface with which the host would talk to
// dst. IPv4 is inet_select_addr with the scope of the universe: the first
// whose subnet holds dst, else the first. IPv6 is rules 2, 3 and 8 of RFC 6724
// section 5: of dst's scope, not deprecated, the longest common prefix. The
// zero Addr: there is none. It does not allocate.
func (t *Table) Select(index int, dst netip.Addr) netip.Addr {
	var best netip.Addr
	rank := -1
	for i := range t.by[index] {
		a := &t.by[index][i]
		addr := a.Prefix.Addr()
		n := -1
		switch {
		case addr.Is4() != dst.Is4() || a.Tentative || addr.IsLoopback():
		case dst.Is4() && a.shown4() && a.Scope < scopeLink:
			n = 0
			if a.subnet().Contains(dst) {
				n = 1
			}
		case dst.Is6():
			n = rank6(addr, dst, a.Deprecated)
		}
		if n > rank {
			best, rank = addr, n
		}
	}
	return best
}

// rank6 orders source addresses for dst, the higher the better.
func rank6(addr, dst netip.Addr, deprecated bool) int {
	n := common(addr.As16(), dst.As16())
	if !deprecated {
		n += 1 << 8
	}
	if addr.IsLinkLocalUnicast() == dst.IsLinkLocalUnicast() {
		n += 1 << 9
	}
	return n
}

// common is the number of leading bits that a and b share, 64 at most: what is
// behind them names the host.
func common(a, b [16]byte) int {
	for i := range 64 {
		if (a[i/8]^b[i/8])<<(i%8)&0x80 != 0 {
			return i
		}
	}
	return 64
}
