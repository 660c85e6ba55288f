package rawip

import (
	"encoding/binary"
	"net/netip"

	"github.com/ipvl/ipvl/link/vnet"
)

// Ethertypes, offsets and lengths. A frame starts with the virtio-net header.
const (
	typeIPv4  = 0x0800
	typeIPv6  = 0x86dd
	typeVLAN  = 0x8100
	typeQinQ  = 0x88a8
	typeQinQ1 = 0x9100 // before 802.1ad
	offType   = vnet.HeaderLen + 12
	offIP     = vnet.HeaderLen + 14
	ipv4Len   = 20
	ipv6Len   = 40
	// headMax is how much of a frame inspect may look at.
	headMax = offIP + 60
)

// target is what has to be known of a packet to send it.
type target struct {
	src, dst netip.Addr
	size     int // of the IP packet, from offIP on, without padding
}

// inspect checks a frame of total bytes, of which head is the first headMax, or
// all. What it yields lies within the frame.
func inspect(head []byte, total int) (target, error) {
	if len(head) < offIP || total < len(head) {
		return target{}, ErrMalformed
	}
	if head[0]&vnet.FlagNeedsCsum|head[1] != 0 {
		return target{}, ErrUnfinished
	}
	switch binary.BigEndian.Uint16(head[offType:]) {
	case typeIPv4:
		return inspect4(head[offIP:], total-offIP)
	case typeIPv6:
		return inspect6(head[offIP:], total-offIP)
	case typeVLAN, typeQinQ, typeQinQ1:
		return target{}, ErrTagged
	}
	return target{}, ErrNotIP
}

// inspect4 checks what ip_rcv does. It has to: the kernel puts length and checksum
// right on a raw socket. room is how much of the frame is behind the Ethernet
// header.
func inspect4(ip []byte, room int) (target, error) {
	if len(ip) < ipv4Len || ip[0]>>4 != 4 {
		return target{}, ErrMalformed
	}
	header := int(ip[0]&0xf) * 4
	size := int(binary.BigEndian.Uint16(ip[2:]))
	if header < ipv4Len || header > len(ip) || size < header || size > room || !sumOK(ip[:header]) {
		return target{}, ErrMalformed
	}
	return target{
		src:  netip.AddrFrom4([4]byte(ip[12:16])),
		dst:  netip.AddrFrom4([4]byte(ip[16:20])),
		size: size,
	}, nil
}

// inspect6 is inspect4 for IPv6. Jumbograms (RFC 2675), whose payload length is 0,
// become packets without payload, which the host drops.
func inspect6(ip []byte, room int) (target, error) {
	if len(ip) < ipv6Len || ip[0]>>4 != 6 {
		return target{}, ErrMalformed
	}
	size := ipv6Len + int(binary.BigEndian.Uint16(ip[4:]))
	if size > room {
		return target{}, ErrMalformed
	}
	return target{
		src:  netip.AddrFrom16([16]byte(ip[8:24])),
		dst:  netip.AddrFrom16([16]byte(ip[24:40])),
		size: size,
	}, nil
}

// sumOK verifies the checksum of an IPv4 header (RFC 1071).
func sumOK(header []byte) bool {
	var sum uint32
	for ; len(header) >= 2; header = header[2:] {
		sum += uint32(binary.BigEndian.Uint16(header))
	}
	sum = sum>>16 + sum&0xffff
	return sum>>16+sum&0xffff == 0xffff
}

// admit decides on the addresses.
func (o *Options) admit(t *target) error {
	if o.Local == nil || !unicast(t.dst) || !o.Local(t.dst) {
		return ErrNotLocal
	}
	if t.dst.IsLinkLocalUnicast() && t.dst.Is6() && o.Index <= 0 {
		return ErrNotLocal
	}
	if !unicast(t.src) || o.Local(t.src) {
		return ErrSource
	}
	return nil
}

// unicast reports whether a may be in a packet from one host to another, as far as
// that can be told from the address alone (ip_route_input_slow, ipv6_rcv).
func unicast(a netip.Addr) bool {
	if a.IsLoopback() || a.IsMulticast() || a.Is4In6() {
		return false
	}
	if !a.Is4() {
		return !a.IsUnspecified()
	}
	b := a.As4()
	return b[0] != 0 && b != [4]byte{255, 255, 255, 255}
}
