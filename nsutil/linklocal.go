package nsutil

import (
	"errors"
	"net"
	"net/netip"
	"slices"

	"golang.org/x/sys/unix"

	"github.com/ipvl/ipvl/nsutil/rtnl"
)

// protoKernelLL is IFAPROT_KERNEL_LL: a link-local address that came with the
// interface.
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

// token returns the interface id of a link-local address, in the form of "ip
// token".
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
	i.ll.mode = mode
	i.mu.Unlock()
	return i.EnsureLinkLocal()
}

// settle is EnsureLinkLocal for an interface that is new in its namespace: the
// kernel has forgotten IPv6 settings on the way, and taken those of
// net.ipv6.conf.default. It is down, so it has not acted on them yet.
func (i *iface) settle() error { return i.ensure(true) }

// EnsureLinkLocal implements Interface.EnsureLinkLocal.
func (i *iface) EnsureLinkLocal() error { return i.ensure(false) }

func (i *iface) ensure(isNew bool) error {
	return i.do("give a link-local address to", func(c *rtnl.Conn, index int) error {
		l, err := c.Link(index, "")
		if err != nil {
			return err
		}
		ours := LinkLocal(l.Address, i.devID)
		i.mu.Lock()
		defer i.mu.Unlock()
		if isNew {
			i.ll = linkLocal{}
			if l.AddrGenMode == kernelNone {
				i.ll.mode = AddrGenNone // the namespace's default
			}
		}
		return i.ll.ensure(c, l, ours)
	})
}

// linkLocal is what has to be remembered of an interface's link-local address.
type linkLocal struct {
	mode AddrGenMode
	made netip.Addr // the address that was added last
}

// ensure does what is missing for an interface to have the address ours.
func (s *linkLocal) ensure(c *rtnl.Conn, l rtnl.Link, ours netip.Addr) error {
	fromKernel := l.AddrGenMode == kernelEUI64
	if fromKernel {
		// Also where the workload went back to it by itself.
		s.mode = AddrGenEUI64
		m := rtnl.LinkHeader(l.Index, 0, 0).AddrGenMode(kernelNone)
		if err := c.Do(unix.RTM_NEWLINK, 0, m.Bytes()); err != nil {
			return err
		}
	} else if l.AddrGenMode != kernelNone || s.mode != AddrGenEUI64 {
		return nil // another way was chosen, or there is no IPv6 here
	}
	if !ours.IsValid() {
		return nil
	}
	if l.Token != token(ours) {
		// EINVAL: the interface takes no router advertisements (NOARP,
		// accept_ra=0, forwarding), so that there is no SLAAC either.
		m := rtnl.LinkHeader(l.Index, 0, 0).Token(token(ours))
		if err := c.Do(unix.RTM_NEWLINK, 0, m.Bytes()); err != nil && !errors.Is(err, unix.EINVAL) {
			return err
		}
	}
	if l.Flags&unix.IFF_UP == 0 {
		s.made = netip.Addr{} // going down took it off
		return nil
	}
	return s.replace(c, l, ours, fromKernel)
}

// replace adds our address, and takes off the one that the kernel made before
// it was told not to. An address made for an earlier MAC address stays, as
// with the driver (row L-05).
func (s *linkLocal) replace(c *rtnl.Conn, l rtnl.Link, ours netip.Addr, fromKernel bool) error {
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
	if has(ours) || s.made.IsValid() && has(s.made) {
		return nil
	}
	body := rtnl.AddrBody(l.Index, netip.PrefixFrom(ours, 64), protoKernelLL)
	err = c.Do(unix.RTM_NEWADDR, unix.NLM_F_CREATE|unix.NLM_F_EXCL, body.Bytes())
	// EACCES: disable_ipv6 is set.
	if err != nil && !errors.Is(err, unix.EEXIST) && !errors.Is(err, unix.EACCES) {
		return err
	}
	s.made = ours
	return nil
}
