package fib

import (
	"net/netip"
	"testing"
)

func inFull(tab *Table, q Query) Result { return tab.LookupFull(2, q) }

func TestFull(t *testing.T) {
	verdicts(t, lab, map[string][2]string{
		"routes elsewhere and none at all": {`
			route default via 10.5.0.254 dev d0
			route default via 10.0.0.254 dev m0 metric 100
			route default6 via fe80::d dev d0 metric 10
			route default6 via fe80::a dev m0 metric 20`, `
			8.8.8.8 from 10.1.0.11                    → via 10.5.0.254 dev d0
			10.0.0.9 from 10.1.0.11                   → dev m0
			10.5.0.9 from 10.1.0.11                   → dev d0
			2001:db8:9::1 from 2001:db8:1::11         → via fe80::d dev d0`},
		"nothing is assumed": {``, `
			172.16.0.1 from 10.1.0.11                 → drop no-route
			2001:db8:9::1 from 2001:db8:1::11         → drop no-route`},
		"what stands against it": {`
			route blackhole 172.16.0.0/16
			route unreachable 172.17.0.0/16
			route prohibit 172.18.0.0/16
			route throw 172.19.0.0/16
			route blackhole 2001:db8:7::/48
			route prohibit 2001:db8:8::/48
			route default via 10.0.0.254 dev m0`, `
			172.16.0.1 from 10.1.0.11         → drop blackhole
			172.17.0.1 from 10.1.0.11         → drop unreachable
			172.18.0.1 from 10.1.0.11         → drop prohibit
			172.19.0.1 from 10.1.0.11         → drop no-route
			2001:db8:7::1 from 2001:db8:1::11 → drop blackhole
			2001:db8:8::1 from 2001:db8:1::11 → drop prohibit`},
		"the host's addresses on any interface, but loopback": {``, `
			10.0.0.1 from 10.1.0.11            → local dev m0
			10.5.0.1 from 10.1.0.11            → local dev d0
			2001:db8:5::1 from 2001:db8:1::11  → local dev d0
			127.0.0.1 from 10.1.0.11           → drop bad-destination
			::1 from 2001:db8:1::11            → drop bad-destination`},
		"groups and bad addresses": {`
			route default via 10.0.0.254 dev m0`, `
			255.255.255.255         → drop broadcast
			10.5.0.255              → drop broadcast
			224.0.0.1               → drop broadcast
			ff02::1 from fe80::11   → drop broadcast
			8.8.8.8 from 127.0.0.1  → drop bad-source
			0.1.2.3                 → drop bad-destination
			:: from 2001:db8:1::11  → drop bad-destination
			::ffff:10.0.0.1         → drop bad-destination`},
		"link scope is the master's": {``, `
			fe80::9 from fe80::11 → dev m0`},
		"rules by source": {`
			route default via 10.0.0.254 dev m0
			route default via 10.5.0.254 dev d0 table 7
			rule 0 lookup 255
			rule 100 from 10.1.0.0/16 lookup 7
			rule 32766 lookup 254`, `
			8.8.8.8 from 10.1.0.11 → via 10.5.0.254 dev d0
			8.8.8.8 from 10.2.0.11 → via 10.0.0.254 dev m0`},
	}, inFull)
}

// An unreachable rule is told from an unreachable route, also behind a throw.
func TestFullTellsRuleFromRoute(t *testing.T) {
	for text, want := range map[string]Type{
		"route unreachable 172.16.0.0/16\nrule 10 lookup 254":                                Unreachable,
		"route throw 172.16.0.0/16 table 9\nrule 10 lookup 9\nrule 20 unreachable":           Unicast,
		"route 10.9.0.0/16 dev m0\nrule 10 to 172.16.0.0/16 unreachable\nrule 20 lookup 254": Unicast,
	} {
		tab := compile(t, lab+text)
		if r := tab.LookupFull(2, parseQuery(t, tab, "172.16.0.1 from 10.1.0.11")); r.Reason != ReasonUnreachable || r.Type != want {
			t.Errorf("%s: %+v, want type %v", text, r, want)
		}
	}
}

func TestFullInterfaces(t *testing.T) {
	tab := compile(t, "link 2 m0 mtu 1500\nlink 3 d0 down\nroute 10.5.0.0/16 dev d0\nroute 2001:db8:5::/48 dev d0")
	for master, ask := range map[int]string{2: "10.5.0.9", 77: "10.5.0.9"} {
		if r := tab.LookupFull(master, parseQuery(t, tab, ask)); r.Reason != ReasonLinkDown {
			t.Errorf("%d: %+v", master, r)
		}
	}
	tab = compile(t, two+"route 10.0.0.0/8 via 10.0.0.1 dev p0 table 10\nrule 10 l3mdev\nrule 20 lookup 254")
	q := parseQuery(t, tab, "10.1.1.1")
	if got := show(tab, q, tab.LookupFull(4, q)); got != "via 10.0.0.1 dev p0" {
		t.Errorf("in a VRF: %s", got)
	}
}

func TestSelect(t *testing.T) {
	tab, _, err := Compile(Snapshot{
		Ifaces: []Iface{{Index: 2, Name: "m0", Up: true}, {Index: 3, Name: "d0", Up: true}},
		Addrs: []Addr{
			{Index: 2, Prefix: netip.MustParsePrefix("169.254.1.1/16"), Scope: scopeLink},
			{Index: 2, Prefix: netip.MustParsePrefix("10.0.0.1/24")}, {Index: 2, Prefix: netip.MustParsePrefix("10.7.0.1/24")},
			{Index: 2, Prefix: netip.MustParsePrefix("10.7.0.2/24"), Secondary: true},
			{Index: 2, Prefix: netip.MustParsePrefix("fe80::1/64")}, {Index: 2, Prefix: netip.MustParsePrefix("2001:db8:1::1/64"), Deprecated: true},
			{Index: 2, Prefix: netip.MustParsePrefix("2001:db8::1/64")}, {Index: 2, Prefix: netip.MustParsePrefix("fd00::1/64")},
			{Index: 2, Prefix: netip.MustParsePrefix("2001:db8:2::1/64"), Tentative: true}, {Index: 3, Prefix: netip.MustParsePrefix("10.5.0.1/24")},
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	for dst, want := range map[string]string{
		"8.8.8.8": "10.0.0.1", "10.7.0.9": "10.7.0.1", "10.5.0.9": "10.0.0.1", "fe80::9": "fe80::1",
		"2001:db8:1::9": "2001:db8::1", "2001:db8:2::9": "2001:db8::1", "fd00::9": "fd00::1", "2a00::1": "2001:db8::1",
	} {
		d := netip.MustParseAddr(dst)
		if got := tab.Select(2, d); got.String() != want {
			t.Errorf("towards %s: %v, want %s", dst, got, want)
		}
		if n := testing.AllocsPerRun(10, func() { tab.Select(2, d) }); n != 0 {
			t.Errorf("%v allocations", n)
		}
	}
	if got := tab.Select(3, netip.MustParseAddr("::1")); got.IsValid() {
		t.Errorf("%v", got)
	}
}
