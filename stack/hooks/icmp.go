package hooks

import "encoding/binary"

// icmp classes an ICMP or ICMPv6 message b of icmpLen bytes at least.
func (p *packet) icmp(b []byte) {
	request, reply := byte(8), byte(0)
	isError := b[0] == 3 || b[0] == 11 || b[0] == 12 || b[0] == 4
	if p.v6 {
		request, reply, isError = 128, 129, b[0] >= 1 && b[0] <= 4
	}
	ident := uint64(binary.BigEndian.Uint16(b[4:]))
	switch {
	case b[0] == request:
		p.class = classTracked
		p.tuple.rest |= ident << 32
	case b[0] == reply:
		p.class = classTracked
		p.tuple.rest |= ident << 16
	case isError:
		p.class = classInvalid
		if p.about() {
			p.class = classError
		}
	}
}

// about reads the packet that the error is about (RFC 792: its IP header and 8
// bytes at least), and makes p.tuple the answer to it: the tuple under which
// the connection is found.
func (p *packet) about() bool {
	var in packet
	p.inner = p.l4 + icmpLen
	ip := p.frame[p.inner:p.end]
	if p.v6 {
		if len(ip) < ipv6Len || ip[0]>>4 != 6 {
			return false
		}
		in = packet{frame: p.frame, l3: p.inner, l4: p.inner + ipv6Len, end: p.end, v6: true, proto: ip[6]}
		if !in.walk() || in.frag && in.fragOff != 0 {
			return false
		}
		in.tuple = newTuple(load6(ip[8:]), load6(ip[24:]), 0, 0, in.proto, true)
	} else {
		hdr := 0
		if len(ip) >= ipv4Len {
			hdr = int(ip[0]&0xf) * 4
		}
		if hdr < ipv4Len || hdr > len(ip) || ip[0]>>4 != 4 || binary.BigEndian.Uint16(ip[6:])&ipv4Offset != 0 {
			return false
		}
		in = packet{frame: p.frame, l3: p.inner, l4: p.inner + hdr, end: p.end, proto: ip[9]}
		in.tuple = newTuple(load4(ip[12:]), load4(ip[16:]), 0, 0, in.proto, false)
	}
	if !in.innerPorts() {
		return false
	}
	p.innerL4, p.tuple = in.l4, in.tuple.inverse()
	return true
}

// innerPorts reads the first 8 bytes of the transport header, all that there
// may be.
func (p *packet) innerPorts() bool {
	if p.l4+8 > p.end {
		return false
	}
	b := p.frame[p.l4:]
	switch p.proto {
	case protoTCP, protoUDP:
		p.ports(b)
		return true
	case protoICMP, protoICMPv6:
		// Not about an error: those are never answered with one.
		p.icmpEcho(b)
	}
	return p.class == classTracked
}

func (p *packet) icmpEcho(b []byte) {
	ident := uint64(binary.BigEndian.Uint16(b[4:]))
	switch {
	case p.proto == protoICMP && b[0] == 8 && !p.v6, p.proto == protoICMPv6 && b[0] == 128 && p.v6:
		p.class = classTracked
		p.tuple.rest |= ident << 32
	case p.proto == protoICMP && b[0] == 0 && !p.v6, p.proto == protoICMPv6 && b[0] == 129 && p.v6:
		p.class = classTracked
		p.tuple.rest |= ident << 16
	}
}
