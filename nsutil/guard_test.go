package nsutil

import (
	"errors"
	"net"
	"net/netip"
	"testing"
	"time"

	"github.com/google/nftables"
	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"

	"github.com/ipvl/ipvl/nsutil/rtnl"
	"github.com/ipvl/ipvl/nsutil/sandbox/sandboxtest"
)

// guardLab is the namespace of the test as host, and a peer:
//
//	peer 10.0.0.9, fd00::9 ── p0 ~ veth ~ m0 ── host 10.0.0.1, .2, fd00::1, ::2
type guardLab struct {
	peer Ref
	// rx receives UDP on the host, tx sends it from the peer.
	rx, tx *net.UDPConn
}

func newGuardLab(t *testing.T) guardLab {
	t.Helper()
	lab := guardLab{peer: addNetns(t, "peer")}
	pair(t, Ref{}, "m0", "p0")
	handle(t, Ref{}, func(h *netlink.Handle) error {
		f, err := lab.peer.Open()
		if err != nil {
			return err
		}
		defer f.Close()
		return h.LinkSetNsFd(&netlink.Dummy{LinkAttrs: netlink.LinkAttrs{Name: "p0"}}, int(f.Fd()))
	})
	handle(t, lab.peer, func(h *netlink.Handle) error {
		return h.LinkSetUp(&netlink.Dummy{LinkAttrs: netlink.LinkAttrs{Name: "p0"}})
	})
	for _, a := range []string{"10.0.0.1/24", "10.0.0.2/24", "fd00::1/64", "fd00::2/64"} {
		addAddr(t, Ref{}, "m0", a)
	}
	addAddr(t, lab.peer, "p0", "10.0.0.9/24")
	addAddr(t, lab.peer, "p0", "fd00::9/64")
	lab.neighbours(t)
	lab.sockets(t)
	return lab
}

// neighbours tells the peer the host's MAC address, so that ARP and ND do not
// matter.
func (lab guardLab) neighbours(t *testing.T) {
	t.Helper()
	mac := linkOf(t, Ref{}, "m0").Address
	index := linkOf(t, lab.peer, "p0").Index
	handle(t, lab.peer, func(h *netlink.Handle) error {
		var err error
		for _, a := range []string{"10.0.0.1", "10.0.0.2", "fd00::1", "fd00::2"} {
			err = errors.Join(err, h.NeighSet(&netlink.Neigh{
				LinkIndex: index, State: unix.NUD_PERMANENT, IP: net.ParseIP(a), HardwareAddr: mac}))
		}
		return err
	})
}

func (lab *guardLab) sockets(t *testing.T) {
	t.Helper()
	var err error
	if lab.rx, err = net.ListenUDP("udp", nil); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { lab.rx.Close() })
	err = lab.peer.Do(func() (err error) {
		lab.tx, err = net.ListenUDP("udp", nil)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { lab.tx.Close() })
}

// reaches tells whether a datagram to an address comes to the host. One to
// mark, which nobody guards, follows it, so that there is no waiting for nothing.
func (lab guardLab) reaches(t *testing.T, to, mark string) bool {
	t.Helper()
	port := uint16(lab.rx.LocalAddr().(*net.UDPAddr).Port)
	for _, a := range []string{to, mark} {
		dst := netip.AddrPortFrom(netip.MustParseAddr(a), port)
		if _, err := lab.tx.WriteToUDPAddrPort([]byte(a), dst); err != nil {
			t.Fatal(err)
		}
	}
	buf := make([]byte, 100)
	for got := false; ; got = true {
		_ = lab.rx.SetReadDeadline(time.Now().Add(patience))
		n, err := lab.rx.Read(buf)
		if err != nil {
			t.Fatal(err)
		}
		if string(buf[:n]) == mark {
			return got
		}
	}
}

func addrs(list ...string) (out []netip.Addr) {
	for _, a := range list {
		out = append(out, netip.MustParseAddr(a))
	}
	return out
}

func TestGuardDropsForTheHostOnly(t *testing.T) {
	sandboxtest.Each(t, func(t *testing.T) {
		lab := newGuardLab(t)
		var g HostGuard
		if err := g.Ensure("m0"); err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { g.Remove() })
		check := func(what string, v4, v6 bool) {
			t.Helper()
			if got := lab.reaches(t, "10.0.0.1", "10.0.0.2"); got != v4 {
				t.Errorf("%s: IPv4 reaches the host: %v", what, got)
			}
			if got := lab.reaches(t, "fd00::1", "fd00::2"); got != v6 {
				t.Errorf("%s: IPv6 reaches the host: %v", what, got)
			}
		}
		set := func(list ...string) {
			t.Helper()
			if err := g.SetAddrs(addrs(list...)); err != nil {
				t.Fatal(err)
			}
		}
		check("nothing guarded", true, true)
		set("10.0.0.1", "fd00::1", "10.0.0.77")
		check("both guarded", false, false)
		seen := sniff(t, "m0", func() { lab.reaches(t, "10.0.0.1", "10.0.0.2") })
		if !seen("10.0.0.1") {
			t.Error("a packet socket does not see what is guarded")
		}
		set("10.0.0.77", "::ffff:10.0.0.1")
		check("IPv6 given back", false, true)
		set()
		check("all given back", true, true)
		set("10.0.0.1", "fd00::1")
		if err := g.Remove(); err != nil {
			t.Fatal(err)
		}
		check("removed", true, true)
		if err := g.Remove(); err != nil {
			t.Error("not idempotent:", err)
		}
		if err := g.SetAddrs(nil); err == nil {
			t.Error("addresses were accepted without a guard")
		}
	})
}

// sniff opens a packet socket on an interface, runs fn, and returns a
// function that tells whether a UDP payload was seen.
func sniff(t *testing.T, dev string, fn func()) func(payload string) bool {
	t.Helper()
	fd, err := unix.Socket(unix.AF_PACKET, unix.SOCK_RAW|unix.SOCK_CLOEXEC|unix.SOCK_NONBLOCK, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer unix.Close(fd)
	all := &unix.SockaddrLinklayer{Protocol: 0x0300, Ifindex: linkOf(t, Ref{}, dev).Index} // ETH_P_ALL
	if err := unix.Bind(fd, all); err != nil {
		t.Fatal(err)
	}
	fn()
	seen := make(map[string]bool)
	for buf := make([]byte, 2048); ; {
		n, _, err := unix.Recvfrom(fd, buf, 0)
		if err != nil {
			break
		}
		if n > 42 {
			seen[string(buf[42:n])] = true
		}
	}
	return func(payload string) bool { return seen[payload] }
}

func flushRuleset(t *testing.T) {
	t.Helper()
	c, err := nftables.New()
	if err != nil {
		t.Fatal(err)
	}
	c.FlushRuleset()
	if err := c.Flush(); err != nil {
		t.Fatal(err)
	}
}

// Firewalls like to flush everything when they load their rules.
func TestGuardComesBackAfterAFlush(t *testing.T) {
	sandboxtest.Each(t, func(t *testing.T) {
		lab := newGuardLab(t)
		var g HostGuard
		if err := errors.Join(g.Ensure("m0"), g.SetAddrs(addrs("10.0.0.1"))); err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { g.Remove() })
		for what, mend := range map[string]func() error{
			"Ensure":   func() error { return g.Ensure("m0") },
			"SetAddrs": func() error { return g.SetAddrs(addrs("10.0.0.1", "10.0.0.8")) },
		} {
			flushRuleset(t)
			if !lab.reaches(t, "10.0.0.1", "10.0.0.2") {
				t.Fatal("the flush had no effect")
			}
			if err := mend(); err != nil {
				t.Errorf("%s: %v", what, err)
			}
			if lab.reaches(t, "10.0.0.1", "10.0.0.2") {
				t.Errorf("%s did not bring the guard back", what)
			}
		}
	})
}

func TestGuardHoldsManyAddresses(t *testing.T) {
	sandboxtest.User(t, func(t *testing.T) {
		lab := newGuardLab(t)
		var g HostGuard
		if err := g.Ensure("m0"); err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { g.Remove() })
		many := addrs("10.0.0.1", "fd00::1")
		for i := range 3000 {
			many = append(many, netip.AddrFrom4([4]byte{172, 16, byte(i >> 8), byte(i)}))
			many = append(many, netip.AddrFrom16([16]byte{0: 0xfd, 1: 1, 14: byte(i >> 8), 15: byte(i)}))
		}
		for _, list := range [][]netip.Addr{many, many[1000:], many} {
			if err := g.SetAddrs(list); err != nil {
				t.Fatal(err)
			}
		}
		if lab.reaches(t, "10.0.0.1", "10.0.0.2") || lab.reaches(t, "fd00::1", "fd00::2") {
			t.Error("not guarded")
		}
	})
}

func TestGuardIsExclusive(t *testing.T) {
	sandboxtest.Each(t, func(t *testing.T) {
		pair(t, Ref{}, "m0", "m1")
		var a, b HostGuard
		if err := a.Ensure("m0"); err != nil {
			t.Fatal(err)
		}
		if err := b.Ensure("m0"); !errors.Is(err, ErrHeld) {
			t.Errorf("a second guard: %v", err)
		}
		if err := b.Ensure("none"); !errors.Is(err, unix.ENODEV) {
			t.Errorf("no such master: %v", err)
		}
		if err := a.Ensure("m1"); err != nil { // another master: the first is let go
			t.Fatal(err)
		}
		if err := errors.Join(b.Ensure("m0"), a.Remove(), b.Remove()); err != nil {
			t.Fatal(err)
		}
	})
}

func TestCleanupStaleSparesTheLiving(t *testing.T) {
	eachBackend(t, func(t *testing.T, kind string) {
		pair(t, Ref{}, "m0", "m1")
		pair(t, Ref{}, "ipvlv00000000", "m3") // our name, but not our mark
		var alive, killed HostGuard
		if err := errors.Join(alive.Ensure("m0"), killed.Ensure("m1")); err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { alive.Remove() })
		create(t, Options{Name: "e0", Backend: kind})
		if removed, err := CleanupStale(); err != nil || len(removed) != 0 {
			t.Fatalf("removed of the living: %v, %v", removed, err)
		}
		// What the kernel does for a process that is killed.
		want := 1
		killed.hold.release()
		dead := create(t, Options{Name: "e1", Backend: kind})
		switch d := dead.(type) {
		case *Veth:
			d.hold.release()
			want += 2 // the pair and its table
		case *TAP: // killed in the middle of openTAP
			persist := func(fd int) error { return unix.IoctlSetInt(fd, unix.TUNSETPERSIST, 1) }
			if err := errors.Join(d.Rename("ipvlt0123abcd"), d.ioctl(persist), d.Close()); err != nil {
				t.Fatal(err)
			}
			want++
		}
		if removed, err := CleanupStale(); err != nil || len(removed) != want {
			t.Errorf("removed %v, %v", removed, err)
		}
		if removed, err := CleanupStale(); err != nil || len(removed) != 0 {
			t.Errorf("removed again: %v, %v", removed, err)
		}
		conn(t, Ref{}, func(c *rtnl.Conn) error {
			_, err := c.Link(0, "e0")
			_, mineErr := c.Link(0, "ipvlv00000000")
			return errors.Join(err, mineErr)
		})
		if err := alive.Ensure("m0"); err != nil {
			t.Error(err)
		}
	})
}
