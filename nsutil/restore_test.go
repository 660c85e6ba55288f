package nsutil

import (
	"net/netip"
	"reflect"
	"slices"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/ipvl/ipvl/nsutil/rtnl"
	"github.com/ipvl/ipvl/nsutil/sandbox/sandboxtest"
	"github.com/ipvl/ipvl/stack/fib"
)

// What was read from one interface can be given to another one.
func TestAddressesAndRoutesAreMadeAgain(t *testing.T) {
	sandboxtest.Each(t, func(t *testing.T) {
		ns := addNetns(t, "a")
		pair(t, ns, "e0", "e1")
		index := linkOf(t, ns, "e0").Index
		p, a := netip.MustParsePrefix, netip.MustParseAddr
		const forever = 0xffffffff
		addrs := []rtnl.Addr{
			{Prefix: p("10.0.0.1/24"), Address: a("10.0.0.1"), Broadcast: a("10.0.0.255"), Label: "e0:x", Valid: forever, Preferred: forever},
			{Prefix: p("10.1.0.1/32"), Address: a("10.1.0.2"), Scope: unix.RT_SCOPE_LINK, Label: "e0", Valid: forever, Preferred: forever},
			{Prefix: p("fd00::1/64"), Address: a("fd00::1"), Flags: unix.IFA_F_NODAD, Valid: forever, Preferred: forever},
			{Prefix: p("fd01::1/64"), Address: a("fd01::1"), Flags: unix.IFA_F_NODAD, Valid: 5000, Preferred: 4000},
		}
		hop := func(via string, onlink bool) []fib.NextHop {
			h := fib.NextHop{Index: index, OnLink: onlink}
			if via != "" {
				h.Via = a(via)
			}
			return []fib.NextHop{h}
		}
		routes := []fib.Route{
			{Dst: p("0.0.0.0/0"), Table: fib.TableMain, Protocol: unix.RTPROT_BOOT, NextHops: hop("10.0.0.254", false)},
			{Dst: p("10.9.0.0/16"), Table: 77, Protocol: unix.RTPROT_STATIC, Metric: 5, MTU: 1400, PrefSrc: a("10.0.0.1"), NextHops: hop("192.0.2.1", true)},
			{Dst: p("10.8.0.0/16"), Table: fib.TableMain, Protocol: unix.RTPROT_STATIC, Scope: unix.RT_SCOPE_LINK, NextHops: hop("", false)},
			{Dst: p("10.7.0.0/16"), Table: fib.TableMain, Protocol: unix.RTPROT_STATIC, NextHops: hop("fd00::9", false)},
			{Dst: p("::/0"), Table: fib.TableMain, Protocol: unix.RTPROT_STATIC, Metric: 1024, NextHops: hop("fd00::2", false)},
		}
		err := ns.Do(func() error {
			for range 2 { // the second time they are there
				for _, ad := range addrs {
					if err := AddAddr(index, ad); err != nil {
						return err
					}
				}
				for _, r := range routes {
					if err := AddRoute(index, r); err != nil {
						return err
					}
				}
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
		s, err := bothWays(t, ns)
		if err != nil {
			t.Fatal(err)
		}
		for _, want := range routes {
			if !slices.ContainsFunc(s.Routes, func(r fib.Route) bool { return reflect.DeepEqual(r, want) }) {
				t.Errorf("no route %+v", want)
			}
		}
		have, err := Addrs(ns)
		if err != nil {
			t.Fatal(err)
		}
		for _, want := range addrs {
			found := slices.ContainsFunc(have, func(g rtnl.Addr) bool {
				return g.Prefix == want.Prefix && g.Address == want.Address && g.Broadcast == want.Broadcast && g.Label == want.Label &&
					g.Scope == want.Scope && (g.Valid == want.Valid || want.Valid != forever && g.Valid > 4900 && g.Valid <= 5000)
			})
			if !found {
				t.Errorf("no address %+v", want)
			}
		}
	})
}
