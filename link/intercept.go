package link

import (
	"github.com/ipvl/ipvl/link/vnet"
	"gvisor.dev/gvisor/pkg/tcpip/stack"
)

// intercept does, before the verdict, what the device's flags ask of a frame
// that it sent. It reports whether the frame's way ends here.
func (d *Device) intercept(v *view, mt *meta, frame []byte) bool {
	if d.has(flagGuard) && !v.permits(d, mt, frame[vnet.HeaderLen:]) {
		d.c.drops.add(ReasonGuard)
		return true
	}
	return v.mode == ModeL2 && v.linked(d) && d.master.beside(v, d, mt, frame)
}

// interceptPacket is intercept for a packet of the device's stack. It becomes
// bytes where headLen of them do not tell all: neighbour discovery with its
// options, and what the host is asked.
func (d *Device) interceptPacket(v *view, mt *meta, head []byte, pkt *stack.PacketBuffer) (ends bool) {
	if mt.plain(head) && (v.mode != ModeL2 || !v.linked(d) || !v.host.serves(mt)) {
		if d.has(flagGuard) && !v.permits(d, mt, head) {
			d.c.drops.add(ReasonGuard)
			return true
		}
		return false
	}
	d.master.flatten(pkt, func(frame []byte) { ends = d.intercept(v, mt, frame) })
	return ends
}

// plain says that the frame whose first bytes are head is no ARP and carries
// neither extension headers nor ICMP over IPv6.
func (m *meta) plain(head []byte) bool {
	const tcp, udp = 6, 17
	switch m.etherType {
	case etherARP:
		return false
	case etherIPv6:
		return m.kind == kindIPv6 && (head[m.l3+6] == tcp || head[m.l3+6] == udp)
	}
	return true
}
