package e2e

import (
	"bytes"
	"encoding/binary"
	"net/netip"
)

const (
	broadcast  = "ff:ff:ff:ff:ff:ff"
	allNodes   = "33:33:00:00:00:01"
	arpRequest = 1
	arpReply   = 2
	ndSolicit  = 135
	ndAdvert   = 136
)

// arp is an ARP packet: op, the sender's addresses, the target's.
func arp(op byte, sha, spa, tha, tpa string) []byte {
	b := []byte{0, 1, 8, 0, 6, 4, 0, op}
	b = append(append(b, mustMAC(sha)...), netip.MustParseAddr(spa).AsSlice()...)
	return append(append(b, mustMAC(tha)...), netip.MustParseAddr(tpa).AsSlice()...)
}

// ipv6 is a packet with the hop limit that neighbour discovery asks for.
func ipv6(src, dst string, next byte, payload []byte) []byte {
	b := []byte{0x60, 0, 0, 0, 0, 0, next, 255}
	binary.BigEndian.PutUint16(b[4:], uint16(len(payload)))
	b = append(b, netip.MustParseAddr(src).AsSlice()...)
	b = append(b, netip.MustParseAddr(dst).AsSlice()...)
	return append(b, payload...)
}

// nd is a neighbour solicitation or advertisement with flags (router 0x80,
// solicited 0x40, override 0x20), and with a link-layer option unless mac is "".
func nd(typ, flags byte, src, dst, target, mac string) []byte {
	b := []byte{typ, 0, 0, 0, flags, 0, 0, 0}
	b = append(b, netip.MustParseAddr(target).AsSlice()...)
	if mac != "" {
		b = append(append(b, typ-ndSolicit+1, 1), mustMAC(mac)...)
	}
	p := ipv6(src, dst, 58, b)
	pseudo := append(bytes.Clone(p[8:40]), 0, 0, 0, byte(len(b)), 0, 0, 0, 58)
	binary.BigEndian.PutUint16(p[42:], checksum(append(pseudo, b...)))
	return p
}

// checksum is the internet checksum (RFC 1071) of an even number of bytes.
func checksum(b []byte) uint16 {
	var sum uint32
	for i := 0; i < len(b); i += 2 {
		sum += uint32(binary.BigEndian.Uint16(b[i:]))
	}
	sum = sum>>16 + sum&0xffff
	return ^uint16(sum + sum>>16)
}

// solicitedNode is the group that is asked for an address, and its MAC address.
func solicitedNode(addr string) (group, mac string) {
	a := netip.MustParseAddr(addr).As16()
	g := netip.MustParseAddr("ff02::1:ff00:0").As16()
	copy(g[13:], a[13:])
	m := append([]byte{0x33, 0x33}, g[12:]...)
	return netip.AddrFrom16(g).String(), macString(m)
}

func macString(m []byte) string {
	const hex = "0123456789abcdef"
	var b []byte
	for i, v := range m {
		if i > 0 {
			b = append(b, ':')
		}
		b = append(b, hex[v>>4], hex[v&15])
	}
	return string(b)
}

// arpOf reads an ARP frame.
func arpOf(f []byte) (op byte, sha, spa, tpa string, ok bool) {
	if len(f) < 42 || etherType(f) != 0x0806 {
		return 0, "", "", "", false
	}
	return f[21], macString(f[22:28]), addr(f[28:32]), addr(f[38:42]), true
}

// advertOf reads a neighbour advertisement with a link-layer option.
func advertOf(f []byte) (flags byte, target, mac string, ok bool) {
	if len(f) < 86 || etherType(f) != 0x86dd || f[20] != 58 || f[54] != ndAdvert || f[78] != 2 {
		return 0, "", "", false
	}
	return f[58], addr(f[62:78]), macString(f[80:86]), true
}

func addr(b []byte) string {
	a, _ := netip.AddrFromSlice(b)
	return a.String()
}

// isUDP says that a frame is a datagram.
func isUDP(f []byte) bool {
	return len(f) > 34 && (etherType(f) == 0x0800 && f[23] == 17 || etherType(f) == 0x86dd && f[20] == 17)
}

// macs reads the destination and the source MAC address of a frame.
func macs(f []byte) (dst, src string) { return macString(f[:6]), macString(f[6:12]) }

// seen says which of words the frames hold.
func seen(frames [][]byte, words ...string) (found []string) {
	for _, w := range words {
		for _, f := range frames {
			if bytes.Contains(f, []byte(w)) {
				found = append(found, w)
				break
			}
		}
	}
	return found
}

// holds is a predicate for until: a frame that holds word.
func holds(word string) func([]byte) bool {
	return func(f []byte) bool { return bytes.Contains(f, []byte(word)) }
}
