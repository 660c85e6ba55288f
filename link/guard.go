package link

import "encoding/binary"

const (
	protoICMP = 1
	protoIGMP = 2
	protoUDP  = 17

	dhcpServer = 67
	dhcpClient = 68

	fragMore   = 0x2000
	fragOffset = 0x1fff
)

// permits says whether a guarded device may send what m describes. eth is the
// frame, or, where m.plain, at least headLen bytes of it. A source is the
// device's own while it is registered for it.
func (v *view) permits(d *Device, m *meta, eth []byte) bool {
	if m.src != v.mac || m.vlan != 0 {
		return false
	}
	l3 := eth[min(m.l3, len(eth)):]
	switch {
	case m.kind == kindARP:
		return v.permitsARP(d, m, l3)
	case m.kind == kindIPv4:
		return v.v4.get(m.v4src) == d || (m.v4src == 0 && nameless4(l3))
	case m.etherType == etherIPv6:
		return v.permitsIPv6(d, l3)
	}
	return false
}

// permitsARP lets a device speak of itself: its MAC address with an address of
// its own, or with none in a probe (RFC 5227 section 2.1.1) for an address
// that no sibling has. b holds at least arpLen bytes.
func (v *view) permitsARP(d *Device, m *meta, b []byte) bool {
	op := binary.BigEndian.Uint16(b[6:])
	if [6]byte(b) != arpEthernet || MAC(b[8:14]) != v.mac || (op != arpRequest && op != arpReply) {
		return false
	}
	if m.v4src == 0 {
		owner := v.v4.get(m.v4dst)
		return op == arpRequest && (owner == nil || owner == d)
	}
	return v.v4.get(m.v4src) == d
}

// nameless4 says whether an IPv4 packet may come from 0.0.0.0: a DHCP client's
// (RFC 2131 section 4.1), or a report of groups (RFC 3376 section 4.2.13).
func nameless4(ip []byte) bool {
	hdr := int(ip[0]&0xf) * 4
	if binary.BigEndian.Uint16(ip[6:])&(fragMore|fragOffset) != 0 || len(ip) < hdr+4 {
		return false
	}
	switch ip[9] {
	case protoIGMP:
		return be32(ip[16:])>>28 == 0xe
	case protoUDP:
		return binary.BigEndian.Uint16(ip[hdr:]) == dhcpClient && binary.BigEndian.Uint16(ip[hdr+2:]) == dhcpServer
	}
	return false
}
