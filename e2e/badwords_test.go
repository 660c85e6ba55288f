package e2e

import (
	"strings"
	"testing"
)

// Words that cannot be are refused with a reason, and change nothing.
func TestBadWords(t *testing.T) {
	l := newL2(t)
	l.options("ns0", "guard", "on", "allow", "10.0.0.11", "fd00::11", "lookup", "full")
	l.ipvl("filter", "add", "input", "proto", "tcp", "dport", "81", "drop")
	l.ipvl("nat", "add", "prerouting", "to", "10.0.0.1", "proto", "tcp", "dnat", "to", "10.0.0.11:80-81")
	shown := func() string {
		return l.ipvl("-d", "link", "show") + l.shownOptions("ns0") + l.shownOptions("ns1") + l.addrs("ns0") +
			l.ipvl("filter") + l.ipvl("nat") + l.hostLinks()
	}
	l.pings("ns0", "10.0.0.12")
	before := shown()
	set := func(words ...string) []string {
		return append([]string{"-n", l.ns("ns0"), "link", "set", "ipvl0", "type", "ipvlan"}, words...)
	}
	for _, c := range []struct {
		code int
		want string
		args []string
	}{
		{1, `"lookup" must be "kernel" or "full", not "fuller"`, set("lookup", "fuller")},
		{1, `"proxy" must be "on" or "off", not "maybe"`, set("guard", "off", "proxy", "maybe")},
		{255, "not complete", set("announce")},
		{1, "write 10.0.0.0/24", set("guard", "off", "allow", "10.0.0.5/24")},
		{1, "write fd00::/64", set("allow", "10.0.0.11", "fd00::1/64")},
		{255, "not complete", set("guard", "off", "allow")},
		{1, `"allow" takes addresses and prefixes`, set("allow", "host", "on")},
		{1, "hos7", set("host", "on", "hos7")},
		{1, `"foo"`, append([]string{"link", "add", "link", "eth0", "name", "x", "type", "ipvlan", "isolate", "on"}, "foo")},
		{1, "Cannot find device", []string{"link", "set", "nope", "type", "ipvlan", "guard", "on"}},
		{1, "masquerade belongs to nat postrouting", []string{"filter", "add", "input", "masquerade"}},
		{1, "drop belongs to filter", []string{"nat", "add", "postrouting", "drop"}},
		{2, "use input or output", []string{"filter", "add", "forward", "drop"}},
		{1, "masquerade belongs to nat postrouting", []string{"nat", "add", "prerouting", "masquerade"}},
		{1, `write "proto tcp"`, []string{"filter", "add", "input", "dport", "80", "drop"}},
		{255, "65536", []string{"filter", "add", "input", "proto", "tcp", "dport", "65536", "drop"}},
		{1, `must be "accept" or "drop"`, []string{"filter", "policy", "input", "perhaps"}},
		{1, "inet6 address is expected", []string{"nat", "add", "prerouting", "to", "fd00::1", "dnat", "to", "10.0.0.11"}},
		{2, "no such rule", []string{"filter", "del", "input", "7"}},
		{2, "no place", []string{"filter", "insert", "input", "9", "drop"}},
		{2, "-n", []string{"-n", l.ns("ns0"), "filter", "flush"}},
	} {
		l.refused(c.code, c.want, c.args...)
		if after := shown(); after != before {
			t.Fatalf("ipvl %s changed\n%s\ninto\n%s", strings.Join(c.args, " "), before, after)
		}
	}
	l.pings("ns0", "10.0.0.12")
}
