package stack

import (
	"net/netip"
	"sync/atomic"
	"time"

	"gvisor.dev/gvisor/pkg/tcpip"
	"gvisor.dev/gvisor/pkg/tcpip/header"
	"gvisor.dev/gvisor/pkg/tcpip/link/nested"
	tcpipstack "gvisor.dev/gvisor/pkg/tcpip/stack"
)

var _ tcpipstack.LinkEndpoint = (*quiet)(nil)
var _ tcpipstack.NetworkDispatcher = (*quiet)(nil)

// quiet is the endpoint between the netstack and the master's wire. The host's
// own kernel answers on that wire, so that this side must never: out go only
// ARP requests and neighbour solicitations, in come only ARP packets of known
// neighbours, as plain values, and neighbour advertisements.
type quiet struct {
	nested.Endpoint
	r   *Router
	nic atomic.Pointer[confirmer]
}

// confirmer is what the netstack's NIC can do besides taking packets, a part
// of gVisor's NetworkInterface.
type confirmer interface {
	HandleNeighborConfirmation(tcpip.NetworkProtocolNumber, tcpip.Address, tcpip.LinkAddress, tcpipstack.ReachabilityConfirmationFlags) tcpip.Error
}

func newQuiet(ep tcpipstack.LinkEndpoint, r *Router) *quiet {
	e := &quiet{r: r}
	e.Init(ep, e)
	return e
}

// Attach implements gVisor's LinkEndpoint.
func (e *quiet) Attach(d tcpipstack.NetworkDispatcher) {
	if c, ok := d.(confirmer); ok {
		e.nic.Store(&c)
	} else {
		e.nic.Store(nil)
	}
	e.Endpoint.Attach(d)
}

// Capabilities implements gVisor's LinkEndpoint.
func (e *quiet) Capabilities() tcpipstack.LinkEndpointCapabilities {
	return e.Endpoint.Capabilities() | tcpipstack.CapabilityResolutionRequired
}

// LinkAddress implements gVisor's LinkEndpoint: the master's MAC address, as
// the Mirror has it.
func (e *quiet) LinkAddress() tcpip.LinkAddress {
	mac := e.r.wire.Load().mac
	return tcpip.LinkAddress(mac[:])
}

// Close implements gVisor's LinkEndpoint. As Wait and SetOnCloseAction, it
// leaves the lower endpoint alone, which is not the Router's.
func (e *quiet) Close() {}

// Wait implements gVisor's LinkEndpoint.
func (e *quiet) Wait() {}

// SetOnCloseAction implements gVisor's LinkEndpoint.
func (e *quiet) SetOnCloseAction(func()) {}

// DeliverLinkPacket implements gVisor's NetworkDispatcher: nobody captures
// here.
func (e *quiet) DeliverLinkPacket(tcpip.NetworkProtocolNumber, *tcpipstack.PacketBuffer) {}

// DeliverNetworkPacket implements gVisor's NetworkDispatcher.
func (e *quiet) DeliverNetworkPacket(proto tcpip.NetworkProtocolNumber, pkt *tcpipstack.PacketBuffer) {
	switch proto {
	case header.ARPProtocolNumber:
		e.receiveARP(pkt)
	case header.IPv6ProtocolNumber:
		e.receiveNA(proto, pkt)
	}
}

// lockTime is how long a MAC address just learned is not given up for
// another: the first answer wins (net/ipv4/neigh/default/locktime).
const lockTime = time.Second

// receiveARP is the end of arp_process: whatever an ARP packet is about, it
// tells its sender's MAC address, for a neighbour that is known already. The
// netstack never sees the packet, so it cannot answer it.
func (e *quiet) receiveARP(pkt *tcpipstack.PacketBuffer) {
	b, ok := pkt.Data().PullUp(header.ARPSize)
	if !ok {
		return
	}
	h := header.ARP(b)
	if !h.IsValid() {
		return
	}
	var mac [6]byte
	copy(mac[:], h.HardwareAddressSender())
	if own := e.r.wire.Load().mac; mac == own || mac == ([6]byte{}) || mac[0]&1 != 0 {
		return
	}
	sender := netip.AddrFrom4([4]byte(h.ProtocolAddressSender()))
	current, locked, ok := e.r.heard(sender)
	if !ok {
		return
	}
	toUs := string(h.HardwareAddressTarget()) == string(e.LinkAddress())
	announced := string(h.ProtocolAddressSender()) == string(h.ProtocolAddressTarget())
	another := current != [6]byte{} && mac != current
	override := announced || !locked
	e.tell(sender, mac, tcpipstack.ReachabilityConfirmationFlags{
		// Another MAC address is to be confirmed before it counts as
		// reachable; gVisor would not report such a change, either.
		Solicited: h.Op() == header.ARPReply && toUs && !announced && !another,
		Override:  override,
	})
	if another && override {
		// gVisor may have pushed the neighbour out of its cache.
		e.r.learn(sender, tcpip.LinkAddress(mac[:]))
	}
}

// tell hands a confirmation to gVisor's neighbour cache.
func (e *quiet) tell(addr netip.Addr, mac [6]byte, flags tcpipstack.ReachabilityConfirmationFlags) {
	if nic := e.nic.Load(); nic != nil {
		// The only error is that the NIC needs no resolution; this one does.
		_ = (*nic).HandleNeighborConfirmation(protocolOf(addr), toTCPIP(addr), tcpip.LinkAddress(mac[:]), flags)
	}
}

// heard says what is known of a neighbour: its MAC address (zero for none)
// and whether that is too fresh to be given up.
func (r *Router) heard(addr netip.Addr) (mac [6]byte, locked, ok bool) {
	n := r.hops.get(addr)
	if n == nil {
		return mac, false, false
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if !n.dynamic() {
		return mac, false, false
	}
	if n.known {
		mac, locked = n.mac, r.clock.NowMonotonic().Sub(n.updated) < lockTime
	}
	return mac, locked, true
}

// receiveNA lets neighbour advertisements in, which the netstack checks
// (RFC 4861 section 7.1.2).
func (e *quiet) receiveNA(proto tcpip.NetworkProtocolNumber, pkt *tcpipstack.PacketBuffer) {
	const target = header.IPv6MinimumSize + 8
	b, ok := pkt.Data().PullUp(target + header.IPv6AddressSize)
	if !ok || header.IPv6(b).NextHeader() != uint8(header.ICMPv6ProtocolNumber) ||
		header.ICMPv6(b[header.IPv6MinimumSize:]).Type() != header.ICMPv6NeighborAdvert {
		return
	}
	addr := netip.AddrFrom16([16]byte(b[target:]))
	e.Endpoint.DeliverNetworkPacket(proto, pkt)
	// gVisor does not report another MAC address that a solicited
	// advertisement brings to a reachable neighbour: ask it. Not for one that
	// the host's administrator has set: nobody asked for that.
	n := e.r.hops.get(addr)
	if n == nil || n.hw.Load()&(hwValid|hwStale) != hwValid {
		return
	}
	if _, _, dynamic := e.r.heard(addr); dynamic {
		e.r.solicit(addr)
	}
}

// WritePackets implements gVisor's LinkEndpoint.
func (e *quiet) WritePackets(pkts tcpipstack.PacketBufferList) (int, tcpip.Error) {
	var out tcpipstack.PacketBufferList
	for _, pkt := range pkts.AsSlice() {
		if e.asks(pkt) {
			out.PushBack(pkt)
		} else {
			e.r.count.silenced.Add(1)
		}
	}
	if out.Len() == 0 {
		return pkts.Len(), nil
	}
	if _, err := e.Endpoint.WritePackets(out); err != nil {
		return 0, err
	}
	return pkts.Len(), nil
}

// asks reports whether pkt asks for a neighbour. An ARP request gets the
// sender that the kernel would choose for a packet that is not its own
// (arp_solicit with arp_announce 0); a host without any address asks as
// 0.0.0.0.
func (e *quiet) asks(pkt *tcpipstack.PacketBuffer) bool {
	switch pkt.NetworkProtocolNumber {
	case header.ARPProtocolNumber:
		h := header.ARP(pkt.NetworkHeader().Slice())
		if !h.IsValid() || h.Op() != header.ARPRequest {
			return false
		}
		sender := [4]byte{}
		target := netip.AddrFrom4([4]byte(h.ProtocolAddressTarget()))
		if a := e.r.mirror.FIB().SourceFor(e.r.master, target); a.Is4() {
			sender = a.As4()
		}
		copy(h.ProtocolAddressSender(), sender[:])
		return true
	case header.IPv6ProtocolNumber:
		h := header.IPv6(pkt.NetworkHeader().Slice())
		icmp, ok := pkt.Data().PullUp(header.ICMPv6MinimumSize)
		return ok && len(h) == header.IPv6MinimumSize && h.NextHeader() == uint8(header.ICMPv6ProtocolNumber) &&
			header.ICMPv6(icmp).Type() == header.ICMPv6NeighborSolicit
	}
	return false
}
