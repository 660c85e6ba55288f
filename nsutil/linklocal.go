package nsutil

import (
	"errors"
	"net"
	"net/netip"
	"slices"

	"golang.org/x/sys/unix"

	"github.com/ipvl/ipvl/nsutil/rtnl"
)

// protoKernelLL is IFAPROT_KERNEL_LL: a link-local address that came with the interface.
const protoKernelLL = 3

// LinkLocal returns the IPv6 link-local address that the ipvlan driver gives
// a device (addrconf_ifid_eui48, row L-12): the MAC address is copied as it
// is, without flipping the universal/local bit, around the device's id in
// bytes 3 and 4 of the interface id. Id 0, which no device has, gives what
// the kernel gives to every other interface, the modified EUI-64 of RFC 4291
// appendix A. It returns the zero Addr unless mac has 6 bytes.
func LinkLocal(mac net.HardwareAddr, devID uint16) netip.Addr {
	if len(mac) != 6 {
		return netip.Addr{}
	}
	a := [16]byte{0: 0xfe, 1: 0x80}
	id := a[8:]
	copy(id, mac[:3])
	copy(id[5:], mac[3:])
	if devID == 0 {
		id[0] ^= 2
		id[3], id[4] = 0xff, 0xfe
	} else {
		id[3], id[4] = byte(devID>>8), byte(devID)
	}
	return netip.AddrFrom16(a)
}

// token returns the interface id of a link-local address, in the form of "ip token".
func token(ll netip.Addr) netip.Addr {
	a := ll.As16()
	clear(a[:8])
	return netip.AddrFrom16(a)
}

// SetAddrGenMode implements Interface.SetAddrGenMode.
func (i *iface) SetAddrGenMode(mode AddrGenMode) error {
	kernel, ok := map[AddrGenMode]uint8{
		AddrGenEUI64: kernelNone, AddrGenNone: kernelNone,
		AddrGenStableSecret: kernelStableSecret, AddrGenRandom: kernelRandom,
	}[mode]
	if !ok {
		return wrap("set addrgenmode of", i.kind, unix.EINVAL)
	}
	if err := i.set("set addrgenmode of", 0, 0, func(m *rtnl.Builder) { m.AddrGenMode(kernel) }); err != nil {
		return err
	}
	i.mu.Lock()
	i.mode = mode
	i.mu.Unlock()
	return i.EnsureLinkLocal()
}

// settle is EnsureLinkLocal for an interface that is new in its namespace: the
// kernel has forgotten IPv6 settings on the way, and taken those of
// net.ipv6.conf.default. It is down, so it has not acted on them yet.
func (i *iface) settle() error {
	i.mu.Lock()
	defer i.mu.Unlock()
	return i.do("give a link-local address to", func(c *rtnl.Conn, index int) error {
		l, err := c.Link(index, "")
		if err != nil {
			return err
		}
		i.mode = AddrGenEUI64
		if l.AddrGenMode == kernelNone {
			i.mode = AddrGenNone // the namespace's default
		}
		return i.linkLocal(c, l)
	})
}

// EnsureLinkLocal implements Interface.EnsureLinkLocal.
func (i *iface) EnsureLinkLocal() error {
	i.mu.Lock()
	defer i.mu.Unlock()
	return i.do("give a link-local address to", func(c *rtnl.Conn, index int) error {
		l, err := c.Link(index, "")
		if err != nil {
			return err
		}
		return i.linkLocal(c, l)
	})
}

// linkLocal does what is missing on an interface.
//
// +checklocks:i.mu
func (i *iface) linkLocal(c *rtnl.Conn, l rtnl.Link) error {
	fromKernel := l.AddrGenMode == kernelEUI64
	if fromKernel {
		// Also where the workload went back to it by itself.
		i.mode = AddrGenEUI64
		m := rtnl.LinkHeader(l.Index, 0, 0).AddrGenMode(kernelNone)
		if err := c.Do(unix.RTM_NEWLINK, 0, m.Bytes()); err != nil {
			return err
		}
	} else if l.AddrGenMode != kernelNone || i.mode != AddrGenEUI64 {
		return nil // another way was chosen, or there is no IPv6 here
	}
	ll := LinkLocal(l.Address, i.devID)
	if !ll.IsValid() {
		return nil
	}
	if l.Token != token(ll) {
		// EINVAL: the interface takes no router advertisements (NOARP,
		// accept_ra=0, forwarding), so that there is no SLAAC either.
		m := rtnl.LinkHeader(l.Index, 0, 0).Token(token(ll))
		if err := c.Do(unix.RTM_NEWLINK, 0, m.Bytes()); err != nil && !errors.Is(err, unix.EINVAL) {
			return err
		}
	}
	if l.Flags&unix.IFF_UP == 0 {
		i.made = netip.Addr{} // going down took it off
		return nil
	}
	return i.replaceLinkLocal(c, l, ll, fromKernel)
}

// replaceLinkLocal adds our address, and takes off the one that the kernel
// made before it was told not to. An address made for an earlier MAC address stays, as
// with the driver (row L-05).
//
// +checklocks:i.mu
func (i *iface) replaceLinkLocal(c *rtnl.Conn, l rtnl.Link, ll netip.Addr, fromKernel bool) error {
	addrs, err := c.Addrs()
	if err != nil && !errors.Is(err, rtnl.ErrInterrupted) {
		return err
	}
	addrs = slices.DeleteFunc(addrs, func(a rtnl.Addr) bool { return a.Index != l.Index })
	has := func(want netip.Addr) bool {
		return slices.ContainsFunc(addrs, func(a rtnl.Addr) bool { return a.Prefix.Addr() == want })
	}
	if plain := LinkLocal(l.Address, 0); fromKernel && has(plain) {
		body := rtnl.AddrBody(l.Index, netip.PrefixFrom(plain, 64), 0)
		if err := c.Do(unix.RTM_DELADDR, 0, body.Bytes()); err != nil && !errors.Is(err, unix.EADDRNOTAVAIL) {
			return err
		}
	}
	if has(ll) || i.made.IsValid() && has(i.made) {
		return nil
	}
	body := rtnl.AddrBody(l.Index, netip.PrefixFrom(ll, 64), protoKernelLL)
	err = c.Do(unix.RTM_NEWADDR, unix.NLM_F_CREATE|unix.NLM_F_EXCL, body.Bytes())
	// EACCES: disable_ipv6 is set.
	if err != nil && !errors.Is(err, unix.EEXIST) && !errors.Is(err, unix.EACCES) {
		return err
	}
	i.made = ll
	return nil
}
