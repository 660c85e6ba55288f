package appliance

import (
	"net/netip"
	"slices"

	"github.com/ipvl/ipvl/cmd/internal/api"
	"github.com/ipvl/ipvl/link"
	"github.com/ipvl/ipvl/nsutil"
	"github.com/ipvl/ipvl/nsutil/rtnl"
	"github.com/ipvl/ipvl/stack"
	"golang.org/x/sys/unix"
)

// options are what a device can have that the kernel's driver does not know.
// The zero value is the driver's behaviour.
type options struct {
	link.DeviceFlags
	announce bool
	// allow are the only addresses that may be registered; none: any.
	allow []netip.Prefix
}

// merge is o, changed by the words of a command.
func (o options) merge(c api.Options) options {
	for _, w := range []struct {
		word *bool
		to   *bool
	}{{c.Proxy, &o.Proxy}, {c.Announce, &o.announce}, {c.Guard, &o.Guard}, {c.Host, &o.Host}, {c.Isolate, &o.Isolate}} {
		if w.word != nil {
			*w.to = *w.word
		}
	}
	if c.Allow != nil {
		o.allow = slices.Clone(*c.Allow)
	}
	return o
}

// shown is o in the words of a command, all of them.
func (o options) shown(lookup stack.Lookup) *api.Options {
	word, allow := lookupWord(lookup), slices.Clone(o.allow)
	return &api.Options{
		Lookup: &word, Proxy: &o.Proxy, Announce: &o.announce, Guard: &o.Guard, Host: &o.Host, Isolate: &o.Isolate, Allow: &allow,
	}
}

// lookupWord and parseLookup are the words of "lookup".
func lookupWord(l stack.Lookup) string {
	if l == stack.LookupFull {
		return "full"
	}
	return "kernel"
}

func parseLookup(word string) (stack.Lookup, error) {
	for _, l := range []stack.Lookup{stack.LookupKernel, stack.LookupFull} {
		if word == lookupWord(l) {
			return l, nil
		}
	}
	return 0, unix.EINVAL
}

// allows says whether a may be registered.
func (o options) allows(a netip.Addr) bool {
	return len(o.allow) == 0 || slices.ContainsFunc(o.allow, func(p netip.Prefix) bool { return p.Contains(a) })
}

// checkOptions refuses what is no option before anything is changed.
func checkOptions(op string, c api.Options) (lookup stack.Lookup, err error) {
	if c.Lookup != nil {
		if lookup, err = parseLookup(*c.Lookup); err != nil {
			return lookup, refuse(op, unix.EINVAL, `argument of "lookup" must be either "kernel" or "full"`)
		}
	}
	if c.Allow != nil {
		for _, p := range *c.Allow {
			if !p.IsValid() || p != p.Masked() {
				return lookup, refuse(op, unix.EINVAL, "allow %v: it is an address, or a prefix without bits behind its length", p)
			}
		}
	}
	return lookup, nil
}

// setOptions changes what a command names, and nothing if it fails. The words
// have passed checkOptions.
//
// +checklocks:a.mu
func (a *Appliance) setOptions(d *device, c api.Options) error {
	next := d.opts.merge(c)
	if next.Host && !d.opts.Host {
		if err := a.openHostLink(d.m); err != nil {
			return err
		}
	}
	if c.Lookup != nil {
		d.m.lookup, _ = parseLookup(*c.Lookup)
		d.m.router.SetLookup(d.m.lookup)
	}
	d.opts = next
	d.link.SetFlags(next.DeviceFlags)
	a.closeIdleHostLink(d.m)
	if c.Allow != nil {
		a.enforceAllow(d)
	}
	if c.Announce != nil && *c.Announce {
		a.announceAll(d)
	}
	d.m.stale = true
	a.touched(d)
	return nil
}

// allowed says whether a device may have an address: its own automatic
// link-local address it always may.
func (a *Appliance) allowed(d *device, addr netip.Addr) bool {
	return d.opts.allows(addr) || addr == nsutil.LinkLocal(d.m.mac, d.link.ID())
}

// enforceAllow takes off what a device may not have any more. With a primary
// IPv4 address the kernel takes the secondary ones of its subnet off
// (promote_secondaries=0): those that are allowed are put back.
func (a *Appliance) enforceAllow(d *device) {
	var kept []rtnl.Addr
	gone := false
	for e, reg := range d.entries {
		if a.allowed(d, reg.addr) {
			kept = append(kept, reg.raw)
			continue
		}
		gone = true
		a.addressGone(d, e)
		a.notAllowed(d, reg.raw.Prefix)
	}
	for _, ad := range kept {
		if gone && ad.Prefix.Addr().Is4() {
			a.attempt(d, "put an address back", d.iface.Do(func() error { return nsutil.AddAddr(d.at.index, ad) }))
		}
	}
}

// notAllowed takes off an address that allow does not name.
func (a *Appliance) notAllowed(d *device, p netip.Prefix) {
	d.denials++
	a.log.Warn("address not allowed for the device: taken off", "device", d.name, "address", p)
	a.attempt(d, "take an address off", d.iface.DelAddr(p))
}

// announceAll notes that all addresses of a device are to be announced once
// the uplink is ready for answers.
func (a *Appliance) announceAll(d *device) {
	if !d.opts.announce {
		return
	}
	for _, reg := range d.entries {
		a.announce(d, reg)
	}
}

// announce notes one address, unless it is still to pass DAD, or has failed it.
func (a *Appliance) announce(d *device, reg registration) {
	if !d.opts.announce || reg.raw.Flags&(unix.IFA_F_TENTATIVE|unix.IFA_F_DADFAILED) != 0 {
		return
	}
	d.unannounced = append(d.unannounced, reg.addr)
	d.m.stale = true
}
