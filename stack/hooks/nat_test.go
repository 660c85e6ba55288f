package hooks

import (
	"encoding/binary"
	"fmt"
	"net/netip"
	"testing"

	"github.com/ipvl/ipvl/stack/rules"
)

// Both families: device, peer, master.
var families = map[string]struct {
	dev, peer, host string
	icmp            uint8
	request, reply  byte
}{
	"IPv4": {"10.1.0.11", "192.0.2.9", "10.0.0.1", protoICMP, 8, 0},
	"IPv6": {"2001:db8:1::11", "2001:db8:9::9", "2001:db8::1", protoICMPv6, 128, 129},
}

func at(addr string, port uint16) string {
	if ip(addr).Is6() {
		return fmt.Sprintf("[%s]:%d", addr, port)
	}
	return fmt.Sprintf("%s:%d", addr, port)
}

func TestMasquerade(t *testing.T) {
	for name, c := range families {
		for _, proto := range []uint8{protoTCP, protoUDP} {
			t.Run(name+" "+protoNames[proto], func(t *testing.T) {
				k := newKit(t, masquerade(), nil)
				// A port in the range is kept.
				k.out(spec{proto: proto, src: at(c.dev, 62000), dst: at(c.peer, 80), flags: tcpSYN, payload: 3},
					protoNames[proto]+" "+at(c.host, 62000)+" > "+at(c.peer, 80))
				k.in(spec{proto: proto, src: at(c.peer, 80), dst: at(c.host, 62000), flags: tcpSYN | tcpACK, ack: 4, payload: 7},
					protoNames[proto]+" "+at(c.peer, 80)+" > "+at(c.dev, 62000))
				k.out(spec{proto: proto, src: at(c.dev, 62000), dst: at(c.peer, 80), flags: tcpACK, payload: 1001},
					protoNames[proto]+" "+at(c.host, 62000)+" > "+at(c.peer, 80))
				// Another is not.
				f := k.out(spec{proto: proto, src: at(c.dev, 1000), dst: at(c.peer, 80), flags: tcpSYN}, protoNames[proto]+" "+at(c.host, 54321)+" > "+at(c.peer, 80))
				if p := portOf(f); p < FirstPort {
					t.Errorf("port %d", p)
				}
				k.in(spec{proto: proto, src: at(c.peer, 80), dst: at(c.host, portOf(f)), flags: tcpSYN | tcpACK, ack: 1},
					protoNames[proto]+" "+at(c.peer, 80)+" > "+at(c.dev, 1000))
			})
		}
		t.Run(name+" ping", func(t *testing.T) {
			k := newKit(t, masquerade(), nil)
			f := k.out(spec{proto: c.icmp, icmp: c.request, src: at(c.dev, 7), dst: c.peer, payload: 56},
				fmt.Sprintf("%s %d %s > %s id %d", protoNames[c.icmp], c.request, c.host, c.peer, 54321))
			id := portOf(f)
			k.in(spec{proto: c.icmp, icmp: c.reply, src: c.peer, dst: at(c.host, id), payload: 56},
				fmt.Sprintf("%s %d %s > %s id 7", protoNames[c.icmp], c.reply, c.peer, c.dev))
			// The host's own ping is the host's.
			k.in(spec{proto: c.icmp, icmp: c.reply, src: c.peer, dst: at(c.host, id-FirstPort), payload: 56}, "host")
		})
	}
}

// Two devices with the same port towards the same peer get two ports, of which
// each answer finds its way.
func TestMasqueradePortClash(t *testing.T) {
	k := newKit(t, masquerade(), nil)
	first := k.out(spec{proto: protoUDP, src: "10.1.0.11:62000", dst: "192.0.2.9:53"}, "udp 10.0.0.1:62000 > 192.0.2.9:53")
	second := k.out(spec{proto: protoUDP, src: "10.1.0.12:62000", dst: "192.0.2.9:53"}, "udp 10.0.0.1:54321 > 192.0.2.9:53")
	if portOf(first) == portOf(second) {
		t.Fatalf("both have port %d", portOf(first))
	}
	k.in(spec{proto: protoUDP, src: "192.0.2.9:53", dst: at("10.0.0.1", portOf(second))}, "udp 192.0.2.9:53 > 10.1.0.12:62000")
	k.in(spec{proto: protoUDP, src: "192.0.2.9:53", dst: "10.0.0.1:62000"}, "udp 192.0.2.9:53 > 10.1.0.11:62000")
	// Towards another peer the port is free.
	k.out(spec{proto: protoUDP, src: "10.1.0.12:62000", dst: "192.0.2.10:53"}, "udp 10.0.0.1:62000 > 192.0.2.10:53")
}

func TestSNATPortsRunOut(t *testing.T) {
	s := nat(rules.ChainPostrouting, rules.Rule{Match: rules.Match{Proto: protoUDP}, Action: rules.Action{Kind: rules.KindSNAT, Addr: ip("10.0.0.77"), Ports: rules.Ports{Lo: 500, Hi: 501}}})
	k := newKit(t, s, nil)
	k.out(spec{proto: protoUDP, src: "10.1.0.11:500", dst: "192.0.2.9:53"}, "udp 10.0.0.77:500 > 192.0.2.9:53")
	k.out(spec{proto: protoUDP, src: "10.1.0.12:500", dst: "192.0.2.9:53"}, "udp 10.0.0.77:501 > 192.0.2.9:53")
	k.out(spec{proto: protoUDP, src: "10.1.0.13:500", dst: "192.0.2.9:53"}, "drop")
	if st := k.e.Stats(); st.Conflict != 1 || st.Conns != 2 {
		t.Errorf("%+v", st)
	}
}

func TestDNAT(t *testing.T) {
	for name, c := range families {
		t.Run(name, func(t *testing.T) {
			k := newKit(t, nat(rules.ChainPrerouting,
				dnat(rules.Match{Dst: prefix(c.host + map[bool]string{true: "/128", false: "/32"}[name == "IPv6"]), Proto: protoTCP, DstPorts: rules.Ports{Lo: 99, Hi: 99}}, c.dev, rules.Ports{Lo: 7, Hi: 7})), nil)
			k.in(spec{proto: protoTCP, src: at(c.peer, 1000), dst: at(c.host, 99), flags: tcpSYN}, "tcp "+at(c.peer, 1000)+" > "+at(c.dev, 7))
			k.out(spec{proto: protoTCP, src: at(c.dev, 7), dst: at(c.peer, 1000), flags: tcpSYN | tcpACK, ack: 1}, "tcp "+at(c.host, 99)+" > "+at(c.peer, 1000))
			k.in(spec{proto: protoTCP, src: at(c.peer, 1000), dst: at(c.host, 99), flags: tcpACK, payload: 5}, "tcp "+at(c.peer, 1000)+" > "+at(c.dev, 7))
			k.expectConns("tcp " + at(c.peer, 1000) + " " + at(c.host, 99) + " " + at(c.dev, 7) + " " + at(c.peer, 1000))
			k.in(spec{proto: protoTCP, src: at(c.peer, 1000), dst: at(c.host, 98), flags: tcpSYN}, "host")
			// Not a segment that starts nothing, nor one for a device that is gone.
			k.in(spec{proto: protoTCP, src: at(c.peer, 1001), dst: at(c.host, 99), flags: tcpRST}, "host")
			if n := k.e.Stats().Conns; n != 1 {
				t.Errorf("%d connections", n)
			}
		})
	}
}

// A rule of OUTPUT changes the route, and a rule of POSTROUTING sees what is
// left.
func TestOutputOrder(t *testing.T) {
	s := nat(rules.ChainOutput, dnat(rules.Match{Dst: prefix("192.0.2.9/32")}, "198.51.100.5", rules.Ports{}))
	s.NAT[rules.ChainPostrouting] = []rules.Rule{{Match: rules.Match{Dst: prefix("198.51.100.5/32")}, Action: rules.Action{Kind: rules.KindMasquerade}}}
	k := newKit(t, s, nil)
	k.out(spec{proto: protoTCP, src: "10.1.0.11:62000", dst: "192.0.2.9:80", flags: tcpSYN}, "tcp 10.0.0.1:62000 > 198.51.100.5:80")
	k.in(spec{proto: protoTCP, src: "198.51.100.5:80", dst: "10.0.0.1:62000", flags: tcpSYN | tcpACK, ack: 1}, "tcp 192.0.2.9:80 > 10.1.0.11:62000")
	k.out(spec{proto: protoTCP, src: "10.1.0.11:62000", dst: "192.0.2.9:80", flags: tcpACK}, "tcp 10.0.0.1:62000 > 198.51.100.5:80")
	for i, got := range k.routed {
		if want := "tcp 10.1.0.11:62000 > 198.51.100.5:80"; got != want {
			t.Errorf("question %d to the router: %s, want %s", i, got, want)
		}
	}
}

func TestSNATInInput(t *testing.T) {
	s := nat(rules.ChainInput, rules.Rule{Match: rules.Match{Src: prefix("192.0.2.0/24")}, Action: rules.Action{Kind: rules.KindSNAT, Addr: ip("10.0.0.1")}})
	k := newKit(t, s, nil)
	k.in(spec{proto: protoUDP, src: "192.0.2.9:61001", dst: "10.1.0.11:53", payload: 9}, "udp 10.0.0.1:61001 > 10.1.0.11:53")
	k.out(spec{proto: protoUDP, src: "10.1.0.11:53", dst: "10.0.0.1:61001", payload: 9}, "udp 10.1.0.11:53 > 192.0.2.9:61001")
}

// Open work of a frame stays open: the virtio-net header is kept and a partial
// checksum stays one of the pseudo-header.
func TestOpenWorkIsKept(t *testing.T) {
	for name, c := range families {
		t.Run(name, func(t *testing.T) {
			k := newKit(t, masquerade(), nil)
			to := "tcp " + at(c.host, 62000) + " > " + at(c.peer, 80)
			k.out(spec{proto: protoTCP, src: at(c.dev, 62000), dst: at(c.peer, 80), flags: tcpSYN, partial: true}, to)
			k.in(spec{proto: protoTCP, src: at(c.peer, 80), dst: at(c.host, 62000), flags: tcpSYN | tcpACK, ack: 1, partial: true}, "tcp "+at(c.peer, 80)+" > "+at(c.dev, 62000))
			k.out(spec{proto: protoTCP, src: at(c.dev, 62000), dst: at(c.peer, 80), flags: tcpACK, seq: 1, payload: 64000, partial: true, gso: 1400}, to)
			k.in(spec{proto: protoTCP, src: at(c.peer, 80), dst: at(c.host, 62000), flags: tcpACK, payload: 64000, partial: true, gso: 1400}, "tcp "+at(c.peer, 80)+" > "+at(c.dev, 62000))
			k.out(spec{proto: protoUDP, src: at(c.dev, 62000), dst: at(c.peer, 53), payload: 5, partial: true}, "udp "+at(c.host, 62000)+" > "+at(c.peer, 53))
		})
	}
	k := newKit(t, masquerade(), nil)
	f := k.out(spec{proto: protoUDP, src: "10.1.0.11:62000", dst: "192.0.2.9:53", noSum: true}, "udp 10.0.0.1:62000 > 192.0.2.9:53")
	if _, l4, _, _, _ := where(f); f[l4+6]|f[l4+7] != 0 {
		t.Error("a datagram without checksum has one now")
	}
}

// A datagram whose new checksum comes out as zero has 0xffff instead
// (RFC 768), for zero would mean that there is none.
func TestZeroChecksumIsNotNone(t *testing.T) {
	k := newKit(t, masquerade(), nil)
	s := spec{proto: protoUDP, src: "10.1.0.11:62000", dst: "192.0.2.9:53", payload: 2}
	after := s
	after.src = "10.0.0.1:62000"
	f, want := s.build(), after.build()
	_, l4, _, _, _ := where(f)
	// The payload takes up what the translated datagram's sum is short of zero.
	data := ^(^binary.BigEndian.Uint16(want[l4+6:]) - binary.BigEndian.Uint16(want[l4+udpLen:]))
	for ; ; data++ {
		binary.BigEndian.PutUint16(want[l4+udpLen:], data)
		if reference(want, false); want[l4+6]&want[l4+7] == 0xff {
			break
		}
	}
	binary.BigEndian.PutUint16(f[l4+udpLen:], data)
	reference(f, false)
	out, _, _ := k.e.Output(f)
	if string(out) != string(want) {
		t.Errorf("checksum %x, want ffff", out[l4+6:l4+8])
	}
}

// Every sum of addresses, ports and payload comes out as computed anew, also
// those around zero.
func TestChecksumsOfManyPackets(t *testing.T) {
	k := newKit(t, masquerade(), nil)
	for i := range 3000 {
		s := spec{proto: protoUDP, src: "10.1.0.11:62000", dst: "192.0.2.9:53", payload: 4}
		f := s.build()
		_, l4, _, _, _ := where(f)
		binary.BigEndian.PutUint32(f[l4+udpLen:], uint32(i)*2654435761)
		if i < 400 { // around the zero sum
			binary.BigEndian.PutUint32(f[l4+udpLen:], uint32(0x6f00+i*16))
		}
		reference(f, false)
		out, _, r := k.e.Output(f)
		if r != Pass {
			t.Fatal(r)
		}
		sums(t, out)
	}
}

// On an address that is not the host's a source port stays, unless it is taken.
func TestSNATKeepsThePort(t *testing.T) {
	snat := func(a string) rules.Set {
		return nat(rules.ChainPostrouting, rules.Rule{Action: rules.Action{Kind: rules.KindSNAT, Addr: ip(a)}})
	}
	k := newKit(t, snat("10.0.0.200"), func(o *Options) { o.Own = func(a netip.Addr) bool { return a == ip("10.0.0.1") } })
	k.out(spec{proto: protoUDP, src: "10.1.0.11:9000", dst: "192.0.2.9:53"}, "udp 10.0.0.200:9000 > 192.0.2.9:53")
	k.out(spec{proto: protoUDP, src: "10.1.0.11:53", dst: "192.0.2.9:53"}, "udp 10.0.0.200:53 > 192.0.2.9:53")
	if p := portOf(k.out(spec{proto: protoUDP, src: "10.1.0.12:9000", dst: "192.0.2.9:53"}, "udp 10.0.0.200:54321 > 192.0.2.9:53")); p == 9000 || p < 1024 {
		t.Errorf("the port is taken, and became %d", p)
	}
	own := snat("10.0.0.1")
	if err := k.e.Apply(&own); err != nil {
		t.Fatal(err)
	}
	if p := portOf(k.out(spec{proto: protoUDP, src: "10.1.0.13:9000", dst: "192.0.2.9:53"}, "udp 10.0.0.1:54321 > 192.0.2.9:53")); p < FirstPort {
		t.Errorf("an address of the host: port %d", p)
	}
}
