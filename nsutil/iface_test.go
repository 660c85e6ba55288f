package nsutil

import (
	"errors"
	"net/netip"
	"os"
	"testing"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"

	"github.com/ipvl/ipvl/nsutil/rtnl"
	"github.com/ipvl/ipvl/nsutil/sandbox"
	"github.com/ipvl/ipvl/nsutil/sandbox/sandboxtest"
)

// eachBackend runs fn for every kind of interface that can be made: veth pairs
// anywhere, TAPs where /dev/net/tun can be opened, and there they must work.
func eachBackend(t *testing.T, fn func(t *testing.T, kind string)) {
	sandboxtest.Each(t, func(t *testing.T) {
		kinds := []string{KindVeth}
		if probeTun() == nil || sandbox.Kind() == sandbox.KindRoot {
			kinds = append(kinds, KindTAP)
		}
		for _, kind := range kinds {
			t.Run(kind, func(t *testing.T) { fn(t, kind) })
		}
	})
}

func create(t *testing.T, o Options) Interface {
	t.Helper()
	i, err := Create(o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { i.Close() })
	return i
}

func TestCreateGivesTheMastersProperties(t *testing.T) {
	eachBackend(t, func(t *testing.T, kind string) {
		ns := addNetns(t, "a")
		pair(t, Ref{}, "e0", "peer") // the name is taken here, and free there
		create(t, Options{Name: "e0", Netns: ns, MAC: masterMAC, MTU: 1400, NoARP: true, Backend: kind, DevID: 1})
		l := linkOf(t, ns, "e0")
		if l.Address.String() != masterMAC.String() || l.MTU != 1400 || l.TxQLen != 1000 {
			t.Errorf("address %v mtu %d qlen %d", l.Address, l.MTU, l.TxQLen)
		}
		if up, noarp := l.Flags&unix.IFF_UP != 0, l.Flags&unix.IFF_NOARP != 0; up || !noarp {
			t.Errorf("up %v, noarp %v, want down and noarp", up, noarp)
		}
		if l.NumTxQueues != 1 {
			t.Errorf("%d queues", l.NumTxQueues)
		}
	})
}

func TestCreateHere(t *testing.T) {
	eachBackend(t, func(t *testing.T, kind string) {
		i := create(t, Options{Name: "e0", MAC: masterMAC, Backend: kind})
		nsid, index, err := i.Where()
		if l := linkOf(t, Ref{}, "e0"); err != nil || nsid != -1 || index != l.Index || l.MTU != 1500 {
			t.Errorf("nsid %d index %d, link %+v, %v", nsid, index, l, err)
		}
	})
}

func TestCreateWithAnIndex(t *testing.T) {
	eachBackend(t, func(t *testing.T, kind string) {
		ns := addNetns(t, "a")
		i := create(t, Options{Name: "e0", Netns: ns, Index: 111, Backend: kind})
		if _, index, err := i.Where(); err != nil || index != 111 {
			t.Errorf("index %d, %v", index, err)
		}
		here, err := Create(Options{Name: "e1", Index: 112, Backend: kind})
		if kind == KindVeth {
			if !errors.Is(err, unix.EOPNOTSUPP) {
				t.Fatalf("veth: %v", err)
			}
			return
		}
		if err != nil {
			t.Fatal(err)
		}
		defer here.Close()
		if _, index, err := here.Where(); err != nil || index != 112 {
			t.Errorf("index %d, %v", index, err)
		}
		hasHeader(t, here.File())
	})
}

func TestCreateLeavesNothingBehindWhenItFails(t *testing.T) {
	eachBackend(t, func(t *testing.T, kind string) {
		ns := addNetns(t, "a")
		pair(t, ns, "e0", "e1")
		_, err := Create(Options{Name: "e0", Netns: ns, Backend: kind})
		var typed *Error
		if !errors.Is(err, unix.EEXIST) || !errors.As(err, &typed) {
			t.Errorf("taken name: %v", err)
		}
		_, err = Create(Options{Name: "e2", MTU: 1 << 20, Backend: kind})
		if !errors.Is(err, unix.EINVAL) {
			t.Errorf("impossible MTU: %v", err)
		}
		_, err = Create(Options{Name: "a-name-that-is-too-long", Backend: kind})
		if err == nil {
			t.Error("impossible name was taken")
		}
		links, err := Links(Ref{})
		if err != nil || len(links) != 1 {
			t.Errorf("links %+v, %v; want lo alone", links, err)
		}
		if removed, err := CleanupStale(); err != nil || len(removed) != 0 {
			t.Errorf("stale: %v, %v", removed, err)
		}
	})
}

func TestCreateFallsBackToVeth(t *testing.T) {
	sandboxtest.Each(t, func(t *testing.T) {
		i := create(t, Options{Name: "e0"})
		tun := probeTun()
		if tun == nil {
			if i.Kind() != KindTAP || i.Reason() != nil || i.File() == nil || i.PortIndex() != 0 {
				t.Fatalf("kind %s, reason %v", i.Kind(), i.Reason())
			}
			return
		}
		if i.Kind() != KindVeth || !errors.Is(i.Reason(), errors.Unwrap(tun)) || i.File() != nil || i.PortIndex() == 0 {
			t.Fatalf("kind %s, reason %v, want veth and %v", i.Kind(), i.Reason(), tun)
		}
		if _, err := Create(Options{Name: "e1", Backend: KindTAP}); !errors.Is(err, errors.Unwrap(tun)) {
			t.Errorf("a TAP was asked for: %v, want %v", err, tun)
		}
	})
}

// hasHeader checks IFF_VNET_HDR on a TAP's descriptor.
func hasHeader(t *testing.T, f *os.File) {
	t.Helper()
	ifr, err := unix.NewIfreq("")
	if err != nil {
		t.Fatal(err)
	}
	err = control(f, func(fd int) error {
		if err := unix.IoctlIfreq(fd, unix.TUNGETIFF, ifr); err != nil {
			return err
		}
		size, err := unix.IoctlGetInt(fd, unix.TUNGETVNETHDRSZ)
		if err == nil && int32(size) != vnetHeaderLen {
			t.Errorf("header of %d bytes", int32(size))
		}
		return err
	})
	if flags := ifr.Uint16(); err != nil || flags&unix.IFF_VNET_HDR == 0 || flags&unix.IFF_PERSIST != 0 {
		t.Errorf("flags %#x, %v: want vnet_hdr, not persistent", flags, err)
	}
}

func TestSettersReachTheInterfaceWhereverItIs(t *testing.T) {
	eachBackend(t, func(t *testing.T, kind string) {
		a, b := addNetns(t, "a"), addNetns(t, "b")
		i := create(t, Options{Name: "e0", Netns: a, MAC: masterMAC, Backend: kind})
		// Somebody else renames it and takes it on to b.
		handle(t, a, func(h *netlink.Handle) error {
			if err := h.LinkSetName(&netlink.Dummy{LinkAttrs: netlink.LinkAttrs{Name: "e0"}}, "other"); err != nil {
				return err
			}
			f, err := b.Open()
			if err != nil {
				return err
			}
			defer f.Close()
			return h.LinkSetNsFd(&netlink.Dummy{LinkAttrs: netlink.LinkAttrs{Name: "other"}}, int(f.Fd()))
		})
		if name, err := i.Name(); err != nil || name != "other" {
			t.Fatalf("name %q, %v", name, err)
		}
		nsid, index, err := i.Where()
		want, nerr := NSID(b)
		if err := errors.Join(err, nerr); err != nil || nsid != want || nsid < 0 {
			t.Fatalf("nsid %d, want %d, %v", nsid, want, err)
		}
		err = errors.Join(
			i.SetMAC([]byte{2, 1, 2, 3, 4, 5}), i.SetMTU(1300), i.SetTxQLen(77), i.SetAlias("of a test"),
			i.SetFlags(unix.IFF_ALLMULTI, unix.IFF_MULTICAST), i.SetNoARP(true), i.Up(), i.Rename("e9"))
		if err != nil {
			t.Fatal(err)
		}
		l := linkOf(t, b, "e9")
		if l.Index != index || l.Address.String() != "02:01:02:03:04:05" || l.MTU != 1300 || l.TxQLen != 77 || l.Alias != "of a test" {
			t.Errorf("%+v", l)
		}
		on, off := uint32(unix.IFF_ALLMULTI|unix.IFF_NOARP|unix.IFF_UP), uint32(unix.IFF_MULTICAST)
		if l.Flags&on != on || l.Flags&off != 0 {
			t.Errorf("flags %#x", l.Flags)
		}
		if err := errors.Join(i.Down(), i.SetNoARP(false), i.SetAlias("")); err != nil {
			t.Fatal(err)
		}
		if l := linkOf(t, b, "e9"); l.Flags&(unix.IFF_UP|unix.IFF_NOARP) != 0 || l.Alias != "" {
			t.Errorf("flags %#x alias %q", l.Flags, l.Alias)
		}
	})
}

func TestCarrier(t *testing.T) {
	eachBackend(t, func(t *testing.T, kind string) {
		ns := addNetns(t, "a")
		i := create(t, Options{Name: "e0", Netns: ns, Backend: kind})
		if err := i.Up(); err != nil {
			t.Fatal(err)
		}
		for _, on := range []bool{true, false, true} {
			if err := i.SetCarrier(on); err != nil {
				t.Fatal(err)
			}
			if got := linkOf(t, ns, "e0").Flags&unix.IFF_LOWER_UP != 0; got != on {
				t.Errorf("carrier %v, want %v", got, on)
			}
		}
	})
}

// Touch is told of, and changes nothing.
func TestTouch(t *testing.T) {
	eachBackend(t, func(t *testing.T, kind string) {
		ns := addNetns(t, "a")
		w := newWatcher(t, WatcherOptions{})
		i := create(t, Options{Name: "e0", Netns: ns, Backend: kind})
		if err := errors.Join(i.SetAlias("x"), i.Up()); err != nil {
			t.Fatal(err)
		}
		nsid, index, err := i.Where()
		if err != nil {
			t.Fatal(err)
		}
		mine := func(e Event) bool { return e.Kind == EventLink && e.NSID == nsid && e.Link.Index == index }
		await(t, w, "up", func(e Event) bool { return mine(e) && e.Link.Flags&unix.IFF_UP != 0 })
		before := linkOf(t, ns, "e0")
		if err := errors.Join(i.SetMTU(1400), i.Touch(), i.SetMTU(1300)); err != nil {
			t.Fatal(err)
		}
		told := 0
		for _, e := range await(t, w, "the end", func(e Event) bool { return mine(e) && e.Link.MTU == 1300 }) {
			if mine(e) && e.Link.MTU == 1400 {
				told++
			}
		}
		if told != 2 {
			t.Errorf("told %d times, want 2: of the MTU, and of nothing", told)
		}
		if after := linkOf(t, ns, "e0"); after.Alias != "x" || after.Group != before.Group || after.Flags != before.Flags {
			t.Errorf("%+v became %+v", before, after)
		}
	})
}

func TestSetNoQueue(t *testing.T) {
	eachBackend(t, func(t *testing.T, kind string) {
		ns := addNetns(t, "a")
		i := create(t, Options{Name: "e0", Netns: ns, Backend: kind})
		if err := errors.Join(i.Up(), i.SetNoQueue(), i.SetNoQueue(), i.Down(), i.Up()); err != nil {
			t.Fatal(err)
		}
		if got := linkOf(t, ns, "e0").Qdisc; got != "noqueue" {
			t.Errorf("qdisc %q", got)
		}
	})
}

func TestMoveTo(t *testing.T) {
	eachBackend(t, func(t *testing.T, kind string) {
		a, b := addNetns(t, "a"), addNetns(t, "b")
		i := create(t, Options{Name: "e0", Netns: a, NoARP: true, Backend: kind})
		if err := i.Up(); err != nil {
			t.Fatal(err)
		}
		addAddr(t, a, "e0", "10.0.0.1/24")
		if err := i.MoveTo(b, "e1"); err != nil {
			t.Fatal(err)
		}
		l := linkOf(t, b, "e1")
		if l.Flags&unix.IFF_UP != 0 || l.Flags&unix.IFF_NOARP == 0 || l.AddrGenMode != kernelNone {
			t.Errorf("flags %#x, addrgenmode %d", l.Flags, l.AddrGenMode)
		}
		if addrs, err := Addrs(b); err != nil || len(addrs) != 0 {
			t.Errorf("addresses %v, %v", addrs, err)
		}
		if err := i.MoveTo(b, ""); err != nil {
			t.Errorf("to where it is: %v", err)
		}
		if err := i.MoveTo(Ref{}, ""); err != nil {
			t.Fatalf("back home: %v", err)
		}
		if nsid, _, err := i.Where(); err != nil || nsid != -1 {
			t.Errorf("nsid %d, %v", nsid, err)
		}
	})
}

func TestDelAddr(t *testing.T) {
	eachBackend(t, func(t *testing.T, kind string) {
		ns := addNetns(t, "a")
		i := create(t, Options{Name: "e0", Netns: ns, Backend: kind, DevID: 1})
		if err := i.SetAddrGenMode(AddrGenNone); err != nil {
			t.Fatal(err)
		}
		if err := i.Up(); err != nil {
			t.Fatal(err)
		}
		for _, a := range []string{"10.0.0.1/24", "10.0.0.2/24", "fd00::1/64"} {
			addAddr(t, ns, "e0", a)
		}
		for _, a := range []string{"10.0.0.1/24", "fd00::1/64", "fd00::9/64", "10.0.0.1/24"} {
			if err := i.DelAddr(netip.MustParsePrefix(a)); err != nil {
				t.Errorf("%s: %v", a, err)
			}
		}
		addrs, err := Addrs(ns)
		if err != nil || len(addrs) != 0 && addrs[0].Prefix.String() != "10.0.0.2/24" {
			t.Errorf("left: %+v, %v", addrs, err)
		}
	})
}

func TestCloseEndsTheInterface(t *testing.T) {
	eachBackend(t, func(t *testing.T, kind string) {
		ns := addNetns(t, "a")
		i := create(t, Options{Name: "e0", Netns: ns, Backend: kind})
		if err := errors.Join(i.Close(), i.Close()); err != nil {
			t.Fatal(err)
		}
		conn(t, ns, func(c *rtnl.Conn) error {
			if _, err := c.Link(0, "e0"); !errors.Is(err, unix.ENODEV) {
				t.Errorf("after Close: %v", err)
			}
			return nil
		})
		if err := i.Up(); !errors.Is(err, ErrGone) {
			t.Errorf("Up after Close: %v", err)
		}
		if removed, err := CleanupStale(); err != nil || len(removed) != 0 {
			t.Errorf("stale: %v, %v", removed, err)
		}
	})
}
