package link

import (
	"encoding/binary"
	"net/netip"

	"github.com/ipvl/ipvl/link/vnet"
	"gvisor.dev/gvisor/pkg/tcpip/checksum"
)

const (
	arpRequest = 1
	arpReply   = 2

	icmp6NA = 136

	optSource = 1 // source link-layer address (RFC 4861 section 4.6.1)
	optTarget = 2

	// Flags of a neighbour advertisement (RFC 4861 section 4.4).
	naSolicited = 0x40
	naOverride  = 0x20

	ndHopLimit = 255
)

// arpEthernet is how every ARP packet for Ethernet and IPv4 starts (RFC 826).
var arpEthernet = [6]byte{0, 1, 8, 0, 6, 4}

// question is an ARP request or a neighbour solicitation, as far as an answer
// needs it.
type question struct {
	target, asker netip.Addr // asker is unspecified in probes (RFC 5227, DAD)
	mac           MAC        // who asks
}

// question reads a frame in byte form that asks for a link-layer address. It
// is false for all else, and for what a host must not answer: a question of
// the master itself, for another MAC address, in a VLAN, or malformed
// (RFC 4861 section 7.1.1).
func (m *meta) question(v *view, frame []byte) (q question, ok bool) {
	if m.vlan != 0 || (!m.dst.group() && m.dst != v.mac) {
		return q, false
	}
	switch {
	case m.kind == kindARP:
		q, ok = askARP(frame[vnet.HeaderLen+m.l3:])
	case m.etherType == etherIPv6 && (m.kind == kindIPv6 || m.kind == kindDAD):
		q, ok = m.askND(frame)
	}
	return q, ok && !q.mac.group() && q.mac != MAC{}
}

// askARP reads an ARP packet, of which b holds at least arpLen bytes.
func askARP(b []byte) (question, bool) {
	if [6]byte(b) != arpEthernet || binary.BigEndian.Uint16(b[6:]) != arpRequest {
		return question{}, false
	}
	return question{target: addr4(be32(b[24:])), asker: addr4(be32(b[14:])), mac: MAC(b[8:14])}, true
}

// askND reads a neighbour solicitation without extension headers.
func (m *meta) askND(frame []byte) (question, bool) {
	ip := frame[vnet.HeaderLen+m.l3:]
	if len(ip) < ipv6Len+ndMsgLen || ip[6] != protoICMPv6 || ip[ipv6Len] != icmp6NS {
		return question{}, false
	}
	size := int(binary.BigEndian.Uint16(ip[4:]))
	if ip[7] != ndHopLimit || ip[ipv6Len+1] != 0 || size < ndMsgLen || size > len(ip)-ipv6Len || !vnet.Intact(frame) {
		return question{}, false
	}
	src, dst, target := load6(ip[8:]), load6(ip[24:]), load6(ip[ipv6Len+8:])
	options, ok := ndOptions(ip[ipv6Len+ndMsgLen:ipv6Len+size], nil)
	switch {
	case !ok, src.group(), target.group(), dst.group() && dst != target.solicitedNode():
		return question{}, false
	case src == key6{} && (options&(1<<optSource) != 0 || !dst.group()):
		return question{}, false
	}
	return question{target: target.addr(), asker: src.addr(), mac: m.src}, true
}

// ndOptions walks over the options of a neighbour discovery message and
// returns which of the types 1 and 2 it saw, as bits. It is false where an
// option has no length or is longer than the message, and, unless mac is nil,
// where a link-layer address is not mac.
func ndOptions(b []byte, mac *MAC) (seen uint8, ok bool) {
	for len(b) > 0 {
		if len(b) < 8 || b[1] == 0 || int(b[1])*8 > len(b) {
			return seen, false
		}
		if b[0] == optSource || b[0] == optTarget {
			seen |= 1 << b[0]
			if mac != nil && (b[1] != 1 || MAC(b[2:8]) != *mac) {
				return seen, false
			}
		}
		b = b[int(b[1])*8:]
	}
	return seen, true
}

// group says whether the address is a multicast group's.
func (k key6) group() bool { return k.hi>>56 == 0xff }

// solicitedNode is the group that solicitations for k go to (RFC 4291 section
// 2.7.1).
func (k key6) solicitedNode() key6 {
	return key6{0xff02 << 48, 1<<32 | 0xff<<24 | k.lo&0xffffff}
}

// answer puts the answer to q in the name of mac into b, a frame in byte form.
func (q *question) answer(b []byte, mac MAC) []byte {
	if q.target.Is4() {
		b = appendEthernet(b, q.mac, mac, etherARP)
		return appendARP(b, arpReply, mac, q.target, q.mac, q.asker)
	}
	if q.asker.IsUnspecified() {
		return appendUnsolicited(b, mac, q.target)
	}
	b = appendEthernet(b, q.mac, mac, etherIPv6)
	return appendNA(b, mac, q.target, q.asker, naSolicited|naOverride)
}

// appendUnsolicited is the advertisement of target to all nodes: the answer to
// a DAD probe, and the announcement (RFC 4861 sections 7.2.4 and 7.2.6).
func appendUnsolicited(b []byte, mac MAC, target netip.Addr) []byte {
	b = appendEthernet(b, MAC{0x33, 0x33, 0, 0, 0, 1}, mac, etherIPv6)
	return appendNA(b, mac, target, netip.IPv6LinkLocalAllNodes(), naOverride)
}

// appendEthernet starts a frame in byte form.
func appendEthernet(b []byte, dst, src MAC, etherType uint16) []byte {
	b = append(b[:0], make([]byte, vnet.HeaderLen)...)
	b = append(append(b, dst[:]...), src[:]...)
	return binary.BigEndian.AppendUint16(b, etherType)
}

func appendARP(b []byte, op uint16, sha MAC, spa netip.Addr, tha MAC, tpa netip.Addr) []byte {
	b = append(b, arpEthernet[:]...)
	b = binary.BigEndian.AppendUint16(b, op)
	from, to := spa.As4(), tpa.As4()
	b = append(append(b, sha[:]...), from[:]...)
	return append(append(b, tha[:]...), to[:]...)
}

// appendNA appends an IPv6 packet with the advertisement of target, its own
// source.
func appendNA(b []byte, mac MAC, target, dst netip.Addr, bits byte) []byte {
	at := len(b)
	b = appendIPv6(b, ndMsgLen+8, protoICMPv6, ndHopLimit, target, dst)
	a := target.As16()
	b = append(b, icmp6NA, 0, 0, 0, bits, 0, 0, 0)
	b = append(append(b, a[:]...), optTarget, 1)
	b = append(b, mac[:]...)
	return sealICMPv6(b, at)
}

// appendIPv6 appends a header for size bytes of payload.
func appendIPv6(b []byte, size int, proto, hopLimit byte, src, dst netip.Addr) []byte {
	from, to := src.As16(), dst.As16()
	b = binary.BigEndian.AppendUint16(append(b, 0x60, 0, 0, 0), uint16(size))
	b = append(append(b, proto, hopLimit), from[:]...)
	return append(b, to[:]...)
}

// sealICMPv6 fills in the checksum of the ICMPv6 packet that starts at b[at]
// and ends with b (RFC 4443 section 2.3).
func sealICMPv6(b []byte, at int) []byte {
	ip := b[at:]
	sum := checksum.Checksum(ip[8:ipv6Len], 0)
	sum = checksum.Combine(sum, checksum.Combine(protoICMPv6, uint16(len(ip)-ipv6Len)))
	binary.BigEndian.PutUint16(ip[ipv6Len+2:], ^checksum.Checksum(ip[ipv6Len:], sum))
	return b
}
