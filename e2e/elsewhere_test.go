package e2e

import "testing"

// The kernel's driver binds an IPv4 look-up to the master and an IPv6 one not:
//
//	lan ──── eth0 (master) ── ns0 ipvl0 10.1.0.11 fd01::11
//	ns1 eth1 fd09::7 ──── eth1 fd09::1 (host)
func TestIPv6LeavesThroughAnotherInterface(t *testing.T) {
	l := newLAN(t)
	l.ip("host", "link", "add", "eth1", "type", "veth", "peer", "name", "eth1", "netns", l.ns("ns1"))
	for ns, last := range map[string]string{"host": "1", "ns1": "7"} {
		l.ip(ns, "link", "set", "eth1", "up")
		l.ip(ns, "addr", "add", "fd09::"+last+"/64", "dev", "eth1", "nodad")
	}
	l.ip("ns1", "addr", "add", "2001:db8::7/128", "dev", "lo", "nodad")
	l.serve()
	l.device("ipvl0", "ns0", "l3", "10.1.0.11/24", "fd01::11/64")
	l.ip("ns0", "-6", "route", "add", "default", "dev", "ipvl0")
	l.ip("host", "-6", "route", "add", "default", "via", "fd09::7", "dev", "eth1")
	// The way there; the way back would be the host's to forward.
	l.datagram("ns0", "ns1", "fd09::7", "on-link")
	l.datagram("ns0", "ns1", "2001:db8::7", "by the default route")
}
