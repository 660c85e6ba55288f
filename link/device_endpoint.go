package link

import (
	"sync"

	"gvisor.dev/gvisor/pkg/tcpip"
	"gvisor.dev/gvisor/pkg/tcpip/header"
	"gvisor.dev/gvisor/pkg/tcpip/stack"
)

// gsoMaxSize is the largest IP packet that a stack may hand to a Device.
const gsoMaxSize = 65535

var (
	_ stack.LinkEndpoint = (*Device)(nil)
	_ stack.GSOEndpoint  = (*Device)(nil)
)

// closeAction is what runs once when an endpoint is closed.
type closeAction struct {
	mu sync.Mutex
	// +checklocks:mu
	f func()
}

func (c *closeAction) set(f func()) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.f = f
}

func (c *closeAction) run() {
	c.mu.Lock()
	f := c.f
	c.f = nil
	c.mu.Unlock()
	if f != nil {
		f()
	}
}

// MTU implements stack.LinkEndpoint: L3 bytes.
func (d *Device) MTU() uint32 { return d.mtu.Load() }

// SetMTU implements stack.LinkEndpoint. It lasts until the master's changes.
func (d *Device) SetMTU(mtu uint32) { d.mtu.Store(mtu) }

// MaxHeaderLength implements stack.LinkEndpoint.
func (d *Device) MaxHeaderLength() uint16 { return ethLen }

// LinkAddress implements stack.LinkEndpoint: the master's, always.
func (d *Device) LinkAddress() tcpip.LinkAddress { return linkAddress(d.master.MAC()) }

// SetLinkAddress implements stack.LinkEndpoint. It does nothing: a device has
// no address of its own to set (EOPNOTSUPP in the kernel).
func (d *Device) SetLinkAddress(tcpip.LinkAddress) {}

// Capabilities implements stack.LinkEndpoint. Neighbours are resolved in L2
// only; before it is attached a device always claims to need it, because
// gVisor prepares resolution of a NIC only once, when it makes it, and the
// mode may change later. Checksums of what a stack sends are its own work,
// but for segments, whose cost it is: gVisor would leave those of IP fragments
// open too, and nobody could complete them.
func (d *Device) Capabilities() stack.LinkEndpointCapabilities {
	c := stack.CapabilityRXChecksumOffload
	if !d.stack.attached() || d.master.Mode() == ModeL2 {
		c |= stack.CapabilityResolutionRequired
	}
	return c
}

// GSOMaxSize implements stack.GSOEndpoint.
func (d *Device) GSOMaxSize() uint32 { return gsoMaxSize }

// SupportedGSO implements stack.GSOEndpoint: the master segments, or the far side.
func (d *Device) SupportedGSO() stack.SupportedGSO { return stack.HostGSOSupported }

// Attach implements stack.LinkEndpoint: a device is up while it is attached.
func (d *Device) Attach(dispatcher stack.NetworkDispatcher) {
	d.stack.attach(dispatcher)
	d.SetUp(dispatcher != nil)
}

// IsAttached implements stack.LinkEndpoint.
func (d *Device) IsAttached() bool { return d.stack.attached() }

// Wait implements stack.LinkEndpoint: a device has no goroutine of its own.
func (d *Device) Wait() {}

// ARPHardwareType implements stack.LinkEndpoint.
func (d *Device) ARPHardwareType() header.ARPHardwareType { return header.ARPHardwareEther }

// AddHeader implements stack.LinkEndpoint. In L3 the destination is the
// device's own address, as on the kernel's NOARP devices (arp_constructor).
func (d *Device) AddHeader(pkt *stack.PacketBuffer) {
	own := linkAddress(d.master.MAC())
	dst := pkt.EgressRoute.RemoteLinkAddress
	if len(dst) != len(own) || (d.master.Mode() != ModeL2 && dst[0]&1 == 0) {
		dst = destinationWithoutARP(pkt, own)
	}
	eth := header.Ethernet(pkt.LinkHeader().Push(ethLen))
	eth.Encode(&header.EthernetFields{SrcAddr: own, DstAddr: dst, Type: pkt.NetworkProtocolNumber})
}

// destinationWithoutARP is the group's address for multicast and the device's
// own for all else.
func destinationWithoutARP(pkt *stack.PacketBuffer, own tcpip.LinkAddress) tcpip.LinkAddress {
	hdr := pkt.NetworkHeader().Slice()
	switch {
	case pkt.NetworkProtocolNumber == header.IPv4ProtocolNumber && len(hdr) >= ipv4Len:
		if a := header.IPv4(hdr).DestinationAddress(); header.IsV4MulticastAddress(a) {
			return header.EthernetAddressFromMulticastIPv4Address(a)
		}
	case pkt.NetworkProtocolNumber == header.IPv6ProtocolNumber && len(hdr) >= ipv6Len:
		if a := header.IPv6(hdr).DestinationAddress(); header.IsV6MulticastAddress(a) {
			return header.EthernetAddressFromMulticastIPv6Address(a)
		}
	}
	return own
}

// ParseHeader implements stack.LinkEndpoint.
func (d *Device) ParseHeader(pkt *stack.PacketBuffer) bool {
	_, ok := pkt.LinkHeader().Consume(ethLen)
	return ok
}

// Close implements stack.LinkEndpoint: it removes the device from its master
// and frees its addresses. It is idempotent.
func (d *Device) Close() {
	if d.remove() {
		d.stack.attach(nil)
		d.onEnd.run()
	}
}

// SetOnCloseAction implements stack.LinkEndpoint.
func (d *Device) SetOnCloseAction(f func()) { d.onEnd.set(f) }
