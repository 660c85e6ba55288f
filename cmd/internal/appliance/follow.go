package appliance

import (
	"errors"
	"net"
	"net/netip"
	"slices"
	"time"

	"github.com/ipvl/ipvl/link"
	"github.com/ipvl/ipvl/nsutil"
	"github.com/ipvl/ipvl/nsutil/rtnl"
	"golang.org/x/sys/unix"
)

// linkChanged follows what the workload did to its interface. It may set the
// flags, the MTU and the name; the MAC address is the master's and goes back.
func (a *Appliance) linkChanged(d *device, l rtnl.Link) {
	a.noteLink(d, l)
	d.encoded = nil
	ipv6 := d.link.MTU() >= minMTU6
	if l.MTU != 0 {
		d.link.SetMTU(uint32(l.MTU))
	}
	if len(l.Address) == 6 && !slices.Equal(l.Address, d.m.mac) {
		a.attempt(d, "set MAC address", d.iface.SetMAC(d.m.mac))
	}
	all := l.Flags&(unix.IFF_PROMISC|unix.IFF_ALLMULTI) != 0 || l.Promiscuity > 0 || l.AllMulti > 0
	if all != d.all {
		d.all, d.regroup = all, true
	}
	if up := isUp(l); up != d.up {
		d.up = up
		d.link.SetUp(up)
		d.m.stale = true
		if up {
			d.regroup = true
			a.opened(d, l)
			a.announceAll(d)
		}
		return
	}
	if !ipv6 && d.link.MTU() >= minMTU6 && d.up {
		// IPv6 was gone with its settings, and is back with the kernel's own.
		a.attempt(d, "set link-local address", d.iface.EnsureLinkLocal())
	}
}

// noteLink notes what is shown or remembered of a device's interface.
func (a *Appliance) noteLink(d *device, l rtnl.Link) {
	if l.Name == "" || l.Name == d.name && l.Alias == d.alias && l.TxQLen == d.txqlen && isUp(l) == d.up && uint32(l.MTU) == d.link.MTU() {
		return
	}
	d.name, d.alias, d.txqlen = l.Name, l.Alias, l.TxQLen
	a.touched(d)
}

// minMTU6 is the smallest MTU with which the kernel runs IPv6 on an interface.
const minMTU6 = 1280

// opened does what the driver does when a device comes up (ipvlan_open): NOARP
// is the mode's again, whatever was set by hand.
func (a *Appliance) opened(d *device, l rtnl.Link) {
	noARP := d.m.link.Mode() != link.ModeL2
	if (l.Flags&unix.IFF_NOARP != 0) != noARP {
		a.attempt(d, "set NOARP", d.iface.SetNoARP(noARP))
	}
	a.attempt(d, "set link-local address", d.iface.EnsureLinkLocal())
	if !d.queueless && d.iface.Kind() == nsutil.KindTAP { // a veth is so by itself
		// Once: what the workload sets instead stays.
		d.queueless = true
		a.attempt(d, "set qdisc", d.iface.SetNoQueue())
	}
}

func entryOf(ad rtnl.Addr) entry { return entry{ad.Prefix, ad.Peer()} }

// registers is what the kernel's driver enters for an address: for IPv4 the
// peer of a point-to-point address (ifa_address), for IPv6 the local one.
func registers(ad rtnl.Addr) netip.Addr {
	if ad.Prefix.Addr().Is4() && ad.Address.IsValid() {
		return ad.Address
	}
	return ad.Prefix.Addr()
}

// sharedID says whether an address was made by SLAAC from the MAC address
// alone, which all devices have, and the master. One set by hand is permanent.
func sharedID(ad rtnl.Addr, mac net.HardwareAddr) bool {
	local := ad.Prefix.Addr()
	if !local.Is6() || local.IsLinkLocalUnicast() || ad.Flags&unix.IFA_F_PERMANENT != 0 || ad.Valid == forever {
		return false
	}
	id, own := local.As16(), nsutil.LinkLocal(mac, 0).As16()
	return [8]byte(id[8:]) == [8]byte(own[8:])
}

// forever is the lifetime of an address that does not expire.
const forever = 0xffffffff

// addressCame registers an address of a device's interface. One that a sibling
// owns is taken off the interface again: the kernel's driver would have
// refused it with EADDRINUSE before it was there.
func (a *Appliance) addressCame(d *device, ad rtnl.Addr) {
	e := entryOf(ad)
	if reg, known := d.entries[e]; known {
		before := reg.raw.Flags
		reg.raw, reg.seen = ad, time.Now()
		d.entries[e], d.encoded = reg, nil
		if before&^ad.Flags&unix.IFA_F_TENTATIVE != 0 { // DAD is over
			a.announce(d, reg)
		}
		return
	}
	if sharedID(ad, d.m.mac) {
		// The kernel took no interface id from us while it did not accept RAs.
		a.attempt(d, "set interface id", d.iface.EnsureLinkLocal())
		a.attempt(d, "take an address off", d.iface.DelAddr(ad.Prefix))
		return
	}
	reg := registers(ad)
	if !a.allowed(d, reg) {
		a.notAllowed(d, ad.Prefix)
		return
	}
	err := d.link.AddAddress(reg)
	if err == nil && d.has(reg) {
		// Another prefix length: refused as the driver does (row A-07).
		err = link.ErrAddressInUse
	}
	if err == nil {
		d.entries[e] = registration{addr: reg, raw: ad, seen: time.Now()}
		d.m.stale = true
		a.announce(d, d.entries[e])
		a.touched(d)
		return
	}
	if !errors.Is(err, link.ErrAddressInUse) {
		a.log.Warn("an address cannot be registered", "device", d.name, "address", ad.Prefix, "error", err)
		return
	}
	d.refusals++
	owner := "another device"
	if o := d.m.link.Owner(reg); o != nil {
		owner = o.Name()
	}
	a.log.Warn("address already assigned to an ipvlan device: taken off", "device", d.name, "address", ad.Prefix, "owner", owner)
	a.attempt(d, "take an address off", d.iface.DelAddr(ad.Prefix))
}

// has says whether an address of the interface registers reg.
func (d *device) has(reg netip.Addr) bool {
	for _, other := range d.entries {
		if other.addr == reg {
			return true
		}
	}
	return false
}

// addressGone frees what an address registered, unless another one of the
// interface (the same address with another prefix length) still does.
func (a *Appliance) addressGone(d *device, e entry) {
	reg, known := d.entries[e]
	if !known {
		return
	}
	delete(d.entries, e)
	a.touched(d)
	if d.has(reg.addr) {
		return
	}
	d.link.RemoveAddress(reg.addr)
	d.m.stale = true
}
