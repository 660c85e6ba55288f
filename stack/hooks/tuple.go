package hooks

import (
	"encoding/binary"
	"net/netip"

	"gvisor.dev/gvisor/pkg/tcpip"
)

// ipaddr is an address of either family; IPv4 is in the low 32 bits of lo.
type ipaddr struct{ hi, lo uint64 }

// tuple names one direction of a connection. It is comparable and holds no
// pointer, so that it hashes as plain memory. Ports of ping are gVisor's: the
// identifier stands in the requester's port, the other is 0.
type tuple struct {
	src, dst ipaddr
	rest     uint64 // source port, destination port, protocol, and 1 for IPv6
}

func newTuple(src, dst ipaddr, sport, dport uint16, proto uint8, v6 bool) tuple {
	t := tuple{src: src, dst: dst, rest: uint64(sport)<<32 | uint64(dport)<<16 | uint64(proto)<<8}
	if v6 {
		t.rest |= 1
	}
	return t
}

func (t tuple) sport() uint16 { return uint16(t.rest >> 32) }
func (t tuple) dport() uint16 { return uint16(t.rest >> 16) }
func (t tuple) proto() uint8  { return uint8(t.rest >> 8) }
func (t tuple) v6() bool      { return t.rest&1 != 0 }

// inverse is the tuple of the answer.
func (t tuple) inverse() tuple {
	return newTuple(t.dst, t.src, t.dport(), t.sport(), t.proto(), t.v6())
}

// half is the address and port of one half.
func (t *tuple) half(half side) (ipaddr, uint16) {
	if half == destination {
		return t.dst, t.dport()
	}
	return t.src, t.sport()
}

// set replaces the address and port of one half.
func (t *tuple) set(a ipaddr, port uint16, half side) {
	if half == destination {
		t.dst, t.rest = a, t.rest&^(0xffff<<16)|uint64(port)<<16
		return
	}
	t.src, t.rest = a, t.rest&^(0xffff<<32)|uint64(port)<<32
}

// mix spreads t over 64 bits, to choose a shard; the maps hash with a seed of
// their own.
func (t *tuple) mix() uint64 {
	x := t.src.lo ^ t.src.hi*0x9e3779b97f4a7c15 ^ t.dst.lo*0xff51afd7ed558ccd ^ t.dst.hi*0xc4ceb9fe1a85ec53 ^ t.rest*0x9e3779b97f4a7c15
	x ^= x >> 32
	x *= 0xff51afd7ed558ccd
	return x ^ x>>29
}

func load4(b []byte) ipaddr { return ipaddr{lo: uint64(binary.BigEndian.Uint32(b))} }
func load6(b []byte) ipaddr {
	return ipaddr{binary.BigEndian.Uint64(b), binary.BigEndian.Uint64(b[8:])}
}

// put writes a to b: 16 bytes for IPv6, else 4.
func (a ipaddr) put(b []byte, v6 bool) {
	if !v6 {
		binary.BigEndian.PutUint32(b, uint32(a.lo))
		return
	}
	binary.BigEndian.PutUint64(b, a.hi)
	binary.BigEndian.PutUint64(b[8:], a.lo)
}

func (a ipaddr) netip(v6 bool) netip.Addr {
	var b [16]byte
	a.put(b[:], v6)
	if v6 {
		return netip.AddrFrom16(b)
	}
	return netip.AddrFrom4([4]byte(b[:4]))
}

func addrOf(a netip.Addr) ipaddr {
	if a.Is4() {
		b := a.As4()
		return load4(b[:])
	}
	b := a.As16()
	return load6(b[:])
}

// The border to gVisor's form.

func toTCPIP(a netip.Addr) tcpip.Address { return tcpip.AddrFromSlice(a.AsSlice()) }

func fromTCPIP(a tcpip.Address) ipaddr {
	if b := a.AsSlice(); len(b) == 4 {
		return load4(b)
	} else if len(b) == 16 {
		return load6(b)
	}
	return ipaddr{}
}
