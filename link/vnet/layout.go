package vnet

import "encoding/binary"

// Lengths, EtherTypes and IP protocol numbers (IANA) that the parser knows.
const (
	ethLen     = 14
	vlanLen    = 4
	maxVLANs   = 2
	ipv4MinLen = 20
	ipv6Len    = 40
	tcpMinLen  = 20
	udpLen     = 8

	etherIPv4 = 0x0800
	etherIPv6 = 0x86dd
	etherVLAN = 0x8100 // 802.1Q
	etherQinQ = 0x88a8 // 802.1ad

	protoHopOpts  = 0
	protoICMP     = 1
	protoTCP      = 6
	protoUDP      = 17
	protoRouting  = 43
	protoFragment = 44
	protoICMPv6   = 58
	protoDstOpts  = 60

	tcpCsumOffset = 16
	udpCsumOffset = 6
)

// layout is where things are in an Ethernet frame. All offsets count from the
// frame's first byte, as those of Header.
type layout struct {
	version uint8 // 4, 6; 0 is neither, and only l3 and end are set
	proto   uint8 // transport protocol after any IPv6 extension headers
	frag    bool  // a fragment, also the first
	routed  bool  // the IPv6 destination is not the final one (RFC 8200, section 8.1)
	l3      int   // the IP header
	l4      int   // what follows the IP header and the extension headers walked
	end     int   // behind the last byte of the L3 packet: padding follows
}

// parse finds the layout of a frame of total bytes that starts with eth. eth
// may be less than the frame, but must hold all headers.
func parse(eth []byte, total int) (layout, Reason) {
	l := layout{l3: ethLen, end: total}
	if len(eth) < ethLen {
		return l, ErrTruncated
	}
	etype := binary.BigEndian.Uint16(eth[12:])
	for i := 0; i < maxVLANs && (etype == etherVLAN || etype == etherQinQ); i++ {
		if len(eth) < l.l3+vlanLen {
			return l, ErrTruncated
		}
		etype = binary.BigEndian.Uint16(eth[l.l3+2:])
		l.l3 += vlanLen
	}
	switch etype {
	case etherIPv4:
		return l.parseIPv4(eth, total)
	case etherIPv6:
		return l.parseIPv6(eth, total)
	}
	return l, 0
}

func (l layout) parseIPv4(eth []byte, total int) (layout, Reason) {
	ip := eth[l.l3:]
	if len(ip) < ipv4MinLen {
		return l, ErrTruncated
	}
	hdr, size := int(ip[0]&0xf)*4, int(binary.BigEndian.Uint16(ip[2:]))
	if ip[0]>>4 != 4 || hdr < ipv4MinLen || size < hdr {
		return l, ErrHeaders
	}
	if len(ip) < hdr || l.l3+size > total {
		return l, ErrTruncated
	}
	l.version, l.proto = 4, ip[9]
	l.frag = binary.BigEndian.Uint16(ip[6:])&0x3fff != 0
	l.l4, l.end = l.l3+hdr, l.l3+size
	return l, 0
}

func (l layout) parseIPv6(eth []byte, total int) (layout, Reason) {
	ip := eth[l.l3:]
	if len(ip) < ipv6Len {
		return l, ErrTruncated
	}
	if ip[0]>>4 != 6 {
		return l, ErrHeaders
	}
	size := ipv6Len + int(binary.BigEndian.Uint16(ip[4:]))
	if l.l3+size > total {
		return l, ErrTruncated
	}
	l.version, l.proto = 6, ip[6]
	l.l4, l.end = l.l3+ipv6Len, l.l3+size
	return l.walk(eth)
}

// walk goes over the extension headers that may stand before a transport header
// that is segmented (ipv6_gso_pull_exthdrs: options and routing), and the
// fragment header. Others end the walk and are what l.proto then says.
func (l layout) walk(eth []byte) (layout, Reason) {
	for !l.frag {
		switch l.proto {
		case protoHopOpts, protoRouting, protoDstOpts, protoFragment:
		default:
			return l, 0
		}
		if l.l4+8 > l.end {
			return l, ErrHeaders
		}
		if l.l4+8 > len(eth) {
			return l, ErrTruncated
		}
		ext, size := eth[l.l4:], 8
		switch l.proto {
		case protoFragment:
			// An atomic fragment (RFC 6946) is a whole packet, but cannot be
			// segmented as it is: each segment would need its own identification.
			l.frag = true
		case protoRouting:
			l.routed = l.routed || ext[3] != 0
			fallthrough
		default:
			size += int(ext[1]) * 8
		}
		if l.l4+size > l.end {
			return l, ErrHeaders
		}
		l.proto = ext[0]
		l.l4 += size
	}
	return l, 0
}

// transport returns the length of the TCP or UDP header at l.l4 and the offset
// of its checksum field, both 0 for other protocols, fragments included.
func (l layout) transport(eth []byte) (length, csum int, r Reason) {
	if l.version == 0 || l.frag {
		return 0, 0, 0
	}
	limit := min(l.end, len(eth))
	switch l.proto {
	case protoTCP:
		if l.l4+tcpMinLen > limit {
			return 0, 0, ErrTruncated
		}
		n := int(eth[l.l4+12]>>4) * 4
		if n < tcpMinLen || l.l4+n > l.end {
			return 0, 0, ErrHeaders
		}
		if l.l4+n > limit {
			return 0, 0, ErrTruncated
		}
		return n, tcpCsumOffset, 0
	case protoUDP:
		if l.l4+udpLen > limit {
			return 0, 0, ErrTruncated
		}
		return udpLen, udpCsumOffset, 0
	}
	return 0, 0, 0
}
