package nsutil

import (
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/google/nftables"
	"golang.org/x/sys/unix"

	"github.com/ipvl/ipvl/nsutil/rtnl"
	"github.com/ipvl/ipvl/nsutil/sandbox/sandboxtest"
)

// The host's stack neither speaks nor listens on our end of a pair.
func TestPortOfVethIsSilent(t *testing.T) {
	sandboxtest.Each(t, func(t *testing.T) {
		ns := addNetns(t, "a")
		i := create(t, Options{Name: "e0", Netns: ns, Backend: KindVeth, MAC: masterMAC})
		links, err := Links(Ref{})
		if err != nil {
			t.Fatal(err)
		}
		at := slices.IndexFunc(links, func(l rtnl.Link) bool { return l.Index == i.PortIndex() })
		port := links[at]
		on := uint32(unix.IFF_UP | unix.IFF_NOARP | unix.IFF_LOWER_UP)
		if port.Flags&unix.IFF_LOWER_UP == 0 {
			on &^= unix.IFF_LOWER_UP // the other end is down
		}
		if port.Flags&on != on || port.AddrGenMode != kernelNone || port.MTU != maxMTU || port.Alias != vethAlias {
			t.Errorf("%+v", port)
		}
		if !isOurs(port) || port.Address.String() == masterMAC.String() {
			t.Errorf("name %s, address %s", port.Name, port.Address)
		}
		off, err := os.ReadFile("/proc/sys/net/ipv6/conf/" + port.Name + "/disable_ipv6")
		if err != nil || strings.TrimSpace(string(off)) != "1" {
			t.Errorf("disable_ipv6 %q, %v", off, err)
		}
		c, err := nftables.New()
		if err != nil {
			t.Fatal(err)
		}
		chains, err := c.ListChainsOfTableFamily(nftables.TableFamilyNetdev)
		if err != nil || len(chains) != 1 || *chains[0].Policy != nftables.ChainPolicyDrop {
			t.Errorf("chains %+v, %v", chains, err)
		}
	})
}

// A descriptor of the workload's namespace would keep it alive.
func TestInterfaceKeepsNoNamespaceDescriptor(t *testing.T) {
	eachBackend(t, func(t *testing.T, kind string) {
		ns := addNetns(t, "a")
		i := create(t, Options{Name: "e0", Netns: ns, Backend: kind, DevID: 1})
		if _, _, err := i.Where(); err != nil {
			t.Fatal(err)
		}
		fds, err := os.ReadDir("/proc/self/fd")
		if err != nil {
			t.Fatal(err)
		}
		for _, fd := range fds {
			if id, err := pathID("/proc/self/fd/" + fd.Name()); err == nil && id == ns.ID() {
				t.Errorf("descriptor %s is of the namespace", fd.Name())
			}
		}
	})
}
