package hooks

import (
	"encoding/binary"
	"fmt"
	"net/netip"
	"testing"

	"gvisor.dev/gvisor/pkg/tcpip/checksum"
)

// spec is a packet to build. Payloads count up, so that a wrong byte shows.
type spec struct {
	proto    uint8
	src, dst string // address and port; of ping the port is the identifier on the asking side
	flags    byte   // TCP
	seq, ack uint32
	payload  int
	icmp     byte   // type of ICMP
	about    []byte // of an ICMP error: what follows its header
	partial  bool   // NEEDS_CSUM
	gso      int    // segment size; with partial
	noSum    bool   // UDP without checksum
	df       bool
	id       uint16
}

func (s spec) build() []byte {
	src, dst := endpoint(s.src), endpoint(s.dst)
	v6 := src.Addr().Is6()
	l4 := s.transport(src, dst, v6)
	f := make([]byte, vnetLen+ethLen, vnetLen+ethLen+ipv6Len+len(l4))
	copy(f[vnetLen:], []byte{2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 9})
	if v6 {
		binary.BigEndian.PutUint16(f[vnetLen+12:], etherIPv6)
		f = append(f, 0x60, 0, 0, 0, byte(len(l4)>>8), byte(len(l4)), s.proto, 64)
	} else {
		binary.BigEndian.PutUint16(f[vnetLen+12:], etherIPv4)
		n := ipv4Len + len(l4)
		f = append(f, 0x45, 0, byte(n>>8), byte(n), byte(s.id>>8), byte(s.id), 0, 0, 64, s.proto, 0, 0)
		if s.df {
			f[vnetLen+ethLen+6] = 0x40
		}
	}
	f = append(f, src.Addr().AsSlice()...)
	f = append(f, dst.Addr().AsSlice()...)
	at := len(f)
	f = append(f, l4...)
	if s.partial {
		f[0] = flagNeedsCsum
		binary.NativeEndian.PutUint16(f[6:], uint16(at-vnetLen))
		binary.NativeEndian.PutUint16(f[8:], uint16(checksumAt(s.proto)))
	}
	if s.gso > 0 {
		f[1] = 1
		if v6 {
			f[1] = 4
		}
		binary.NativeEndian.PutUint16(f[4:], uint16(s.gso))
	}
	reference(f, s.noSum)
	return f
}

func endpoint(s string) netip.AddrPort {
	if a, err := netip.ParseAddr(s); err == nil {
		return netip.AddrPortFrom(a, 0)
	}
	return netip.MustParseAddrPort(s)
}

func (s spec) transport(src, dst netip.AddrPort, v6 bool) []byte {
	var b []byte
	switch s.proto {
	case protoTCP:
		b = make([]byte, tcpLen, tcpLen+4)
		binary.BigEndian.PutUint16(b, src.Port())
		binary.BigEndian.PutUint16(b[2:], dst.Port())
		binary.BigEndian.PutUint32(b[4:], s.seq)
		binary.BigEndian.PutUint32(b[8:], s.ack)
		b[12], b[13], b[14] = tcpLen/4<<4, s.flags, 0xff
		if s.flags&tcpSYN != 0 {
			b[12] = (tcpLen + 4) / 4 << 4
			b = append(b, 1, 3, 3, 7) // window scale
		}
	case protoUDP:
		b = make([]byte, udpLen)
		binary.BigEndian.PutUint16(b, src.Port())
		binary.BigEndian.PutUint16(b[2:], dst.Port())
		binary.BigEndian.PutUint16(b[4:], uint16(udpLen+s.payload))
	case protoICMP, protoICMPv6:
		b = make([]byte, icmpLen)
		if b[0] = s.icmp; s.about != nil {
			return append(b, s.about...)
		}
		id := src.Port()
		if s.icmp == 0 || s.icmp == 129 {
			id = dst.Port()
		}
		binary.BigEndian.PutUint16(b[4:], id)
	}
	for i := range s.payload {
		b = append(b, byte(i*7+1))
	}
	return b
}

// where is an independent reading of a whole frame: IP header, transport
// header, end, family and protocol. Frames of tests have no extension headers.
func where(f []byte) (l3, l4, end int, v6 bool, proto uint8) {
	l3 = vnetLen + ethLen
	if f[l3]>>4 == 6 {
		return l3, l3 + ipv6Len, l3 + ipv6Len + int(binary.BigEndian.Uint16(f[l3+4:])), true, f[l3+6]
	}
	return l3, l3 + int(f[l3]&15)*4, l3 + int(binary.BigEndian.Uint16(f[l3+2:])), false, f[l3+9]
}

// reference computes all checksums anew, over everything that they are of. A
// partial one becomes the sum of the pseudo-header.
func reference(f []byte, noSum bool) {
	l3, l4, end, v6, proto := where(f)
	if !v6 {
		clear(f[l3+10 : l3+12])
		binary.BigEndian.PutUint16(f[l3+10:], ^checksum.Checksum(f[l3:l4], 0))
	}
	if proto != protoTCP && proto != protoUDP && proto != protoICMP && proto != protoICMPv6 {
		return
	}
	field := f[l4+checksumAt(proto):][:2]
	clear(field)
	if noSum {
		return
	}
	var pseudo uint16
	switch {
	case v6:
		pseudo = checksum.Checksum(f[l3+8:l3+40], 0)
	case proto != protoICMP:
		pseudo = checksum.Checksum(f[l3+12:l3+20], 0)
	}
	if proto != protoICMP {
		pseudo = checksum.Combine(pseudo, checksum.Combine(uint16(proto), uint16(end-l4)))
	}
	sum := pseudo
	if f[0]&flagNeedsCsum == 0 {
		sum = ^checksum.Checksum(f[l4:end], pseudo)
		if sum == 0 && proto == protoUDP {
			sum = 0xffff
		}
	}
	binary.BigEndian.PutUint16(field, sum)
}

// sums fails the test if a checksum of f is not what it is when computed anew.
func sums(t testing.TB, f []byte) {
	t.Helper()
	want := append([]byte(nil), f...)
	_, l4, _, v6, proto := where(want)
	reference(want, proto == protoUDP && !v6 && f[l4+6]|f[l4+7] == 0)
	if string(want) != string(f) {
		t.Errorf("checksums differ from those computed anew:\ngot  %x\nwant %x", f[:min(len(f), 96)], want[:min(len(f), 96)])
	}
}

var protoNames = map[uint8]string{protoTCP: "tcp", protoUDP: "udp", protoICMP: "icmp", protoICMPv6: "icmp6"}

// show writes a frame as "tcp 10.1.0.11:1000 > 8.8.8.8:80", and behind an ICMP
// error what it is about.
func show(f []byte) string { return showIP(f[vnetLen+ethLen:]) }

func showIP(ip []byte) string {
	l4, proto := ipv6Len, ip[6]
	var a, b netip.Addr
	if ip[0]>>4 == 4 {
		l4, proto = int(ip[0]&15)*4, ip[9]
		a, b = netip.AddrFrom4([4]byte(ip[12:])), netip.AddrFrom4([4]byte(ip[16:]))
	} else {
		a, b = netip.AddrFrom16([16]byte(ip[8:])), netip.AddrFrom16([16]byte(ip[24:]))
	}
	l := ip[l4:]
	switch proto {
	case protoTCP, protoUDP:
		return fmt.Sprintf("%s %v > %v", protoNames[proto], netip.AddrPortFrom(a, binary.BigEndian.Uint16(l)), netip.AddrPortFrom(b, binary.BigEndian.Uint16(l[2:])))
	case protoICMP, protoICMPv6:
		switch l[0] {
		case 8, 0, 128, 129:
			return fmt.Sprintf("%s %d %v > %v id %d", protoNames[proto], l[0], a, b, binary.BigEndian.Uint16(l[4:]))
		case 13, 135:
			return fmt.Sprintf("%s %d %v > %v", protoNames[proto], l[0], a, b)
		}
		return fmt.Sprintf("%s %d %v > %v about %s", protoNames[proto], l[0], a, b, showIP(l[icmpLen:]))
	}
	return fmt.Sprintf("%d %v > %v", proto, a, b)
}
