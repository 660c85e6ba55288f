package fib

import "net/netip"

// LookupKernel answers q as the ipvlan driver does over the interface with
// index master (q.OIF is ignored). doc.go lists the rows it follows. It does
// not allocate.
func (t *Table) LookupKernel(master int, q Query) (r Result) {
	t.kernel(&r, &q, master)
	return r
}

// kernel is LookupKernel, as lookup is Lookup.
func (t *Table) kernel(r *Result, q *Query, master int) {
	q.OIF = master
	q.dropZones()
	m := match{dev: t.ifaces.get(master)}
	fam := family(q.Dst)
	switch {
	case m.dev == nil:
		r.Reason = ReasonLinkDown
	case fam == 4:
		t.kernel4(r, q, &m)
	case fam == 6:
		t.kernel6(r, q, &m)
	default:
		r.Reason = ReasonBadDestination
	}
}

// kernel4 is ip_route_output_key_hash_rcu with flowi4_oif set, and what
// ipvlan_process_v4_outbound makes of its answer.
func (t *Table) kernel4(r *Result, q *Query, m *match) {
	if !m.dev.Up {
		r.Reason = ReasonLinkDown
		return
	}
	m.dst = key4(q.Dst)
	if r.Reason = refuse4(m.dst, q.Src); r.Reason != ReasonNone {
		return
	}
	q.Proto = 0 // the driver gives none (T3-20)
	if t.walk(t.rules4, q, false, m) == hit {
		t.fill(r, q, m)
		return
	}
	if t.vrf(m.dev) != 0 {
		// No assumption within a VRF (T3-42).
		r.Reason = m.reason
		return
	}
	// Whatever stood against it: assume that the destination is on the wire
	// (T3-23, T3-24).
	r.Verdict, r.Assumed = VerdictForward, true
	r.Index, r.MTU, r.NextHop = m.dev.Index, m.dev.MTU, q.Dst
}

// refuse4 is what fails before or after the table look-up, whatever it says.
func refuse4(dst uint32, src netip.Addr) Reason {
	switch {
	case dst>>28 == 0xe, dst == 1<<32-1:
		return ReasonBroadcast
	case dst>>24 == 0:
		return ReasonBadDestination
	case badSource4(src):
		return ReasonBadSource
	}
	return ReasonNone
}

// kernel6 is ip6_route_output_flags with flowi6_oif set. Nothing is assumed
// on-link (T3-32), and the route may leave elsewhere (T3-31).
func (t *Table) kernel6(r *Result, q *Query, m *match) {
	switch {
	case q.Dst.IsMulticast():
		r.Reason = ReasonBroadcast
		return
	case q.Dst.IsUnspecified():
		r.Reason = ReasonBadDestination
		return
	}
	if t.walk(t.rules6, q, strict6(q), m) != hit {
		r.Reason = m.reason
		return
	}
	t.fill(r, q, m)
	if out := t.ifaces.get(r.Index); r.Verdict == VerdictForward && (out == nil || !out.Up) {
		*r = Result{Reason: ReasonLinkDown, Index: r.Index}
	}
}
