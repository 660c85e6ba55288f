package hooks

import (
	"encoding/binary"
	"net/netip"
)

// Lengths, EtherTypes, protocol numbers (IANA) and flags of the headers.
const (
	vnetLen    = 10
	ethLen     = 14
	vlanLen    = 4
	ipv4Len    = 20
	ipv6Len    = 40
	tcpLen     = 20
	udpLen     = 8
	icmpLen    = 8
	fragHdrLen = 8

	etherIPv4 = 0x0800
	etherIPv6 = 0x86dd
	etherVLAN = 0x8100
	etherQinQ = 0x88a8

	protoHopOpts  = 0
	protoICMP     = 1
	protoTCP      = 6
	protoUDP      = 17
	protoRouting  = 43
	protoFragment = 44
	protoICMPv6   = 58
	protoDstOpts  = 60

	flagNeedsCsum = 1 // of the virtio-net header

	tcpFIN, tcpSYN, tcpRST, tcpACK = 1, 2, 4, 16

	ipv4DF, ipv4MF, ipv4Offset = 0x4000, 0x2000, 0x1fff
)

// class is what connection tracking can make of a packet.
type class uint8

const (
	classOther   class = iota // a protocol or message that is not tracked
	classTracked              // TCP, UDP, echo request and reply
	classError                // ICMP error; the tuple is of the answer to what it is about
	classInvalid              // headers that are cut off or contradict themselves
)

// packet is a frame and where things are in it. Offsets count from the
// frame's first byte.
type packet struct {
	frame       []byte
	l3, l4, end int // IP header, transport header, end of the IP packet
	v6          bool
	class       class
	proto       uint8
	tcpFlags    uint8
	tuple       tuple // of classTracked and classError; else only the addresses count
	inner       int   // classError: the IP header of the packet that it is about
	innerL4     int

	frag     bool   // one piece of a larger packet
	fragMore bool   // and not the last
	fragOff  int    // in bytes
	fragID   uint32 // 16 bits in IPv4
	fragHdr  int    // IPv6: the fragment header
	nextAt   int    // IPv6: the next-header field that leads to it
}

// parse reads the frame. False: it is no IP packet, or its IP header lies.
func (p *packet) parse(frame []byte) bool {
	*p = packet{frame: frame, l3: vnetLen + ethLen, end: len(frame)}
	if len(frame) < p.l3 {
		return false
	}
	etype := binary.BigEndian.Uint16(frame[p.l3-2:])
	for etype == etherVLAN || etype == etherQinQ {
		p.l3 += vlanLen
		if len(frame) < p.l3 || p.l3 > vnetLen+ethLen+2*vlanLen {
			return false
		}
		etype = binary.BigEndian.Uint16(frame[p.l3-2:])
	}
	ok := false
	switch etype {
	case etherIPv4:
		ok = p.parse4()
	case etherIPv6:
		ok = p.parse6()
	}
	if ok && !p.frag {
		p.transport()
	}
	return ok
}

func (p *packet) parse4() bool {
	ip := p.frame[p.l3:]
	if len(ip) < ipv4Len {
		return false
	}
	hdr, size := int(ip[0]&0xf)*4, int(binary.BigEndian.Uint16(ip[2:]))
	if ip[0]>>4 != 4 || hdr < ipv4Len || size < hdr || size > len(ip) {
		return false
	}
	p.l4, p.end, p.proto = p.l3+hdr, p.l3+size, ip[9]
	field := binary.BigEndian.Uint16(ip[6:])
	p.fragMore, p.fragOff = field&ipv4MF != 0, int(field&ipv4Offset)*8
	p.frag, p.fragID = p.fragMore || p.fragOff != 0, uint32(binary.BigEndian.Uint16(ip[4:]))
	p.tuple = newTuple(load4(ip[12:]), load4(ip[16:]), 0, 0, p.proto, false)
	return true
}

func (p *packet) parse6() bool {
	ip := p.frame[p.l3:]
	if len(ip) < ipv6Len || ip[0]>>4 != 6 {
		return false
	}
	size := ipv6Len + int(binary.BigEndian.Uint16(ip[4:]))
	if size > len(ip) {
		return false
	}
	p.v6, p.l4, p.end, p.proto, p.nextAt = true, p.l3+ipv6Len, p.l3+size, ip[6], p.l3+6
	if !p.walk() {
		return false
	}
	p.tuple = newTuple(load6(ip[8:]), load6(ip[24:]), 0, 0, p.proto, true)
	return true
}

// walk goes over the extension headers (RFC 8200 section 4). It ends at a
// fragment header that is not that of an atomic fragment (RFC 6946), and at a
// routing header that has not been worked off, behind which the addresses are
// not those of the transport.
func (p *packet) walk() bool {
	for {
		switch p.proto {
		case protoHopOpts, protoRouting, protoDstOpts, protoFragment:
		default:
			return true
		}
		if p.l4+8 > p.end {
			return false
		}
		h := p.frame[p.l4:]
		size := 8
		switch p.proto {
		case protoFragment:
			field := binary.BigEndian.Uint16(h[2:])
			if field&^6 != 0 {
				p.frag, p.fragMore, p.fragOff = true, field&1 != 0, int(field&^7)
				p.fragHdr, p.fragID = p.l4, binary.BigEndian.Uint32(h[4:])
				p.proto = h[0]
				p.l4 += fragHdrLen
				return true
			}
		case protoRouting:
			if h[3] != 0 {
				return true
			}
			fallthrough
		default:
			size += int(h[1]) * 8
		}
		if p.l4+size > p.end {
			return false
		}
		p.nextAt, p.proto = p.l4, h[0]
		p.l4 += size
	}
}

// transport reads what tracking needs: class, and the tuple's ports.
func (p *packet) transport() {
	b := p.frame[p.l4:p.end]
	switch {
	case p.proto == protoTCP:
		if len(b) < tcpLen || int(b[12]>>4)*4 < tcpLen || int(b[12]>>4)*4 > len(b) {
			p.class = classInvalid
			return
		}
		p.tcpFlags = b[13]
		p.ports(b)
	case p.proto == protoUDP:
		if len(b) < udpLen {
			p.class = classInvalid
			return
		}
		p.ports(b)
	case p.proto == protoICMP && !p.v6, p.proto == protoICMPv6 && p.v6:
		if len(b) < icmpLen {
			p.class = classInvalid
			return
		}
		p.icmp(b)
	}
}

func (p *packet) ports(b []byte) {
	p.class = classTracked
	p.tuple.rest |= uint64(binary.BigEndian.Uint32(b)) << 16
}

// subject is what rules look at.
func (p *packet) subject(state state, dev string) subject {
	s := subject{
		v6: p.v6, proto: p.proto, state: state, dev: dev, bytes: p.end - p.l3,
		src: p.tuple.src.netip(p.v6), dst: p.tuple.dst.netip(p.v6),
	}
	switch {
	case p.class == classError:
		s.src, s.dst = p.outer()
	case p.proto == protoTCP || p.proto == protoUDP:
		s.sport, s.dport = p.tuple.sport(), p.tuple.dport()
	}
	return s
}

// outer is the addresses in the frame's own IP header.
func (p *packet) outer() (src, dst netip.Addr) {
	ip := p.frame[p.l3:]
	if p.v6 {
		return load6(ip[8:]).netip(true), load6(ip[24:]).netip(true)
	}
	return load4(ip[12:]).netip(false), load4(ip[16:]).netip(false)
}
