package e2e

import (
	"fmt"
	"slices"
	"strings"
	"testing"
)

// Nobody here does ARP or ND for itself: what the LAN knows it has been told.
//
//	lan 10.0.0.100 ── eth0 10.0.0.1 (master, l3) ─┬─ ns0 ipvl0 10.0.0.11 fd00::11 proxy on announce on
//	    fd00::100          fd00::1                └─ ns1 ipvl0 10.0.0.12 fd00::12 proxy on
func TestAnnounce(t *testing.T) {
	l := newLAN(t)
	l.serve()
	wire := l.open("lan", "eth0")
	l.device("ipvl0", "ns0", "l3")
	l.device("ipvl0", "ns1", "l3")
	l.options("ns0", "proxy", "on", "announce", "on")
	l.options("ns1", "proxy", "on")

	// Addresses come: those of ns1 first, and they must not be heard of.
	l.address("ns1", "add", "12")
	l.eventually("ns1 is known", func() bool { _, ok := l.tryPing("ns1", "10.0.0.100", "1"); return ok })
	l.address("ns0", "add", "11")
	l.announced(wire, "11")
	// What there is when the option comes.
	l.options("ns1", "announce", "on")
	l.announced(wire, "12")
	// An address moves.
	l.address("ns0", "del", "11")
	l.address("ns1", "add", "11")
	l.announced(wire, "11")
	l.address("ns1", "del", "11")
	l.address("ns0", "add", "11")
	l.announced(wire, "11")

	// The MAC address changes. The LAN's caches follow, and TCP goes on; that of ns1,
	// which is silent again, does not.
	l.options("ns1", "announce", "off")
	for _, a := range []string{"10.0.0.11", "fd00::11", "10.0.0.12"} {
		l.pings("lan", a)
	}
	old := l.mac("host", "eth0")
	echo := l.echo("ns0", "lan", "10.0.0.11", "fd00::11")
	echo("before")
	const mac = "02:00:00:00:00:77"
	l.ip("host", "link", "set", "eth0", "address", mac)
	l.announced(wire, "11")
	for _, c := range [][2]string{{"10.0.0.11", mac}, {"fd00::11", mac}, {"10.0.0.12", old}} {
		if out := l.ip("lan", "neigh", "show", c[0]); !strings.Contains(out, c[1]) {
			t.Errorf("neigh show %s: %s, want %s", c[0], out, c[1])
		}
	}
	echo("after")
}

// address adds or deletes an IPv4 and an IPv6 address of the device in ns.
func (l *lan) address(ns, verb, last string) {
	l.t.Helper()
	l.ip(ns, "addr", verb, "10.0.0."+last+"/24", "dev", "ipvl0")
	args := []string{"addr", verb, "fd00::" + last + "/64", "dev", "ipvl0"}
	if verb == "add" {
		args = append(args, "nodad")
	}
	l.ip(ns, args...)
}

// announced waits until both addresses that end in last are announced with the
// master's MAC address; nothing else is announced on the way, but link-local
// addresses.
func (l *lan) announced(wire *raw, last string) {
	l.t.Helper()
	mm := l.mac("host", "eth0")
	want := []string{
		fmt.Sprintf("%s > %s: who has 10.0.0.%s, tell 10.0.0.%[3]s at %[1]s", mm, broadcast, last),
		fmt.Sprintf("%s > %s: fd00::%s at %[1]s flags 20", mm, allNodes, last),
	}
	slices.Sort(want)
	var got []string
	wire.until("the announcement of "+last+" by "+mm, func(f []byte) bool {
		if a := announcement(f); a != "" {
			got = append(got, a)
		}
		return len(got) == len(want)
	})
	if slices.Sort(got); !slices.Equal(got, want) {
		l.t.Errorf("announced\n%q\nwant\n%q", got, want)
	}
}

// announcement tells what a frame announces; "": nothing.
func announcement(f []byte) string {
	dst, src := macs(f)
	if op, sha, spa, tpa, ok := arpOf(f); ok && op == arpRequest && spa == tpa {
		return fmt.Sprintf("%s > %s: who has %s, tell %s at %s", src, dst, tpa, spa, sha)
	}
	if flags, target, mac, ok := advertOf(f); ok && dst == allNodes && !strings.HasPrefix(target, "fe80:") {
		return fmt.Sprintf("%s > %s: %s at %s flags %x", src, dst, target, mac, flags)
	}
	return ""
}
