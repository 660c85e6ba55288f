package fib

import "testing"

const two = `
link 2 m0 mtu 1500 group 7
link 3 d0 mtu 9000
link 4 p0 master 9
link 9 red vrf 10
`

func TestLookup(t *testing.T) {
	verdicts(t, two, map[string][2]string{
		"longest prefix, then metric": {`
			route default via 10.0.0.1 dev m0
			route 10.0.0.0/8 via 10.0.0.2 dev m0 metric 9
			route 10.0.0.0/8 via 10.0.0.3 dev d0 metric 5
			route 10.1.2.3 via 10.0.0.4 dev d0`, `
			9.9.9.9         → via 10.0.0.1 dev m0
			10.9.9.9        → via 10.0.0.3 dev d0
			10.9.9.9 oif m0 → via 10.0.0.2 dev m0
			10.1.2.3        → via 10.0.0.4 dev d0
			10.1.2.3 oif m0 → via 10.0.0.2 dev m0`},
		"TOS first": {`
			route default via 10.0.0.1 dev m0
			route default via 10.0.0.2 dev m0 metric 9 tos 0x10`, `
			9.9.9.9 tos 0x10 → via 10.0.0.2 dev m0
			9.9.9.9 tos 0x13 → via 10.0.0.2 dev m0
			9.9.9.9 tos 0x20 → via 10.0.0.1 dev m0`},
		"a longer reject hides a shorter route": {`
			route default via 10.0.0.1 dev m0
			route blackhole 10.0.0.0/8
			route unreachable 11.0.0.0/8
			route prohibit 12.0.0.0/8`, `
			10.1.1.1 → drop blackhole
			11.1.1.1 → drop unreachable
			12.1.1.1 → drop prohibit`},
		"throw goes on with the next rule": {`
			route default via 10.0.0.1 dev m0
			route default via 10.0.0.7 dev m0 table 7
			route throw 10.0.0.0/8 table 7
			rule 100 lookup 7
			rule 200 lookup 254`, `
			9.9.9.9  → via 10.0.0.7 dev m0
			10.1.1.1 → via 10.0.0.1 dev m0`},
		"goto, nop and the order of rules": {`
			route default via 10.0.0.7 dev m0 table 7
			route default via 10.0.0.8 dev m0 table 8
			rule 300 lookup 8
			rule 50 nop
			rule 100 from 10.1.0.0/16 goto 300
			rule 100 from 10.2.0.0/16 goto 50
			rule 100 from 10.3.0.0/16 goto 555
			rule 200 lookup 7`, `
			9.9.9.9               → via 10.0.0.7 dev m0
			9.9.9.9 from 10.1.0.1 → via 10.0.0.8 dev m0
			9.9.9.9 from 10.2.0.1 → via 10.0.0.7 dev m0
			9.9.9.9 from 10.3.0.1 → via 10.0.0.7 dev m0`},
		"rules that reject": {`
			route default via 10.0.0.1 dev m0
			rule 10 fwmark 1 0xf blackhole
			rule 11 fwmark 2 0xf unreachable
			rule 12 fwmark 3 0xf prohibit
			rule 20 lookup 254`, `
			9.9.9.9 mark 0x11 → drop blackhole
			9.9.9.9 mark 2    → drop unreachable
			9.9.9.9 mark 3    → drop prohibit
			9.9.9.9 mark 4    → via 10.0.0.1 dev m0`},
		"suppress": {`
			route default via 10.0.0.1 dev m0
			route 10.0.0.0/8 dev d0
			route 11.0.0.0/8 dev m0
			route default via 10.0.0.7 dev m0 table 7
			rule 10 lookup 254 suppress_prefixlength 0 suppress_ifgroup 7
			rule 20 lookup 7`, `
			9.9.9.9  → via 10.0.0.7 dev m0
			10.1.1.1 → dev d0
			11.1.1.1 → via 10.0.0.7 dev m0`},
		"suppress by length alone": {`
			route default via 10.0.0.1 dev m0
			route 10.0.0.0/8 dev m0
			route default via 10.0.0.7 dev m0 table 7
			rule 10 lookup 254 suppress_prefixlength 0
			rule 20 lookup 7`, `
			9.9.9.9  → via 10.0.0.7 dev m0
			10.1.1.1 → dev m0`},
		"suppress by group alone": {`
			route default via 10.0.0.1 dev m0
			route 10.0.0.0/8 dev d0
			route default via 10.0.0.7 dev m0 table 7
			rule 10 lookup 254 suppress_ifgroup 7
			rule 20 lookup 7`, `
			9.9.9.9  → via 10.0.0.7 dev m0
			10.1.1.1 → dev d0`},
		"l3mdev": {`
			route default via 10.0.0.1 dev m0
			route default via 10.0.0.10 dev p0 table 10
			rule 10 l3mdev
			rule 20 lookup 254`, `
			9.9.9.9        → via 10.0.0.1 dev m0
			9.9.9.9 oif p0 → via 10.0.0.10 dev p0`},
		"dead hops": {`
			route default nexthop via 10.0.0.1 dev m0 dead nexthop via 10.0.0.2 dev m0 linkdown
			route 10.0.0.0/8 via 10.0.0.3 dev m0 dead
			route 11.0.0.0/8 via 10.0.0.3 dev m0`, `
			11.1.1.1              → via 10.0.0.3 dev m0
			9.9.9.9               → via 10.0.0.2 dev m0
			9.9.9.9 hash 0        → via 10.0.0.2 dev m0
			10.1.1.1 oif m0       → via 10.0.0.2 dev m0
			10.1.1.1 hash 4000000 → via 10.0.0.2 dev m0`},
		"multipath by hash": {`
			route default nexthop via 10.0.0.1 dev m0 weight 1 nexthop via 10.0.0.2 dev d0 weight 3`, `
			9.9.9.9 hash 0x3fffffff        → via 10.0.0.1 dev m0
			9.9.9.9 hash 0x40000000        → via 10.0.0.2 dev d0
			9.9.9.9 hash 0xffffffff        → via 10.0.0.2 dev d0
			9.9.9.9 hash 0xffffffff oif m0 → via 10.0.0.1 dev m0`},
		"nothing at all": {``, `
			9.9.9.9     → drop no-route
			2001:db8::1 → drop no-route`},
		"the kernel's default rules": {`
			route local 10.0.0.1 dev m0
			route 10.0.0.0/24 dev m0
			route default via 10.0.0.9 dev m0 table 253
			route default6 via fe80::9 dev m0 table 253`, `
			10.0.0.1    → local dev m0
			10.0.0.2    → dev m0
			9.9.9.9     → via 10.0.0.9 dev m0
			2001:db8::1 → drop no-route`},
		"IPv6 multipath by hash": {`
			route default6 nexthop via fe80::1 dev m0 nexthop via fe80::2 dev d0`, `
			2001:db8::1 from 2001:db8::2 hash 0                 → via fe80::1 dev m0
			2001:db8::1 from 2001:db8::2 hash 0x90000000        → via fe80::2 dev d0
			2001:db8::1 from 2001:db8::2 hash 0x90000000 oif m0 → via fe80::2 dev d0
			2001:db8::1 hash 0x90000000 oif m0                  → via fe80::1 dev m0`},
	}, func(tab *Table, q Query) Result { return tab.Lookup(q) })
}

func TestResultFields(t *testing.T) {
	tab := compile(t, two+`
		route default via 10.0.0.1 dev m0 src 10.0.0.5 mtu 1400 table 7
		route 10.0.0.0/8 dev d0 mtu 65000 table 7
		rule 1 lookup 7`)
	r := tab.Lookup(parseQuery(t, tab, "9.9.9.9"))
	if r.MTU != 1400 || r.PrefSrc.String() != "10.0.0.5" || r.Table != 7 || r.PrefixLen != 0 || r.Index != 2 {
		t.Errorf("%+v", r)
	}
	if r = tab.Lookup(parseQuery(t, tab, "10.1.1.1")); r.MTU != 9000 || r.PrefixLen != 8 {
		t.Errorf("the interface's MTU is the limit: %+v", r)
	}
}

func TestSourceFor(t *testing.T) {
	tab := compile(t, `
		link 1 lo
		link 2 m0
		link 3 d0
		link 4 bare
		link 5 v0 master 6
		link 6 red vrf 10
		addr 127.0.0.1/8 dev lo scope 254
		addr 169.254.1.1/16 dev d0 scope 253
		addr 10.5.0.1/24 dev d0
		addr 10.0.0.1/24 dev m0
		addr 10.0.0.2/24 dev m0 secondary
		addr 10.1.0.1/24 dev m0
		addr 10.3.0.1/24 dev m0 secondary
		addr 10.9.0.1/32 dev m0 peer 10.8.0.1
		addr 2001:db8::1/64 dev m0
		addr fe80::2/64 dev m0 tentative
		addr fe80::1/64 dev m0
		addr 2001:db8:5::1/64 dev d0`)
	for _, tt := range []struct {
		index        int
		target, want string
	}{
		{2, "10.0.0.9", "10.0.0.1"},
		{2, "10.1.0.9", "10.1.0.1"},
		{2, "10.8.0.1", "10.9.0.1"},
		{2, "8.8.8.8", "10.0.0.1"},
		{2, "10.3.0.9", "10.0.0.1"},
		{4, "8.8.8.8", "10.5.0.1"}, // unnumbered: the first global address of the host
		{5, "8.8.8.8", "invalid IP"},
		{3, "8.8.8.8", "169.254.1.1"},
		{2, "2001:db8::9", "fe80::1"},
		{3, "2001:db8::9", "2001:db8:5::1"},
		{4, "2001:db8::9", "invalid IP"},
	} {
		p := parser{t: t, words: []string{tt.target}}
		if got := tab.SourceFor(tt.index, p.ip()).String(); got != tt.want {
			t.Errorf("SourceFor(%d, %s) = %s, want %s", tt.index, tt.target, got, tt.want)
		}
	}
}
