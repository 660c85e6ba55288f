package link

import (
	"encoding/binary"
	"net/netip"
)

// MAC is an Ethernet address.
type MAC [6]byte

var broadcastMAC = MAC{0xff, 0xff, 0xff, 0xff, 0xff, 0xff}

// group says whether the group bit is set: multicast or broadcast.
func (m MAC) group() bool { return m[0]&1 != 0 }

const (
	ethLen   = 14
	vlanLen  = 4
	arpLen   = 28 // Ethernet and IPv4
	ipv4Len  = 20
	ipv6Len  = 40
	icmp6Len = 8
	ndMsgLen = 24
	// transmitSlack is how much an IPv4 total length may exceed what a device
	// sent and still be looked up: the kernel counts the Ethernet header in.
	transmitSlack = ethLen
	vlanSlack     = 4 // what the kernel's is_skb_forwardable grants over the MTU

	etherIPv4  = 0x0800
	etherARP   = 0x0806
	etherIPv6  = 0x86dd
	etherVLAN  = 0x8100
	etherQinQ  = 0x88a8
	etherPause = 0x8808

	protoICMPv6 = 58
	icmp6NS     = 135

	// headLen is how much of a frame parse may look at: Ethernet, one tag,
	// IPv6 and a neighbour solicitation, or a whole IPv4 header.
	headLen = 96
)

// kind is what a frame's L3 header lets the demux look up.
type kind uint8

const (
	kindNone kind = iota // nothing to look up
	kindARP
	kindIPv4
	kindIPv6
	kindDAD // neighbour solicitation from ::, looked up by its target
)

// key6 is an IPv6 address as two words.
type key6 struct{ hi, lo uint64 }

// meta is what one look at a frame yields. The addresses are L3's: for ARP the
// sender's and the target's protocol address, for DAD the target in both.
type meta struct {
	dst, src  MAC
	etherType uint16 // behind the tag, where there is one
	vlan      uint16 // VLAN id; 0 also without a tag
	tagged    bool
	kind      kind
	v4src     uint32
	v4dst     uint32
	v6src     key6
	v6dst     key6
	l3        int // offset of the L3 header from the Ethernet header
}

// parse reads the frame whose first bytes are head and that is size bytes
// long; head holds headLen bytes or the whole frame. It mirrors
// ipvlan_get_L3_hdr and ipvlan_addr_lookup: what those cannot use is kindNone
// with a reason, and what is no IP or ARP is kindNone without one.
func parse(head []byte, size int, m *meta) Reason {
	*m = meta{}
	if len(head) < ethLen || size < len(head) {
		return ReasonShort
	}
	m.dst = MAC(head[0:6])
	m.src = MAC(head[6:12])
	m.etherType = binary.BigEndian.Uint16(head[12:])
	m.l3 = ethLen
	if m.etherType == etherVLAN || m.etherType == etherQinQ {
		if len(head) < ethLen+vlanLen {
			return ReasonTruncated
		}
		m.tagged = true
		m.vlan = binary.BigEndian.Uint16(head[14:]) & 0xfff
		m.etherType = binary.BigEndian.Uint16(head[16:])
		m.l3 += vlanLen
	}
	switch m.etherType {
	case etherIPv4:
		return m.parseIPv4(head[m.l3:], size-m.l3)
	case etherIPv6:
		return m.parseIPv6(head[m.l3:])
	case etherARP:
		return m.parseARP(head[m.l3:])
	}
	return reasonNone
}

func (m *meta) parseARP(b []byte) Reason {
	if len(b) < arpLen {
		return ReasonTruncated
	}
	m.kind = kindARP
	m.v4src = binary.BigEndian.Uint32(b[14:])
	m.v4dst = binary.BigEndian.Uint32(b[24:])
	return reasonNone
}

func (m *meta) parseIPv4(b []byte, size int) Reason {
	if len(b) < ipv4Len {
		return ReasonTruncated
	}
	if b[0]>>4 != 4 {
		return ReasonIPVersion
	}
	ihl := int(b[0]&0xf) * 4
	if ihl < ipv4Len {
		return ReasonIPHeaderLen
	}
	total := int(binary.BigEndian.Uint16(b[2:]))
	if total > size || total < ihl {
		return ReasonIPTotalLen
	}
	m.kind = kindIPv4
	m.v4src = binary.BigEndian.Uint32(b[12:])
	m.v4dst = binary.BigEndian.Uint32(b[16:])
	return reasonNone
}

// parseIPv6 does not check the payload length, as the kernel does not: the
// owner's stack does.
func (m *meta) parseIPv6(b []byte) Reason {
	if len(b) < ipv6Len {
		return ReasonTruncated
	}
	if b[0]>>4 != 6 {
		return ReasonIPVersion
	}
	src, dst := load6(b[8:]), load6(b[24:])
	if src == (key6{}) && b[6] == protoICMPv6 {
		return m.parseUnspecifiedICMPv6(b)
	}
	m.kind = kindIPv6
	m.v6src, m.v6dst = src, dst
	return reasonNone
}

// parseUnspecifiedICMPv6 sees ICMPv6 from ::. Only a solicitation has an
// owner, by its target; all else from :: is for the master, so that it stays
// kindNone and is no error.
func (m *meta) parseUnspecifiedICMPv6(b []byte) Reason {
	if len(b) < ipv6Len+icmp6Len {
		return ReasonTruncated
	}
	if b[ipv6Len] != icmp6NS {
		return reasonNone
	}
	if len(b) < ipv6Len+ndMsgLen {
		return ReasonTruncated
	}
	m.kind = kindDAD
	m.v6dst = load6(b[ipv6Len+8:])
	m.v6src = m.v6dst
	return reasonNone
}

func load6(b []byte) key6 {
	return key6{binary.BigEndian.Uint64(b), binary.BigEndian.Uint64(b[8:])}
}

func (k key6) addr() netip.Addr {
	var b [16]byte
	binary.BigEndian.PutUint64(b[:], k.hi)
	binary.BigEndian.PutUint64(b[8:], k.lo)
	return netip.AddrFrom16(b)
}

func addr4(v uint32) netip.Addr {
	var b [4]byte
	binary.BigEndian.PutUint32(b[:], v)
	return netip.AddrFrom4(b)
}
