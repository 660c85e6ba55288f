package rawip

import (
	"bytes"
	"errors"
	"net"
	"net/netip"
	"testing"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"
)

// TestNothingLeavesTheHost has Local claim every address. The kernel knows better, and
// the wire stays silent: no packet of the device, nobody asked for the
// destination's MAC address.
func TestNothingLeavesTheHost(t *testing.T) {
	h := newHost(t)
	h.Sysctl(t, "ipv4/ip_forward", "1")
	h.Sysctl(t, "ipv6/conf/all/forwarding", "1")
	h.Do(t, func() error {
		for _, gw := range []string{"192.0.2.254", "2001:db8::fe"} {
			if err := netlink.RouteAdd(&netlink.Route{LinkIndex: h.index, Gw: net.ParseIP(gw)}); err != nil {
				return err
			}
		}
		return nil
	})
	h.AddTentativeAddr(t, "m0", "2001:db8::d/64") // nobody is to be reached there yet
	h.port = h.open(t, Options{Local: func(a netip.Addr) bool { return a.String() != dev4 && a.String() != dev6 }, Index: h.index})
	dsts := map[string]string{
		"192.0.2.2":       dev4, // on the link
		"192.0.2.255":     dev4, // its broadcast address
		"203.0.113.1":     dev4, // behind the gateway
		"255.255.255.255": dev4,
		"224.0.0.5":       dev4,
		"2001:db8::2":     dev6,
		"2001:db8:5::2":   dev6,
		"fe80::5":         dev6,
		"2001:db8::d":     dev6,
		"ff02::5":         dev6,
	}
	for dst, src := range dsts {
		for _, write := range []func([]byte) error{h.port.WriteFrame, inPieces(h.port)} {
			if err := write(udpFrame(src, dst, 9, []byte("secret"))); err != ErrNotLocal {
				t.Errorf("%s: %v, want %v", dst, err, ErrNotLocal)
			}
		}
	}
	if s := h.port.Stats(); s != (Stats{TxNotLocal: uint64(2 * len(dsts))}) {
		t.Errorf("counted %+v, want %d not local", s, 2*len(dsts))
	}
	for _, b := range h.left(t) {
		ip := netip.MustParseAddr("192.0.2.2").As4()
		if bytes.Contains(b, []byte("secret")) || b[12] == 8 && b[13] == 6 && bytes.Contains(b, ip[:]) || solicits(b, "2001:db8::2", "fe80::5", "2001:db8::fe") {
			t.Errorf("left the host: %x", b)
		}
	}
}

// solicits reports whether b is a neighbour solicitation for one of targets.
func solicits(b []byte, targets ...string) bool {
	if len(b) < 14+40+24 || b[12] != 0x86 || b[14+6] != icmpv6 || b[14+40] != 135 {
		return false
	}
	for _, s := range targets {
		if netip.AddrFrom16([16]byte(b[14+40+8:])).String() == s {
			return true
		}
	}
	return false
}

// TestAddressRemoved takes the addresses away under a port whose Local has not
// heard of it.
func TestAddressRemoved(t *testing.T) {
	h := newHost(t)
	frames := [][]byte{udpFrame(dev4, host4, 9, nil), udpFrame(dev6, host6, 9, nil)}
	for _, b := range frames {
		if err := h.port.WriteFrame(b); err != nil {
			t.Fatal(err)
		}
	}
	h.Do(t, func() error {
		l, err := netlink.LinkByName("m0")
		for _, a := range []string{host4 + "/24", host6 + "/64"} {
			addr, parseErr := netlink.ParseAddr(a)
			err = errors.Join(err, parseErr, netlink.AddrDel(l, addr))
		}
		return err
	})
	for _, b := range frames {
		if err := h.port.WriteFrame(b); err != ErrNotLocal {
			t.Errorf("%v, want %v", err, ErrNotLocal)
		}
	}
}

// TestFences looks at each of the kernel's own checks without those before it.
func TestFences(t *testing.T) {
	h := newHost(t)
	h.Do(t, func() error {
		return netlink.RouteAdd(&netlink.Route{LinkIndex: h.index, Gw: net.ParseIP("192.0.2.254")})
	})
	h.port.mu.Lock()
	defer h.port.mu.Unlock()
	for dst, want := range map[string]unix.Errno{"203.0.113.1": unix.ENETUNREACH, "192.0.2.255": unix.EACCES} {
		b := udpFrame(dev4, dst, 9, nil)
		to := &unix.SockaddrInet4{Addr: netip.MustParseAddr(dst).As4()}
		if err := unix.Sendto(h.port.fds.ipv4, b[offIP:], 0, to); err != want {
			t.Errorf("%s: %v, want %v", dst, err, want)
		}
	}
}
