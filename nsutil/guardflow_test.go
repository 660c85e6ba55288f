package nsutil

import (
	"errors"
	"net/netip"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/ipvl/ipvl/nsutil/sandbox/sandboxtest"
)

// What the router translates is hidden from the host, and nothing beside it.
func TestGuardDropsFlows(t *testing.T) {
	sandboxtest.Each(t, func(t *testing.T) {
		lab := newGuardLab(t)
		var g HostGuard
		if err := g.Ensure("m0"); err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { g.Remove() })
		port := lab.rx.LocalAddr().(interface{ AddrPort() netip.AddrPort }).AddrPort().Port()
		for _, c := range []struct {
			what   string
			flow   Flow
			v4, v6 bool
		}{
			{"the port", Flow{Proto: unix.IPPROTO_UDP, Dst: netip.MustParsePrefix("10.0.0.1/32"), First: port, Last: port}, false, true},
			{"the port, IPv6", Flow{Proto: unix.IPPROTO_UDP, Dst: netip.MustParsePrefix("fd00::1/128"), First: port, Last: port}, true, false},
			{"a range", Flow{Proto: unix.IPPROTO_UDP, Dst: netip.MustParsePrefix("10.0.0.1/32"), First: 1, Last: port}, false, true},
			{"the port above", Flow{Proto: unix.IPPROTO_UDP, Dst: netip.MustParsePrefix("10.0.0.1/32"), First: port + 1, Last: 65535}, true, true},
			{"another protocol", Flow{Proto: unix.IPPROTO_TCP, Dst: netip.MustParsePrefix("10.0.0.1/32"), First: port, Last: port}, true, true},
			{"its source", Flow{Src: netip.MustParsePrefix("10.0.0.8/29"), Dst: netip.MustParsePrefix("10.0.0.1/32")}, false, true},
			{"another source", Flow{Src: netip.MustParsePrefix("10.0.0.0/29"), Dst: netip.MustParsePrefix("10.0.0.1/32")}, true, true},
			{"any port", Flow{Proto: unix.IPPROTO_UDP, Dst: netip.MustParsePrefix("fd00::1/128")}, true, false},
		} {
			if err := g.SetFlows([]Flow{c.flow}); err != nil {
				t.Fatal(err)
			}
			if got := lab.reaches(t, "10.0.0.1", "10.0.0.2"); got != c.v4 {
				t.Errorf("%s: IPv4 reaches the host: %v", c.what, got)
			}
			if got := lab.reaches(t, "fd00::1", "fd00::2"); got != c.v6 {
				t.Errorf("%s: IPv6 reaches the host: %v", c.what, got)
			}
		}
		// The addresses stay when flows change.
		if err := errors.Join(g.SetAddrs(addrs("10.0.0.1")), g.SetFlows(nil)); err != nil {
			t.Fatal(err)
		}
		if lab.reaches(t, "10.0.0.1", "10.0.0.2") || !lab.reaches(t, "fd00::1", "fd00::2") {
			t.Error("after the flows are gone, the addresses are not guarded as before")
		}
	})
}
