package e2e

import (
	"strings"
	"testing"
)

// The kernel document's example in L2:
//
//	lan 10.0.0.100 ──── eth0 10.0.0.1 (master) ─┬─ ns0 ipvl0 10.0.0.11 fd00::11
//	    fd00::100            fd00::1            └─ ns1 ipvl0 10.0.0.12 fd00::12
func newL2(t *testing.T) *lan {
	t.Helper()
	l := newLAN(t)
	l.serve()
	l.device("ipvl0", "ns0", "l2", "10.0.0.11/24", "fd00::11/64")
	l.device("ipvl0", "ns1", "l2", "10.0.0.12/24", "fd00::12/64")
	return l
}

func TestL2Reaches(t *testing.T) {
	l := newL2(t)
	for _, c := range [][2]string{
		{"ns0", "10.0.0.12"}, {"ns0", "fd00::12"}, {"ns1", "10.0.0.11"}, {"ns1", "fd00::11"},
		{"ns0", "10.0.0.100"}, {"ns0", "fd00::100"}, {"lan", "10.0.0.11"}, {"lan", "fd00::12"},
		{"lan", "10.0.0.1"}, {"lan", "fd00::1"},
	} {
		l.pings(c[0], c[1])
	}
	// The host and its devices do not reach each other, by design.
	l.silent("ns0", "10.0.0.1")
	l.silent("host", "10.0.0.11")
}

func TestL2CarriesTCP(t *testing.T) {
	l := newL2(t)
	const size = 32 << 20
	l.pings("ns0", "fd00::12") // an address may be tentative for a moment
	l.stream("ns0", "ns1", "10.0.0.12", size)
	l.stream("ns1", "ns0", "fd00::11", size)
	l.stream("ns0", "lan", "10.0.0.100", size)
	l.stream("lan", "ns0", "10.0.0.11", size)
	l.stream("ns1", "lan", "fd00::100", size)
	l.stream("lan", "ns1", "fd00::12", size)
}

func TestTTLIsKept(t *testing.T) {
	l := newL2(t)
	l.pings("ns0", "10.0.0.12", "-t", "1")
	l.pings("ns0", "10.0.0.100", "-t", "1")
	l.pings("lan", "fd00::11", "-t", "1")
}

func TestBroadcastAndMulticast(t *testing.T) {
	l := newL2(t)
	for _, ns := range []string{"ns0", "ns1", "lan"} {
		l.in(ns, func() error { return writeSysctl("net/ipv4/icmp_echo_ignore_broadcasts", "0") })
	}
	// A broadcast of ns0 reaches ns1 and the wire; both answer, once they have
	// found out where to.
	l.answers("10.0.0.255", "10.0.0.12", "10.0.0.100")
	l.answers("ff02::1%ipvl0", "fd00::12", "fd00::100")
}

// answers waits until an echo request of ns0 to many is answered by all of who.
func (l *lan) answers(to string, who ...string) {
	l.t.Helper()
	l.eventually(strings.Join(who, " and ")+" answer to "+to, func() bool {
		out, _ := l.enter("ns0", "ping", "-n", "-b", "-c", "2", "-i", "0.3", "-w", "2", to).CombinedOutput()
		for _, a := range who {
			if !strings.Contains(string(out), "from "+a) {
				return false
			}
		}
		return true
	})
}

// private drops unicast between devices, vepa sends it out to a switch that
// does not reflect it; both keep the wire. Flags belong to the master.
func TestFlags(t *testing.T) {
	l := newL2(t)
	l.pings("ns0", "10.0.0.12")
	for _, flag := range []string{"private", "vepa"} {
		l.ipvl("-n", l.ns("ns0"), "link", "set", "ipvl0", "type", "ipvlan", "mode", "l2", flag)
		for _, ns := range []string{"ns0", "ns1"} {
			if out := l.ipvl("-n", l.ns(ns), "-d", "link", "show", "ipvl0"); !strings.Contains(out, "ipvlan  mode l2 "+flag+" ") {
				t.Errorf("%s shows\n%s", ns, out)
			}
			l.ip(ns, "neigh", "flush", "dev", "ipvl0")
		}
		l.silent("ns0", "10.0.0.12")
		l.silent("ns1", "fd00::11")
		l.pings("ns0", "10.0.0.100")
	}
	// ip(8) sends the flag whenever a word follows the type, so mode alone
	// brings bridge back.
	l.ipvl("-n", l.ns("ns1"), "link", "set", "ipvl0", "type", "ipvlan", "mode", "l2")
	l.pings("ns0", "10.0.0.12")
}

// Devices have one MAC address, and yet different link-local addresses.
func TestLinkLocalAddressesDiffer(t *testing.T) {
	l := newL2(t)
	seen := map[string]string{}
	for _, ns := range []string{"ns0", "ns1"} {
		l.eventually(ns+" has a link-local address", func() bool {
			for _, f := range strings.Fields(l.ip(ns, "-6", "addr", "show", "dev", "ipvl0", "scope", "link")) {
				if strings.HasPrefix(f, "fe80::") {
					seen[ns] = strings.TrimSuffix(f, "/64")
				}
			}
			return seen[ns] != ""
		})
	}
	if seen["ns0"] == seen["ns1"] {
		t.Errorf("both are %s", seen["ns0"])
	}
	l.pings("ns0", seen["ns1"]+"%ipvl0")
	// IPv6 goes with an MTU below 1280, and what comes back is the same.
	l.ip("ns1", "link", "set", "ipvl0", "mtu", "1000")
	l.ip("ns1", "link", "set", "ipvl0", "mtu", "1500")
	l.eventually("the link-local address is back, alone", func() bool {
		out := l.ip("ns1", "-6", "addr", "show", "dev", "ipvl0", "scope", "link")
		return strings.Count(out, "fe80::") == 1 && strings.Contains(out, seen["ns1"]+"/64")
	})
	if a, b := l.mac("ns0", "ipvl0"), l.mac("host", "eth0"); a != b {
		t.Errorf("MAC address %s, the master's is %s", a, b)
	}
}
