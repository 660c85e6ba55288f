package nsutil

import (
	"net"
	"net/netip"
	"slices"
	"testing"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"

	"github.com/ipvl/ipvl/nsutil/sandbox/sandboxtest"
)

// Routes come, change their source and go; others are left alone.
func TestHostRoutes(t *testing.T) {
	sandboxtest.Each(t, func(t *testing.T) {
		pair(t, Ref{}, "m0", "p0")
		pair(t, Ref{}, "h0", "h1")
		addAddr(t, Ref{}, "m0", "10.0.0.1/24")
		addAddr(t, Ref{}, "m0", "10.0.0.2/24")
		addAddr(t, Ref{}, "m0", "fd00::1/64")
		index := linkOf(t, Ref{}, "h0").Index
		now := func() (out []string) {
			handle(t, Ref{}, func(h *netlink.Handle) error {
				for _, family := range []int{unix.AF_INET, unix.AF_INET6} {
					list, err := h.RouteListFiltered(family, &netlink.Route{LinkIndex: index, Protocol: HostProtocol},
						netlink.RT_FILTER_OIF|netlink.RT_FILTER_PROTOCOL)
					if err != nil {
						return err
					}
					for _, r := range list {
						out = append(out, r.Dst.String()+" "+netString(r.Src))
					}
				}
				return nil
			})
			slices.Sort(out)
			return out
		}
		a := netip.MustParseAddr
		var h HostRoutes
		for _, c := range []struct {
			set  []HostRoute
			want []string
		}{
			{[]HostRoute{{a("10.0.0.11"), a("10.0.0.1")}, {Dst: a("10.1.0.1")}, {a("fd00::11"), a("fd00::1")}},
				[]string{"10.0.0.11/32 10.0.0.1", "10.1.0.1/32 -", "fd00::11/128 fd00::1"}},
			{[]HostRoute{{a("10.0.0.11"), a("10.0.0.2")}, {Dst: a("fd00::11")}},
				[]string{"10.0.0.11/32 10.0.0.2", "fd00::11/128 -"}},
			{nil, nil},
		} {
			if err := h.Set(index, c.set); err != nil {
				t.Fatal(err)
			}
			if got := now(); !slices.Equal(got, c.want) {
				t.Errorf("after %v the routes are %q, want %q", c.set, got, c.want)
			}
		}
		// A source that is not the host's is refused; the others are in force.
		err := h.Set(index, []HostRoute{{a("10.0.0.12"), a("192.0.2.1")}, {Dst: a("10.0.0.13")}})
		if err == nil {
			t.Error("a foreign source address was not refused")
		}
		if got := now(); !slices.Equal(got, []string{"10.0.0.13/32 -"}) {
			t.Errorf("beside a refused route there is %q", got)
		}
	})
}

func netString(ip net.IP) string {
	if ip == nil {
		return "-"
	}
	return ip.String()
}

// A namespace is found again by its path, by another name, and not by the
// identity alone.
func TestFindNetns(t *testing.T) {
	sandboxtest.Each(t, func(t *testing.T) {
		ref := addNetns(t, "found")
		cookie, err := ref.Cookie()
		if err != nil || cookie == 0 {
			t.Fatalf("cookie %d, %v", cookie, err)
		}
		for _, path := range []string{ref.Path(), "", "/run/netns/missing"} {
			got, err := FindNetns(path, ref.ID(), cookie)
			if err != nil || !Same(got, ref) {
				t.Errorf("with path %q: %v, %v", path, got, err)
			}
		}
		if got, err := FindNetns(ref.Path(), ref.ID(), cookie+1); err == nil {
			t.Errorf("with another cookie %v was found", got)
		}
	})
}
