package stack

import (
	"encoding/binary"
	"testing"

	"gvisor.dev/gvisor/pkg/buffer"
	"gvisor.dev/gvisor/pkg/tcpip"
	"gvisor.dev/gvisor/pkg/tcpip/header"
	tcpipstack "gvisor.dev/gvisor/pkg/tcpip/stack"

	"github.com/ipvl/ipvl/stack/fib"
)

// wantSilence lets a minute go by and expects nothing on the wire.
func (l *lan) wantSilence(after string) {
	l.Helper()
	l.expect("on the wire after "+after, l.heard())
	l.clock.Advance(60 * second)
	l.expect("on the wire a minute after "+after, l.heard())
}

func TestSilentForTheMastersAddresses(t *testing.T) {
	l := newLAN(t, nil)
	l.wantSilence("the start")
	l.arp(header.ARPRequest, broadcast, peerMAC, "10.0.0.9", "10.0.0.1")
	l.arp(header.ARPRequest, masterMAC, peerMAC, "10.0.0.9", "192.0.0.8")
	l.arp(header.ARPRequest, broadcast, peerMAC, "0.0.0.0", "10.0.0.1")
	l.wantSilence("ARP requests")
	for _, target := range []string{"fe80::1", "2001:db8::1"} {
		l.ndp(header.ICMPv6NeighborSolicit, 0, peerMAC, "fe80::9", "ff02::1:ff00:1", target)
		l.ndp(header.ICMPv6NeighborSolicit, 0, peerMAC, "fe80::9", target, target)
		l.ndp(header.ICMPv6NeighborSolicit, 0, peerMAC, "::", "ff02::1:ff00:1", target)
	}
	l.ndp(header.ICMPv6NeighborAdvert, 0x20, peerMAC, "fe80::1", "ff02::1", "fe80::1")
	l.wantSilence("neighbour solicitations")
	ping6 := []byte{byte(header.ICMPv6EchoRequest), 0, 0, 0, 0, 1, 0, 1}
	l.icmp6(peerMAC, "fe80::9", "fe80::1", ping6)
	l.icmp6(peerMAC, "fe80::9", "ff02::1", ping6)
	l.icmp6(peerMAC, "fe80::9", "ff02::1", make([]byte, 24)) // unknown type
	l.icmp6(peerMAC, "fe80::9", "ff02::1", append([]byte{byte(header.ICMPv6RouterAdvert), 0, 0, 0, 64, 0, 7, 8}, make([]byte, 8)...))
	l.icmp6(peerMAC, "fe80::9", "ff02::1", append([]byte{byte(header.ICMPv6MulticastListenerQuery)}, make([]byte, 23)...))
	l.wantSilence("ICMPv6")
	l.inject(masterMAC, peerMAC, header.IPv4ProtocolNumber, echo4("10.0.0.1"))
	l.inject(masterMAC, peerMAC, header.IPv4ProtocolNumber, echo4("192.0.0.8"))
	l.wantSilence("ping")
}

// echo4 is a ping to dst.
func echo4(dst string) []byte {
	b := make([]byte, 28)
	h := header.IPv4(b)
	h.Encode(&header.IPv4Fields{
		TotalLength: 28, TTL: 64, Protocol: uint8(header.ICMPv4ProtocolNumber), SrcAddr: toTCPIP(ip("10.0.0.9")), DstAddr: toTCPIP(ip(dst)),
	})
	h.SetChecksum(^h.CalculateChecksum())
	b[20] = byte(header.ICMPv4Echo)
	binary.BigEndian.PutUint16(b[22:], ^uint16(uint16(header.ICMPv4Echo)<<8))
	return b
}

// Changes of addresses, links and neighbours are the host's to announce.
func TestSilentOnChanges(t *testing.T) {
	l := newLAN(t, nil)
	for what, edit := range map[string]func(*fib.Snapshot){
		"other addresses": func(s *fib.Snapshot) {
			s.Addrs[3].Prefix = prefix("fe80::2/64")
			s.Addrs[0].Prefix = prefix("10.0.0.2/24")
		},
		"no address": func(s *fib.Snapshot) { s.Addrs = nil },
		"down":       func(s *fib.Snapshot) { s.Ifaces[0].Up = false },
		"other MAC":  func(s *fib.Snapshot) { s.Ifaces[0].MAC[5] = 0x77 },
		"permanent":  func(s *fib.Snapshot) { s.Neighs = []fib.Neigh{{Index: 2, Dst: ip("fe80::9"), MAC: peerMAC}} },
	} {
		s := namespace()
		edit(&s)
		l.set(s)
		l.wantSilence(what)
		l.set(namespace())
		l.wantSilence("going back from " + what)
	}
	l.r.Close()
	l.wantSilence("Close")
}

// An advertisement of a neighbour that the administrator has set is no reason
// to ask.
func TestSilentForPermanentNeighbors(t *testing.T) {
	l := newLAN(t, func(s *fib.Snapshot, _ *RouterOptions) {
		s.Neighs = []fib.Neigh{{Index: 2, Dst: ip("fe80::9"), MAC: peerMAC}}
	})
	target := ip("fe80::9").As16()
	for _, flags := range []byte{0x60, 0x20, 0x40, 0} {
		na := append([]byte{byte(header.ICMPv6NeighborAdvert), 0, 0, 0, flags, 0, 0, 0}, target[:]...)
		na = append(append(na, 2, 1), otherMAC[:]...)
		l.icmp6(peerMAC, "fe80::9", "fe80::1", na)
	}
	l.wantSilence("advertisements")
	if got := l.stateOf("fe80::9"); got != NUDPermanent {
		t.Errorf("it is %v now", got)
	}
}

// After another address was set, requests come from that one.
func TestAddressChangeIsFollowed(t *testing.T) {
	l := newLAN(t, nil)
	s := namespace()
	s.Addrs[3].Prefix, s.Addrs[0].Prefix = prefix("fe80::2/64"), prefix("10.0.0.2/24")
	l.set(s)
	l.hold("2001:db8::9", "1")
	l.hold("10.0.0.9", "2")
	l.expect("asked", l.heard(), "3333ff000009 who-has 2001:db8::9 tell fe80::2", "ffffffffffff who-has 10.0.0.9 tell 10.0.0.2")
}

// TestOnlyRequestsLeave writes what the netstack might, whatever made it.
func TestOnlyRequestsLeave(t *testing.T) {
	l := newLAN(t, nil)
	arp := func(op header.ARPOp) []byte {
		h := header.ARP(make([]byte, header.ARPSize))
		h.SetIPv4OverEthernet()
		h.SetOp(op)
		copy(h.HardwareAddressSender(), masterMAC[:])
		copy(h.ProtocolAddressTarget(), []byte{10, 0, 0, 9})
		return h
	}
	ip6 := func(next uint8, typ header.ICMPv6Type) []byte {
		return append([]byte{0x60, 0, 0, 0, 0, 0, next, 255, 39: 1}, byte(typ), 0, 0, 0, 0, 0, 0, 0)
	}
	for name, tt := range map[string]struct {
		proto  tcpip.NetworkProtocolNumber
		header int // bytes of the network header
		b      []byte
		leaves bool
	}{
		"ARP request":             {header.ARPProtocolNumber, 28, arp(header.ARPRequest), true},
		"ARP reply":               {header.ARPProtocolNumber, 28, arp(header.ARPReply), false},
		"short ARP":               {header.ARPProtocolNumber, 10, make([]byte, 10), false},
		"solicitation":            {header.IPv6ProtocolNumber, 40, ip6(58, header.ICMPv6NeighborSolicit), true},
		"advertisement":           {header.IPv6ProtocolNumber, 40, ip6(58, header.ICMPv6NeighborAdvert), false},
		"router solicitation":     {header.IPv6ProtocolNumber, 40, ip6(58, header.ICMPv6RouterSolicit), false},
		"multicast report":        {header.IPv6ProtocolNumber, 40, ip6(58, header.ICMPv6MulticastListenerV2Report), false},
		"UDP like a solicitation": {header.IPv6ProtocolNumber, 40, ip6(17, header.ICMPv6NeighborSolicit), false},
		"IPv4":                    {header.IPv4ProtocolNumber, 20, echo4("10.0.0.1"), false},
	} {
		pkt := tcpipstack.NewPacketBuffer(tcpipstack.PacketBufferOptions{ReserveHeaderBytes: 14 + tt.header, Payload: buffer.MakeWithData(tt.b[tt.header:])})
		copy(pkt.NetworkHeader().Push(tt.header), tt.b)
		pkt.NetworkProtocolNumber = tt.proto
		before := l.r.Stats().Silenced
		var list tcpipstack.PacketBufferList
		list.PushBack(pkt)
		if n, err := l.r.quiet.WritePackets(list); n != 1 || err != nil {
			t.Errorf("%s: WritePackets = %d, %v", name, n, err)
		}
		pkt.DecRef()
		if leaves := l.wire.NumQueued() == 1; leaves != tt.leaves || (l.r.Stats().Silenced == before) != leaves {
			t.Errorf("%s: leaves %v, want %v", name, leaves, tt.leaves)
		}
		l.wire.Drain()
	}
}

// FuzzInbound: whatever comes from the wire, nothing panics and nothing but
// what was asked for goes back, and only the two neighbours that were asked
// for are known.
func FuzzInbound(f *testing.F) {
	f.Add(uint16(header.ARPProtocolNumber), []byte{0, 1, 8, 0, 6, 4, 0, 2, 2, 0, 0, 0, 0, 9, 10, 0, 0, 9, 2, 0, 0, 0, 0, 1, 10, 0, 0, 1})
	f.Add(uint16(header.IPv4ProtocolNumber), echo4("10.0.0.1"))
	na := append([]byte{0x60, 0, 0, 0, 0, 32, 58, 255}, append(ip("fe80::9").AsSlice(), ip("fe80::1").AsSlice()...)...)
	na = append(append(na, 136, 0, 0x7e, 0xed, 0x60, 0, 0, 0), append(ip("2001:db8::9").AsSlice(), 2, 1, 2, 0, 0, 0, 0, 9)...)
	f.Add(uint16(header.IPv6ProtocolNumber), na)
	f.Fuzz(func(t *testing.T, proto uint16, body []byte) {
		l := newLAN(t, nil)
		l.hold("10.0.0.9", "1")
		l.hold("2001:db8::9", "2")
		l.inject(masterMAC, peerMAC, tcpip.NetworkProtocolNumber(proto), body)
		l.inject(broadcast, peerMAC, tcpip.NetworkProtocolNumber(proto), body)
		l.clock.Advance(10 * second)
		for _, got := range l.heard() {
			if got[0] == '?' {
				t.Fatal(got)
			}
		}
		if n := l.r.Neighbors(); len(n) != 2 {
			t.Fatalf("%+v", n)
		}
	})
}
