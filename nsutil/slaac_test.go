package nsutil

import (
	"encoding/binary"
	"errors"
	"net/netip"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/ipvl/ipvl/nsutil/rtnl"
)

// linkLocals reads the link-local addresses of the interface e0.
func linkLocals(t *testing.T, ns Ref) string {
	t.Helper()
	addrs, err := Addrs(ns)
	if err != nil {
		t.Fatal(err)
	}
	var out []string
	for _, a := range addrs {
		if a.Prefix.Addr().IsLinkLocalUnicast() && a.Prefix.Addr().Is6() {
			out = append(out, a.Prefix.String())
		}
	}
	return strings.Join(out, " ")
}

// Rows L-05, L-12, L-14.
func TestLinkLocalAddressIsTheDrivers(t *testing.T) {
	const one = "fe80::2aa:bb00:1cc:dd01/64"
	eachBackend(t, func(t *testing.T, kind string) {
		a, b := addNetns(t, "a"), addNetns(t, "b")
		i := create(t, Options{Name: "e0", Netns: a, MAC: masterMAC, Backend: kind, DevID: 1})
		ensure := func(what, want string, ns Ref, steps ...error) {
			t.Helper()
			for range 2 { // idempotent
				if err := errors.Join(append(steps, i.EnsureLinkLocal())...); err != nil {
					t.Errorf("%s: %v", what, err)
				}
			}
			if got := linkLocals(t, ns); got != want {
				t.Errorf("%s: %q, want %q", what, got, want)
			}
		}
		ensure("down", "", a)
		ensure("up", one, a, i.Up())
		ensure("another MAC address", one, a, i.SetMAC([]byte{2, 0, 0, 0, 0, 9}))
		ensure("and down", "", a, i.Down())
		ensure("and up", "fe80::200:0:100:9/64", a, i.Up())
		ensure("moved", "", b, i.SetMAC(masterMAC), i.MoveTo(b, ""))
		ensure("moved, up", one, b, i.Up())
		ensure("mode none", "", b, i.Down(), i.SetAddrGenMode(AddrGenNone), i.Up())
		ensure("mode eui64 again", one, b, i.SetAddrGenMode(AddrGenEUI64))

		// The kernel makes that one, once it has noticed the carrier.
		sysctl(t, b, "net/ipv6/conf/e0/accept_dad", "0")
		w := newWatcher(t, WatcherOptions{})
		if err := errors.Join(i.Down(), i.SetAddrGenMode(AddrGenRandom), i.Up(), i.EnsureLinkLocal()); err != nil {
			t.Fatal(err)
		}
		await(t, w, "random address", func(e Event) bool { return e.Kind == EventAddr && !e.Deleted })
		if got := linkLocals(t, b); got == "" || got == one || strings.Contains(got, " ") {
			t.Errorf("random: %q", got)
		}
		if err := i.SetAddrGenMode(99); !errors.Is(err, unix.EINVAL) {
			t.Errorf("impossible mode: %v", err)
		}
	})
}

// Somebody inside moves the interface on and brings it up before we hear of
// it: the kernel makes its own address, equal on all devices of the master.
func TestKernelsLinkLocalAddressIsReplaced(t *testing.T) {
	eachBackend(t, func(t *testing.T, kind string) {
		a := addNetns(t, "a")
		i := create(t, Options{Name: "e0", Netns: a, MAC: masterMAC, Backend: kind, DevID: 5})
		sysctl(t, a, "net/ipv6/conf/e0/accept_dad", "0")
		w := newWatcher(t, WatcherOptions{})
		nsid, index, err := i.Where()
		if err != nil {
			t.Fatal(err)
		}
		conn(t, a, func(c *rtnl.Conn) error {
			return errors.Join(
				c.Do(unix.RTM_NEWLINK, 0, rtnl.LinkHeader(index, 0, 0).AddrGenMode(kernelEUI64).Bytes()),
				c.Do(unix.RTM_NEWLINK, 0, rtnl.LinkHeader(index, unix.IFF_UP, unix.IFF_UP).Bytes()))
		})
		await(t, w, "the kernel's address", isAddr(nsid, index, "fe80::aa:bbff:fecc:dd01/64", false))
		if err := i.EnsureLinkLocal(); err != nil {
			t.Fatal(err)
		}
		if got := linkLocals(t, a); got != "fe80::2aa:bb00:5cc:dd01/64" {
			t.Errorf("now %q", got)
		}
	})
}

func TestNoLinkLocalAddressWithoutIPv6(t *testing.T) {
	eachBackend(t, func(t *testing.T, kind string) {
		a := addNetns(t, "a")
		sysctl(t, a, "net/ipv6/conf/default/disable_ipv6", "1")
		i := create(t, Options{Name: "e0", Netns: a, MAC: masterMAC, Backend: kind, DevID: 5})
		if err := errors.Join(i.Up(), i.EnsureLinkLocal()); err != nil {
			t.Fatal(err)
		}
		if got := linkLocals(t, a); got != "" {
			t.Errorf("addresses %q", got)
		}
	})
}

func TestSLAACUsesTheDevicesID(t *testing.T) {
	eachBackend(t, func(t *testing.T, kind string) {
		a := addNetns(t, "a")
		sysctl(t, a, "net/ipv6/conf/default/accept_dad", "0") // saves seconds
		w := newWatcher(t, WatcherOptions{})
		i := create(t, Options{Name: "e0", Netns: a, MAC: masterMAC, Backend: kind, DevID: 5})
		nsid, index, err := i.Where()
		if err := errors.Join(err, i.Up(), i.EnsureLinkLocal()); err != nil {
			t.Fatal(err)
		}
		inject(t, i, routerAdvertisement(netip.MustParsePrefix("2001:db8:1::/64")))
		await(t, w, "address by SLAAC", isAddr(nsid, index, "2001:db8:1:0:2aa:bb00:5cc:dd01/64", false))
	})
}

// inject sends a frame to the workload.
func inject(t *testing.T, i Interface, frame []byte) {
	t.Helper()
	if f := i.File(); f != nil {
		if _, err := f.Write(append(make([]byte, vnetHeaderLen), frame...)); err != nil {
			t.Fatal(err)
		}
		return
	}
	fd, err := unix.Socket(unix.AF_PACKET, unix.SOCK_RAW|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer unix.Close(fd)
	if err := unix.Sendto(fd, frame, 0, &unix.SockaddrLinklayer{Ifindex: i.PortIndex()}); err != nil {
		t.Fatal(err)
	}
}

// routerAdvertisement is a frame to all nodes with one prefix (RFC 4861,
// sections 4.2 and 4.6.2).
func routerAdvertisement(p netip.Prefix) []byte {
	prefix := p.Addr().As16()
	ra := []byte{134, 0, 0, 0, 64, 0, 0x07, 0x08, 0, 0, 0, 0, 0, 0, 0, 0}
	ra = append(ra, 3, 4, byte(p.Bits()), 0xc0) // on-link, autonomous
	ra = append(ra, 0, 1, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0)
	ra = append(ra, prefix[:]...)

	src, dst := netip.MustParseAddr("fe80::99").As16(), netip.MustParseAddr("ff02::1").As16()
	ip := []byte{0x60, 0, 0, 0, 0, byte(len(ra)), unix.IPPROTO_ICMPV6, 255}
	ip = append(append(ip, src[:]...), dst[:]...)
	pseudo := append(append(append([]byte{}, src[:]...), dst[:]...), 0, 0, 0, byte(len(ra)), 0, 0, 0, unix.IPPROTO_ICMPV6)
	binary.BigEndian.PutUint16(ra[2:], checksum(append(pseudo, ra...)))

	frame := []byte{0x33, 0x33, 0, 0, 0, 1, 2, 0, 0, 0, 0, 0x99, 0x86, 0xdd}
	return append(append(frame, ip...), ra...)
}

// checksum is RFC 1071's, of an even number of bytes.
func checksum(b []byte) uint16 {
	var sum uint32
	for ; len(b) >= 2; b = b[2:] {
		sum += uint32(binary.BigEndian.Uint16(b))
	}
	for sum > 0xffff {
		sum = sum>>16 + sum&0xffff
	}
	return ^uint16(sum)
}
