package rawip

import (
	"encoding/binary"
	"net/netip"

	"github.com/ipvl/ipvl/link/vnet"
)

// Protocol numbers.
const (
	icmp   = 1
	tcp    = 6
	udp    = 17
	icmpv6 = 58
)

// sum adds up b in one's complement.
func sum(b []byte, start uint32) uint16 {
	for i := range b {
		start += uint32(b[i]) << (8 * (1 - i%2))
	}
	for start > 0xffff {
		start = start>>16 + start&0xffff
	}
	return uint16(start)
}

// frame puts the headers before a transport packet and its checksum, which is at
// csumAt, into it. MAC addresses are all zero.
func frame(src, dst string, proto byte, csumAt int, l4 []byte) []byte {
	s, d := netip.MustParseAddr(src), netip.MustParseAddr(dst)
	var start uint32
	if proto != icmp {
		start = uint32(sum(append(s.AsSlice(), d.AsSlice()...), uint32(proto)+uint32(len(l4))))
	}
	l4 = append([]byte(nil), l4...)
	binary.BigEndian.PutUint16(l4[csumAt:], ^sum(l4, start))
	return ipFrame(s, d, proto, l4)
}

func ipFrame(s, d netip.Addr, proto byte, l4 []byte) []byte {
	b := make([]byte, offIP, offIP+60+len(l4))
	if s.Is4() {
		binary.BigEndian.PutUint16(b[offType:], typeIPv4)
		h := make([]byte, ipv4Len)
		h[0], h[1], h[8], h[9] = 0x45, 0x1c, 7, proto
		binary.BigEndian.PutUint16(h[2:], uint16(ipv4Len+len(l4)))
		copy(h[12:], s.AsSlice())
		copy(h[16:], d.AsSlice())
		seal(h)
		return append(append(b, h...), l4...)
	}
	binary.BigEndian.PutUint16(b[offType:], typeIPv6)
	h := make([]byte, ipv6Len)
	h[0], h[6], h[7] = 0x60, proto, 7
	binary.BigEndian.PutUint16(h[4:], uint16(len(l4)))
	copy(h[8:], s.AsSlice())
	copy(h[24:], d.AsSlice())
	return append(append(b, h...), l4...)
}

// seal sets the checksum of an IPv4 header.
func seal(h []byte) {
	h[10], h[11] = 0, 0
	binary.BigEndian.PutUint16(h[10:], ^sum(h, 0))
}

// udpFrame is a datagram from port 1000.
func udpFrame(src, dst string, port int, payload []byte) []byte {
	h := binary.BigEndian.AppendUint16(nil, 1000)
	h = binary.BigEndian.AppendUint16(h, uint16(port))
	h = binary.BigEndian.AppendUint16(h, uint16(8+len(payload)))
	return frame(src, dst, udp, 6, append(append(h, 0, 0), payload...))
}

// tcpFrame is a segment from port 1000.
func tcpFrame(src, dst string, port int, seq, ack uint32, flags byte, payload []byte) []byte {
	h := make([]byte, 20)
	binary.BigEndian.PutUint16(h, 1000)
	binary.BigEndian.PutUint16(h[2:], uint16(port))
	binary.BigEndian.PutUint32(h[4:], seq)
	binary.BigEndian.PutUint32(h[8:], ack)
	h[12], h[13] = 5<<4, flags
	binary.BigEndian.PutUint16(h[14:], 0xffff)
	return frame(src, dst, tcp, 16, append(h, payload...))
}

// echoFrame is an echo request.
func echoFrame(src, dst string, payload []byte) []byte {
	proto, typ := byte(icmp), byte(8)
	if netip.MustParseAddr(dst).Is6() {
		proto, typ = icmpv6, 128
	}
	return frame(src, dst, proto, 2, append([]byte{typ, 0, 0, 0, 0x12, 0x34, 0, 1}, payload...))
}

// tagged puts a VLAN tag in.
func tagged(b []byte, tpid uint16) []byte {
	out := append([]byte(nil), b[:offType]...)
	out = binary.BigEndian.AppendUint16(out, tpid)
	out = append(out, 0, 5)
	return append(out, b[offType:]...)
}

// with returns a copy with byte i changed.
func with(b []byte, i int, v byte) []byte {
	out := append([]byte(nil), b...)
	out[i] = v
	return out
}

// sealed is with, for a byte of an IPv4 header; its checksum is right.
func sealed(b []byte, i int, v byte) []byte {
	out := with(b, offIP+i, v)
	seal(out[offIP : offIP+ipv4Len])
	return out
}

// unfinished puts an open virtio-net header before b's frame.
func unfinished(b []byte, h vnet.Header) []byte {
	out := append([]byte(nil), b...)
	h.Encode(out)
	return out
}
