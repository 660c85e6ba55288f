package link

import (
	"gvisor.dev/gvisor/pkg/tcpip"
	"gvisor.dev/gvisor/pkg/tcpip/header"
	"gvisor.dev/gvisor/pkg/tcpip/stack"
)

// The methods of this file make the Master a link endpoint for the stack of
// the default namespace: its host. Such a stack gets what is for no device; what it
// sends goes out as it is, never to a device, as with the kernel's driver.

// MTU implements stack.LinkEndpoint: L3 bytes.
func (m *Master) MTU() uint32 { return m.view.Load().mtu }

// MaxHeaderLength implements stack.LinkEndpoint.
func (m *Master) MaxHeaderLength() uint16 { return ethLen }

// LinkAddress implements stack.LinkEndpoint.
func (m *Master) LinkAddress() tcpip.LinkAddress { return linkAddress(m.MAC()) }

// SetLinkAddress implements stack.LinkEndpoint. An address that is no unicast
// Ethernet address is ignored.
func (m *Master) SetLinkAddress(a tcpip.LinkAddress) {
	if len(a) == len(MAC{}) {
		_ = m.SetMAC(MAC([]byte(a))) // the interface has no way to tell
	}
}

// Capabilities implements stack.LinkEndpoint.
func (m *Master) Capabilities() stack.LinkEndpointCapabilities {
	return stack.CapabilityRXChecksumOffload | stack.CapabilityResolutionRequired
}

// GSOMaxSize implements stack.GSOEndpoint.
func (m *Master) GSOMaxSize() uint32 { return gsoMaxSize }

// SupportedGSO implements stack.GSOEndpoint.
func (m *Master) SupportedGSO() stack.SupportedGSO { return stack.HostGSOSupported }

// Attach implements stack.LinkEndpoint.
func (m *Master) Attach(d stack.NetworkDispatcher) { m.host.attach(d) }

// IsAttached implements stack.LinkEndpoint.
func (m *Master) IsAttached() bool { return m.host.attached() }

// Wait implements stack.LinkEndpoint.
func (m *Master) Wait() {}

// ARPHardwareType implements stack.LinkEndpoint.
func (m *Master) ARPHardwareType() header.ARPHardwareType { return header.ARPHardwareEther }

// AddHeader implements stack.LinkEndpoint.
func (m *Master) AddHeader(pkt *stack.PacketBuffer) {
	eth := header.Ethernet(pkt.LinkHeader().Push(ethLen))
	eth.Encode(&header.EthernetFields{
		SrcAddr: linkAddress(m.MAC()), DstAddr: pkt.EgressRoute.RemoteLinkAddress, Type: pkt.NetworkProtocolNumber,
	})
}

// ParseHeader implements stack.LinkEndpoint.
func (m *Master) ParseHeader(pkt *stack.PacketBuffer) bool {
	_, ok := pkt.LinkHeader().Consume(ethLen)
	return ok
}

// WritePackets implements stack.LinkWriter: what the host sends goes out.
func (m *Master) WritePackets(pkts stack.PacketBufferList) (int, tcpip.Error) {
	v := m.view.Load()
	for _, pkt := range pkts.AsSlice() {
		m.outPacket(v, nil, pkt)
	}
	return pkts.Len(), nil
}

// Close implements stack.LinkEndpoint: the host's stack goes, its devices
// stay. Shutdown ends the Master.
func (m *Master) Close() {
	m.host.attach(nil)
	m.onEnd.run()
}

// SetOnCloseAction implements stack.LinkEndpoint.
func (m *Master) SetOnCloseAction(f func()) { m.onEnd.set(f) }
