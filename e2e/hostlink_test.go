package e2e

import (
	"strings"
	"testing"
)

// The default namespace and one of two devices, in a subnet of their own in l3:
//
//	lan ── eth0 10.0.0.1 fd00::1 (master) ─┬─ ns0 ipvl0 10.0.0.11 fd00::11 (l3: 10.1.0.11 fd01::11) host on
//	                                       └─ ns1 ipvl0 10.0.0.12 fd00::12 (l3: 10.1.0.12 fd01::12)
func TestHostLink(t *testing.T) {
	for _, mode := range []string{"l2", "l3", "l3s"} {
		t.Run(mode, func(t *testing.T) {
			l := newLAN(t)
			l.serve()
			net4, net6 := "10.0.0.", "fd00::"
			if mode != "l2" {
				net4, net6 = "10.1.0.", "fd01::"
				l.ip("lan", "route", "add", net4+"0/24", "via", "10.0.0.1")
				l.ip("lan", "route", "add", net6+"/64", "via", "fd00::1")
			}
			for ns, last := range map[string]string{"ns0": "11", "ns1": "12"} {
				l.device("ipvl0", ns, mode, net4+last+"/24", net6+last+"/64")
				if mode != "l2" {
					l.ip(ns, "route", "add", "default", "dev", "ipvl0")
					l.ip(ns, "-6", "route", "add", "default", "dev", "ipvl0")
				}
			}
			apart := func(ns, last string) [][2]string {
				return [][2]string{{"host", net4 + last}, {"host", net6 + last}, {ns, "10.0.0.1"}, {ns, "fd00::1"}}
			}
			l.options("ns0", "host", "on")
			for _, way := range apart("ns0", "11") {
				l.pings(way[0], way[1])
			}
			l.unreached(apart("ns1", "12"))
			l.stream("host", "ns0", net4+"11", 1<<20)
			l.stream("host", "ns0", net6+"11", 1<<20)
			l.stream("ns0", "host", "10.0.0.1", 1<<20)
			l.stream("ns0", "host", "fd00::1", 1<<20)
			// The LAN and the sibling are where they were.
			l.pings("lan", net4+"11")
			l.pings("ns1", net6+"11")
			if got := l.hostLinks(); !strings.Contains(got, "ipvlh") || !strings.Contains(got, net4+"11") || strings.Contains(got, net4+"12") {
				t.Errorf("routes and links of the host:\n%s", got)
			}
			l.options("ns0", "host", "off")
			l.unreached(apart("ns0", "11"))
			if got := l.hostLinks(); got != "" {
				t.Errorf("left behind:\n%s", got)
			}
			// It follows the addresses, and ends with the last device that has it.
			l.options("ns0", "host", "on")
			l.options("ns1", "host", "on")
			l.pings("host", net4+"12")
			l.ip("ns0", "addr", "add", net4+"13/24", "dev", "ipvl0")
			l.pings("host", net4+"13")
			l.ip("ns0", "link", "del", "ipvl0")
			l.eventually("the routes to ns0 are gone", func() bool {
				got := l.hostLinks()
				return !strings.Contains(got, net4+"11") && !strings.Contains(got, net4+"13") && strings.Contains(got, net6+"12")
			})
			l.pings("ns1", "fd00::1")
			l.ip("ns1", "link", "del", "ipvl0")
			l.eventually("the host link is gone", func() bool { return l.hostLinks() == "" })
		})
	}
}

// hostLinks are the host's links to devices, and its routes over them.
func (l *lan) hostLinks() string {
	l.t.Helper()
	var found []string
	for _, args := range [][]string{{"-o", "link"}, {"route"}, {"-6", "route"}} {
		for _, line := range strings.Split(l.ip("host", args...), "\n") {
			if strings.Contains(line, "ipvlh") && !strings.Contains(line, "fe80::") {
				found = append(found, line)
			}
		}
	}
	return strings.Join(found, "\n")
}
