package e2e

import (
	"slices"
	"strings"
	"testing"
)

// Bridge mode, in which devices of a master reach each other:
//
//	lan 10.0.0.100 ── eth0 (master, l2 bridge) ─┬─ ns0 ipvl0 10.0.0.10 fd00::10 isolate on
//	                                            ├─ ns1 ipvl0 10.0.0.11 fd00::11
//	                                            └─ ns2 ipvl0 10.0.0.12 fd00::12
func TestIsolate(t *testing.T) {
	l := newLAN(t)
	l.newNetns("ns2")
	l.serve()
	for _, n := range []string{"0", "1", "2"} {
		l.device("ipvl0", "ns"+n, "l2", "10.0.0.1"+n+"/24", "fd00::1"+n+"/64")
	}
	l.pings("ns0", "10.0.0.11")
	l.pings("ns1", "fd00::10")
	var all, without0 []string
	for _, way := range []string{"0 to 1", "0 to 2", "1 to 0", "1 to 2", "2 to 0", "2 to 1"} {
		for _, kind := range []string{" broadcast", " multicast", " unicast"} {
			all = append(all, way+kind)
			if !strings.Contains(way, "0") {
				without0 = append(without0, way+kind)
			}
		}
	}
	if got := l.castAround("a"); !slices.Equal(got, all) {
		t.Errorf("without isolation\n%q\nwant\n%q", got, all)
	}
	l.options("ns0", "isolate", "on")
	if got := l.castAround("b"); !slices.Equal(got, without0) {
		t.Errorf("with isolation\n%q\nwant\n%q", got, without0)
	}
	if n := l.drops("ns0")["isolated"]; n == 0 {
		t.Errorf("nothing was counted: %v", l.drops("ns0"))
	}
	for _, mode := range []string{"l3", "l2"} {
		l.ipvl("-n", l.ns("ns0"), "link", "set", "ipvl0", "type", "ipvlan", "mode", mode)
		l.unreached([][2]string{{"ns0", "10.0.0.11"}, {"ns0", "fd00::11"}, {"ns1", "10.0.0.10"}, {"ns2", "fd00::10"}})
		l.pings("ns1", "10.0.0.12")
	}
	l.pings("ns0", "10.0.0.100")
	l.stream("lan", "ns0", "fd00::10", 1<<20)
	l.options("ns0", "isolate", "off")
	l.pings("ns0", "10.0.0.11")
}

// castAround has each of three devices send unicast to the others, broadcast
// and multicast, all of which has to reach the wire but the unicast, and returns
// what the other devices saw: "0 to 1 unicast". A broadcast of the lan, which goes
// through the same queue, comes last.
func (l *lan) castAround(round string) (got []string) {
	l.t.Helper()
	mm, wire := l.mac("host", "eth0"), l.open("lan", "eth0")
	text := func(from, kind string) string { return "round " + round + ": " + from + " " + kind + "." }
	packet := func(from, kind string) []byte { return udp(9, 9, text(from, kind)) }
	devs := map[string]*raw{}
	for _, n := range []string{"0", "1", "2"} {
		devs[n] = l.open("ns"+n, "ipvl0")
	}
	for from, dev := range devs {
		for to := range devs {
			if to != from {
				dev.send(ether(mm, mm, 0x0800, ipv4("10.0.0.1"+from, "10.0.0.1"+to, 64, 17, packet(from, "unicast"))))
			}
		}
		dev.send(ether(broadcast, mm, 0x0800, ipv4("10.0.0.1"+from, "10.0.0.255", 64, 17, packet(from, "broadcast"))))
		dev.send(ether(allNodes, mm, 0x86dd, ipv6("fd00::1"+from, "ff02::1", 17, packet(from, "multicast"))))
	}
	groups := 0
	wire.until("all groups' frames on the wire", func(f []byte) bool {
		if len(seen([][]byte{f}, "round "+round)) == 1 {
			groups++
		}
		return groups == 2*len(devs)
	})
	wire.send(ether(broadcast, l.mac("lan", "eth0"), 0x0800, ipv4("10.0.0.100", "10.0.0.255", 64, 17, packet("lan", "end"))))
	for to, dev := range devs {
		frames := dev.until("the end", holds(text("lan", "end")))
		for from := range devs {
			for _, kind := range []string{"broadcast", "multicast", "unicast"} {
				if from != to && len(seen(frames, text(from, kind))) == 1 {
					got = append(got, from+" to "+to+" "+kind)
				}
			}
		}
	}
	slices.Sort(got)
	return got
}
