package nstest

import (
	"testing"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"
)

// onLink runs f with an interface, on a thread in the namespace.
func (n *Namespace) onLink(t testing.TB, name string, f func(l netlink.Link) error) {
	t.Helper()
	n.Do(t, func() error {
		l, err := netlink.LinkByName(name)
		if err != nil {
			return err
		}
		return f(l)
	})
}

// Attrs returns what the kernel tells of an interface.
func (n *Namespace) Attrs(t testing.TB, name string) (a netlink.LinkAttrs) {
	t.Helper()
	n.onLink(t, name, func(l netlink.Link) error { a = *l.Attrs(); return nil })
	return a
}

// SetUp sets an interface up, or down.
func (n *Namespace) SetUp(t testing.TB, name string, up bool) {
	t.Helper()
	if up {
		n.onLink(t, name, netlink.LinkSetUp)
	} else {
		n.onLink(t, name, netlink.LinkSetDown)
	}
}

// SetMTU sets the MTU of an interface.
func (n *Namespace) SetMTU(t testing.TB, name string, mtu int) {
	t.Helper()
	n.onLink(t, name, func(l netlink.Link) error { return netlink.LinkSetMTU(l, mtu) })
}

// Delete deletes an interface.
func (n *Namespace) Delete(t testing.TB, name string) {
	t.Helper()
	n.onLink(t, name, netlink.LinkDel)
}

// Move moves an interface to another namespace.
func (n *Namespace) Move(t testing.TB, name string, to *Namespace) {
	t.Helper()
	n.onLink(t, name, func(l netlink.Link) error { return netlink.LinkSetNsFd(l, to.fd) })
}

// AddAddr adds an address ("192.0.2.1/24"), without duplicate address detection.
func (n *Namespace) AddAddr(t testing.TB, name, prefix string) {
	t.Helper()
	n.addAddr(t, name, prefix, unix.IFA_F_NODAD)
}

// AddTentativeAddr adds an IPv6 address that is not in use before its duplicate address
// detection is over.
func (n *Namespace) AddTentativeAddr(t testing.TB, name, prefix string) {
	t.Helper()
	n.addAddr(t, name, prefix, 0)
}

func (n *Namespace) addAddr(t testing.TB, name, prefix string, flags int) {
	t.Helper()
	n.onLink(t, name, func(l netlink.Link) error {
		a, err := netlink.ParseAddr(prefix)
		if err != nil {
			return err
		}
		a.Flags = flags
		return netlink.AddrAdd(l, a)
	})
}

// Veth makes a pair of interfaces, name in n and peerName in peer, and waits until they
// are up.
func (n *Namespace) Veth(t testing.TB, name string, peer *Namespace, peerName string) (near, far netlink.LinkAttrs) {
	t.Helper()
	pair := &netlink.Veth{LinkAttrs: netlink.NewLinkAttrs(), PeerName: peerName}
	pair.Name, pair.PeerNamespace = name, netlink.NsFd(peer.fd)
	n.Do(t, func() error { return netlink.LinkAdd(pair) })
	n.SetUp(t, name, true)
	peer.SetUp(t, peerName, true)
	n.WaitUp(t, name)
	peer.WaitUp(t, peerName)
	return n.Attrs(t, name), peer.Attrs(t, peerName)
}

// WaitUp waits until an interface transmits. The carrier is there earlier, but
// until the kernel's link watch ran, frames silently vanish.
func (n *Namespace) WaitUp(t testing.TB, name string) {
	t.Helper()
	done := make(chan struct{})
	updates := make(chan netlink.LinkUpdate)
	defer func() {
		close(done)
		go func() { // the subscription may be about to deliver
			for range updates {
			}
		}()
	}()
	n.Do(t, func() error {
		return netlink.LinkSubscribeWithOptions(updates, done, netlink.LinkSubscribeOptions{ListExisting: true})
	})
	for u := range updates {
		if a := u.Attrs(); a.Name == name && a.OperState == netlink.OperUp {
			return
		}
	}
	t.Fatalf("%s: no more link events", name)
}
