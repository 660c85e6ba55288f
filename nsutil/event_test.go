package nsutil

import (
	"errors"
	"net/netip"
	"os"
	"testing"
	"unsafe"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"

	"github.com/ipvl/ipvl/nsutil/rtnl"
	"github.com/ipvl/ipvl/nsutil/sandbox/sandboxtest"
)

// isAddr fits the event of an address on an interface of a namespace.
func isAddr(nsid, index int, addr string, deleted bool) func(Event) bool {
	return func(e Event) bool {
		return e.Kind == EventAddr && e.NSID == nsid && e.Deleted == deleted &&
			e.Addr.Index == index && e.Addr.Prefix.String() == addr
	}
}

func TestWatcherHearsEveryNamespaceOfADevice(t *testing.T) {
	eachBackend(t, func(t *testing.T, kind string) {
		a, b := addNetns(t, "a"), addNetns(t, "b")
		w := newWatcher(t, WatcherOptions{})
		i := create(t, Options{Name: "e0", Netns: a, MAC: masterMAC, Backend: kind, DevID: 1})
		nsid, index, err := i.Where()
		if err != nil {
			t.Fatal(err)
		}
		if err := i.Up(); err != nil {
			t.Fatal(err)
		}
		await(t, w, "UP", func(e Event) bool {
			return e.Kind == EventLink && e.NSID == nsid && e.Link.Name == "e0" && e.Link.Flags&unix.IFF_UP != 0 &&
				e.Link.Address.String() == masterMAC.String()
		})
		addAddr(t, a, "e0", "10.0.0.1/24")
		await(t, w, "address", isAddr(nsid, index, "10.0.0.1/24", false))
		addAddr(t, a, "e0", "fd00::1/64")
		await(t, w, "IPv6 address", isAddr(nsid, index, "fd00::1/64", false))
		if err := i.DelAddr(netip.MustParsePrefix("10.0.0.1/24")); err != nil {
			t.Fatal(err)
		}
		await(t, w, "address removed", isAddr(nsid, index, "10.0.0.1/24", true))

		// Moved by somebody inside, to a namespace that had no id here.
		handle(t, a, func(h *netlink.Handle) error {
			f, err := b.Open()
			if err != nil {
				return err
			}
			defer f.Close()
			return h.LinkSetNsFd(&netlink.Dummy{LinkAttrs: netlink.LinkAttrs{Name: "e0"}}, int(f.Fd()))
		})
		await(t, w, "move", func(e Event) bool {
			return e.Kind == EventLink && e.Deleted && e.NSID == nsid && e.Link.Index == index && e.Link.NewNSID >= 0
		})
		nsid, index, err = i.Where()
		if err != nil {
			t.Fatal(err)
		}
		addAddr(t, b, "e0", "10.0.0.2/24")
		await(t, w, "address after the move", isAddr(nsid, index, "10.0.0.2/24", false))
		if err := i.Rename("e1"); err != nil {
			t.Fatal(err)
		}
		await(t, w, "rename", func(e Event) bool {
			return e.Kind == EventLink && e.NSID == nsid && e.Link.Index == index && e.Link.Name == "e1"
		})
	})
}

// Rows.
func TestWatcherTellsPeersApart(t *testing.T) {
	sandboxtest.Each(t, func(t *testing.T) {
		w := newWatcher(t, WatcherOptions{})
		pair(t, Ref{}, "e0", "e1")
		handle(t, Ref{}, func(h *netlink.Handle) error {
			l, err := h.LinkByName("e0")
			if err != nil {
				return err
			}
			for _, p := range [][2]string{{"10.0.0.1/32", "10.0.0.2/32"}, {"fd00::1/128", "fd00::2/128"}} {
				a, err := netlink.ParseAddr(p[0])
				if err != nil {
					return err
				}
				if a.Peer, err = netlink.ParseIPNet(p[1]); err != nil {
					return err
				}
				a.Flags = unix.IFA_F_NODAD // without, IPv6 is announced when DAD is over
				if err := h.AddrAdd(l, a); err != nil {
					return err
				}
			}
			return nil
		})
		for _, p := range [][2]string{{"10.0.0.1", "10.0.0.2"}, {"fd00::1", "fd00::2"}} {
			await(t, w, p[0], func(e Event) bool {
				return e.Kind == EventAddr && e.NSID == -1 && e.Addr.Prefix.Addr().String() == p[0] &&
					e.Addr.Address.String() == p[1] && e.Addr.Peer().String() == p[1]
			})
		}
	})
}

func TestWatcherHearsGroups(t *testing.T) {
	sandboxtest.Each(t, func(t *testing.T) {
		ns := addNetns(t, "a")
		pair(t, ns, "e0", "e1")
		nsid, err := NSID(ns)
		if err != nil {
			t.Fatal(err)
		}
		w := newWatcher(t, WatcherOptions{})
		index := linkOf(t, ns, "e0").Index
		err = ns.Do(func() error {
			fd, err := unix.Socket(unix.AF_INET, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
			if err != nil {
				return err
			}
			t.Cleanup(func() { unix.Close(fd) })
			m := &unix.IPMreqn{Multiaddr: [4]byte{239, 9, 9, 9}, Ifindex: int32(index)}
			return unix.SetsockoptIPMreqn(fd, unix.IPPROTO_IP, unix.IP_ADD_MEMBERSHIP, m)
		})
		if err != nil {
			t.Fatal(err)
		}
		groups, err := Groups(ns, index)
		if err != nil {
			t.Fatal(err)
		}
		found := false
		for _, g := range groups {
			found = found || g.String() == "01:00:5e:09:09:09"
		}
		if !found {
			t.Errorf("groups %v", groups)
		}
		if !w.HasGroups() { // before Linux 6.14
			return
		}
		await(t, w, "group", func(e Event) bool {
			return e.Kind == EventGroup && e.NSID == nsid && e.Group.Index == index && e.Group.Addr.String() == "239.9.9.9"
		})
	})
}

func TestWatcherTellsOfOtherNamespacesThatRoutesChanged(t *testing.T) {
	sandboxtest.Each(t, func(t *testing.T) {
		ns := addNetns(t, "a")
		pair(t, ns, "e0", "e1")
		pair(t, Ref{}, "m0", "m1")
		if _, err := NSID(ns); err != nil {
			t.Fatal(err)
		}
		w := newWatcher(t, WatcherOptions{})
		addAddr(t, ns, "e0", "10.0.0.1/24") // makes routes there
		addAddr(t, Ref{}, "m0", "10.9.0.1/24")
		// This route, since those of the pair's link-local addresses come when they like.
		here := netip.MustParsePrefix("10.9.0.0/24")
		before := await(t, w, "route here", func(e Event) bool {
			return e.Kind == EventRoute && e.NSID == -1 && e.Route != nil && e.Route.Dst == here
		})
		told := false
		for _, e := range before {
			told = told || e.Kind == EventRoute && e.NSID != -1
			if e.NSID != -1 && (e.Kind == EventRoute && e.Route != nil || e.Kind == EventNeigh) {
				t.Errorf("%s event of namespace %d", e.Kind, e.NSID)
			}
		}
		if !told {
			t.Error("nothing was told of routes elsewhere")
		}
		handle(t, Ref{}, func(h *netlink.Handle) error {
			r := netlink.NewRule()
			r.Family, r.Table, r.Priority = unix.AF_INET, 77, 500
			if err := h.RuleAdd(r); err != nil {
				return err
			}
			t.Cleanup(func() { handle(t, Ref{}, func(h *netlink.Handle) error { return h.RuleDel(r) }) })
			l, err := h.LinkByName("m0")
			if err != nil {
				return err
			}
			return h.NeighSet(&netlink.Neigh{LinkIndex: l.Attrs().Index, State: unix.NUD_PERMANENT,
				IP: []byte{10, 9, 0, 9}, HardwareAddr: masterMAC})
		})
		await(t, w, "rule", func(e Event) bool { return e.Kind == EventRule })
		await(t, w, "neighbour", func(e Event) bool {
			return e.Kind == EventNeigh && e.Neigh.Dst.String() == "10.9.0.9" && e.Neigh.State == unix.NUD_PERMANENT
		})
	})
}

// A namespace may have an id for itself; its events then come with that.
func TestWatcherKnowsItselfUnderAnyID(t *testing.T) {
	sandboxtest.Each(t, func(t *testing.T) {
		w := newWatcher(t, WatcherOptions{})
		pair(t, Ref{}, "m0", "m1")
		addAddr(t, Ref{}, "m0", "10.0.0.1/24")
		index := linkOf(t, Ref{}, "m0").Index
		await(t, w, "address", isAddr(-1, index, "10.0.0.1/24", false))
		conn(t, Ref{}, func(c *rtnl.Conn) error {
			f, err := Ref{}.Open()
			if err != nil {
				return err
			}
			defer f.Close()
			id, err := c.AssignNSID(int(f.Fd()))
			if err == nil && id < 0 {
				t.Errorf("id %d", id)
			}
			return err
		})
		addAddr(t, Ref{}, "m0", "10.0.0.2/24")
		await(t, w, "address under the id", isAddr(-1, index, "10.0.0.2/24", false))
	})
}

// Only kernels before 2026 put that id on events; they get it translated.
func TestOwnNSIDIsLearnt(t *testing.T) {
	sandboxtest.User(t, func(t *testing.T) {
		var own ownNSID
		if err := own.open(); err != nil {
			t.Fatal(err)
		}
		defer own.close()
		if own.of(0) != 0 || own.of(noNSID) != -1 {
			t.Error("translated although there is no id")
		}
		id, err := own.conn.AssignNSID(int(own.ns.Fd()))
		if err != nil || id < 0 {
			t.Fatalf("id %d, %v", id, err)
		}
		own.refresh()
		if own.of(id) != -1 || own.of(id+1) != id+1 || own.of(noNSID) != -1 {
			t.Errorf("%d becomes %d, %d becomes %d", id, own.of(id), id+1, own.of(id+1))
		}
	})
}

func TestWatcherReportsAnOverrun(t *testing.T) {
	sandboxtest.Each(t, func(t *testing.T) {
		w := newWatcher(t, WatcherOptions{ReceiveBuffer: 64 << 10})
		pair(t, Ref{}, "m0", "m1")
		handle(t, Ref{}, func(h *netlink.Handle) error {
			l, err := h.LinkByName("m0")
			for i := 0; i < 3000 && err == nil; i++ { // nobody receives
				err = h.LinkSetTxQLen(l, 1000+i%2)
			}
			return err
		})
		await(t, w, "overrun", func(e Event) bool { return e.Kind == EventOverrun })
		for w.unread(t) > 0 {
			w.pending = <-w.Events()
		}
		addAddr(t, Ref{}, "m0", "10.0.0.1/24")
		await(t, w, "address after the overrun", isAddr(-1, linkOf(t, Ref{}, "m0").Index, "10.0.0.1/24", false))
	})
}

// unread is how much memory what waits in the socket takes: the first number
// of SO_MEMINFO, SK_MEMINFO_RMEM_ALLOC.
func (l *listener) unread(t *testing.T) uint32 {
	t.Helper()
	var info [16]uint32
	err := control(l.file, func(fd int) error {
		size := uint32(unsafe.Sizeof(info))
		_, _, errno := unix.Syscall6(unix.SYS_GETSOCKOPT, uintptr(fd), unix.SOL_SOCKET, unix.SO_MEMINFO,
			uintptr(unsafe.Pointer(&info)), uintptr(unsafe.Pointer(&size)), 0)
		if errno != 0 {
			return errno
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return info[0]
}

func TestWatcherCloses(t *testing.T) {
	sandboxtest.User(t, func(t *testing.T) {
		w := newWatcher(t, WatcherOptions{})
		pair(t, Ref{}, "m0", "m1") // a batch is waiting for nobody
		if err := errors.Join(w.Close(), w.Close(), w.Err()); err != nil {
			t.Fatal(err)
		}
		for range w.Events() { //nolint:revive // ends, because it is closed
		}
	})
}

// Nothing that is kept for an interface may keep its namespace: when that
// goes, the interface is over.
func TestNamespaceIsNotKeptAlive(t *testing.T) {
	eachBackend(t, func(t *testing.T, kind string) {
		ns := addNetns(t, "a")
		w := newWatcher(t, WatcherOptions{})
		i := create(t, Options{Name: "e0", Netns: ns, Backend: kind, DevID: 1})
		nsid, _, err := i.Where()
		if err := errors.Join(err, i.Up(), i.EnsureLinkLocal()); err != nil {
			t.Fatal(err)
		}
		sandboxtest.DelNetns(t, "a")
		await(t, w, "end of the namespace", func(e Event) bool {
			return e.Kind == EventNSID && e.Deleted && e.NSID == nsid
		})
		if kind == KindTAP {
			buf := make([]byte, 65536)
			for err == nil { // what the kernel had sent by itself
				_, err = i.File().Read(buf)
			}
			// Go's poller may come first, with an error of its own.
			t.Logf("read: %v", err)
			raw := control(i.File(), func(fd int) error { _, err := unix.Read(fd, buf); return err })
			if errors.Is(err, os.ErrClosed) || !errors.Is(raw, unix.EBADFD) {
				t.Errorf("read: %v, read(2): %v, want EBADFD", err, raw)
			}
		} else {
			await(t, w, "end of our end", func(e Event) bool {
				return e.Kind == EventLink && e.Deleted && e.NSID == -1 && e.Link.Index == i.PortIndex()
			})
		}
		if _, _, err := i.Where(); !errors.Is(err, ErrGone) {
			t.Errorf("where: %v, want ErrGone", err)
		}
		if err := i.SetCarrier(false); !errors.Is(err, ErrGone) {
			t.Errorf("carrier: %v, want ErrGone", err)
		}
		if err := i.Close(); err != nil {
			t.Errorf("close: %v", err)
		}
	})
}
