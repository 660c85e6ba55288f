package stack

import (
	"net/netip"

	"gvisor.dev/gvisor/pkg/tcpip"
	"gvisor.dev/gvisor/pkg/tcpip/network/arp"
	"gvisor.dev/gvisor/pkg/tcpip/network/ipv4"
	"gvisor.dev/gvisor/pkg/tcpip/network/ipv6"
	tcpipstack "gvisor.dev/gvisor/pkg/tcpip/stack"

	"github.com/ipvl/ipvl/stack/fib"
)

const nicID tcpip.NICID = 1

// dummyIPv4 is the address that gVisor's ARP believes to send from: the IPv4
// dummy address of RFC 7600 section 4.8. It never reaches the wire; quiet
// writes the address that the kernel would choose in its place.
func dummyIPv4() tcpip.Address { return tcpip.AddrFrom4([4]byte{192, 0, 0, 8}) }

// start makes the netstack. Nothing in it may speak unasked: no duplicate
// address detection, no router solicitation, no multicast report, no address
// of its own making.
func (r *Router) start() error {
	r.netstack = tcpipstack.New(tcpipstack.Options{
		NetworkProtocols: []tcpipstack.NetworkProtocolFactory{
			arp.NewProtocol,
			ipv4.NewProtocolWithOptions(ipv4.Options{}),
			ipv6.NewProtocolWithOptions(ipv6.Options{NDPConfigs: ipv6.NDPConfigurations{HandleRAs: ipv6.HandlingRAsDisabled}}),
		},
		Clock:      r.clock,
		NUDDisp:    r,
		NUDConfigs: kernelNUD(),
	})
	if err := r.netstack.CreateNIC(nicID, r.quiet); err != nil {
		return &StackError{err}
	}
	if r.quiet.nic.Load() == nil {
		r.netstack.Destroy()
		return ErrDispatcher
	}
	if err := r.own(dummyIPv4(), ipv4.ProtocolNumber); err != nil {
		r.netstack.Destroy()
		return err
	}
	return nil
}

// kernelNUD are the kernel's defaults (net/ipv4/neigh/default): three
// requests, one second apart; reachable for 15 to 45 seconds; three unicast
// probes after five seconds of doubt.
func kernelNUD() tcpipstack.NUDConfigurations { return tcpipstack.DefaultNUDConfigurations() }

// own gives the netstack an address.
func (r *Router) own(a tcpip.Address, proto tcpip.NetworkProtocolNumber) error {
	err := r.netstack.AddProtocolAddress(nicID, tcpip.ProtocolAddress{Protocol: proto, AddressWithPrefix: a.WithPrefix()}, tcpipstack.AddressProperties{})
	if err != nil {
		return &StackError{err}
	}
	return nil
}

// readWire is what t says of the master. An interface without a MAC address
// leaves the lower endpoint's.
func (r *Router) readWire(t *fib.Table) *wireState {
	i, ok := t.Iface(r.master)
	w := &wireState{mac: i.MAC, up: ok && i.Up && i.Running}
	if w.mac == ([6]byte{}) {
		copy(w.mac[:], r.quiet.Child().LinkAddress())
	}
	return w
}

// sync takes over what the Mirror says of the master. It is called after
// each publication, and reads the newest state itself.
func (r *Router) sync() {
	r.syncMu.Lock()
	defer r.syncMu.Unlock()
	t := r.mirror.FIB()
	was, now := r.wire.Load(), r.readWire(t)
	if was.closed {
		return
	}
	if *now != *was {
		r.setWire(was, now)
	}
	r.ownIPv6(t.SourceFor(r.master, netip.IPv6Unspecified()))
	r.bind(t.Neighs(r.master))
}

// setWire publishes the master's new state. Down, or with another MAC
// address, the master has lost its neighbours (neigh_changeaddr, neigh_ifdown).
//
// +checklocks:r.syncMu
func (r *Router) setWire(was, now *wireState) {
	r.mu.Lock()
	if r.closed {
		r.mu.Unlock()
		return
	}
	r.wire.Store(now)
	lost := was.mac != now.mac || !now.up
	if lost {
		reason := ReasonUnresolved
		if !now.up {
			reason = ReasonLinkDown
		}
		for _, n := range r.hops.list() {
			if n.dynamic() {
				r.forget(n, reason)
			}
		}
	}
	r.mu.Unlock()
	if lost {
		// A NIC that is there and has both resolvers cannot refuse.
		_ = r.netstack.ClearNeighbors(nicID, ipv4.ProtocolNumber)
		_ = r.netstack.ClearNeighbors(nicID, ipv6.ProtocolNumber)
	}
}

// ownIPv6 makes a the netstack's one IPv6 address, the sender of its
// solicitations; the zero Addr leaves it none.
//
// +checklocks:r.syncMu
func (r *Router) ownIPv6(a netip.Addr) {
	var want tcpip.Address
	if a.IsValid() {
		want = toTCPIP(a)
	}
	if want == r.owned {
		return
	}
	if r.owned.BitLen() != 0 {
		_ = r.netstack.RemoveAddress(nicID, r.owned)
		r.owned = tcpip.Address{}
	}
	if want.BitLen() != 0 && r.own(want, ipv6.ProtocolNumber) == nil {
		r.owned = want
	}
}

// bind makes the entries of the kernel's neighbour table that bind the
// router, permanent ones, the table's: they win over what is resolved.
//
// +checklocks:r.syncMu
func (r *Router) bind(neighs []fib.Neigh) {
	want := make(map[netip.Addr][6]byte, len(neighs))
	for _, n := range neighs {
		want[n.Dst] = n.MAC
	}
	var bound []*neighbor
	r.mu.Lock()
	if !r.closed {
		for _, n := range r.hops.list() {
			if mac, ok := want[n.addr]; !n.dynamic() && (!ok || mac != n.mac) {
				r.forget(n, ReasonUnresolved)
			}
		}
		for addr, mac := range want {
			if n := r.hops.get(addr); n == nil || n.dynamic() {
				bound = append(bound, r.makePermanent(n, addr, mac))
			}
		}
	}
	r.mu.Unlock()
	for _, n := range bound {
		// gVisor need not ask for it any more; it may not know it at all.
		_ = r.netstack.RemoveNeighbor(nicID, protocolOf(n.addr), toTCPIP(n.addr))
		r.release(n)
	}
}

// release emits what waited for n.
func (r *Router) release(n *neighbor) {
	r.mu.Lock()
	flush := r.startFlush(n)
	r.mu.Unlock()
	if flush {
		r.flushSoon(n)
	}
}

// makePermanent makes n (nil: none yet) the permanent entry of addr.
//
// +checklocks:r.mu
func (r *Router) makePermanent(n *neighbor, addr netip.Addr, mac [6]byte) *neighbor {
	if n == nil {
		n = &neighbor{addr: addr}
		r.hops.put(n)
	}
	r.permanent++
	r.settle(n)
	n.state, n.mac, n.known = NUDPermanent, mac, true
	return n
}
