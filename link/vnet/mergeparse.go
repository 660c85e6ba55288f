package vnet

import "encoding/binary"

const (
	tcpECE = 0x40
	tcpACK = 0x10
	// tcpMerge are the flags with which segments are merged.
	tcpMerge = tcpFIN | tcpPSH | tcpACK | tcpECE
	// minFlow is the shortest frame that has addresses and ports.
	minFlow = HeaderLen + ethLen + ipv4MinLen + udpLen
)

// parse finds out what a frame is. Its l4 is 0 unless it is of a known flow: TCP or UDP without
// tags, IP options, extension headers, not a fragment.
func (p *piece) parse(frame []byte) {
	*p = piece{frame: frame}
	if len(frame) < minFlow {
		return
	}
	eth := frame[HeaderLen:]
	switch binary.BigEndian.Uint16(eth[12:]) {
	case etherIPv4:
		if eth[14] == 0x45 && binary.BigEndian.Uint16(eth[20:])&(ipv4MF|ipv4OffMask) == 0 {
			p.need = FeatureTSO4
			p.parseTransport(eth, eth[23], ethLen+ipv4MinLen, ethLen+int(binary.BigEndian.Uint16(eth[16:])))
		}
	case etherIPv6:
		if eth[14]>>4 == 6 {
			p.form, p.need = formIPv6, FeatureTSO6
			p.parseTransport(eth, eth[20], ethLen+ipv6Len, ethLen+ipv6Len+int(binary.BigEndian.Uint16(eth[18:])))
		}
	}
}

// parseTransport looks at the header at l4 of a packet that ends at end.
func (p *piece) parseTransport(eth []byte, proto byte, l4, end int) {
	if end > len(eth) {
		return
	}
	switch {
	case proto == protoUDP && end >= l4+udpLen:
		p.form |= formUDP
		p.data, p.need = l4+udpLen, FeatureUSO
	case proto == protoTCP && end >= l4+tcpMinLen && eth[l4+12] >= tcpMinLen/4<<4 && l4+int(eth[l4+12]>>4)*4 <= end:
		p.data = l4 + int(eth[l4+12]>>4)*4
	default:
		return
	}
	p.l4, p.size = l4, end-p.data
	if end == len(eth) && p.size > 0 { // Fit would not bring padding back
		p.parseWhole(eth)
	}
}

// parseWhole sets formWhole if nothing about the frame speaks against merging it with another.
func (p *piece) parseWhole(eth []byte) {
	csum := tcpCsumOffset
	if p.form&formUDP != 0 {
		csum = udpCsumOffset
		if int(binary.BigEndian.Uint16(eth[p.l4+4:])) != len(eth)-p.l4 {
			return
		}
	} else if eth[p.l4+13]&^tcpMerge != 0 {
		return
	}
	if p.frame[1] != GSONone {
		return
	}
	switch p.frame[0] {
	case 0, FlagDataValid:
	case FlagNeedsCsum:
		start, offset := binary.NativeEndian.Uint16(p.frame[6:]), binary.NativeEndian.Uint16(p.frame[8:])
		if int(start) != p.l4 || int(offset) != csum {
			return
		}
		p.form |= formPartial
	default:
		return
	}
	p.form |= formWhole
}

// sameFlow reports whether addresses, ports and protocol are the same.
func (p *piece) sameFlow(q *piece) bool {
	if (p.form^q.form)&formFlow != 0 {
		return false
	}
	a, b := p.frame[HeaderLen:], q.frame[HeaderLen:]
	if p.form&formIPv6 == 0 {
		return same8(a, b, 26) && same4(a, b, 34)
	}
	return same4(a, b, 54) && same8(a, b, 22) && same8(a, b, 30) && same8(a, b, 38) && same8(a, b, 46)
}
