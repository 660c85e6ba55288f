package fib

import (
	"strings"
	"testing"
)

// The lab of the kernel's measurements: m0 is the master, d0 another device.
const lab = `
link 1 lo mtu 65536
link 2 m0 mtu 1500
link 3 d0 mtu 9000
addr 127.0.0.1/8 dev lo scope 254
addr 10.0.0.1/24 dev m0
addr 10.5.0.1/24 dev d0
route local 127.0.0.0/8 dev lo
route local 127.0.0.1 dev lo
route broadcast 127.255.255.255 dev lo
route local 10.0.0.1 dev m0
route broadcast 10.0.0.255 dev m0
route 10.0.0.0/24 dev m0
route local 10.5.0.1 dev d0
route broadcast 10.5.0.255 dev d0
route 10.5.0.0/24 dev d0
route local ::1 dev lo
route local fe80::1 dev m0
route local fe80::2 dev d0
route local 2001:db8::1 dev m0
route local 2001:db8:5::1 dev d0
route anycast 2001:db8:: dev m0
route fe80::/64 dev d0 metric 256
route fe80::/64 dev m0 metric 256
route 2001:db8::/64 dev m0 metric 256
route 2001:db8:5::/64 dev d0 metric 256
route multicast ff00::/8 dev m0 table 255 metric 256
`

// verdicts runs tests of the form {state, "query → answer" lines}.
func verdicts(t *testing.T, base string, tests map[string][2]string, lookup func(*Table, Query) Result) {
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			tab := compile(t, base+tt[0])
			for _, line := range strings.Split(strings.TrimSpace(tt[1]), "\n") {
				ask, want, _ := strings.Cut(line, "→")
				q := parseQuery(t, tab, ask)
				if got := show(tab, q, lookup(tab, q)); got != strings.TrimSpace(want) {
					t.Errorf("%s: %s, want %s", strings.TrimSpace(ask), got, strings.TrimSpace(want))
				}
			}
		})
	}
}

func viaMaster(tab *Table, q Query) Result { return tab.LookupKernel(2, q) }

func TestKernelIPv4(t *testing.T) {
	verdicts(t, lab, map[string][2]string{
		"T3-21 route through the master": {`
			route default via 10.0.0.254 dev m0
			route 192.168.0.0/16 via 10.0.0.253 dev m0 table 7
			rule 0 lookup 255
			rule 100 from 10.1.0.0/16 lookup 7
			rule 32766 lookup 254`, `
			192.168.1.1 from 10.1.0.11 → via 10.0.0.253 dev m0
			192.168.1.1 from 10.2.0.12 → via 10.0.0.254 dev m0
			10.0.0.77 from 10.1.0.11   → dev m0`},
		"T3-22 best route elsewhere is not used": {`
			route default via 10.5.0.254 dev d0
			route default via 10.0.0.254 dev m0 metric 100
			route 172.16.0.0/12 via 10.0.0.253 dev m0
			route 172.16.5.0/24 via 10.5.0.253 dev d0`, `
			8.8.8.8    → via 10.0.0.254 dev m0
			172.16.5.1 → via 10.0.0.253 dev m0`},
		"T3-23 no route is on-link": {`
			route default via 10.5.0.254 dev d0`, `
			172.16.0.1 from 10.1.0.11 → dev m0 assumed`},
		"T3-24 reject routes are on-link": {`
			route blackhole 172.16.0.0/16
			route unreachable 172.17.0.0/16
			route prohibit 172.18.0.0/16
			route throw 172.19.0.0/16
			route default via 10.0.0.254 dev m0`, `
			172.16.0.1 → dev m0 assumed
			172.17.0.1 → dev m0 assumed
			172.18.0.1 → dev m0 assumed
			172.19.0.1 → dev m0 assumed`},
		"T3-25 T3-26 T3-27 local addresses": {``, `
			10.0.0.1  → local dev m0
			10.5.0.1  → dev m0 assumed
			10.5.0.9  → dev m0 assumed
			127.0.0.1 → dev m0 assumed`},
		"T3-28 T3-29 broadcast and multicast": {``, `
			255.255.255.255 → drop broadcast
			10.0.0.255      → drop broadcast
			224.0.0.1       → drop broadcast
			239.1.1.1       → drop broadcast
			10.1.0.255      → dev m0 assumed
			10.5.0.255      → dev m0 assumed`},
		"what is never routed": {`
			route default via 10.0.0.254 dev m0`, `
			0.1.2.3                      → drop bad-destination
			8.8.8.8 from 224.0.0.1       → drop bad-source
			8.8.8.8 from 0.1.2.3         → drop bad-source
			8.8.8.8 from 127.0.0.1       → drop bad-source
			8.8.8.8 from 255.255.255.255 → drop bad-source
			8.8.8.8 from 2001:db8::9     → drop bad-source
			8.8.8.8 from 0.0.0.0         → via 10.0.0.254 dev m0`},
		"a gateway of the other family": {`
			route default via fe80::9 dev m0`, `
			8.8.8.8 → via fe80::9 dev m0`},
	}, viaMaster)
}

func TestKernelIPv6(t *testing.T) {
	verdicts(t, lab, map[string][2]string{
		"T3-31 the bound interface is a hint": {`
			route default6 via fe80::d dev d0 metric 10
			route default6 via fe80::a dev m0 metric 20`, `
			2001:db8:9::1 from 2001:db8:1::11 → via fe80::d dev d0
			2001:db8:5::9 from 2001:db8:1::11 → dev d0`},
		"the hint decides among equals": {`
			route default6 via fe80::d dev d0 metric 10
			route default6 via fe80::a dev m0 metric 10`, `
			2001:db8:9::1 from 2001:db8:1::11 → via fe80::a dev m0`},
		"the preference decides before the hint": {`
			route default6 via fe80::d dev d0 metric 10 pref 1
			route default6 via fe80::a dev m0 metric 10
			route 2001:db8:8::/48 via fe80::d dev d0 metric 10
			route 2001:db8:8::/48 via fe80::a dev m0 metric 10 pref 3`, `
			2001:db8:9::1 from 2001:db8:1::11 → via fe80::d dev d0
			2001:db8:8::1 from 2001:db8:1::11 → via fe80::d dev d0`},
		"T3-32 no route and reject routes": {`
			route unreachable 2001:db8:7::/48
			route prohibit 2001:db8:8::/48`, `
			2001:db8:9::1 from 2001:db8:1::11 → drop no-route
			2001:db8:7::1 from 2001:db8:1::11 → drop unreachable
			2001:db8:8::1 from 2001:db8:1::11 → drop prohibit`},
		"T3-33 T3-35 link-local and local": {``, `
			fe80::9 from fe80::11              → dev m0
			fe80::1 from fe80::11              → local dev m0
			fe80::2 from fe80::11              → dev m0
			2001:db8::1 from 2001:db8:1::11    → local dev m0
			2001:db8:: from 2001:db8:1::11     → local dev m0
			2001:db8:5::1 from 2001:db8:1::11  → local dev d0
			::1 from 2001:db8:1::11            → drop no-route
			ff02::1 from fe80::11              → drop broadcast
			:: from 2001:db8:1::11             → drop bad-destination`},
		"no source is bound": {`
			route default6 via fe80::d dev d0 metric 10
			route default6 via fe80::a dev m0 metric 20`, `
			2001:db8:9::1 from ::  → via fe80::a dev m0
			2001:db8:9::1          → via fe80::a dev m0`},
		"source-specific": {`
			route default6 via fe80::a dev m0 metric 10
			route default6 from 2001:db8:1::/48 via fe80::b dev m0 metric 900
			route 2001:db8:9::/48 from 2001:db8:2::/48 via fe80::c dev m0`, `
			2001:db8:8::1 from 2001:db8:1::11 → via fe80::b dev m0
			2001:db8:8::1 from 2001:db8:3::11 → via fe80::a dev m0
			2001:db8:9::1 from 2001:db8:2::11 → via fe80::c dev m0
			2001:db8:9::1 from 2001:db8:1::11 → via fe80::b dev m0`},
		"from everywhere is no source": {`
			route default6 from ::/0 via fe80::a dev m0 metric 20
			route default6 via fe80::b dev m0 metric 10`, `
			2001:db8:8::1 from 2001:db8:1::11 → via fe80::b dev m0`},
		"4-in-6 is no destination": {``, `
			::ffff:10.0.0.1 from 2001:db8:1::11 → drop bad-destination`},
	}, viaMaster)
}

// T3-20: which rules the driver's look-up matches.
func TestKernelRules(t *testing.T) {
	rules := map[string]bool{
		"from 10.1.0.0/16":     true,
		"from 10.0.0.1":        false,
		"to 8.0.0.0/8":         true,
		"to 9.0.0.0/8":         false,
		"oif m0":               true,
		"oif d0":               false,
		"oif gone":             false,
		"not oif gone":         true,
		"iif lo":               true,
		"iif m0":               false,
		"tos 0x10":             true,
		"tos 0x20":             false,
		"uidrange 0 0":         true,
		"uidrange 1 65535":     false,
		"ipproto 17":           false,
		"dport 53":             false,
		"fwmark 0 0":           true,
		"fwmark 7 0":           false,
		"fwmark 7 0xff":        false,
		"not fwmark 7 0xff":    true,
		"not from 10.1.0.0/16": false,
	}
	for text, want := range rules {
		tab := compile(t, lab+`
			route default via 10.0.0.254 dev m0
			route default via 10.0.0.7 dev m0 table 7
			rule 0 lookup 255
			rule 32766 lookup 254
			rule 100 `+text+` lookup 7`)
		q := parseQuery(t, tab, "8.8.8.8 from 10.1.0.11 tos 0x11 proto 17")
		if got := tab.LookupKernel(2, q).NextHop.String() == "10.0.0.7"; got != want {
			t.Errorf("rule %q matches: %v, want %v", text, got, want)
		}
	}
}

func TestMasterDownOrUnknown(t *testing.T) {
	tab := compile(t, "link 2 m0 down\nroute default via 10.0.0.254 dev m0\nroute default6 via fe80::9 dev m0")
	for master, ask := range map[int]string{2: "8.8.8.8", 77: "8.8.8.8", 78: "2001:db8::1"} {
		if got := tab.LookupKernel(master, parseQuery(t, tab, ask)); got.Reason != ReasonLinkDown {
			t.Errorf("%d %s: %+v, want link-down", master, ask, got)
		}
	}
	if got := tab.LookupKernel(2, parseQuery(t, tab, "2001:db8::1 from 2001:db8::2")); got.Reason != ReasonLinkDown {
		t.Errorf("IPv6 through an interface that is down: %+v", got)
	}
}

func TestNoAssumptionInVRF(t *testing.T) {
	tab := compile(t, two+"route 10.0.0.0/8 via 10.0.0.1 dev p0 table 10\nrule 10 l3mdev\nrule 20 lookup 254")
	for ask, want := range map[string]string{"10.1.1.1": "via 10.0.0.1 dev p0", "9.9.9.9": "drop no-route"} {
		q := parseQuery(t, tab, ask)
		if got := show(tab, q, tab.LookupKernel(4, q)); got != want {
			t.Errorf("%s: %s, want %s", ask, got, want)
		}
	}
}
