package nsutil

import (
	"net"
	"os"
	"testing"
	"time"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"

	"github.com/ipvl/ipvl/nsutil/rtnl"
	"github.com/ipvl/ipvl/nsutil/sandbox"
	"github.com/ipvl/ipvl/nsutil/sandbox/sandboxtest"
)

func TestMain(m *testing.M) {
	sandbox.Init()
	os.Exit(m.Run())
}

// patience is how long a test waits for what has to happen. The kernel takes
// namespaces apart one after the other, those of everybody on the machine.
const patience = 3 * time.Minute

// masterMAC is the MAC address of the tables' rows.
var masterMAC = net.HardwareAddr{0x02, 0xaa, 0xbb, 0xcc, 0xdd, 0x01}

// addNetns makes a named namespace.
func addNetns(t *testing.T, name string) Ref {
	t.Helper()
	sandboxtest.AddNetns(t, name)
	ref, err := Resolve(name)
	if err != nil {
		t.Fatal(err)
	}
	return ref
}

// handle runs fn with a netlink handle of a namespace.
func handle(t *testing.T, ns Ref, fn func(h *netlink.Handle) error) {
	t.Helper()
	err := ns.Do(func() error {
		h, err := netlink.NewHandle(unix.NETLINK_ROUTE)
		if err != nil {
			return err
		}
		defer h.Close()
		return fn(h)
	})
	if err != nil {
		t.Fatal(err)
	}
}

// conn runs fn with a request socket of a namespace.
func conn(t *testing.T, ns Ref, fn func(c *rtnl.Conn) error) {
	t.Helper()
	err := ns.Do(func() error {
		c, err := rtnl.Dial()
		if err != nil {
			return err
		}
		defer c.Close()
		return fn(c)
	})
	if err != nil {
		t.Fatal(err)
	}
}

// pair makes a veth pair, both ends up, for the time of the test.
func pair(t *testing.T, ns Ref, a, b string) {
	t.Helper()
	t.Cleanup(func() { delLink(t, ns, a) })
	handle(t, ns, func(h *netlink.Handle) error {
		v := netlink.NewVeth(netlink.LinkAttrs{Name: a, TxQLen: -1})
		v.PeerName = b
		if err := h.LinkAdd(v); err != nil {
			return err
		}
		for _, name := range []string{a, b} {
			if err := h.LinkSetUp(&netlink.Dummy{LinkAttrs: netlink.LinkAttrs{Name: name}}); err != nil {
				return err
			}
		}
		return nil
	})
}

// delLink removes an interface, if it is there.
func delLink(t *testing.T, ns Ref, name string) {
	conn(t, ns, func(c *rtnl.Conn) error {
		_ = c.Do(unix.RTM_DELLINK, 0, rtnl.LinkHeader(0, 0, 0).String(unix.IFLA_IFNAME, name).Bytes())
		return nil
	})
}

// addAddr sets an address as an administrator would.
func addAddr(t *testing.T, ns Ref, dev, addr string) {
	t.Helper()
	handle(t, ns, func(h *netlink.Handle) error {
		l, err := h.LinkByName(dev)
		if err != nil {
			return err
		}
		a, err := netlink.ParseAddr(addr)
		if err != nil {
			return err
		}
		a.Flags = unix.IFA_F_NODAD
		return h.AddrAdd(l, a)
	})
}

// linkOf reads one link.
func linkOf(t *testing.T, ns Ref, name string) (l rtnl.Link) {
	t.Helper()
	conn(t, ns, func(c *rtnl.Conn) (err error) {
		l, err = c.Link(0, name)
		return err
	})
	return l
}

// sysctl sets a value in a namespace.
func sysctl(t *testing.T, ns Ref, name, value string) {
	t.Helper()
	err := ns.Do(func() error { return os.WriteFile("/proc/sys/"+name, []byte(value), 0) })
	if err != nil {
		t.Fatal(err)
	}
}

// listener is a Watcher with what was received but not asked for yet.
type listener struct {
	*Watcher
	pending []Event
}

// newWatcher starts one for the test.
func newWatcher(t *testing.T, o WatcherOptions) *listener {
	t.Helper()
	w, err := NewWatcher(o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { w.Close() })
	return &listener{Watcher: w}
}

// await reads events until one fits; it returns those before, too.
func await(t *testing.T, w *listener, what string, fits func(Event) bool) (before []Event) {
	t.Helper()
	deadline := time.After(patience)
	for {
		for len(w.pending) > 0 {
			e := w.pending[0]
			w.pending = w.pending[1:]
			if fits(e) {
				return before
			}
			before = append(before, e)
		}
		select {
		case batch, ok := <-w.Events():
			if !ok {
				t.Fatalf("waiting for %s: the watcher ended: %v", what, w.Err())
			}
			w.pending = batch
		case <-deadline:
			t.Fatalf("no %s; events: %+v", what, before)
		}
	}
}
