package e2e

import (
	"strings"
	"testing"
)

// What cannot be is refused with a reason, and changes nothing.
func TestRefusals(t *testing.T) {
	l := newL2(t)
	l.ip("host", "link", "add", "br0", "type", "bridge")
	l.ip("host", "link", "add", "port0", "type", "veth", "peer", "name", "port1")
	l.ip("host", "link", "set", "port0", "master", "br0")
	for _, ns := range []string{"ns0", "ns1"} { // the kernel sets the state some time after the flag
		l.eventually("ipvl0 is up in "+ns, func() bool { return l.field(ns, "ipvl0", "state") == "UP" })
	}
	before := l.ip("host", "link") + l.ip("ns0", "link") + l.ip("ns1", "link")
	shown := l.ipvl("-d", "link", "show")
	add := func(args ...string) []string { return append([]string{"link", "add", "link"}, args...) }
	for _, c := range []struct {
		code int
		want string
		args []string
	}{
		{1, `"foo"`, add("eth0", "name", "x", "type", "ipvlan", "foo")},
		{1, `argument of "mode" must be either`, add("eth0", "name", "x", "type", "ipvlan", "mode", "l4")},
		{1, "Cannot find device", add("nope", "name", "x", "type", "ipvlan")},
		{2, "lo or a non-ether", add("lo", "name", "x", "type", "ipvlan")},
		{2, "already in use", add("port0", "name", "x", "type", "ipvlan")},
		{2, "File exists", add("eth0", "name", "ipvl0", "netns", l.ns("ns0"), "type", "ipvlan", "mode", "l2")},
		{2, "File exists", add("eth0", "name", "eth0", "type", "ipvlan", "mode", "l2")},
		{2, "mtu", add("eth0", "name", "x", "mtu", "67", "type", "ipvlan", "mode", "l2")},
		{1, "Cannot find device", []string{"link", "set", "nope", "up"}},
		{1, "Cannot find device", []string{"link", "del", "nope"}},
		{2, "not an ipvlan device", []string{"link", "del", "br0"}},
		{2, "Operation not supported", []string{"-n", l.ns("ns0"), "link", "set", "ipvl0", "address", "02:00:00:00:00:01"}},
		{2, "mtu", []string{"-n", l.ns("ns0"), "link", "set", "ipvl0", "mtu", "65536"}},
		{2, "File exists", []string{"-n", l.ns("ns0"), "link", "set", "ipvl0", "netns", l.ns("ns1")}},
	} {
		l.refused(c.code, c.want, c.args...)
	}
	for _, bad := range []string{"", "sixteen-letters-", "a/b", "a b", ".", ".."} {
		if r := l.ipvlIn("host", add("eth0", "name", bad, "type", "ipvlan")...); r.code == 0 || r.stderr == "" {
			t.Errorf("name %q: %+v", bad, r)
		}
	}
	if r := l.ipvlIn("host", add("eth0", "name", "x", "netns", "nope", "type", "ipvlan")...); r.code == 0 || !strings.Contains(r.stderr, "nope") {
		t.Errorf("a namespace that is not there: %+v", r)
	}
	if after := l.ip("host", "link") + l.ip("ns0", "link") + l.ip("ns1", "link"); after != before {
		t.Errorf("interfaces changed:\n%s\nwere\n%s", after, before)
	}
	if after := l.ipvl("-d", "link", "show"); after != shown {
		t.Errorf("links changed:\n%s\nwere\n%s", after, shown)
	}
	l.pings("ns0", "10.0.0.12")
}

// An address that a sibling owns is taken off again; the owner keeps its traffic.
func TestDuplicateAddressIsRefused(t *testing.T) {
	l := newL2(t)
	for _, a := range []string{"10.0.0.11/24", "fd00::11/64"} {
		l.ip("ns1", "addr", "add", a, "dev", "ipvl0")
		l.eventually(a+" is taken off", func() bool {
			return !strings.Contains(l.ip("ns1", "addr", "show", "dev", "ipvl0"), " "+a)
		})
	}
	l.pings("lan", "10.0.0.11")
	l.pings("lan", "fd00::11")
	if out := l.ipvl("-d", "-n", l.ns("ns1"), "link", "show", "ipvl0"); !strings.Contains(out, "address-in-use") {
		t.Errorf("not counted:\n%s", out)
	}
	// Gone from its owner, it is anybody's.
	l.ip("ns0", "addr", "del", "10.0.0.11/24", "dev", "ipvl0")
	l.ip("ns1", "addr", "add", "10.0.0.11/24", "dev", "ipvl0")
	l.pings("lan", "10.0.0.11")
}

func TestWithoutAppliance(t *testing.T) {
	l := newLAN(t)
	l.refused(2, "ipvl serve", "link", "show")
	l.refused(255, "is unknown", "link", "frobnicate") // as ip(8)
	l.serve()
	l.ipvl("link", "show")
}

func TestSecondApplianceIsRefused(t *testing.T) {
	l := newLAN(t)
	l.serve()
	r := l.ipvlIn("host", "serve", "--socket", l.socket)
	if r.code == 0 || r.stderr == "" {
		t.Errorf("%+v", r)
	}
	l.ipvl("link", "show")
}

func TestHelpAtEveryLevel(t *testing.T) {
	l := newLAN(t)
	for _, args := range [][]string{{"help"}, {"link", "help"}, {"link", "help", "ipvlan"}, {"addr", "help"}, {"route", "help"}, {"neigh", "help"}, {"serve", "--help"}} {
		r := l.ipvlIn("host", args...)
		if !strings.Contains(strings.ToLower(r.stdout+r.stderr), "usage") {
			t.Errorf("ipvl %s: %+v", strings.Join(args, " "), r)
		}
	}
}
