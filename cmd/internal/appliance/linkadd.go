package appliance

import (
	"context"
	"fmt"
	"slices"

	"github.com/ipvl/ipvl/cmd/internal/api"
	"github.com/ipvl/ipvl/link"
	"github.com/ipvl/ipvl/nsutil"
	"github.com/ipvl/ipvl/nsutil/rtnl"
	"golang.org/x/sys/unix"
)

const opAdd = "link add"

// arphrdEther is ARPHRD_ETHER.
const arphrdEther = 1

// LinkAdd implements api.Backend.
func (a *Appliance) LinkAdd(_ context.Context, c api.Caller, r api.LinkAdd) error {
	defer a.save()
	a.mu.Lock()
	defer a.mu.Unlock()
	if r.Kind != "ipvlan" {
		return refuse(opAdd, unix.EOPNOTSUPP, "this appliance makes links of type ipvlan only: use ip(8) for type %q", r.Kind)
	}
	mode, flag, err := words(opAdd, r.Mode, r.Flag)
	if err != nil {
		return err
	}
	if _, err := checkOptions(opAdd, r.Options); err != nil {
		return err
	}
	below, existing, err := a.below(c, r)
	if err != nil {
		return err
	}
	o, err := a.interfaceOptions(c, r, below)
	if err != nil {
		return err
	}
	if r.Mode == "" {
		mode = link.ModeL3 // the default holds for the whole master, as in the kernel
	}
	m := existing
	if m == nil {
		if m, err = a.newMaster(below, mode, flag); err != nil {
			return failed(opAdd, err)
		}
		a.masters[m.index] = m
	}
	o.NoARP = mode != link.ModeL2
	d, err := a.newDevice(m, 0, o)
	if err != nil {
		if existing == nil {
			delete(a.masters, m.index)
			a.closeMaster(m, true)
		}
		return failed(opAdd, err)
	}
	if existing != nil {
		if r.Flag == "" {
			flag = m.link.Flag()
		}
		if err := a.setMode(m, mode, flag); err != nil {
			a.remove(d)
			return failed(opAdd, err)
		}
	}
	if r.Options != (api.Options{}) {
		if err := a.setOptions(d, r.Options); err != nil {
			a.remove(d)
			return failed(opAdd, err)
		}
	}
	a.sync(d)
	m.stale = m.stale || existing == nil // the rules of before hold for it
	a.refresh(m)
	a.log.Info("device added", "device", d.name, "master", m.name, "id", d.link.ID(), "backend", d.iface.Kind())
	if r.Up {
		return failed(opAdd, d.iface.Up())
	}
	return nil
}

// words reads mode and flag; an empty word is the zero value.
func words(op, modeWord, flagWord string) (mode link.Mode, flag link.Flag, err error) {
	if modeWord != "" {
		if mode, err = link.ParseMode(modeWord); err != nil {
			return 0, 0, refuse(op, unix.EINVAL, `argument of "mode" must be either "l2", "l3" or "l3s"`)
		}
	}
	if flagWord != "" {
		if flag, err = link.ParseFlag(flagWord); err != nil {
			return 0, 0, refuse(op, unix.EINVAL, "unknown flag %q: it is bridge, private or vepa", flagWord)
		}
	}
	return mode, flag, nil
}

// below finds the master that a command names, and whether it has devices
// already. A device stands for its own master: devices do not nest.
//
// +checklocks:a.mu
func (a *Appliance) below(c api.Caller, r api.LinkAdd) (rtnl.Link, *master, error) {
	if r.Master == "" {
		return rtnl.Link{}, nil, refuse(opAdd, unix.EINVAL, "an ipvlan device needs a master: say \"link DEVICE\"")
	}
	s, err := a.resolve(opAdd, c, r.Netns)
	if err != nil {
		return rtnl.Link{}, nil, err
	}
	l, links, err := find(opAdd, s, r.Master)
	if err != nil {
		return rtnl.Link{}, nil, err
	}
	if d := a.devices[place{s.nsid, l.Index}]; d != nil {
		return rtnl.Link{Index: d.m.index, Name: d.m.name, Address: d.m.mac, MTU: d.m.mtu}, d.m, nil
	}
	if !s.own() {
		return rtnl.Link{}, nil, refuse(opAdd, unix.EINVAL,
			"%q is in another network namespace than the appliance: run \"ipvl serve\" there, or the command here", r.Master)
	}
	if err := suitable(l, links); err != nil {
		return rtnl.Link{}, nil, err
	}
	return l, a.masters[l.Index], nil
}

// suitable is what the kernel demands of a master.
func suitable(l rtnl.Link, links []rtnl.Link) error {
	switch {
	case l.Flags&unix.IFF_LOOPBACK != 0, l.Type != arphrdEther, len(l.Address) != 6:
		return refuse(opAdd, unix.EINVAL, "%q cannot be a master: it is either lo or a non-ether device", l.Name)
	case l.Kind == "vrf":
		return refuse(opAdd, unix.EINVAL, "%q cannot be a master: it is a VRF", l.Name)
	case l.UpperIndex != 0:
		i := slices.IndexFunc(links, func(u rtnl.Link) bool { return u.Index == l.UpperIndex })
		if i < 0 || links[i].Kind != "vrf" {
			return refuse(opAdd, unix.EBUSY, "%q cannot be a master: it is already in use as a port of another device", l.Name)
		}
	}
	for _, u := range links {
		if u.ParentIndex == l.Index && u.ParentNSID == -1 && (u.Kind == "macvlan" || u.Kind == "macvtap") {
			return refuse(opAdd, unix.EBUSY, "%q cannot be a master: it is already in use by %s %q", l.Name, u.Kind, u.Name)
		}
	}
	return nil
}

// interfaceOptions checks where the device ends up and under which name.
func (a *Appliance) interfaceOptions(c api.Caller, r api.LinkAdd, below rtnl.Link) (nsutil.Options, error) {
	o := nsutil.Options{
		Name: r.Name, MTU: below.MTU, TxQLen: r.TxQLen, Index: r.Index, NumQueues: max(r.NumTxQueues, r.NumRxQueues),
	}
	if r.MTU != 0 {
		if err := checkMTU(opAdd, r.MTU); err != nil {
			return o, err
		}
		o.MTU = r.MTU
	}
	// A device goes to the namespace of the command, as with ip -n.
	spec := r.TargetNetns
	if spec == "" {
		spec = r.Netns
	}
	s, err := a.resolve(opAdd, c, spec)
	if err != nil {
		return o, badNetns(r.TargetNetns, err)
	}
	o.Netns = s.ns
	links, err := nsutil.Links(s.ns)
	if err != nil {
		return o, failed(opAdd, err)
	}
	taken := func(name string) bool {
		return slices.ContainsFunc(links, func(l rtnl.Link) bool { return l.Name == name })
	}
	if o.Name == "" {
		for i := 0; o.Name == "" || taken(o.Name); i++ {
			o.Name = fmt.Sprintf("ipvlan%d", i)
		}
	}
	switch {
	case taken(o.Name):
		return o, refuse(opAdd, unix.EEXIST, "")
	case o.Index < 0:
		return o, refuse(opAdd, unix.EINVAL, "")
	case slices.ContainsFunc(links, func(l rtnl.Link) bool { return l.Index == o.Index }):
		return o, refuse(opAdd, unix.EEXIST, "")
	}
	return o, nil
}

// checkMTU is the range of the driver (ipvlan_link_setup).
func checkMTU(op string, mtu int) error {
	switch {
	case mtu < 68:
		return refuse(op, unix.EINVAL, "mtu less than device minimum")
	case mtu > 65535:
		return refuse(op, unix.EINVAL, "mtu greater than device maximum")
	}
	return nil
}
