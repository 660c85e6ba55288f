package e2e

import (
	"strings"
	"sync"
	"testing"
)

// A router with two legs and routes of all kinds:
//
//	far 192.0.2.7 ── lan 10.0.0.100 ── eth0 10.0.0.1 (master, l3, lookup full) ── ns0 ipvl0 10.1.0.11
//	                                   eth1 10.9.0.1 ── side 10.9.0.7                       fd01::11
//
// and the same in IPv6. The host forwards, and "host on" leads what comes by eth1 to
// the device.
func TestLookupFull(t *testing.T) {
	l := newL3(t)
	l.newNetns("side")
	l.ip("host", "link", "add", "eth1", "type", "veth", "peer", "name", "eth1", "netns", l.ns("side"))
	for ns, last := range map[string]string{"host": "1", "side": "7"} {
		l.ip(ns, "addr", "add", "10.9.0."+last+"/24", "dev", "eth1")
		l.ip(ns, "addr", "add", "fd09::"+last+"/64", "dev", "eth1", "nodad")
		l.ip(ns, "link", "set", "eth1", "up")
	}
	l.ip("side", "route", "add", "default", "via", "10.9.0.1")
	l.ip("side", "-6", "route", "add", "default", "via", "fd09::1")
	l.sysctl("host", "net/ipv4/ip_forward", "1")
	l.sysctl("host", "net/ipv6/conf/all/forwarding", "1")
	for _, kind := range []string{"blackhole", "unreachable", "prohibit"} {
		n := map[string]string{"blackhole": "1", "unreachable": "2", "prohibit": "3"}[kind]
		l.ip("host", "route", "add", kind, "198.51.100."+n)
		l.ip("host", "-6", "route", "add", kind, "2001:db8:1::"+n)
	}
	l.ip("host", "route", "add", "192.0.2.0/24", "via", "10.0.0.100", "mtu", "1400")
	l.ip("host", "-6", "route", "add", "2001:db8::/64", "via", "fd00::100", "mtu", "1400")

	// The driver's way: bound to the master, so that IPv4 asks on its wire for what
	// is behind eth1, and without ICMP errors.
	l.asksOnTheMaster("10.9.0.7")
	errors := [][2]string{
		{"198.51.100.2", "Host Unreachable"}, {"198.51.100.3", "filtered"}, {"203.0.113.1", "Net Unreachable"},
		{"2001:db8:1::2", "unreachable: No route"}, {"2001:db8:1::3", "rohibited"}, {"2001:db8:2::1", "unreachable: No route"},
	}
	for _, e := range errors[:3] {
		if out, _ := l.glance("ns0", e[0]); strings.Contains(out, "From ") {
			t.Errorf("lookup kernel, %s:\n%s", e[0], out)
		}
	}

	l.options("ns0", "lookup", "full", "host", "on")
	for _, e := range errors {
		l.eventually("ping "+e[0]+" is told: "+e[1], func() bool {
			out, ok := l.tryPing("ns0", e[0], "2")
			from := "From 10.0.0.1 "
			if strings.Contains(e[0], ":") {
				from = "From fd00::1 "
			}
			if ok || strings.Contains(out, "From ") && (!strings.Contains(out, e[1]) || !strings.Contains(out, from)) {
				t.Fatalf("%s: want %q\n%s\n%s", e[0], e[1], out, l.state())
			}
			return strings.Contains(out, e[1])
		})
	}
	for _, a := range []string{"198.51.100.1", "2001:db8:1::1"} {
		if out, ok := l.glance("ns0", a); ok || strings.Contains(out, "From ") {
			t.Errorf("a blackhole says\n%s", out)
		}
	}
	// A neighbour that does not answer.
	var wg sync.WaitGroup
	for a, want := range map[string]string{"10.0.0.222": "Host Unreachable", "fd00::222": "Address unreachable"} {
		wg.Go(func() {
			if out, ok := l.tryPing("ns0", a, "15"); ok || !strings.Contains(out, want) {
				t.Errorf("ping %s: want %q in\n%s", a, want, out)
			}
		})
	}
	wg.Wait()
	// Through another interface, there and back.
	for _, a := range []string{"10.9.0.7", "fd09::7", "10.9.0.1", "fd09::1"} {
		l.pings("ns0", a)
	}
	l.stream("ns0", "side", "10.9.0.7", 4<<20)
	l.stream("ns0", "side", "fd09::7", 4<<20)
	l.stream("side", "ns0", "10.1.0.11", 4<<20)
	l.stream("side", "ns0", "fd01::11", 4<<20)
	// A packet that is too large, of ping and of TCP.
	l.tooBig("192.0.2.7", "mtu = 1400")
	l.tooBig("2001:db8::7", "mtu=1400", "mtu: 1400")
	l.stream("ns0", "far", "192.0.2.7", 1<<20)
	l.stream("ns0", "far", "2001:db8::7", 1<<20)
	l.ip("host", "link", "set", "eth1", "mtu", "1300")
	l.tooBig("10.9.0.7", "mtu = 1300")
	l.tooBig("fd09::7", "mtu=1300", "mtu: 1300")

	l.options("ns0", "lookup", "kernel")
	l.asksOnTheMaster("10.9.0.8")
}

// tooBig waits until ping, with packets of 1450 bytes and more that must not be
// cut, is told one of words.
func (l *lan) tooBig(to string, words ...string) {
	l.t.Helper()
	l.eventually("ping "+to+" is told "+words[0], func() bool {
		out, _ := l.tryPing("ns0", to, "2", "-M", "do", "-s", "1440")
		for _, w := range words {
			if strings.Contains(out, w) {
				return true
			}
		}
		return false
	})
}

// asksOnTheMaster says that ARP asks on the master's wire for where ns0 sends to.
func (l *lan) asksOnTheMaster(to string) {
	l.t.Helper()
	wire := l.open("lan", "eth0")
	l.unreached([][2]string{{"ns0", to}})
	wire.until("an ARP request for "+to, func(f []byte) bool {
		op, _, _, target, ok := arpOf(f)
		return ok && op == arpRequest && target == to
	})
}
