package linktest

import (
	"encoding/binary"
	"net/netip"

	"github.com/ipvl/ipvl/link/vnet"
)

// MAC is an Ethernet address.
type MAC = [6]byte

// Broadcast is the Ethernet address of all.
func Broadcast() MAC { return MAC{0xff, 0xff, 0xff, 0xff, 0xff, 0xff} }

// GroupMAC returns the Ethernet address of an IP multicast group (RFC 1112
// section 6.4, RFC 2464 section 7).
func GroupMAC(group netip.Addr) MAC {
	b := group.AsSlice()
	if group.Is4() {
		return MAC{0x01, 0x00, 0x5e, b[1] & 0x7f, b[2], b[3]}
	}
	return MAC{0x33, 0x33, b[12], b[13], b[14], b[15]}
}

// SolicitedNode returns the group that a neighbour solicitation for a goes to
// (RFC 4291 section 2.7.1).
func SolicitedNode(a netip.Addr) netip.Addr {
	b := a.As16()
	return netip.AddrFrom16([16]byte{0: 0xff, 1: 2, 11: 1, 12: 0xff, 13: b[13], 14: b[14], 15: b[15]})
}

// Frame returns a frame in byte form: an empty virtio-net header, the Ethernet
// header and the payload.
func Frame(dst, src MAC, etherType uint16, payload []byte) []byte {
	b := make([]byte, vnet.HeaderLen, vnet.HeaderLen+14+len(payload))
	b = append(append(b, dst[:]...), src[:]...)
	b = binary.BigEndian.AppendUint16(b, etherType)
	return append(b, payload...)
}

// Tag puts an 802.1Q tag into a frame in byte form.
func Tag(frame []byte, tpid, tci uint16) []byte {
	const at = vnet.HeaderLen + 12
	b := append([]byte(nil), frame[:at]...)
	b = binary.BigEndian.AppendUint16(b, tpid)
	b = binary.BigEndian.AppendUint16(b, tci)
	return append(b, frame[at:]...)
}

// IPv4 returns a packet with TTL 64 and no options.
func IPv4(src, dst netip.Addr, proto byte, payload []byte) []byte {
	b := make([]byte, 20, 20+len(payload))
	b[0] = 0x45
	binary.BigEndian.PutUint16(b[2:], uint16(20+len(payload)))
	b[8], b[9] = 64, proto
	copy(b[12:], src.AsSlice())
	copy(b[16:], dst.AsSlice())
	binary.BigEndian.PutUint16(b[10:], Checksum(b, 0))
	return append(b, payload...)
}

// IPv6 returns a packet with hop limit 64 and no extension headers.
func IPv6(src, dst netip.Addr, proto byte, payload []byte) []byte {
	b := make([]byte, 40, 40+len(payload))
	b[0] = 0x60
	binary.BigEndian.PutUint16(b[4:], uint16(len(payload)))
	b[6], b[7] = proto, 64
	copy(b[8:], src.AsSlice())
	copy(b[24:], dst.AsSlice())
	return append(b, payload...)
}

// UDP returns a UDP packet of the family of src and dst.
func UDP(src, dst netip.AddrPort, data []byte) []byte {
	b := make([]byte, 8, 8+len(data))
	binary.BigEndian.PutUint16(b, src.Port())
	binary.BigEndian.PutUint16(b[2:], dst.Port())
	binary.BigEndian.PutUint16(b[4:], uint16(8+len(data)))
	b = append(b, data...)
	sum := Checksum(b, pseudo(src.Addr(), dst.Addr(), 17, len(b)))
	if sum == 0 {
		sum = 0xffff
	}
	binary.BigEndian.PutUint16(b[6:], sum)
	return IP(src.Addr(), dst.Addr(), 17, b)
}

// IP is IPv4 or IPv6 by the family of dst.
func IP(src, dst netip.Addr, proto byte, payload []byte) []byte {
	if dst.Is4() {
		return IPv4(src, dst, proto, payload)
	}
	return IPv6(src, dst, proto, payload)
}

// EtherType is that of a.
func EtherType(a netip.Addr) uint16 {
	if a.Is4() {
		return 0x0800
	}
	return 0x86dd
}

// The operations of ARP.
const (
	ARPRequest = 1
	ARPReply   = 2
)

// ARP returns an ARP packet for Ethernet and IPv4 (RFC 826).
func ARP(op uint16, sha MAC, spa netip.Addr, tha MAC, tpa netip.Addr) []byte {
	b := []byte{0, 1, 8, 0, 6, 4}
	b = binary.BigEndian.AppendUint16(b, op)
	b = append(append(b, sha[:]...), spa.AsSlice()...)
	return append(append(b, tha[:]...), tpa.AsSlice()...)
}

// ICMPv6 returns a message with its checksum; hop limit 255, as ND wants it.
func ICMPv6(src, dst netip.Addr, typ byte, body []byte) []byte {
	m := append([]byte{typ, 0, 0, 0}, body...)
	binary.BigEndian.PutUint16(m[2:], Checksum(m, pseudo(src, dst, 58, len(m))))
	p := IPv6(src, dst, 58, m)
	p[7] = 255
	return p
}

// The neighbour discovery messages of RFC 4861.
const (
	NeighbourSolicitation  = 135
	NeighbourAdvertisement = 136
)

// NS returns a neighbour solicitation for target; option 1 holds mac unless
// src is unspecified.
func NS(src, dst, target netip.Addr, mac MAC) []byte {
	body := append(make([]byte, 4), target.AsSlice()...)
	if !src.IsUnspecified() {
		body = append(append(body, 1, 1), mac[:]...)
	}
	return ICMPv6(src, dst, NeighbourSolicitation, body)
}

// NA returns a solicited, overriding neighbour advertisement.
func NA(src, dst, target netip.Addr, mac MAC) []byte {
	body := append([]byte{0x60, 0, 0, 0}, target.AsSlice()...)
	body = append(append(body, 2, 1), mac[:]...)
	return ICMPv6(src, dst, NeighbourAdvertisement, body)
}

// Checksum is the Internet checksum (RFC 1071) of b, from a partial sum.
func Checksum(b []byte, sum uint32) uint16 {
	for ; len(b) >= 2; b = b[2:] {
		sum += uint32(b[0])<<8 | uint32(b[1])
	}
	if len(b) == 1 {
		sum += uint32(b[0]) << 8
	}
	for sum > 0xffff {
		sum = sum>>16 + sum&0xffff
	}
	return ^uint16(sum)
}

// pseudo is the partial sum of the pseudo-header.
func pseudo(src, dst netip.Addr, proto byte, n int) uint32 {
	sum := uint32(proto) + uint32(n)
	for _, a := range []netip.Addr{src, dst} {
		b := a.AsSlice()
		for i := 0; i < len(b); i += 2 {
			sum += uint32(b[i])<<8 | uint32(b[i+1])
		}
	}
	return sum
}
