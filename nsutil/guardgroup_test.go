package nsutil

import (
	"errors"
	"net"
	"net/netip"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/ipvl/ipvl/nsutil/sandbox/sandboxtest"
)

// A host with proxy_arp answers for what it can route to; not for a device.
func TestGuardDropsARP(t *testing.T) {
	sandboxtest.Each(t, func(t *testing.T) {
		lab := newGuardLab(t)
		var g HostGuard
		if err := errors.Join(g.Ensure("m0"), g.SetAddrs(addrs("10.0.0.1"))); err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { g.Remove() })
		if got := lab.whoAnswers(t, "10.0.0.1", "10.0.0.2"); got != "10.0.0.2" {
			t.Errorf("guarded: the first answer is from %s", got)
		}
		if err := g.SetAddrs(nil); err != nil {
			t.Fatal(err)
		}
		if got := lab.whoAnswers(t, "10.0.0.1", "10.0.0.2"); got != "10.0.0.1" {
			t.Errorf("not guarded: the first answer is from %s", got)
		}
		if err := errors.Join(g.SetMode(GuardL2), g.SetAddrs(addrs("10.0.0.1"))); err != nil {
			t.Fatal(err)
		}
		if got := lab.whoAnswers(t, "10.0.0.1", "10.0.0.2"); got != "10.0.0.1" {
			t.Errorf("groups are the host's: the first answer is from %s", got)
		}
		if lab.reaches(t, "10.0.0.1", "10.0.0.2") {
			t.Error("groups are the host's, and unicast is, too")
		}
		if err := g.SetMode(GuardL3); err != nil {
			t.Fatal(err)
		}
		if got := lab.whoAnswers(t, "10.0.0.1", "10.0.0.2"); got != "10.0.0.2" {
			t.Errorf("guarded again: the first answer is from %s", got)
		}
	})
}

// A host defends its addresses against DAD; not one that is a device's.
func TestGuardDropsDAD(t *testing.T) {
	sandboxtest.Each(t, func(t *testing.T) {
		lab := newGuardLab(t)
		var g HostGuard
		if err := errors.Join(g.Ensure("m0"), g.SetAddrs(addrs("fd00::1"))); err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { g.Remove() })
		for mode, want := range map[GuardMode]string{GuardL3: "fd00::2", GuardL2: "fd00::1", GuardL3S: "fd00::1"} {
			if err := g.SetMode(mode); err != nil {
				t.Fatal(err)
			}
			if got := lab.whoDefends(t, "fd00::1", "fd00::2"); got != want {
				t.Errorf("mode %v: the first defence is of %s, want %s", mode, got, want)
			}
		}
	})
}

// whoDefends probes for addresses as DAD does and returns the target of the
// first advertisement to all nodes.
func (lab guardLab) whoDefends(t *testing.T, targets ...string) (who string) {
	t.Helper()
	p0 := linkOf(t, lab.peer, "p0")
	err := lab.peer.Do(func() error {
		fd, err := unix.Socket(unix.AF_PACKET, unix.SOCK_RAW|unix.SOCK_CLOEXEC, 0)
		if err != nil {
			return err
		}
		defer unix.Close(fd)
		ip6 := &unix.SockaddrLinklayer{Protocol: 0xdd86, Ifindex: p0.Index} // ETH_P_IPV6
		wait := unix.NsecToTimeval(patience.Nanoseconds())
		if err := errors.Join(unix.Bind(fd, ip6), unix.SetsockoptTimeval(fd, unix.SOL_SOCKET, unix.SO_RCVTIMEO, &wait)); err != nil {
			return err
		}
		for _, target := range targets {
			if err := unix.Sendto(fd, dadProbe(p0.Address, target), 0, ip6); err != nil {
				return err
			}
		}
		buf := make([]byte, 200)
		for {
			n, _, err := unix.Recvfrom(fd, buf, 0)
			if err != nil {
				return err
			}
			if n >= 78 && buf[20] == unix.IPPROTO_ICMPV6 && buf[54] == 136 && buf[38] == 0xff {
				who = netip.AddrFrom16([16]byte(buf[62:78])).String()
				return nil
			}
		}
	})
	if err != nil {
		t.Fatal(err)
	}
	return who
}

// dadProbe is a neighbour solicitation from :: (RFC 4862 section 5.4.2).
func dadProbe(mac net.HardwareAddr, target string) []byte {
	a := netip.MustParseAddr(target).As16()
	group := [16]byte{0: 0xff, 1: 2, 11: 1, 12: 0xff, 13: a[13], 14: a[14], 15: a[15]}
	b := append([]byte{0x33, 0x33, 0xff, a[13], a[14], a[15]}, mac...)
	b = append(b, 0x86, 0xdd, 0x60, 0, 0, 0, 0, 24, unix.IPPROTO_ICMPV6, 255)
	b = append(append(b, make([]byte, 16)...), group[:]...)
	b = append(append(b, 135, 0, 0, 0, 0, 0, 0, 0), a[:]...)
	sum := uint32(24 + unix.IPPROTO_ICMPV6)
	for i := 22; i < len(b); i += 2 {
		sum += uint32(b[i])<<8 | uint32(b[i+1])
	}
	for sum > 0xffff {
		sum = sum>>16 + sum&0xffff
	}
	b[56], b[57] = ^byte(sum>>8), ^byte(sum)
	return b
}

// whoAnswers broadcasts ARP requests and returns the sender of the first reply.
func (lab guardLab) whoAnswers(t *testing.T, targets ...string) (who string) {
	t.Helper()
	p0 := linkOf(t, lab.peer, "p0")
	err := lab.peer.Do(func() error {
		fd, err := unix.Socket(unix.AF_PACKET, unix.SOCK_RAW|unix.SOCK_CLOEXEC, 0)
		if err != nil {
			return err
		}
		defer unix.Close(fd)
		arp := &unix.SockaddrLinklayer{Protocol: 0x0608, Ifindex: p0.Index} // ETH_P_ARP
		wait := unix.NsecToTimeval(patience.Nanoseconds())
		if err := errors.Join(unix.Bind(fd, arp), unix.SetsockoptTimeval(fd, unix.SOL_SOCKET, unix.SO_RCVTIMEO, &wait)); err != nil {
			return err
		}
		for _, target := range targets {
			if err := unix.Sendto(fd, arpRequest(p0.Address, "10.0.0.9", target), 0, arp); err != nil {
				return err
			}
		}
		buf := make([]byte, 100)
		for {
			n, _, err := unix.Recvfrom(fd, buf, 0)
			if err != nil {
				return err
			}
			if n >= 42 && buf[21] == 2 { // a reply
				who = netip.AddrFrom4([4]byte(buf[28:32])).String()
				return nil
			}
		}
	})
	if err != nil {
		t.Fatal(err)
	}
	return who
}

// arpRequest is a broadcast frame (RFC 826).
func arpRequest(mac net.HardwareAddr, sender, target string) []byte {
	b := append([]byte{0xff, 0xff, 0xff, 0xff, 0xff, 0xff}, mac...)
	b = append(b, 8, 6, 0, 1, 8, 0, 6, 4, 0, 1)
	b = append(append(b, mac...), netip.MustParseAddr(sender).AsSlice()...)
	return append(append(b, 0, 0, 0, 0, 0, 0), netip.MustParseAddr(target).AsSlice()...)
}
