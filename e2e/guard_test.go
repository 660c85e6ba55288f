package e2e

import (
	"slices"
	"strings"
	"testing"
)

// What a device may send under "guard on", seen on the wire and by its sibling:
//
//	lan 10.0.0.100 ── eth0 (master) ─┬─ ns0 ipvl0 10.0.0.11 fd00::11 guard on
//	    fd00::100                    └─ ns1 ipvl0 10.0.0.12 fd00::12
func TestGuard(t *testing.T) {
	l := newL2(t)
	for _, to := range []string{"10.0.0.100", "10.0.0.12", "fd00::100", "fd00::12"} {
		l.pings("ns0", to)
	}
	mm, pm := l.mac("host", "eth0"), l.mac("lan", "eth0")
	const other, none = "02:00:00:00:00:bb", "00:00:00:00:00:00"
	group, groupMAC := solicitedNode("fd00::33")
	datagram := func(src, dst string) []byte { return ipv4(src, dst, 64, 17, udp(9, 9, "x")) }
	bad := []frameCase{
		{"another's source", ether(pm, mm, 0x0800, datagram("10.0.0.99", "10.0.0.100"))},
		{"the sibling's source", ether(pm, mm, 0x0800, datagram("10.0.0.12", "10.0.0.100"))},
		{"a wrong MAC address", ether(pm, other, 0x0800, datagram("10.0.0.11", "10.0.0.100"))},
		{"another's source to the sibling", ether(mm, mm, 0x0800, datagram("10.0.0.98", "10.0.0.12"))},
		{"another's source to all", ether(broadcast, mm, 0x0800, datagram("10.0.0.97", "255.255.255.255"))},
		{"another's IPv6 source", ether(pm, mm, 0x86dd, ipv6("fd00::99", "fd00::100", 17, udp(9, 9, "x")))},
		{"the sibling's IPv6 source", ether(pm, mm, 0x86dd, ipv6("fd00::12", "fd00::100", 17, udp(9, 9, "x")))},
		{"ARP request as the router", ether(broadcast, mm, 0x0806, arp(arpRequest, mm, "10.0.0.1", none, "10.0.0.100"))},
		{"ARP reply as the router", ether(pm, mm, 0x0806, arp(arpReply, mm, "10.0.0.1", pm, "10.0.0.100"))},
		{"ARP reply with another MAC address", ether(pm, mm, 0x0806, arp(arpReply, other, "10.0.0.11", pm, "10.0.0.100"))},
		{"NA for another", ether(pm, mm, 0x86dd, nd(ndAdvert, 0x60, "fd00::11", "fd00::100", "fd00::1", mm))},
		{"NA with another MAC address", ether(pm, mm, 0x86dd, nd(ndAdvert, 0x60, "fd00::11", "fd00::100", "fd00::11", other))},
		{"NS with another MAC address", ether(pm, mm, 0x86dd, nd(ndSolicit, 0, "fd00::11", "fd00::100", "fd00::100", other))},
	}
	good := []frameCase{
		{"its own source", ether(pm, mm, 0x0800, ipv4("10.0.0.11", "10.0.0.100", 64, 17, udp(9, 9, "good")))},
		{"its own IPv6 source", ether(pm, mm, 0x86dd, ipv6("fd00::11", "fd00::100", 17, udp(9, 9, "good")))},
		{"DHCP discover", ether(broadcast, mm, 0x0800, ipv4("0.0.0.0", "255.255.255.255", 64, 17, udp(68, 67, string(make([]byte, 300)))))},
		{"ARP probe", ether(broadcast, mm, 0x0806, arp(arpRequest, mm, "0.0.0.0", none, "10.0.0.33"))},
		{"DAD", ether(groupMAC, mm, 0x86dd, nd(ndSolicit, 0, "::", group, "fd00::33", ""))},
		{"ARP announcement", ether(broadcast, mm, 0x0806, arp(arpRequest, mm, "10.0.0.11", none, "10.0.0.11"))},
		{"NA", ether(allNodes, mm, 0x86dd, nd(ndAdvert, 0x20, "fd00::11", "ff02::1", "fd00::11", mm))},
	}
	l.options("ns0", "guard", "on")
	for round, mode := range []string{"l2", "l3"} {
		l.ipvl("-n", l.ns("ns1"), "link", "set", "ipvl0", "type", "ipvlan", "mode", mode)
		sent := slices.Concat(bad, good)
		if mode == "l3" { // no groups and no ARP in this mode: the addresses are checked
			sent = []frameCase{bad[0], bad[3], bad[5], good[0], good[1]}
		}
		before := l.drops("ns0")["guard"]
		passed := l.tryFrames(sent)
		want := names(good)
		if mode == "l3" {
			want = names(good[:2])
		}
		if !slices.Equal(passed, want) {
			t.Errorf("mode %s: passed\n%q\nwant\n%q", mode, passed, want)
		}
		if n := l.drops("ns0")["guard"] - before; n != uint64(len(sent)-len(want)) {
			t.Errorf("mode %s, round %d: %d frames counted, want %d: %v", mode, round, n, len(sent)-len(want), l.drops("ns0"))
		}
		l.pings("ns0", "10.0.0.12")
		l.pings("ns0", "fd00::12")
	}
	// What anybody does goes on, real DAD too.
	l.ipvl("-n", l.ns("ns1"), "link", "set", "ipvl0", "type", "ipvlan", "mode", "l2")
	l.stream("ns0", "lan", "10.0.0.100", 1<<20)
	l.stream("lan", "ns0", "fd00::11", 1<<20)
	l.stream("ns0", "ns1", "fd00::12", 1<<20)
	l.ip("ns0", "addr", "add", "fd00::21/64", "dev", "ipvl0")
	l.eventually("an address has passed DAD", func() bool {
		out := l.ip("ns0", "addr", "show", "dev", "ipvl0", "to", "fd00::21")
		return strings.Contains(out, "fd00::21") && !strings.Contains(out, "tentative")
	})
	l.pings("ns0", "fd00::100", "-I", "fd00::21")
	// All of it passes without the guard.
	l.options("ns0", "guard", "off")
	if got, want := l.tryFrames(slices.Concat(bad, good)), names(slices.Concat(bad, good)); !slices.Equal(got, want) {
		t.Errorf("without guard passed\n%q\nwant\n%q", got, want)
	}
}

type frameCase struct {
	what  string
	frame []byte
}

func names(cases []frameCase) (what []string) {
	for _, c := range cases {
		what = append(what, c.what)
	}
	return what
}

// tryFrames sends frames from ns0 and returns the names of those that the lan or
// ns1 got. Good ones follow that show the end: of each family, and of the queue of
// broadcasts where there is one.
func (l *lan) tryFrames(cases []frameCase) (passed []string) {
	l.t.Helper()
	dev, wire, sibling := l.open("ns0", "ipvl0"), l.open("lan", "eth0"), l.open("ns1", "ipvl0")
	mm, pm := l.mac("host", "eth0"), l.mac("lan", "eth0")
	for _, c := range cases {
		dev.send(c.frame)
	}
	end := func(mac, to4, to6, text string) {
		dev.send(ether(mac, mm, 0x0800, ipv4("10.0.0.11", to4, 64, 17, udp(9, 9, "end: "+text))))
		dev.send(ether(mac, mm, 0x86dd, ipv6("fd00::11", to6, 17, udp(9, 9, "end: "+text))))
	}
	end(pm, "10.0.0.100", "fd00::100", "lan")
	end(mm, "10.0.0.12", "fd00::12", "sibling")
	ends := 2
	if !strings.Contains(l.flags("ns0", "ipvl0"), ",NOARP,") {
		end(broadcast, "10.0.0.255", "ff02::1", "lan")
		ends = 4
	}
	counted := func(n int, text string) func([]byte) bool {
		return func(f []byte) bool {
			// The text is in the lan's ICMP errors, too.
			if isUDP(f) {
				n -= len(seen([][]byte{f}, "end: "+text))
			}
			return n == 0
		}
	}
	frames := slices.Concat(wire.until("the end", counted(ends, "lan")), sibling.until("the end", counted(2, "sibling")))
	for _, c := range cases {
		// MAC addresses may be others by now.
		if len(seen(frames, string(c.frame[12:]))) == 1 {
			passed = append(passed, c.what)
		}
	}
	return passed
}

// Only what allow names may be a device's address.
//
//	lan 10.0.0.100 ── eth0 (master, l2) ── ns0 ipvl0 10.0.0.11 fd00::11 allow …
func TestAllow(t *testing.T) {
	l := newL2(t)
	has := func(a string) bool { return strings.Contains(l.ip("ns0", "addr", "show", "dev", "ipvl0"), " "+a+"/") }
	allowed := func(last string, want bool) {
		t.Helper()
		for _, a := range []string{"10.0.0." + last, "fd00::" + last} {
			l.eventually(a+" is as allow says", func() bool { return has(a) == want })
		}
	}
	l.options("ns0", "allow", "10.0.0.0/28", "fd00::11,fd00::13")
	l.address("ns0", "add", "50")
	allowed("50", false)
	if n := l.drops("ns0")["address-not-allowed"]; n != 2 {
		t.Errorf("%d addresses are counted as not allowed: %v", n, l.drops("ns0"))
	}
	l.address("ns0", "add", "13")
	l.pings("lan", "10.0.0.13")
	l.pings("lan", "fd00::13")
	allowed("13", true)
	// The automatic link-local address always may.
	if !has(l.linkLocal("ns0")) {
		t.Error("the link-local address is gone")
	}
	// A new list takes the place of the old one, and those that are there now have to go.
	l.options("ns0", "allow", "10.0.0.13", "fd00::13")
	allowed("11", false)
	l.pings("lan", "10.0.0.13")
	l.unreached([][2]string{{"lan", "10.0.0.11"}, {"lan", "fd00::11"}})
	l.options("ns0", "allow", "any")
	l.address("ns0", "add", "50")
	l.pings("lan", "10.0.0.50")
	l.pings("lan", "fd00::50")
	allowed("50", true)
}

// linkLocal is the automatic link-local address of ipvl0 in a namespace.
func (l *lan) linkLocal(ns string) (found string) {
	l.t.Helper()
	l.eventually(ns+" has a link-local address", func() bool {
		for _, f := range strings.Fields(l.ip(ns, "-6", "addr", "show", "dev", "ipvl0", "scope", "link")) {
			if strings.HasPrefix(f, "fe80::") {
				found = strings.TrimSuffix(f, "/64")
			}
		}
		return found != ""
	})
	return found
}
