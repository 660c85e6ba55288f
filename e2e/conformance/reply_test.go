package conformance

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"slices"

	"golang.org/x/sys/unix"
)

// worthReply says that an event is a packet somebody may answer: no ARP, no
// neighbour discovery.
func (e event) worthReply() bool {
	if len(e.frame) < 42 || e.kind != wireSocket && e.kind != deviceSocket || e.pkttype == unix.PACKET_OUTGOING {
		return false
	}
	switch binary.BigEndian.Uint16(e.frame[12:]) {
	case 0x0800:
		return true
	case 0x86dd:
		return len(e.frame) >= 62 && (e.frame[20] != 58 || e.frame[54] < 130)
	}
	return false
}

// reply answers a frame: addresses and ports change places, an echo request
// becomes a reply. With complain it is an ICMP error about the frame.
func reply(frame []byte, complain bool) ([]byte, error) {
	if frame == nil {
		return nil, fmt.Errorf("nothing has come there that could be answered")
	}
	b := slices.Clone(frame)
	if complain {
		return complaint(b)
	}
	swap(b, 0, 6, 6)
	l4, proto := 34, b[23]
	if b[12] == 0x86 {
		swap(b, 22, 38, 16)
		l4, proto = 54, b[20]
	} else {
		swap(b, 26, 30, 4)
		l4 = 14 + int(b[14]&15)*4
	}
	if len(b) < l4+8 {
		return b, nil
	}
	switch proto {
	case 6:
		swap(b, l4, l4+2, 2)
		if len(b) >= l4+20 && b[l4+13] == 2 { // a SYN, which a SYN and ACK answers
			b[l4+13] = 0x12
			binary.BigEndian.PutUint32(b[l4+8:], binary.BigEndian.Uint32(b[l4+4:])+1)
			b[l4+16], b[l4+17] = 0, 0
			pseudo := b[26:34]
			if l4 == 54 {
				pseudo = b[22:54]
			}
			binary.BigEndian.PutUint16(b[l4+16:], ^sum(pseudoSum(pseudo, 6, len(b)-l4), b[l4:]))
		}
	case 17:
		swap(b, l4, l4+2, 2)
	case 1, 58:
		from := binary.BigEndian.Uint16(b[l4:])
		b[l4] = map[byte]byte{8: 0, 128: 129}[b[l4]]
		s := uint32(^binary.BigEndian.Uint16(b[l4+2:])) + uint32(^from) + uint32(b[l4])<<8 + uint32(b[l4+1]) // RFC 1624
		s = s&0xffff + s>>16
		binary.BigEndian.PutUint16(b[l4+2:], ^uint16(s&0xffff+s>>16))
	}
	return b, nil
}

// complaint says that the port of an IPv4 packet is unreachable.
func complaint(b []byte) ([]byte, error) {
	if b[12] != 0x08 {
		return nil, fmt.Errorf("complaints are for IPv4")
	}
	quote := b[14:min(len(b), 14+28)]
	message := append([]byte{3, 3, 0, 0, 0, 0, 0, 0}, quote...)
	binary.BigEndian.PutUint16(message[2:], ^sum(0, message))
	return build(fmt.Sprintf("eth %s %s; ip4 %s %s proto=1; hex %x", macName(b[6:12]), macName(b[:6]), addrName(b[30:34]), addrName(b[26:30]), message))
}

// swap lets two places of n bytes change.
func swap(b []byte, i, j, n int) {
	first := bytes.Clone(b[i : i+n])
	copy(b[i:], b[j:j+n])
	copy(b[j:], first)
}
