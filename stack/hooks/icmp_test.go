package hooks

import (
	"encoding/binary"
	"strconv"
	"testing"

	"github.com/ipvl/ipvl/stack"
	"github.com/ipvl/ipvl/stack/rules"
)

// quote is what a router puts into an error about f: the IP packet, of which
// only the first n bytes behind the IP header are left; -1: all.
func quote(f []byte, n int) []byte {
	l3, l4, end, _, _ := where(f)
	if n < 0 {
		return f[l3:end]
	}
	return f[l3:min(end, l4+n)]
}

// innerSums checks the checksums of a packet that an ICMP error quotes whole.
func innerSums(t *testing.T, f []byte) {
	t.Helper()
	_, l4, end, _, _ := where(f)
	inner := append(make([]byte, vnetLen+ethLen), f[l4+icmpLen:end]...)
	sums(t, inner)
}

// Errors about a masqueraded connection reach the device, and say what it sent.
func TestErrorsAboutMasquerade(t *testing.T) {
	for name, c := range families {
		unreachable := map[uint8]byte{protoICMP: 3, protoICMPv6: 1}[c.icmp]
		for what, s := range map[string]spec{
			"tcp":  {proto: protoTCP, src: at(c.dev, 1000), dst: at(c.peer, 80), flags: tcpSYN, payload: 33},
			"udp":  {proto: protoUDP, src: at(c.dev, 1000), dst: at(c.peer, 53), payload: 32},
			"ping": {proto: c.icmp, icmp: c.request, src: at(c.dev, 1000), dst: c.peer, payload: 32},
		} {
			for _, left := range []int{-1, 8, 21} {
				t.Run(name+" "+what, func(t *testing.T) {
					k := newKit(t, masquerade(), nil)
					sent := s.build()
					f, _, r := k.e.Output(append([]byte(nil), sent...))
					if r != Pass || show(f) == show(sent) {
						t.Fatal(r, show(f))
					}
					router := map[bool]string{true: "2001:db8:ff::1", false: "198.51.100.1"}[name == "IPv6"]
					e := spec{proto: c.icmp, icmp: unreachable, src: router, dst: c.host, about: quote(f, left)}
					got := k.in(e, protoNames[c.icmp]+" "+strconv.Itoa(int(unreachable))+" "+router+" > "+c.dev+" about "+show(sent))
					if left < 0 {
						innerSums(t, got)
						if _, l4, end, _, _ := where(got); string(got[l4+icmpLen:end]) != string(quote(sent, -1)) {
							t.Errorf("the error quotes %x,\nsent was %x", got[l4+icmpLen:end], quote(sent, -1))
						}
					}
				})
			}
		}
	}
}

// A device's own error about a connection that was translated to it is about
// what the peer sent, from where the peer sent it.
func TestErrorsOfADeviceBehindDNAT(t *testing.T) {
	for name, c := range families {
		t.Run(name, func(t *testing.T) {
			k := newKit(t, nat(rules.ChainPrerouting, dnat(rules.Match{Proto: protoUDP}, c.dev, rules.Ports{Lo: 7, Hi: 7})), nil)
			sent := spec{proto: protoUDP, src: at(c.peer, 1000), dst: at(c.host, 99), payload: 40}
			got := k.in(sent, "udp "+at(c.peer, 1000)+" > "+at(c.dev, 7))
			unreachable := map[uint8]byte{protoICMP: 3, protoICMPv6: 1}[c.icmp]
			e := k.out(spec{proto: c.icmp, icmp: unreachable, src: c.dev, dst: c.peer, about: quote(got, -1)},
				protoNames[c.icmp]+" "+strconv.Itoa(int(unreachable))+" "+c.host+" > "+c.peer+" about "+show(sent.build()))
			innerSums(t, e)
		})
	}
}

// A message that only looks like an error about a connection changes nothing.
func TestErrorsAboutNothing(t *testing.T) {
	k := newKit(t, masquerade(), nil)
	for _, about := range [][]byte{{}, {0x45}, make([]byte, 20), make([]byte, 64), {0x4f, 0, 0, 20, 0, 0, 0, 0, 0, 17, 0, 0, 1, 2, 3, 4, 5, 6, 7, 8, 1, 2, 3, 4}} {
		s := spec{proto: protoICMP, icmp: 3, src: "192.0.2.1", dst: "10.1.0.11", about: about}
		f, r := k.e.Input(s.build())
		if r != Pass || string(f) != string(s.build()) {
			t.Errorf("about %x: %v", about, r)
		}
	}
}

// What goes nowhere comes back as it was sent, for an error about it, and is
// not tracked.
func TestWhatGoesNowhere(t *testing.T) {
	s := nat(rules.ChainOutput, dnat(rules.Match{Proto: protoUDP}, "198.51.100.5", rules.Ports{Lo: 1, Hi: 1}))
	s.NAT[rules.ChainPostrouting] = masquerade().NAT[rules.ChainPostrouting]
	k := newKit(t, s, nil)
	sent := spec{proto: protoUDP, src: "10.1.0.11:5", dst: "192.0.2.9:53", payload: 1400, df: true}
	for _, hop := range []stack.Hop{
		{Verdict: stack.VerdictDrop}, {Verdict: stack.VerdictReject, ICMP: stack.ICMPError{Type: 3, Code: 1}}, {Verdict: stack.VerdictSend, MTU: 1400},
	} {
		k.hop = hop
		k.out(sent, "")
		if got := k.routed[len(k.routed)-1]; got != "udp 10.1.0.11:5 > 198.51.100.5:1" {
			t.Errorf("the router was asked about %s", got)
		}
	}
	k.expectConns()
	k.hop = stack.Hop{Verdict: stack.VerdictSend, MTU: 1400}
	sent.df = false // may be cut
	k.out(sent, "udp 10.0.0.1:54321 > 198.51.100.5:1")
	sent = spec{proto: protoTCP, src: "10.1.0.11:62000", dst: "192.0.2.9:53", payload: 9000, gso: 1448, partial: true, flags: tcpACK, df: true}
	k.out(sent, "") // segments of 1488
	sent.gso = 1360
	k.out(sent, "tcp 10.0.0.1:62000 > 192.0.2.9:53")
}

func TestRestore(t *testing.T) {
	for name, c := range families {
		t.Run(name, func(t *testing.T) {
			k := newKit(t, masquerade(), nil)
			s := spec{proto: protoTCP, src: at(c.dev, 1000), dst: at(c.peer, 80), flags: tcpSYN, payload: 3}
			f := k.out(s, "tcp "+at(c.host, 54321)+" > "+at(c.peer, 80))
			if !k.e.Restore(f) || string(f) != string(s.build()) {
				t.Errorf("restored to %s", show(f))
			}
			if k.e.Restore(spec{proto: protoTCP, src: at(c.dev, 1), dst: at(c.peer, 80)}.build()) {
				t.Error("a connection that is none was restored")
			}
		})
	}
}

// Options of the quoted IPv4 header and extension headers of a quoted IPv6
// packet are gone over.
func TestErrorsAboutPacketsWithMoreHeaders(t *testing.T) {
	k := newKit(t, masquerade(), nil)
	f := k.out(spec{proto: protoUDP, src: "10.1.0.11:1000", dst: "192.0.2.9:53", payload: 32}, "udp 10.0.0.1:54321 > 192.0.2.9:53")
	l3, l4, end, _, _ := where(f)
	q := append(append(append([]byte(nil), f[l3:l4]...), 1, 1, 1, 0), f[l4:end]...)
	q[0] = 0x46
	binary.BigEndian.PutUint16(q[2:], uint16(len(q)))
	clear(q[10:12])
	binary.BigEndian.PutUint16(q[10:], ^sum16(q[:24]))
	k.in(spec{proto: protoICMP, icmp: 11, src: "198.51.100.1", dst: "10.0.0.1", about: q}, "icmp 11 198.51.100.1 > 10.1.0.11 about udp 10.1.0.11:1000 > 192.0.2.9:53")
}
