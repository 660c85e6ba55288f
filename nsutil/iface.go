package nsutil

import (
	"bytes"
	"encoding/binary"
	"errors"
	"net"
	"net/netip"
	"os"
	"sync"

	"golang.org/x/sys/unix"

	"github.com/ipvl/ipvl/nsutil/rtnl"
)

// IN6_ADDR_GEN_MODE_* of linux/if_link.h.
const (
	kernelEUI64 = iota
	kernelNone
	kernelStableSecret
	kernelRandom
)

// iface is what TAP and Veth share: everything that is done to an interface
// through rtnetlink, in the namespace where it is now.
type iface struct {
	kind  string
	devID uint16
	// home is a request socket in the namespace that the interface was made
	// in, which is where the Watcher listens.
	home   *rtnl.Conn
	homeID ID
	// enter runs fn in the namespace where the interface is now, with a
	// request socket there and its index. It fails with ErrGone.
	enter func(fn func(c *rtnl.Conn, index int) error) error

	mu sync.Mutex
	// +checklocks:mu
	ll linkLocal
}

// Kind implements Interface.Kind.
func (i *iface) Kind() string { return i.kind }

// do runs fn where the interface is and gives errors their form.
func (i *iface) do(op string, fn func(c *rtnl.Conn, index int) error) error {
	err := i.enter(fn)
	if errors.Is(err, unix.ENODEV) {
		err = errors.Join(ErrGone, err)
	}
	return wrap(op, i.kind, err)
}

// set changes attributes and flags by one message.
func (i *iface) set(op string, flags, change uint32, attrs func(*rtnl.Builder)) error {
	return i.do(op, func(c *rtnl.Conn, index int) error {
		m := rtnl.LinkHeader(index, flags, change)
		if attrs != nil {
			attrs(m)
		}
		return c.Do(unix.RTM_NEWLINK, 0, m.Bytes())
	})
}

// Do implements Interface.Do.
func (i *iface) Do(fn func() error) error {
	return i.do("run beside", func(*rtnl.Conn, int) error { return fn() })
}

// Index implements Interface.Index.
func (i *iface) Index() (index int, err error) {
	err = i.do("look up", func(_ *rtnl.Conn, n int) error { index = n; return nil })
	return index, err
}

// Name implements Interface.Name.
func (i *iface) Name() (name string, err error) {
	err = i.do("look up", func(c *rtnl.Conn, index int) error {
		l, err := c.Link(index, "")
		name = l.Name
		return err
	})
	return name, err
}

// Where implements Interface.Where.
func (i *iface) Where() (nsid, index int, err error) {
	err = i.do("locate", func(_ *rtnl.Conn, n int) error {
		index = n
		f, err := openNS(ownNS)
		if err != nil {
			return err
		}
		defer f.Close()
		nsid, err = i.nsid(int(f.Fd()))
		return err
	})
	return nsid, index, err
}

// nsid is the id of a namespace as home knows it, assigned if need be; -1 for
// home itself.
func (i *iface) nsid(fd int) (int, error) {
	id, err := fdID(fd)
	if err != nil {
		return -1, err
	}
	if id == i.homeID {
		return -1, nil
	}
	return i.home.AssignNSID(fd)
}

// SetMAC implements Interface.SetMAC.
func (i *iface) SetMAC(mac net.HardwareAddr) error {
	return i.do("set the address of", func(c *rtnl.Conn, index int) error {
		l, err := c.Link(index, "")
		if err != nil || bytes.Equal(l.Address, mac) {
			return err
		}
		return c.Do(unix.RTM_NEWLINK, 0, rtnl.LinkHeader(index, 0, 0).Attr(unix.IFLA_ADDRESS, mac).Bytes())
	})
}

// SetMTU implements Interface.SetMTU.
func (i *iface) SetMTU(mtu int) error {
	return i.set("set the mtu of", 0, 0, func(m *rtnl.Builder) { m.Uint32(unix.IFLA_MTU, uint32(mtu)) })
}

// SetTxQLen implements Interface.SetTxQLen.
func (i *iface) SetTxQLen(n int) error {
	return i.set("set the queue length of", 0, 0, func(m *rtnl.Builder) { m.Uint32(unix.IFLA_TXQLEN, uint32(n)) })
}

// SetAlias implements Interface.SetAlias.
func (i *iface) SetAlias(alias string) error {
	return i.set("set the alias of", 0, 0, func(m *rtnl.Builder) { m.Attr(unix.IFLA_IFALIAS, []byte(alias)) })
}

// SetFlags implements Interface.SetFlags.
func (i *iface) SetFlags(set, clear uint32) error {
	return i.set("set flags of", set, set|clear, nil)
}

// Touch implements Interface.Touch: a group that stays the same is a change to
// the kernel (do_setlink).
func (i *iface) Touch() error {
	return i.do("touch", func(c *rtnl.Conn, index int) error {
		l, err := c.Link(index, "")
		if err != nil {
			return err
		}
		return c.Do(unix.RTM_NEWLINK, 0, rtnl.LinkHeader(index, 0, 0).Uint32(unix.IFLA_GROUP, l.Group).Bytes())
	})
}

// SetNoARP implements Interface.SetNoARP.
func (i *iface) SetNoARP(on bool) error {
	if on {
		return i.SetFlags(unix.IFF_NOARP, 0)
	}
	return i.SetFlags(0, unix.IFF_NOARP)
}

// Up implements Interface.Up.
func (i *iface) Up() error { return i.SetFlags(unix.IFF_UP, 0) }

// Down implements Interface.Down.
func (i *iface) Down() error { return i.SetFlags(0, unix.IFF_UP) }

// Rename implements Interface.Rename.
func (i *iface) Rename(name string) error {
	return i.set("rename", 0, 0, func(m *rtnl.Builder) { m.String(unix.IFLA_IFNAME, name) })
}

// DelAddr implements Interface.DelAddr.
func (i *iface) DelAddr(p netip.Prefix) error {
	return i.do("take "+p.String()+" off", func(c *rtnl.Conn, index int) error {
		err := c.Do(unix.RTM_DELADDR, 0, rtnl.AddrBody(index, p, 0).Bytes())
		if errors.Is(err, unix.EADDRNOTAVAIL) {
			return nil
		}
		return err
	})
}

// SetNoQueue implements Interface.SetNoQueue.
func (i *iface) SetNoQueue() error {
	return i.do("take the queueing discipline off", func(c *rtnl.Conn, index int) error {
		h := make([]byte, 20) // struct tcmsg: family, index, handle, parent, info
		binary.NativeEndian.PutUint32(h[4:], uint32(index))
		binary.NativeEndian.PutUint32(h[12:], 0xffffffff) // TC_H_ROOT
		m := new(rtnl.Builder).Raw(h).String(unix.TCA_KIND, "noqueue")
		return c.Do(unix.RTM_NEWQDISC, unix.NLM_F_CREATE|unix.NLM_F_REPLACE, m.Bytes())
	})
}

// isIn tells whether the interface is in a namespace already.
func (i *iface) isIn(fd int) bool {
	target, err := fdID(fd)
	if err != nil {
		return false
	}
	var now ID
	err = i.do("locate", func(*rtnl.Conn, int) error {
		now, err = pathID(ownNS)
		return err
	})
	return err == nil && now == target
}

// MoveTo implements Interface.MoveTo.
func (i *iface) MoveTo(ns Ref, newName string) error { return i.move(ns, newName, 0) }

// move moves the interface, as newName and with a new index unless they are zero.
func (i *iface) move(ns Ref, newName string, newIndex int) error {
	f, err := ns.Open() // in the caller's namespace: its zero Ref is not the interface's
	if err != nil {
		return err
	}
	defer f.Close()
	if i.isIn(int(f.Fd())) && newIndex == 0 {
		if newName == "" {
			return nil
		}
		return i.Rename(newName)
	}
	err = i.set("move", 0, 0, func(m *rtnl.Builder) {
		m.Uint32(unix.IFLA_NET_NS_FD, uint32(f.Fd()))
		if newName != "" {
			m.String(unix.IFLA_IFNAME, newName)
		}
		if newIndex != 0 {
			m.Uint32(unix.IFLA_NEW_IFINDEX, uint32(newIndex))
		}
	})
	if err != nil {
		return err
	}
	return i.arrived(ns, f)
}

// arrived does what is to be done in a namespace that the interface is new in:
// f is ns, opened.
func (i *iface) arrived(ns Ref, f *os.File) error {
	if _, err := i.nsid(int(f.Fd())); err != nil {
		return wrap("assign an id to network namespace", ns.spec, err)
	}
	return i.settle()
}
