package vnet

import (
	"bytes"
	"encoding/binary"

	"gvisor.dev/gvisor/pkg/tcpip/checksum"
)

// continues reports whether q, of the flow of the first piece p, has all that p has, but for what
// Fit counts on when it takes them apart.
func (m *Merger) continues(p, q *piece) bool {
	// p has not been closed, so all its pieces are of p.size.
	if q.form != p.form || q.data != p.data || q.size > p.size || p.data-ethLen+p.total+q.size > maxIP {
		return false
	}
	a, b := p.frame[HeaderLen:], q.frame[HeaderLen:]
	if p.form&formIPv6 == 0 {
		// MAC addresses, type, version, TOS; flags, TTL.
		if !same8(a, b, 0) || !same8(a, b, 8) || !same4(a, b, 20) || !m.counts(a, b, p.count) {
			return false
		}
	} else if !same8(a, b, 0) || !same8(a, b, 8) || !same4(a, b, 14) || a[21] != b[21] {
		return false // MAC addresses, type; version, class, flow label; hop limit
	}
	return p.form&formUDP != 0 || continuesTCP(a[p.l4:p.data], b[p.l4:p.data], p.total)
}

// counts reports whether the identification of b is the one that packet n has of those into
// which a is cut.
func (m *Merger) counts(a, b []byte, n int) bool {
	first, id := binary.BigEndian.Uint16(a[18:]), binary.BigEndian.Uint16(b[18:])
	return id == first+uint16(n) || m.Atomic && id == first && binary.BigEndian.Uint16(a[20:])&ipv4DF != 0
}

// continuesTCP reports whether the TCP header b is the one behind a and total bytes of payload. a
// has neither FIN nor PSH, or it would not have been begun with.
func continuesTCP(a, b []byte, total int) bool {
	return binary.BigEndian.Uint32(b[4:]) == binary.BigEndian.Uint32(a[4:])+uint32(total) &&
		same4(a, b, 8) && // acknowledgment
		a[12] == b[12] && (a[13]^b[13])&^(tcpFIN|tcpPSH) == 0 &&
		binary.BigEndian.Uint16(a[14:]) == binary.BigEndian.Uint16(b[14:]) && // window
		binary.BigEndian.Uint16(a[18:]) == binary.BigEndian.Uint16(b[18:]) &&
		bytes.Equal(a[tcpMinLen:], b[tcpMinLen:])
}

// ends reports whether nothing may follow: only the last segment has FIN or PSH when the frame is cut.
func (p *piece) ends() bool {
	return p.form&formUDP == 0 && p.frame[HeaderLen+p.l4+13]&(tcpFIN|tcpPSH) != 0
}

func same8(a, b []byte, at int) bool {
	return binary.NativeEndian.Uint64(a[at:]) == binary.NativeEndian.Uint64(b[at:])
}

func same4(a, b []byte, at int) bool {
	return binary.NativeEndian.Uint32(a[at:]) == binary.NativeEndian.Uint32(b[at:])
}

// intact reports whether the checksums are those that Fit will put there. A wrong one must
// stay wrong, so it sums over the packet, even where somebody vouches for it.
func (p *piece) intact() bool {
	if p.state == sumUnknown {
		p.state = sumWrong
		if p.sumsRight(p.frame[HeaderLen:]) {
			p.state = sumRight
		}
	}
	return p.state == sumRight
}

func (p *piece) sumsRight(eth []byte) bool {
	addrs := 32
	if p.form&formIPv6 == 0 {
		addrs = 8
		// 0xffff is as good as 0, but not what we compute.
		if eth[24]&eth[25] == 0xff || checksum.Checksum(eth[ethLen:ethLen+ipv4MinLen], 0) != 0xffff {
			return false
		}
	}
	proto, csum, never := uint16(protoTCP), tcpCsumOffset, uint16(0xffff)
	if p.form&formUDP != 0 {
		proto, csum, never = protoUDP, udpCsumOffset, 0 // 0: there is none, and Fit would make one
	}
	// The addresses stand just before the transport header, so one sum does.
	from, pseudo := p.l4-addrs, checksum.Combine(proto, uint16(len(eth)-p.l4))
	field := binary.BigEndian.Uint16(eth[p.l4+csum:])
	if p.form&formPartial != 0 {
		return checksum.Checksum(eth[from:p.l4], pseudo) == field
	}
	return field != never && checksum.Checksum(eth[from:], pseudo) == 0xffff
}

// finish turns the headers of frame, which are those of p and are followed by all payloads, into
// those of a merged frame. last is its last piece.
func (p *piece) finish(frame []byte, last *piece) {
	eth := frame[HeaderLen:]
	h := Header{Flags: FlagNeedsCsum, GSOType: GSOTCPv4, HdrLen: uint16(p.data), GSOSize: uint16(p.size),
		CsumStart: uint16(p.l4), CsumOffset: tcpCsumOffset}
	l := layout{version: 4, proto: protoTCP, l3: ethLen, l4: p.l4, end: len(eth)}
	if p.form&formIPv6 == 0 {
		binary.BigEndian.PutUint16(eth[16:], uint16(len(eth)-ethLen))
		setIPv4Checksum(eth[ethLen:p.l4])
	} else {
		l.version, h.GSOType = 6, GSOTCPv6
		binary.BigEndian.PutUint16(eth[18:], uint16(len(eth)-p.l4))
	}
	if p.form&formUDP == 0 {
		eth[p.l4+13] |= last.frame[HeaderLen+p.l4+13]
	} else {
		l.proto, h.GSOType, h.CsumOffset = protoUDP, GSOUDPL4, udpCsumOffset
		binary.BigEndian.PutUint16(eth[p.l4+4:], uint16(len(eth)-p.l4))
	}
	binary.BigEndian.PutUint16(eth[p.l4+int(h.CsumOffset):], l.pseudo(eth, len(eth)-p.l4))
	h.Encode(frame)
}
