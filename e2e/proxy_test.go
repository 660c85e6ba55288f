package e2e

import (
	"slices"
	"testing"
)

// Devices in the subnet of the LAN, which has no route to them:
//
//	lan 10.0.0.100 ── eth0 10.0.0.1 (master, l3 or l3s) ─┬─ ns0 ipvl0 10.0.0.11 fd00::11 proxy on
//	    fd00::100          fd00::1                       └─ ns1 ipvl0 10.0.0.12 fd00::12
func TestProxy(t *testing.T) {
	for _, mode := range []string{"l3", "l3s"} {
		t.Run(mode, func(t *testing.T) {
			l := newLAN(t)
			l.serve()
			l.device("ipvl0", "ns0", mode, "10.0.0.11/24", "fd00::11/64")
			l.device("ipvl0", "ns1", mode, "10.0.0.12/24", "fd00::12/64")
			l.options("ns0", "proxy", "on")
			l.pings("lan", "10.0.0.11")
			l.pings("lan", "fd00::11")
			l.pings("ns0", "10.0.0.100")
			l.stream("lan", "ns0", "10.0.0.11", 1<<20)
			l.stream("lan", "ns0", "fd00::11", 1<<20)
			l.stream("ns0", "lan", "fd00::100", 1<<20)
			l.answersFor("11", "12")
			// The other way around: what was on is off, at once.
			l.options("ns0", "proxy", "off")
			l.options("ns1", "proxy", "on")
			l.answersFor("12", "11")
			l.pings("lan", "10.0.0.12")
		})
	}
}

// options changes options of the device ipvl0 in a namespace.
func (l *lan) options(ns string, words ...string) {
	l.t.Helper()
	l.ipvl(append([]string{"-n", l.ns(ns), "link", "set", "ipvl0", "type", "ipvlan"}, words...)...)
}

// stranger asks in answersFor, so that nobody else gets its answers.
const stranger = "02:00:00:00:00:aa"

// answersFor asks on the wire for 10.0.0.<quiet> and then for 10.0.0.<loud>, in
// all the ways there are, IPv6 too. All about loud must be answered with the
// master's MAC address, nothing about quiet.
func (l *lan) answersFor(loud, quiet string) {
	l.t.Helper()
	mm := l.mac("host", "eth0")
	wire := l.open("lan", "eth0")
	for _, last := range []string{quiet, loud} {
		a4, a6 := "10.0.0."+last, "fd00::"+last
		group, groupMAC := solicitedNode(a6)
		none := "00:00:00:00:00:00"
		wire.send(ether(broadcast, stranger, 0x0806, arp(arpRequest, stranger, "10.0.0.200", none, a4)))
		wire.send(ether(broadcast, stranger, 0x0806, arp(arpRequest, stranger, "0.0.0.0", none, a4)))
		wire.send(ether(mm, stranger, 0x0806, arp(arpRequest, stranger, "10.0.0.201", none, a4)))
		wire.send(ether(groupMAC, stranger, 0x86dd, nd(ndSolicit, 0, "fd00::200", group, a6, stranger)))
		wire.send(ether(mm, stranger, 0x86dd, nd(ndSolicit, 0, "fd00::201", a6, a6, stranger)))
		wire.send(ether(groupMAC, stranger, 0x86dd, nd(ndSolicit, 0, "::", group, a6, "")))
	}
	var want, got []string
	for _, to := range []string{"10.0.0.200", "0.0.0.0", "10.0.0.201"} {
		want = append(want, stranger+" 10.0.0."+loud+" to "+to)
	}
	for _, to := range []string{"fd00::200 flags 60", "fd00::201 flags 60"} {
		want = append(want, stranger+" fd00::"+loud+" to "+to)
	}
	want = append(want, allNodes+" fd00::"+loud+" to ff02::1 flags 20")
	slices.Sort(want)
	wire.until("the answers about "+loud, func(f []byte) bool {
		if a := answer(f, mm); a != "" {
			got = append(got, a)
		}
		return len(got) >= len(want)
	})
	if slices.Sort(got); !slices.Equal(got, want) {
		l.t.Errorf("answers\n%q\nwant\n%q", got, want)
	}
}

// answer tells what a frame answers to the stranger, or to DAD; "": nothing.
func answer(f []byte, mm string) string {
	dst, src := macs(f)
	if src != mm || dst != stranger && dst != allNodes {
		return ""
	}
	if op, sha, spa, tpa, ok := arpOf(f); ok && op == arpReply && sha == mm {
		return dst + " " + spa + " to " + tpa
	}
	if flags, target, mac, ok := advertOf(f); ok && mac == mm {
		// The router flag is not asked for.
		return dst + " " + target + " to " + addr(f[38:54]) + " flags " + string("0123456789abcdef"[flags>>4&7]) + "0"
	}
	return ""
}
