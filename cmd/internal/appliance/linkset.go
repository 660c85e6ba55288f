package appliance

import (
	"context"
	"errors"

	"github.com/ipvl/ipvl/cmd/internal/api"
	"github.com/ipvl/ipvl/nsutil"
	"golang.org/x/sys/unix"
)

const (
	opSet = "link set"
	opDel = "link del"
)

// LinkSet implements api.Backend. All words are checked before the first one
// changes anything.
func (a *Appliance) LinkSet(_ context.Context, c api.Caller, r api.LinkSet) error {
	defer a.save()
	a.mu.Lock()
	defer a.mu.Unlock()
	s, err := a.resolve(opSet, c, r.Netns)
	if err != nil {
		return err
	}
	d, err := a.theDevice(opSet, s, r.Name)
	if err != nil {
		return err
	}
	target, err := a.checkSet(d, s, r)
	if err != nil {
		return err
	}
	if r.Mode != "" || r.Flag != "" {
		if err := a.setWords(d.m, r.Mode, r.Flag); err != nil {
			return err
		}
	}
	if r.Options != (api.Options{}) {
		if err := a.setOptions(d, r.Options); err != nil {
			return failed(opSet, err)
		}
		a.refresh(d.m)
	}
	if r.Mode != "" || r.Flag != "" || r.Options != (api.Options{}) {
		// The kernel tells of the device that a command names (row M-16).
		a.attempt(d, "tell of a change", d.iface.Touch())
	}
	if err := setInterface(d.iface, r); err != nil {
		return failed(opSet, err)
	}
	a.noteSet(d, r)
	if r.TargetNetns == nil {
		return nil
	}
	name := ""
	if r.NewName != nil {
		name = *r.NewName
	}
	if err := d.iface.MoveTo(target.ns, name); err != nil {
		return failed(opSet, err)
	}
	a.relocate(d)
	a.refresh(d.m)
	return nil
}

// noteSet notes what is remembered of a device's interface before the kernel tells of it, but
// for the MTU: linkChanged has to see that change.
func (a *Appliance) noteSet(d *device, r api.LinkSet) {
	if r.NewName != nil && r.TargetNetns == nil {
		d.name = *r.NewName
	}
	if r.Alias != nil {
		d.alias = *r.Alias
	}
	if r.TxQLen != nil {
		d.txqlen = *r.TxQLen
	}
	a.touched(d)
}

// checkSet refuses what the kernel would refuse, and finds the namespace to
// move to.
func (a *Appliance) checkSet(d *device, s scope, r api.LinkSet) (target scope, err error) {
	switch {
	case r.Kind != "" && r.Kind != "ipvlan":
		return target, refuse(opSet, unix.EOPNOTSUPP, "the type of a link cannot be changed")
	case r.Address != nil:
		return target, refuse(opSet, unix.EOPNOTSUPP, "")
	case r.Master != nil && *r.Master != "":
		return target, refuse(opSet, unix.EOPNOTSUPP, "an ipvlan device cannot be a port of another: use ip(8) for a VRF")
	}
	if _, _, err := words(opSet, r.Mode, r.Flag); err != nil {
		return target, err
	}
	if _, err := checkOptions(opSet, r.Options); err != nil {
		return target, err
	}
	if r.MTU != nil {
		if err := checkMTU(opSet, *r.MTU); err != nil {
			return target, err
		}
	}
	if r.AddrGenMode != nil {
		if _, ok := addrGenModes(*r.AddrGenMode); !ok {
			return target, refuse(opSet, unix.EINVAL, "unknown addrgenmode %q", *r.AddrGenMode)
		}
	}
	target = s
	if r.TargetNetns != nil {
		if target, err = a.lookUp(opSet, *r.TargetNetns); err != nil {
			return target, badNetns(*r.TargetNetns, err)
		}
	}
	name := d.name
	if r.NewName != nil {
		name = *r.NewName
	}
	if r.NewName != nil || target.nsid != s.nsid {
		l, _, err := find(opSet, target, name)
		if err == nil && (place{target.nsid, l.Index}) != d.at {
			return target, refuse(opSet, unix.EEXIST, "")
		}
		if err != nil && !errors.Is(err, unix.ENODEV) {
			return target, err
		}
	}
	return target, nil
}

// setWords changes what belongs to the master; an empty word keeps what it has.
//
// +checklocks:a.mu
func (a *Appliance) setWords(m *master, modeWord, flagWord string) error {
	mode, flag, err := words(opSet, modeWord, flagWord)
	if err != nil {
		return err
	}
	if modeWord == "" {
		mode = m.link.Mode()
	}
	if flagWord == "" {
		flag = m.link.Flag()
	}
	return failed(opSet, a.setMode(m, mode, flag))
}

// setInterface applies what belongs to the interface itself, in the order in
// which the kernel does (do_setlink).
func setInterface(i nsutil.Interface, r api.LinkSet) error {
	var steps []func() error
	add := func(wanted bool, f func() error) {
		if wanted {
			steps = append(steps, f)
		}
	}
	add(r.MTU != nil, func() error { return i.SetMTU(*r.MTU) })
	add(r.NewName != nil && r.TargetNetns == nil, func() error { return i.Rename(*r.NewName) })
	add(r.Alias != nil, func() error { return i.SetAlias(*r.Alias) })
	add(r.TxQLen != nil, func() error { return i.SetTxQLen(*r.TxQLen) })
	add(r.ARP != nil, func() error { return i.SetNoARP(!*r.ARP) })
	for _, f := range []struct {
		on   *bool
		flag uint32
	}{{r.Multicast, unix.IFF_MULTICAST}, {r.AllMulticast, unix.IFF_ALLMULTI}, {r.Promisc, unix.IFF_PROMISC}} {
		add(f.on != nil, func() error {
			if *f.on {
				return i.SetFlags(f.flag, 0)
			}
			return i.SetFlags(0, f.flag)
		})
	}
	add(r.AddrGenMode != nil, func() error {
		mode, _ := addrGenModes(*r.AddrGenMode)
		return i.SetAddrGenMode(mode)
	})
	add(r.Up != nil && *r.Up, i.Up)
	add(r.Up != nil && !*r.Up, i.Down)
	for _, step := range steps {
		if err := step(); err != nil {
			return err
		}
	}
	return nil
}

func addrGenModes(word string) (nsutil.AddrGenMode, bool) {
	modes := map[string]nsutil.AddrGenMode{
		"eui64": nsutil.AddrGenEUI64, "none": nsutil.AddrGenNone,
		"stable_secret": nsutil.AddrGenStableSecret, "random": nsutil.AddrGenRandom,
	}
	m, ok := modes[word]
	return m, ok
}

// LinkDel implements api.Backend.
func (a *Appliance) LinkDel(_ context.Context, c api.Caller, r api.LinkDel) error {
	defer a.save()
	a.mu.Lock()
	defer a.mu.Unlock()
	s, err := a.resolve(opDel, c, r.Netns)
	if err != nil {
		return err
	}
	d, err := a.theDevice(opDel, s, r.Name)
	if err != nil {
		return err
	}
	if r.Kind != "" && r.Kind != "ipvlan" {
		return refuse(opDel, unix.EOPNOTSUPP, "%q is not of type %s", r.Name, r.Kind)
	}
	a.remove(d)
	a.log.Info("device deleted", "device", r.Name)
	return nil
}
