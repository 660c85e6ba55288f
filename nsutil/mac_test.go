package nsutil

import (
	"net"
	"testing"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"
)

// To the kernel an address that stays the same is a change, after which it forgets
// the neighbours.
func TestTheSameMACKeepsNeighbours(t *testing.T) {
	eachBackend(t, func(t *testing.T, kind string) {
		ns := addNetns(t, "a")
		mac := net.HardwareAddr{2, 1, 2, 3, 4, 5}
		i := create(t, Options{Name: "e0", Netns: ns, Backend: kind, MAC: mac})
		if err := i.Up(); err != nil {
			t.Fatal(err)
		}
		l := linkOf(t, ns, "e0")
		neighbours := func() (all []netlink.Neigh) {
			t.Helper()
			if err := i.Do(func() (err error) {
				all, err = netlink.NeighList(l.Index, unix.AF_INET)
				return err
			}); err != nil {
				t.Fatal(err)
			}
			return all
		}
		if err := i.Do(func() error {
			return netlink.NeighAdd(&netlink.Neigh{LinkIndex: l.Index, State: unix.NUD_PERMANENT, IP: net.IPv4(10, 0, 0, 9), HardwareAddr: mac})
		}); err != nil {
			t.Fatal(err)
		}
		if err := i.SetMAC(mac); err != nil {
			t.Fatal(err)
		}
		if n := neighbours(); len(n) != 1 {
			t.Errorf("%d neighbours after the same address was set, want 1", len(n))
		}
	})
}
