package stack

import (
	"net/netip"
	"time"

	"gvisor.dev/gvisor/pkg/tcpip"
	"gvisor.dev/gvisor/pkg/tcpip/header"
	tcpipstack "gvisor.dev/gvisor/pkg/tcpip/stack"
)

// confirm has a stale neighbour that is in use confirmed: the first one to
// find it stale hands it to gVisor, whose state machine goes on to DELAY and
// PROBE. So nothing has to watch over neighbours that nobody uses.
func (r *Router) confirm(n *neighbor, hw uint64) {
	if n.hw.CompareAndSwap(hw, hw&^hwStale) {
		r.clock.AfterFunc(0, func() { r.solicit(n.addr) })
	}
}

// solicit tells gVisor that addr is in use: it resolves what it does not
// know and confirms what is stale. It must be called without a lock.
func (r *Router) solicit(addr netip.Addr) {
	err := r.netstack.GetLinkAddress(nicID, toTCPIP(addr), tcpip.Address{}, protocolOf(addr), func(res tcpipstack.LinkResolutionResult) {
		// Called at once for an address that gVisor knows and has no reason
		// to report again; failures come as events.
		if res.Err == nil {
			r.learn(addr, res.LinkAddress)
		}
	})
	switch err.(type) {
	case nil, *tcpip.ErrWouldBlock:
	default:
		r.observe(addr, tcpipstack.Unreachable, "")
	}
}

// learn takes a MAC address that gVisor knows without changing the state.
func (r *Router) learn(addr netip.Addr, mac tcpip.LinkAddress) {
	r.mu.Lock()
	n := r.hops.get(addr)
	if n == nil || !n.dynamic() || r.closed || len(mac) != 6 || n.known && string(n.mac[:]) == string(mac) {
		r.mu.Unlock()
		return
	}
	if n.state == NUDIncomplete || n.state == NUDFailed {
		n.state = NUDReachable
	}
	flush := r.resolved(n, mac)
	r.mu.Unlock()
	if flush {
		r.flushSoon(n)
	}
}

// resolved notes mac and reports whether the caller is to flush.
//
// +checklocks:r.mu
func (r *Router) resolved(n *neighbor, mac tcpip.LinkAddress) bool {
	if !n.known {
		r.count.resolved.Add(1)
	}
	r.settle(n)
	copy(n.mac[:], mac)
	n.known, n.updated = true, r.clock.NowMonotonic()
	return r.startFlush(n)
}

// OnNeighborAdded implements gVisor's NUDDispatcher. As the others, it is
// called with the lock of gVisor's entry held.
func (r *Router) OnNeighborAdded(_ tcpip.NICID, e tcpipstack.NeighborEntry) {
	r.observe(toNetip(e.Addr), e.State, e.LinkAddr)
}

// OnNeighborChanged implements gVisor's NUDDispatcher.
func (r *Router) OnNeighborChanged(_ tcpip.NICID, e tcpipstack.NeighborEntry) {
	r.observe(toNetip(e.Addr), e.State, e.LinkAddr)
}

// OnNeighborRemoved implements gVisor's NUDDispatcher. gVisor's cache holds
// 512 entries and pushes out the one least lately asked for. A MAC address
// that was good is kept here, and confirmed at a use after reachableTime: at
// once would push out the next, packet by packet.
func (r *Router) OnNeighborRemoved(_ tcpip.NICID, e tcpipstack.NeighborEntry) {
	addr := toNetip(e.Addr)
	r.mu.Lock()
	n := r.hops.get(addr)
	if n == nil || !n.dynamic() || !n.known {
		r.mu.Unlock()
		r.observe(addr, tcpipstack.Unreachable, "")
		return
	}
	at := r.clock.NowMonotonic()
	n.state, n.updated = NUDReachable, at
	r.mu.Unlock()
	r.clock.AfterFunc(reachableTime, func() { r.age(n, at) })
}

// reachableTime is how long a MAC address is taken as good that gVisor does
// not watch (net/ipv4/neigh/default/base_reachable_time_ms).
const reachableTime = 30 * time.Second

// age makes n stale if nothing was heard of it since.
func (r *Router) age(n *neighbor, since tcpip.MonotonicTime) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if n.known && n.updated == since && n.dynamic() {
		n.state = NUDStale
		r.startFlush(n)
	}
}

// observe follows gVisor's state of a neighbour.
func (r *Router) observe(addr netip.Addr, state tcpipstack.NeighborState, mac tcpip.LinkAddress) {
	r.mu.Lock()
	n := r.hops.get(addr)
	if n == nil || !n.dynamic() || r.closed {
		r.mu.Unlock()
		return
	}
	flush := false
	var lost []heldFrame
	switch state {
	case tcpipstack.Incomplete:
		// gVisor starts over with one that it pushed out.
		if n.state = NUDIncomplete; n.known {
			n.state = NUDProbe
		}
	case tcpipstack.Reachable, tcpipstack.Stale, tcpipstack.Delay, tcpipstack.Probe:
		n.state = nudOf(state)
		if len(mac) == 6 {
			flush = r.resolved(n, mac)
		}
	case tcpipstack.Unreachable:
		lost = r.fail(n)
	}
	r.mu.Unlock()
	r.giveUp(lost)
	if flush {
		r.flushSoon(n)
	}
}

// fail drops what waits for n, which it returns for giveUp.
//
// +checklocks:r.mu
func (r *Router) fail(n *neighbor) []heldFrame {
	if n.state != NUDFailed || n.resolving {
		r.count.failed.Add(1)
	}
	r.settle(n)
	n.state, n.known, n.updated = NUDFailed, false, r.clock.NowMonotonic()
	n.publish()
	held := r.dequeue(n)
	r.drop(ReasonUnresolved, len(held))
	return held
}

func nudOf(s tcpipstack.NeighborState) NUD {
	switch s {
	case tcpipstack.Reachable:
		return NUDReachable
	case tcpipstack.Stale:
		return NUDStale
	case tcpipstack.Delay:
		return NUDDelay
	}
	return NUDProbe
}

func toTCPIP(a netip.Addr) tcpip.Address {
	if a.Is4() {
		return tcpip.AddrFrom4(a.As4())
	}
	return tcpip.AddrFrom16(a.As16())
}

func toNetip(a tcpip.Address) netip.Addr {
	if a.Len() == header.IPv4AddressSize {
		return netip.AddrFrom4(a.As4())
	}
	return netip.AddrFrom16(a.As16())
}

func protocolOf(a netip.Addr) tcpip.NetworkProtocolNumber {
	if a.Is4() {
		return header.IPv4ProtocolNumber
	}
	return header.IPv6ProtocolNumber
}
