package e2e

import (
	"encoding/json"
	"strings"
	"testing"
)

// As newL3, in l3s: rules stand between devices and the wire. Siblings reach each
// other without them, and the host has its own netfilter.
//
//	lan 10.0.0.100 ── eth0 (master, l3s) ─┬─ ns0 ipvl0 10.1.0.11 fd01::11
//	    fd00::100                         └─ ns1 ipvl0 10.2.0.12 fd02::12
func TestFilter(t *testing.T) {
	l := newL3(t)
	mode := func(m string) { l.ipvl("-n", l.ns("ns0"), "link", "set", "ipvl0", "type", "ipvlan", "mode", m) }
	reached := func(pairs ...[2]string) {
		t.Helper()
		for _, p := range pairs {
			l.pings(p[0], p[1])
		}
	}
	mode("l3s")
	out4, out6 := [2]string{"ns0", "10.0.0.100"}, [2]string{"ns0", "fd00::100"}
	in4, in6 := [2]string{"lan", "10.1.0.11"}, [2]string{"lan", "fd01::11"}
	reached(out4, out6, in4, in6)

	// One device, one family, one way.
	l.ipvl("filter", "add", "input", "to", "10.1.0.11", "drop")
	l.unreached([][2]string{in4, out4})
	reached(in6, out6, [2]string{"lan", "10.2.0.12"}, [2]string{"ns1", "10.1.0.11"}, [2]string{"host", "10.0.0.100"})
	if p, b := l.counters("filter", "input", 0); p < 4 || b != 84*p {
		t.Errorf("%d packets, %d bytes are counted", p, b)
	}
	if out := l.ipvl("-s", "filter", "show", "input"); !strings.Contains(out, "1:\tto 10.1.0.11 drop packets ") {
		t.Errorf("-s filter show:\n%s", out)
	}
	mode("l3")
	reached(in4, out4)
	mode("l3s")
	l.unreached([][2]string{in4})
	l.ipvl("filter", "flush")
	reached(in4)

	// Answers only.
	l.ipvl("filter", "add", "input", "state", "established,related", "accept")
	l.ipvl("filter", "policy", "input", "drop")
	reached(out4, out6)
	l.unreached([][2]string{in4, in6})
	l.stream("ns0", "lan", "10.0.0.100", 1<<20)
	l.stream("ns0", "lan", "fd00::100", 1<<20)
	l.datagramEcho("ns0", "lan", "10.0.0.100", "")
	l.refusesTCP("lan", "ns0", "10.1.0.11")
	l.refusesTCP("lan", "ns0", "fd01::11")
	l.stream("lan", "host", "10.0.0.1", 1<<20)
	l.stream("ns1", "ns0", "10.1.0.11", 1<<20)
	// Related: the error about a datagram to a closed port.
	l.eventually("ns0 is told of a closed port", func() bool { return l.portUnreachable("ns0", "10.0.0.100") })
	l.ipvl("filter", "insert", "input", "proto", "tcp", "dport", "5000-65535", "from", "10.0.0.0/24", "accept")
	l.stream("lan", "ns0", "10.1.0.11", 1<<20)
	l.refusesTCP("lan", "ns0", "fd01::11")
	l.ipvl("filter", "policy", "input", "accept")
	l.ipvl("filter", "flush")

	// What may be sent.
	l.ipvl("filter", "add", "output", "from", "10.1.0.11", "proto", "tcp", "drop")
	l.ipvl("-6", "filter", "add", "output", "from", "fd01::/64", "to", "not", "fd00::1", "proto", "ipv6-icmp", "drop")
	l.refusesTCP("ns0", "lan", "10.0.0.100")
	reached(out4)
	l.unreached([][2]string{out6})
	l.stream("ns0", "lan", "fd00::100", 1<<20)
	if p, _ := l.counters("filter", "output", 1); p == 0 || l.drops("ns0")["filter"] < p {
		t.Errorf("a rule counts %d, the device %v", p, l.drops("ns0"))
	}
	l.ipvl("filter", "del", "output", "1")
	l.stream("ns0", "lan", "10.0.0.100", 1<<20)
	l.ipvl("filter", "policy", "output", "drop")
	l.unreached([][2]string{out4, out6})
	// What an l3 device sends is the default namespace's output, too.
	mode("l3")
	l.unreached([][2]string{out4, out6})
	reached([2]string{"ns1", "10.1.0.11"})
	l.ipvl("filter", "policy", "output", "accept")
	reached(out4)
}

// counters are those of a rule, by its index from 0.
func (l *lan) counters(table, chain string, rule int) (packets, bytes uint64) {
	l.t.Helper()
	var chains []struct {
		Rules []struct {
			Packets uint64 `json:"packets"`
			Bytes   uint64 `json:"bytes"`
		} `json:"rules"`
	}
	out := l.ipvl("-s", "-j", table, "show", chain)
	if err := json.Unmarshal([]byte(out), &chains); err != nil || len(chains) != 1 || len(chains[0].Rules) <= rule {
		l.t.Fatalf("%v in %s", err, out)
	}
	r := chains[0].Rules[rule]
	return r.Packets, r.Bytes
}
