package nsutil

import (
	"errors"
	"fmt"
	"os"
	"sync"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"

	"github.com/ipvl/ipvl/nsutil/rtnl"
)

// vethAlias marks our ends of veth pairs (ip link show: "alias ipvl …").
const vethAlias = "ipvl port: do not configure"

// maxMTU is the largest that a veth takes. Our end has it, so that the
// workload's MTU alone decides.
const maxMTU = 65535

// Veth is an Interface that is one end of a veth pair. Our end stays in the
// namespace that it was made in; a packet socket on it reads what the
// workload sends, and writes what it gets. The host's stack ignores it.
type Veth struct {
	iface
	port   int // index of our end
	reason error
	guard  string // the interface that nothing gets past
	hold   *hold
	once   sync.Once

	hintMu sync.Mutex
	// hint is where the workload's end was last seen.
	// +checklocks:hintMu
	hint Ref
}

var _ Interface = (*Veth)(nil)

// CreateVeth makes a veth pair and moves the workload's end to o.Netns. That
// end is down, ours is up.
func CreateVeth(o Options) (*Veth, error) {
	v, err := newVeth(o)
	if err != nil {
		return nil, wrap("create veth", o.Name, err)
	}
	if err := v.configure(o); err != nil {
		v.Close()
		return nil, wrap("create veth", o.Name, err)
	}
	return v, nil
}

// newVeth makes the pair, both ends here and under names of our own: the
// final one may be taken here and free where it goes (CNI-02).
func newVeth(o Options) (*Veth, error) {
	home, err := rtnl.Dial()
	if err != nil {
		return nil, err
	}
	v := &Veth{iface: iface{kind: KindVeth, devID: o.DevID, home: home}}
	v.enter = v.inNetns
	name := tempName("v")
	if v.homeID, err = pathID(ownNS); err == nil {
		v.hold, err = claim(name)
	}
	if err == nil {
		v.port, err = addPair(o, name, tempName("w"))
	}
	if err != nil {
		v.hold.release()
		home.Close()
		return nil, err
	}
	return v, nil
}

// addPair makes the pair and returns the index of the end called name.
func addPair(o Options, name, peer string) (int, error) {
	h, err := netlink.NewHandle(unix.NETLINK_ROUTE)
	if err != nil {
		return 0, err
	}
	defer h.Close()
	pair := &netlink.Veth{
		LinkAttrs:        netlink.NewLinkAttrs(),
		PeerName:         peer,
		PeerHardwareAddr: o.MAC,
		PeerMTU:          uint32(o.mtu()),
		PeerTxQLen:       o.txQLen(),
		PeerNumTxQueues:  uint32(max(o.NumQueues, 1)),
		PeerNumRxQueues:  uint32(max(o.NumQueues, 1)),
	}
	pair.Name, pair.MTU = name, maxMTU
	pair.NumTxQueues, pair.NumRxQueues = 1, 1
	if err := h.LinkAdd(pair); err != nil {
		return 0, err
	}
	l, err := h.LinkByName(name)
	if err != nil {
		return 0, err
	}
	return l.Attrs().Index, nil
}

// configure silences our end, and takes the other to its place.
func (v *Veth) configure(o Options) error {
	if err := v.silence(); err != nil {
		return err
	}
	if err := v.SetNoARP(o.NoARP); err != nil {
		return err
	}
	if err := v.place(o); err != nil {
		return err
	}
	return v.setPort(unix.IFF_UP, unix.IFF_UP)
}

// place takes the workload's end to its namespace, name and index.
func (v *Veth) place(o Options) error {
	if !o.staysHere() {
		return v.moveTo(o.Netns, o.Name, o.Index)
	}
	if o.Index != 0 {
		// An index can be chosen only when a namespace takes the interface in.
		return fmt.Errorf("choose an index for a veth in the own namespace: %w", unix.EOPNOTSUPP)
	}
	if err := v.Rename(o.Name); err != nil {
		return err
	}
	return v.settle()
}

// silence keeps the host's stack off our end: no ARP, no IPv6, nothing gets
// past its ingress hook. Packet sockets see frames before that.
func (v *Veth) silence() error {
	l, err := v.home.Link(v.port, "")
	if err != nil {
		return err
	}
	m := rtnl.LinkHeader(v.port, unix.IFF_NOARP, unix.IFF_NOARP)
	m.Attr(unix.IFLA_IFALIAS, []byte(vethAlias)).AddrGenMode(kernelNone)
	err = v.home.Do(unix.RTM_NEWLINK, 0, m.Bytes())
	if errors.Is(err, unix.EAFNOSUPPORT) { // a kernel without IPv6
		m = rtnl.LinkHeader(v.port, unix.IFF_NOARP, unix.IFF_NOARP)
		err = v.home.Do(unix.RTM_NEWLINK, 0, m.Attr(unix.IFLA_IFALIAS, []byte(vethAlias)).Bytes())
	}
	if err != nil {
		return err
	}
	// Containers often have /proc/sys read-only. Without a link-local address
	// the end is nearly as silent; what it loses is that, where the
	// host is a router, the workload hears a few MLD reports.
	_ = os.WriteFile("/proc/sys/net/ipv6/conf/"+l.Name+"/disable_ipv6", []byte("1"), 0)
	v.guard = l.Name
	return dropAll(l.Name)
}

// setPort changes flags of our end.
func (v *Veth) setPort(flags, change uint32) error {
	return v.home.Do(unix.RTM_NEWLINK, 0, rtnl.LinkHeader(v.port, flags, change).Bytes())
}

// Reason implements Interface.Reason.
func (v *Veth) Reason() error { return v.reason }

// File implements Interface.File.
func (v *Veth) File() *os.File { return nil }

// PortIndex implements Interface.PortIndex.
func (v *Veth) PortIndex() int { return v.port }

// SetCarrier implements Interface.SetCarrier: our end goes down or up. A packet
// socket on it stays bound, and gives ENETDOWN meanwhile.
func (v *Veth) SetCarrier(on bool) error {
	var flags uint32
	if on {
		flags = unix.IFF_UP
	}
	return wrap("set the carrier of", KindVeth, v.gone(v.setPort(flags, unix.IFF_UP)))
}

// gone adds ErrGone to the kernel's way of saying so.
func (v *Veth) gone(err error) error {
	if errors.Is(err, unix.ENODEV) || errors.Is(err, unix.EBADF) {
		return errors.Join(ErrGone, err)
	}
	return err
}

// MoveTo implements Interface.MoveTo.
func (v *Veth) MoveTo(ns Ref, newName string) error { return v.moveTo(ns, newName, 0) }

func (v *Veth) moveTo(ns Ref, newName string, newIndex int) error {
	v.setHint(ns)
	return v.move(ns, newName, newIndex)
}

func (v *Veth) setHint(ns Ref) {
	v.hintMu.Lock()
	defer v.hintMu.Unlock()
	v.hint = ns
}

// inNetns implements iface.enter: our end tells the index of the other, and
// the id of its namespace, for which a path has to be found.
func (v *Veth) inNetns(fn func(c *rtnl.Conn, index int) error) error {
	l, err := v.home.Link(v.port, "")
	if err != nil {
		return v.gone(err)
	}
	if l.ParentNSID < 0 {
		return fn(v.home, l.ParentIndex)
	}
	v.hintMu.Lock()
	hint := v.hint
	v.hintMu.Unlock()
	ns, err := findNSID(v.home, l.ParentNSID, hint)
	if err != nil {
		return err
	}
	v.setHint(ns)
	return ns.Do(func() error {
		c, err := rtnl.Dial()
		if err != nil {
			return err
		}
		defer c.Close()
		return fn(c, l.ParentIndex)
	})
}

// Close implements Interface.Close.
func (v *Veth) Close() error {
	var err error
	v.once.Do(func() {
		err = v.home.Do(unix.RTM_DELLINK, 0, rtnl.LinkHeader(v.port, 0, 0).Bytes())
		if errors.Is(err, unix.ENODEV) {
			err = nil
		}
		err = errors.Join(err, delTable(v.guard), v.home.Close())
		v.hold.release()
	})
	return wrap("close", KindVeth, err)
}
