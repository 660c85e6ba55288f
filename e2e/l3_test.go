package e2e

import (
	"strings"
	"testing"
)

// The kernel document's example in L3, with a router on the wire:
//
//	far 192.0.2.7 2001:db8::7 ── lan 10.0.0.100 ── eth0 (master) ─┬─ ns0 ipvl0 10.1.0.11 fd01::11
//	                                 fd00::100                    └─ ns1 ipvl0 10.2.0.12 fd02::12
//
// The lan has routes to the devices over the master. It answers ARP only for
// what it has on the interface that is asked, so that nothing but a route leads to
// far.
func newL3(t *testing.T) *lan {
	t.Helper()
	l := newLAN(t)
	l.newNetns("far")
	l.ip("lan", "link", "add", "far", "type", "veth", "peer", "name", "eth0", "netns", l.ns("far"))
	for ns, dev := range map[string]string{"lan": "far", "far": "eth0"} {
		host := map[string]string{"lan": "1", "far": "7"}[ns]
		l.ip(ns, "addr", "add", "192.0.2."+host+"/24", "dev", dev)
		l.ip(ns, "addr", "add", "2001:db8::"+host+"/64", "dev", dev, "nodad")
		l.ip(ns, "link", "set", dev, "up")
	}
	l.sysctl("lan", "net/ipv4/ip_forward", "1")
	l.sysctl("lan", "net/ipv6/conf/all/forwarding", "1")
	l.sysctl("lan", "net/ipv4/conf/all/arp_ignore", "1")
	l.ip("far", "route", "add", "default", "via", "192.0.2.1")
	l.ip("far", "-6", "route", "add", "default", "via", "2001:db8::1")
	for _, p := range []string{"10.1.0.0/24", "10.2.0.0/24"} {
		l.ip("lan", "route", "add", p, "via", "10.0.0.1")
	}
	for _, p := range []string{"fd01::/64", "fd02::/64"} {
		l.ip("lan", "route", "add", p, "via", "fd00::1")
	}
	l.serve()
	l.device("ipvl0", "ns0", "l3", "10.1.0.11/24", "fd01::11/64")
	l.device("ipvl0", "ns1", "l3", "10.2.0.12/24", "fd02::12/64")
	for _, ns := range []string{"ns0", "ns1"} {
		l.ip(ns, "route", "add", "default", "dev", "ipvl0")
		l.ip(ns, "-6", "route", "add", "default", "dev", "ipvl0")
	}
	return l
}

func TestL3Reaches(t *testing.T) {
	l := newL3(t)
	if f := l.flags("ns0", "ipvl0"); !strings.Contains(f, ",NOARP,") {
		t.Errorf("flags %s", f)
	}
	for _, c := range [][2]string{
		{"ns0", "10.2.0.12"}, {"ns0", "fd02::12"}, {"ns1", "10.1.0.11"},
		{"ns0", "10.0.0.100"}, {"ns0", "fd00::100"}, {"lan", "10.1.0.11"}, {"lan", "fd02::12"},
	} {
		l.pings(c[0], c[1])
	}
	l.pings("ns0", "10.0.0.100", "-t", "1")
	const size = 16 << 20
	l.stream("ns0", "ns1", "10.2.0.12", size)
	l.stream("ns0", "lan", "10.0.0.100", size)
	l.stream("lan", "ns1", "fd02::12", size)
}

// The default namespace's routing table decides, from one moment to the next.
func TestL3FollowsTheRoute(t *testing.T) {
	l := newL3(t)
	routes := [][]string{{"192.0.2.0/24", "10.0.0.100", "192.0.2.7"}, {"2001:db8::/64", "fd00::100", "2001:db8::7"}}
	for range 2 {
		for _, r := range routes {
			l.silent("ns0", r[2])
			l.ip("host", "route", "add", r[0], "via", r[1])
			l.pings("ns0", r[2])
			l.ip("host", "route", "del", r[0])
		}
	}
}

func TestRouteCommands(t *testing.T) {
	l := newL3(t)
	l.ip("host", "route", "add", "192.0.2.0/24", "via", "10.0.0.100", "metric", "7")
	l.eventually("the route is mirrored", func() bool {
		return strings.Contains(l.ipvl("route", "show"), "192.0.2.0/24 via 10.0.0.100 dev eth0")
	})
	if out := l.ipvl("route", "get", "192.0.2.7", "from", "10.1.0.11"); !strings.Contains(out, "via 10.0.0.100 dev eth0") {
		t.Errorf("route get: %s", out)
	}
	l.pings("ns0", "192.0.2.7")
	mac := l.mac("lan", "eth0")
	if out := l.ipvl("neigh", "show"); !strings.Contains(out, "10.0.0.100 dev eth0 lladdr "+mac) {
		t.Errorf("neigh show: %s", out)
	}
	l.ip("host", "route", "del", "192.0.2.0/24", "via", "10.0.0.100")
	l.eventually("the route is gone", func() bool { return !strings.Contains(l.ipvl("route", "show"), "192.0.2.0/24") })
}

// Nobody answers ARP or a group's solicitation for an L3 device; the host does
// not know its address either.
func TestL3IsSilentOnTheWire(t *testing.T) {
	l := newL3(t)
	l.pings("lan", "10.1.0.11")
	l.ip("lan", "route", "add", "10.1.0.11/32", "dev", "eth0")
	l.ip("lan", "route", "add", "fd01::11/128", "dev", "eth0")
	l.silent("lan", "10.1.0.11")
	l.silent("lan", "fd01::11")
	// A static neighbour entry is what such peers need.
	l.ip("lan", "neigh", "replace", "10.1.0.11", "lladdr", l.mac("host", "eth0"), "dev", "eth0")
	l.pings("lan", "10.1.0.11")
}

// What was set by hand lasts until the device comes up again.
func TestUpRestoresNOARP(t *testing.T) {
	l := newLAN(t)
	l.serve()
	l.device("ipvl0", "ns0", "l3", "10.1.0.11/24")
	l.ip("ns0", "link", "set", "ipvl0", "arp", "on")
	if f := l.flags("ns0", "ipvl0"); strings.Contains(f, ",NOARP,") {
		t.Fatalf("flags %s", f)
	}
	l.ip("ns0", "link", "set", "ipvl0", "down")
	l.ip("ns0", "link", "set", "ipvl0", "up")
	l.eventually("NOARP is back", func() bool { return strings.Contains(l.flags("ns0", "ipvl0"), ",NOARP,") })
}

func TestModeChangesLive(t *testing.T) {
	l := newLAN(t)
	l.serve()
	l.device("ipvl0", "ns0", "l2", "10.0.0.11/24", "fd00::11/64")
	l.device("ipvl0", "ns1", "l2", "10.0.0.12/24", "fd00::12/64")
	for _, mode := range []string{"l3", "l2", "l3"} {
		l.ipvl("-n", l.ns("ns1"), "link", "set", "dev", "ipvl0", "type", "ipvlan", "mode", mode)
		for _, ns := range []string{"ns0", "ns1"} {
			if got := strings.Contains(l.flags(ns, "ipvl0"), ",NOARP,"); got != (mode == "l3") {
				t.Errorf("mode %s: NOARP is %v in %s", mode, got, ns)
			}
		}
		l.pings("ns0", "10.0.0.12")
		l.pings("ns0", "fd00::12")
		if mode == "l2" { // in l3 nobody on the wire learns the devices' MAC address
			l.pings("ns0", "10.0.0.100")
			l.pings("lan", "fd00::11")
		}
	}
	// A device that comes without a mode brings the default for all.
	l.ipvl("-n", l.ns("ns1"), "link", "set", "dev", "ipvl0", "type", "ipvlan", "mode", "l2")
	l.ipvl("link", "add", "link", "eth0", "third", "type", "ipvlan")
	if out := l.ipvl("-n", l.ns("ns0"), "-d", "link", "show", "ipvl0"); !strings.Contains(out, "mode l3 ") {
		t.Errorf("after a third device without a mode:\n%s", out)
	}
}
