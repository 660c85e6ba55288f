package e2e

import (
	"net"
	"strings"
	"sync"
	"testing"
)

// Devices with addresses that the LAN has no route to, behind the master's, with the
// host at work on the same address:
//
//	lan 10.0.0.100 ── eth0 10.0.0.1 (master, l3s) ─┬─ ns0 ipvl0 10.99.0.11 fd99::11
//	    fd00::100          fd00::1                 └─ ns1 ipvl0 10.99.0.12 fd99::12
func TestNAT(t *testing.T) {
	l := newLAN(t)
	l.serve()
	for ns, last := range map[string]string{"ns0": "11", "ns1": "12"} {
		l.device("ipvl0", ns, "l3s", "10.99.0."+last+"/24", "fd99::"+last+"/64")
		l.ip(ns, "route", "add", "default", "dev", "ipvl0")
		l.ip(ns, "-6", "route", "add", "default", "dev", "ipvl0")
	}
	l.pings("ns0", "10.99.0.12")
	toLAN := [][2]string{{"ns0", "10.0.0.100"}, {"ns0", "fd00::100"}}
	l.unreached(toLAN)

	l.ipvl("nat", "add", "postrouting", "from", "10.99.0.0/24", "to", "not", "10.99.0.0/24", "masquerade")
	l.ipvl("nat", "add", "postrouting", "dev", "eth0", "from", "fd99::/64", "masquerade")
	const size = 2 << 20
	each := func(f func(ns, lan, master string)) {
		for _, ns := range []string{"ns0", "ns1"} {
			f(ns, "10.0.0.100", "10.0.0.1")
			f(ns, "fd00::100", "fd00::1")
		}
	}
	var wg sync.WaitGroup
	ping := func(from, to string) {
		if out, ok := l.tryPing(from, to, "15", "-c", "3"); !ok {
			t.Errorf("%s does not reach %s:\n%s\n%s", from, to, out, l.state())
		}
	}
	each(func(ns, lan, _ string) {
		wg.Go(func() { ping(ns, lan) })
		wg.Go(func() { l.stream(ns, "lan", lan, size) })
	})
	// The host's own connections on the same addresses.
	for _, way := range [][3]string{{"host", "lan", "10.0.0.100"}, {"lan", "host", "10.0.0.1"}, {"host", "lan", "fd00::100"}, {"lan", "host", "fd00::1"}} {
		wg.Go(func() { l.stream(way[0], way[1], way[2], size) })
		wg.Go(func() { ping(way[0], way[2]) })
	}
	wg.Wait()
	each(func(ns, lan, master string) {
		if from := l.datagramEcho(ns, "lan", lan, ""); from != master {
			t.Errorf("a datagram of %s comes from %s, want %s", ns, from, master)
		}
		c, err := l.tryEcho("lan", ns, net.JoinHostPort(lan, "0"), "")
		if err != nil {
			t.Fatalf("%v\n%s", err, l.state())
		}
		if err := echoed(c, strings.Repeat("there and back ", 1000)); err != nil {
			t.Errorf("TCP of %s with %s: %v", ns, lan, err)
		}
	})
	for rule := range 2 {
		// The first packets of connections: 2 pings, 2 datagrams and 4 of TCP at least.
		if p, _ := l.counters("nat", "postrouting", rule); p < 8 || p > 40 {
			t.Errorf("rule %d counted %d packets", rule+1, p)
		}
	}
	// Errors about what was translated find their way.
	l.eventually("ns0 is told of a closed port", func() bool { return l.portUnreachable("ns0", "10.0.0.100") })

	// Ports of the master's addresses lead to devices, others to the host.
	l.ipvl("nat", "add", "prerouting", "to", "10.0.0.1", "proto", "tcp", "dport", "8080", "dnat", "to", "10.99.0.11:80")
	l.ipvl("nat", "add", "prerouting", "to", "fd00::1", "proto", "tcp", "dport", "8080", "dnat", "to", "[fd99::12]:80")
	l.greeter("ns0", "10.99.0.11:80", "ns0")
	l.greeter("ns1", "[fd99::12]:80", "ns1")
	for _, port := range []string{"8080", "8081"} { // the host's own on 8080 is out of reach
		l.greeter("host", "10.0.0.1:"+port, "host")
		l.greeter("host", "[fd00::1]:"+port, "host")
	}
	for dial, want := range map[string]string{"10.0.0.1:8080": "ns0", "[fd00::1]:8080": "ns1", "10.0.0.1:8081": "host", "[fd00::1]:8081": "host"} {
		l.eventually(want+" answers on "+dial, func() bool { return l.greeted("lan", dial) == want })
	}
	if from := l.datagramEcho("lan", "ns1", "10.99.0.12", "10.0.0.1"); from != "10.0.0.100" {
		t.Errorf("a datagram to ns1 comes from %s", from)
	}

	// What a device sends to one place leads to another.
	l.ip("host", "route", "add", "192.0.2.1", "via", "10.0.0.100")
	l.ipvl("nat", "add", "output", "to", "192.0.2.1", "proto", "tcp", "dport", "7", "dnat", "to", "10.0.0.100:7000")
	l.greeter("lan", "10.0.0.100:7000", "lan")
	l.eventually("the lan answers for 192.0.2.1", func() bool { return l.greeted("ns0", "192.0.2.1:7") == "lan" })

	// In l3 nothing of it is done for what comes: answers and others are the host's.
	l.ipvl("-n", l.ns("ns0"), "link", "set", "ipvl0", "type", "ipvlan", "mode", "l3")
	l.unreached(toLAN)
	l.eventually("the host answers on 8080", func() bool { return l.greeted("lan", "10.0.0.1:8080") == "host" })
	l.ipvl("-n", l.ns("ns0"), "link", "set", "ipvl0", "type", "ipvlan", "mode", "l3s")
	l.pings("ns0", "10.0.0.100")
	l.eventually("ns0 answers on 8080 again", func() bool { return l.greeted("lan", "10.0.0.1:8080") == "ns0" })
	l.ipvl("nat", "flush")
	l.eventually("the host answers on 8080", func() bool { return l.greeted("lan", "[fd00::1]:8080") == "host" })
	// Errors, where no echo is translated.
	l.ipvl("nat", "add", "postrouting", "proto", "udp", "from", "10.99.0.0/24", "masquerade")
	l.unreached(toLAN)
	l.eventually("ns1 is told of a closed port", func() bool { return l.portUnreachable("ns1", "10.0.0.100") })
}
