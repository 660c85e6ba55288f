package nsutil

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"sync/atomic"

	"golang.org/x/sys/unix"

	"github.com/ipvl/ipvl/nsutil/rtnl"
)

// TAP is an Interface that is a TAP device: File reads what the workload
// sends, and writes what it gets. It is non-persistent: it disappears with
// the descriptor.
type TAP struct {
	iface
	file   *os.File
	closed atomic.Bool
}

var _ Interface = (*TAP)(nil)

// tunFeatures are the offloads that the reader of a TAP takes (TUNSETOFFLOAD);
// USO needs Linux 6.2, and has to be given up on older kernels.
const (
	tunFeatures    = unix.TUN_F_CSUM | unix.TUN_F_TSO4 | unix.TUN_F_TSO6 | unix.TUN_F_TSO_ECN
	tunFeaturesUSO = unix.TUN_F_USO4 | unix.TUN_F_USO6
)

// vnetHeaderLen is the legacy virtio-net header's.
const vnetHeaderLen = 10

// CreateTAP makes a TAP in the namespace of the calling thread, where
// /dev/net/tun has to be opened lest the descriptor keep the workload's
// namespace alive, and moves it to o.Netns. It is down. o.NumQueues is not
// looked at: a TAP has one queue.
func CreateTAP(o Options) (*TAP, error) {
	t, err := newTAP(o)
	if err != nil {
		return nil, wrap("create tap", o.Name, err)
	}
	if err := t.configure(o); err != nil {
		t.Close()
		return nil, wrap("create tap", o.Name, err)
	}
	return t, nil
}

// newTAP opens the device under a name of its own: the final one may be taken
// here and free where it goes (CNI-02).
func newTAP(o Options) (*TAP, error) {
	home, err := rtnl.Dial()
	if err != nil {
		return nil, err
	}
	t := &TAP{iface: iface{kind: KindTAP, devID: o.DevID, home: home}}
	t.enter = t.inNetns
	if t.homeID, err = pathID(ownNS); err == nil {
		t.file, err = openTAP(tempName("t"), indexHere(o), home)
	}
	if err != nil {
		home.Close()
		return nil, err
	}
	return t, nil
}

// indexHere is the index that the device must have from the start: where it
// is going to move, the new namespace numbers it.
func indexHere(o Options) int {
	if o.staysHere() {
		return o.Index
	}
	return 0
}

// staysHere tells whether the interface is to end up where it is made.
func (o Options) staysHere() bool { return o.Netns.IsOwn() || Same(o.Netns, Ref{}) }

// configure gives the device its properties and takes it to its place, by one
// request: the kernel moves an interface first, and then changes it (do_setlink).
func (t *TAP) configure(o Options) error {
	index, err := t.index(t.home)
	if err != nil {
		return err
	}
	m := rtnl.LinkHeader(index, 0, unix.IFF_NOARP)
	if o.NoARP {
		m = rtnl.LinkHeader(index, unix.IFF_NOARP, unix.IFF_NOARP)
	}
	o.linkAttrs(m.String(unix.IFLA_IFNAME, o.Name))
	if o.staysHere() {
		if err := t.home.Do(unix.RTM_NEWLINK, 0, m.Bytes()); err != nil {
			return err
		}
		return t.settle()
	}
	f, err := o.Netns.Open()
	if err != nil {
		return err
	}
	defer f.Close()
	m.Uint32(unix.IFLA_NET_NS_FD, uint32(f.Fd()))
	if o.Index != 0 {
		m.Uint32(unix.IFLA_NEW_IFINDEX, uint32(o.Index))
	}
	if err := t.home.Do(unix.RTM_NEWLINK, 0, m.Bytes()); err != nil {
		return err
	}
	return t.arrived(o.Netns, f)
}

// linkAttrs appends what the options ask of the workload's interface.
func (o Options) linkAttrs(m *rtnl.Builder) {
	if o.MAC != nil {
		m.Attr(unix.IFLA_ADDRESS, o.MAC)
	}
	m.Uint32(unix.IFLA_MTU, uint32(o.mtu())).Uint32(unix.IFLA_TXQLEN, uint32(o.txQLen()))
}

func (o Options) mtu() int {
	if o.MTU == 0 {
		return 1500
	}
	return o.MTU
}

func (o Options) txQLen() int {
	if o.TxQLen == 0 {
		return 1000
	}
	return o.TxQLen
}

// tempPrefix begins the names of interfaces in the namespace of the process
// that are ours: "ipvl", a letter, and a random number.
const tempPrefix = "ipvl"

func tempName(letter string) string {
	return fmt.Sprintf("%s%s%08x", tempPrefix, letter, rand.Uint32())
}

// Reason implements Interface.Reason.
func (t *TAP) Reason() error { return nil }

// File implements Interface.File. The caller must not close it.
func (t *TAP) File() *os.File { return t.file }

// PortIndex implements Interface.PortIndex.
func (t *TAP) PortIndex() int { return 0 }

// Close implements Interface.Close.
func (t *TAP) Close() error {
	if t.closed.Swap(true) {
		return nil
	}
	return wrap("close", KindTAP, errors.Join(t.file.Close(), t.home.Close()))
}

// inNetns implements iface.enter.
func (t *TAP) inNetns(fn func(c *rtnl.Conn, index int) error) error {
	ns, err := t.Netns()
	if err != nil {
		return err
	}
	defer ns.Close()
	return DoFD(int(ns.Fd()), func() error {
		c, err := rtnl.Dial()
		if err != nil {
			return err
		}
		defer c.Close()
		index, err := t.index(c)
		if err != nil {
			return err
		}
		return fn(c, index)
	})
}

// index finds the device in the namespace of c by its name, which may change
// under our hands, so it is looked at again.
func (t *TAP) index(c *rtnl.Conn) (int, error) {
	for {
		name, err := t.ifName()
		if err != nil {
			return 0, err
		}
		l, err := c.Link(0, name)
		if err == nil {
			return l.Index, nil
		}
		if again, nameErr := t.ifName(); nameErr != nil || again == name {
			return 0, err
		}
	}
}
