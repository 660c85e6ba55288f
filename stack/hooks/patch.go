package hooks

import "encoding/binary"

// delta is the one's complement difference that the change of even, aligned
// bytes makes to a sum (RFC 1624 equation 3: ~m + m').
func delta(old, new []byte) uint32 {
	var sum uint32
	for i := 0; i+1 < len(old); i += 2 {
		sum += uint32(^binary.BigEndian.Uint16(old[i:])) + uint32(binary.BigEndian.Uint16(new[i:]))
	}
	return sum
}

func fold(sum uint32) uint16 {
	sum = sum>>16 + sum&0xffff
	return uint16(sum>>16 + sum&0xffff)
}

// mend brings the complete checksum in field up to date.
func mend(field []byte, d uint32) {
	binary.BigEndian.PutUint16(field, ^fold(uint32(^binary.BigEndian.Uint16(field))+d))
}

// change writes new over old and says what it did to the sum.
func change(old, new []byte) uint32 {
	d := delta(old, new)
	copy(old, new)
	return d
}

// side is one half of the addresses and ports.
type side uint8

const (
	source side = iota
	destination
)

func (s side) other() side { return 1 - s }

// translate makes the frame's packet that of t, the destination or the source
// of it. Whatever is the same already stays untouched. For classTracked and
// classError only.
func (p *packet) translate(t *tuple, half side) {
	if p.class == classError {
		p.translateError(t, half)
		return
	}
	addr, port := t.half(half)
	was, wasPort := p.tuple.half(half)
	if addr == was && port == wasPort {
		return
	}
	d := p.setAddr(p.l3, addr, half)
	partial := p.partial()
	if p.proto == protoICMP {
		d = 0 // no pseudo-header
	}
	if at := portAt(p.frame[p.l4:], p.proto, half); at >= 0 {
		var b [2]byte
		binary.BigEndian.PutUint16(b[:], port)
		if c := change(p.frame[p.l4+at:p.l4+at+2], b[:]); !partial {
			d += c // a partial sum is of the pseudo-header alone
		}
	}
	p.mendTransport(p.l4, d, partial)
	p.tuple.set(addr, port, half)
}

// setAddr writes an address of the IP header at l3 and mends that header's
// checksum. It returns the difference for the sum of a pseudo-header.
func (p *packet) setAddr(l3 int, addr ipaddr, half side) uint32 {
	at, n := 12, 4
	if p.v6 {
		at, n = 8, 16
	}
	if half == destination {
		at += n
	}
	var b [16]byte
	addr.put(b[:], p.v6)
	d := change(p.frame[l3+at:l3+at+n], b[:n])
	if !p.v6 {
		mend(p.frame[l3+10:l3+12], d)
	}
	return d
}

// portAt is where the transport header has the port, or the identifier that
// stands for one; -1: it has none in this half.
func portAt(b []byte, proto uint8, half side) int {
	switch proto {
	case protoTCP, protoUDP:
		if half == destination {
			return 2
		}
		return 0
	}
	request := b[0] == 8 || b[0] == 128
	if request == (half == source) {
		return 4
	}
	return -1
}

// partial reports whether the transport checksum is one of the pseudo-header
// alone, that somebody else completes.
func (p *packet) partial() bool {
	return p.frame[0]&flagNeedsCsum != 0 && vnetLen+int(binary.NativeEndian.Uint16(p.frame[6:])) == p.l4
}

// mendTransport brings the checksum of the transport header at l4 up to date,
// as far as it is in the packet.
func (p *packet) mendTransport(l4 int, d uint32, partial bool) {
	at := checksumAt(p.tuple.proto())
	if l4+at+2 > p.end {
		return
	}
	field := p.frame[l4+at : l4+at+2]
	switch udp := p.tuple.proto() == protoUDP; {
	case partial:
		binary.BigEndian.PutUint16(field, fold(uint32(binary.BigEndian.Uint16(field))+d))
	case udp && field[0]|field[1] == 0: // there is none (RFC 768)
	default:
		if mend(field, d); udp && field[0]|field[1] == 0 {
			field[0], field[1] = 0xff, 0xff
		}
	}
}

func checksumAt(proto uint8) int {
	switch proto {
	case protoTCP:
		return 16
	case protoUDP:
		return 6
	}
	return 2
}

// translateError makes an ICMP error about a connection one about its other
// side: the outer address, and the one and port in the packet inside
// (nf_nat_icmp_reply_translation). t is what the answer to the packet inside
// becomes; so its destination is the source of that packet, and the other way
// round.
func (p *packet) translateError(t *tuple, half side) {
	addr, port := t.half(half)
	was, wasPort := p.tuple.half(half)
	if addr == was && port == wasPort {
		return
	}
	// Everything behind the ICMP header is in the ICMP checksum.
	before := sum16(p.frame[p.inner:p.end])
	d := p.setAddr(p.inner, addr, half.other())
	if p.tuple.proto() == protoICMP {
		d = 0
	}
	if at := portAt(p.frame[p.innerL4:], p.tuple.proto(), half.other()); at >= 0 {
		var b [2]byte
		binary.BigEndian.PutUint16(b[:], port)
		d += change(p.frame[p.innerL4+at:p.innerL4+at+2], b[:])
	}
	p.mendTransport(p.innerL4, d, false)
	after := sum16(p.frame[p.inner:p.end])
	var outer uint32
	if addr != was {
		if outer = p.setAddr(p.l3, addr, half); !p.v6 {
			outer = 0
		}
	}
	mend(p.frame[p.l4+2:p.l4+4], uint32(^before)+uint32(after)+outer)
	p.tuple.set(addr, port, half)
}

// sum16 is the one's complement sum of b.
func sum16(b []byte) uint16 {
	var sum uint64
	for ; len(b) >= 8; b = b[8:] {
		w := binary.BigEndian.Uint64(b)
		sum += w>>48 + w>>32&0xffff + w>>16&0xffff + w&0xffff
	}
	for ; len(b) >= 2; b = b[2:] {
		sum += uint64(binary.BigEndian.Uint16(b))
	}
	if len(b) == 1 {
		sum += uint64(b[0]) << 8
	}
	for sum > 0xffff {
		sum = sum>>16 + sum&0xffff
	}
	return uint16(sum)
}
