package appliance

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/ipvl/ipvl/cmd/internal/api"
	"github.com/ipvl/ipvl/link"
	"github.com/ipvl/ipvl/nsutil"
	"github.com/ipvl/ipvl/nsutil/rtnl"
)

// restore makes again what an earlier run had: rules, and devices, where their
// masters and namespaces still are. What cannot be had is logged and forgotten.
func (a *Appliance) restore() {
	if a.store.path == "" {
		return
	}
	st, err := loadState(a.store.path)
	if err != nil {
		a.log.Error("the state of the last run is lost", "error", err)
		return
	}
	if st == nil {
		return
	}
	sameBoot := st.Boot == a.boot
	if sameBoot && st.Netns.Cookie != a.netns.Cookie {
		a.log.Info("the state is that of another network namespace: not restored", "file", a.store.path)
		return
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	a.restoreState(st, sameBoot)
}

// +checklocks:a.mu
func (a *Appliance) restoreState(st *state, sameBoot bool) {
	a.rules = st.Rules
	links, err := nsutil.Links(nsutil.Ref{})
	if err != nil {
		a.log.Error("devices of the last run are lost", "error", err)
		return
	}
	for _, sm := range st.Masters {
		for _, sd := range sm.Devices {
			if err := a.restoreDevice(sm, sd, links, sameBoot); err != nil {
				a.log.Warn("a device of the last run is not made again", "device", sd.Name, "master", sm.Name, "because", err)
			}
		}
	}
	a.changed()
}

// +checklocks:a.mu
func (a *Appliance) restoreDevice(sm savedMaster, sd savedDevice, links []rtnl.Link, sameBoot bool) error {
	ns, err := sd.Netns.find(sameBoot)
	if err != nil {
		return err
	}
	i := slices.IndexFunc(links, func(l rtnl.Link) bool { return l.Name == sm.Name })
	if i < 0 {
		return fmt.Errorf("there is no interface %q", sm.Name)
	}
	if err := suitable(links[i], links); err != nil {
		return err
	}
	mode, flag, err := words(opAdd, sm.Mode, sm.Flag)
	if err != nil {
		return err
	}
	if there, err := nsutil.Links(ns); err != nil {
		return err
	} else if slices.ContainsFunc(there, func(l rtnl.Link) bool { return l.Name == sd.Name }) {
		return fmt.Errorf("there is an interface %q already", sd.Name)
	}
	m, existed := a.masters[links[i].Index], true
	if m == nil {
		existed = false
		if m, err = a.newMaster(links[i], mode, flag); err != nil {
			return err
		}
		a.masters[m.index] = m
	}
	d, err := a.newDevice(m, sd.ID, nsutil.Options{
		Name: sd.Name, Netns: ns, MTU: sd.MTU, TxQLen: sd.TxQLen, NoARP: mode != link.ModeL2,
	})
	if err != nil {
		if !existed {
			delete(a.masters, m.index)
			a.closeMaster(m, true)
		}
		return err
	}
	a.dress(d, sm, sd)
	return nil
}

// dress gives a device back what it had. What does not succeed is logged: the
// device is there.
//
// +checklocks:a.mu
func (a *Appliance) dress(d *device, sm savedMaster, sd savedDevice) {
	o := sd.Options
	o.Lookup = &sm.Lookup
	if _, err := checkOptions(opAdd, o); err != nil {
		a.attempt(d, "set options", err)
		o = api.Options{}
	}
	a.attempt(d, "set options", a.setOptions(d, o))
	if sd.Alias != "" {
		a.attempt(d, "set alias", d.iface.SetAlias(sd.Alias))
	}
	now := time.Now()
	a.giveAddrs(d, sd, now, false)
	if sd.Up {
		a.attempt(d, "set up", d.iface.Up())
		a.attempt(d, "set link-local address", d.iface.EnsureLinkLocal())
	}
	a.giveAddrs(d, sd, now, true)
	for _, r := range sd.Routes {
		a.attempt(d, "add route", d.iface.Do(func() error { return nsutil.AddRoute(d.at.index, r) }))
	}
	d.rerouted = true
	a.sync(d)
	a.refresh(d.m)
	a.log.Info("device restored", "device", d.name, "master", d.m.name, "id", d.link.ID(), "backend", d.iface.Kind())
}

// giveAddrs gives a device its addresses of one family: those of IPv6 would not
// stay on one that is down.
func (a *Appliance) giveAddrs(d *device, sd savedDevice, now time.Time, v6 bool) {
	for _, sa := range sd.Addrs {
		if ad, ok := sa.now(now); ok && ad.Prefix.Addr().Is6() == v6 {
			a.attempt(d, "add address", d.iface.Do(func() error { return nsutil.AddAddr(d.at.index, ad) }))
		}
	}
}

// find leads to the namespace again. After the system was started anew only a
// name can.
func (n *savedNetns) find(sameBoot bool) (nsutil.Ref, error) {
	switch {
	case n == nil:
		return nsutil.Ref{}, nil
	case sameBoot:
		return nsutil.FindNetns(n.Path, nsutil.ID{Dev: n.Dev, Ino: n.Ino}, n.Cookie)
	case strings.HasPrefix(n.Path, nsutil.NetnsDir+"/"):
		return nsutil.Resolve(n.Path)
	}
	return nsutil.Ref{}, nsutil.ErrUnknownNetns
}
