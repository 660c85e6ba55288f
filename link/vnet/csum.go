package vnet

import (
	"encoding/binary"

	"gvisor.dev/gvisor/pkg/tcpip/checksum"
)

// pseudo returns the one's complement sum of the pseudo-header of the packet
// (RFC 768, RFC 9293 section 3.1, RFC 8200 section 8.1) for a transport length
// of n bytes. With l.routed it is not the right one, because the final
// destination stands in a routing header whose form depends on its type.
func (l layout) pseudo(eth []byte, n int) uint16 {
	var sum uint16
	if l.version == 4 {
		sum = checksum.Checksum(eth[l.l3+12:l.l3+20], 0)
	} else {
		sum = checksum.Checksum(eth[l.l3+8:l.l3+40], 0)
	}
	return checksum.Combine(sum, checksum.Combine(uint16(l.proto), uint16(n)))
}

// complete finishes the checksum of a frame whose field holds the sum of the
// pseudo-header (skb_checksum_help). The caller has checked the range. The
// sum ends with the L3 packet, not with the frame, because receivers cut
// padding off before they verify.
func complete(eth []byte, start, offset, end int) {
	field := eth[start+offset : start+offset+2]
	sum := ^checksum.Checksum(eth[start:end], 0)
	if sum == 0 && offset == udpCsumOffset {
		sum = 0xffff // 0 would mean that there is none (RFC 768)
	}
	binary.BigEndian.PutUint16(field, sum)
}

// setIPv4Checksum fills in the header checksum of hdr, one IPv4 header.
func setIPv4Checksum(hdr []byte) {
	hdr[10], hdr[11] = 0, 0
	binary.BigEndian.PutUint16(hdr[10:], ^checksum.Checksum(hdr, 0))
}

// Intact reports whether the checksums of a frame hold. It is true where
// somebody vouches for them (FlagNeedsCsum, FlagDataValid), for fragments and
// where it cannot tell: other protocols than TCP, UDP and ICMP over IPv4 and
// IPv6. It sums over the packet, so it belongs only before a receiver that does
// not verify itself.
func Intact(frame []byte) bool {
	if len(frame) < HeaderLen+ethLen {
		return false
	}
	if frame[0]&(FlagNeedsCsum|FlagDataValid) != 0 {
		return true
	}
	eth := frame[HeaderLen:]
	l, r := parse(eth, len(eth))
	if r != 0 {
		return false
	}
	if l.version == 4 && checksum.Checksum(eth[l.l3:l.l4], 0) != 0xffff {
		return false
	}
	if l.version == 0 || l.frag || l.routed {
		return true
	}
	return l.intactTransport(eth)
}

func (l layout) intactTransport(eth []byte) bool {
	body, n := eth[l.l4:l.end], l.end-l.l4
	switch {
	case l.proto == protoICMP && l.version == 4:
		return checksum.Checksum(body, 0) == 0xffff
	case l.proto == protoTCP, l.proto == protoICMPv6 && l.version == 6:
	case l.proto == protoUDP:
		if n < udpLen {
			return false
		}
		n = int(binary.BigEndian.Uint16(body[4:]))
		if n < udpLen || n > len(body) {
			return false
		}
		if body[6]|body[7] == 0 {
			return l.version == 4 // required with IPv6: RFC 8200 section 8.1
		}
	default:
		return true
	}
	return checksum.Checksum(body[:n], l.pseudo(eth, n)) == 0xffff
}
