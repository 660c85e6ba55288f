package appliance

import (
	"context"
	"errors"
	"slices"

	"github.com/ipvl/ipvl/link/packet"
	"github.com/ipvl/ipvl/nsutil"
	"github.com/ipvl/ipvl/nsutil/rtnl"
	"github.com/ipvl/ipvl/stack/fib"
	"golang.org/x/sys/unix"
)

// eventLoop follows the kernel until ctx ends, or the watcher fails.
func (a *Appliance) eventLoop(ctx context.Context) error {
	for {
		select {
		case <-ctx.Done():
			return nil
		case e := <-a.ended:
			a.readerEnded(e)
		case batch, ok := <-a.watcher.Events():
			if !ok {
				return a.watcher.Err()
			}
			a.handle(batch)
			a.feed.publish(batch)
		}
	}
}

// readerEnded takes down what has lost its interface.
func (a *Appliance) readerEnded(e ending) {
	a.mu.Lock()
	defer a.mu.Unlock()
	switch {
	case e.dev != nil:
		a.lost(e.dev, e.err)
	case e.host != nil:
		a.hostLinkEnded(e.m, e.host, e.err)
	case errors.Is(e.err, packet.ErrGone):
		a.masterGone(e.m, "deleted")
	default:
		a.log.Error("the uplink cannot be read", "master", e.m.name, "error", e.err)
		a.masterGone(e.m, "unreadable")
	}
}

// lost removes a device whose interface went, whoever found out first.
//
// +checklocks:a.mu
func (a *Appliance) lost(d *device, cause error) {
	if a.devices[d.at] == d {
		a.log.Info("a device's interface is gone", "device", d.name, "cause", cause)
	}
	a.remove(d)
}

// masterGone removes all devices of a master, as the kernel does.
//
// +checklocks:a.mu
func (a *Appliance) masterGone(m *master, how string) {
	if a.masters[m.index] != m {
		return
	}
	a.log.Info("the master is gone, and its devices with it", "master", m.name, "how", how)
	m.each(a.remove)
}

// handle follows one batch of events.
func (a *Appliance) handle(batch []nsutil.Event) {
	a.mu.Lock()
	defer a.mu.Unlock()
	routes := false
	var changes []fib.Change
	for _, e := range batch {
		switch e.Kind {
		case nsutil.EventOverrun:
			a.log.Warn("events were lost; everything is read again")
			a.resync()
			routes = true
		case nsutil.EventLink:
			a.linkEvent(e)
			routes = routes || e.NSID == -1 && a.movesRoutes(e)
		case nsutil.EventAddr:
			a.addressEvent(e)
			if e.NSID == -1 {
				routes = true
				a.ownAddressChanged()
			}
		case nsutil.EventGroup:
			if d := a.devices[place{e.NSID, e.Group.Index}]; d != nil {
				d.regroup = true
				// The kernel tells of an IPv6 address when DAD is over; that it
				// joins the solicited-node group tells that it is there.
				d.reread = d.reread || !e.Deleted && e.Group.Addr.Is6()
			}
		case nsutil.EventNSID:
			if e.Deleted {
				a.namespaceGone(e.NSID)
			}
		case nsutil.EventRoute:
			switch {
			case e.NSID != -1:
				a.routesElsewhere(e.NSID)
			case e.Route == nil:
				routes = true
			default:
				changes = append(changes, routeChange(e))
			}
		case nsutil.EventRule, nsutil.EventNextHop:
			routes = true
		case nsutil.EventNeigh:
			routes = routes || a.bindsRouter(e)
		}
	}
	for _, m := range a.masters {
		for _, d := range slices.Clone(m.devices) {
			if d.reread {
				a.sync(d)
			} else {
				a.settle(d)
			}
		}
		a.refresh(m)
	}
	a.routes.tell(changes, routes)
}

// movesRoutes says whether what happened to an interface of the own namespace
// can change routes, of which the kernel tells nothing then: a table of a
// million is not read again because a device was made.
func (a *Appliance) movesRoutes(e nsutil.Event) bool {
	l := e.Link
	known, ok := a.mirror.FIB().Iface(l.Index)
	switch {
	case !ok:
		return !e.Deleted && isUp(*l)
	case e.Deleted:
		return true
	}
	now := fib.Iface{
		Index: known.Index, Name: l.Name, MTU: uint32(l.MTU), Up: isUp(*l), Running: l.Flags&unix.IFF_LOWER_UP != 0,
		Loopback: known.Loopback, Group: l.Group, MasterIndex: l.UpperIndex, Table: known.Table,
	}
	copy(now.MAC[:], l.Address)
	return now != known
}

// bindsRouter says whether a neighbour is, or was, of the kind that the router
// takes from the kernel: set by hand. All others come and go too often to read
// everything again for them.
func (a *Appliance) bindsRouter(e nsutil.Event) bool {
	if e.Neigh.State&(unix.NUD_PERMANENT|unix.NUD_NOARP) != 0 {
		return true
	}
	return slices.ContainsFunc(a.mirror.FIB().Neighs(e.Neigh.Index), func(n fib.Neigh) bool { return n.Dst == e.Neigh.Dst })
}

// +checklocks:a.mu
func (a *Appliance) linkEvent(e nsutil.Event) {
	at := place{e.NSID, e.Link.Index}
	if d := a.devices[at]; d != nil {
		switch {
		case !e.Deleted:
			a.linkChanged(d, *e.Link)
		case e.Link.NewNSID != -1:
			a.relocate(d)
		default:
			a.verify(d)
		}
		return
	}
	m := a.masters[e.Link.Index]
	if e.NSID != -1 || m == nil {
		return
	}
	if e.Deleted {
		a.masterGone(m, "deleted or moved")
		return
	}
	a.masterChanged(m, *e.Link)
}

// +checklocks:a.mu
func (a *Appliance) addressEvent(e nsutil.Event) {
	d := a.devices[place{e.NSID, e.Addr.Index}]
	switch {
	case d == nil:
	case e.Deleted:
		a.addressGone(d, entryOf(*e.Addr))
	default:
		a.addressCame(d, *e.Addr)
	}
}

// ownAddressChanged has what depends on the host's addresses brought in step.
//
// +checklocks:a.mu
func (a *Appliance) ownAddressChanged() {
	for _, m := range a.masters {
		m.stale = m.stale || m.host != nil || m.hooks != nil
	}
}

// routesElsewhere notes that routes of a namespace are to be read again, if a
// device of ours is there.
//
// +checklocks:a.mu
func (a *Appliance) routesElsewhere(nsid int) {
	for at, d := range a.devices {
		if at.nsid == nsid && !d.rerouted {
			d.rerouted = true
			a.changed()
		}
	}
}

// verify removes a device whose interface is no more where it was: it was
// deleted, or it has moved out of sight and is found again.
//
// +checklocks:a.mu
func (a *Appliance) verify(d *device) {
	if _, _, err := d.iface.Where(); errors.Is(err, nsutil.ErrGone) {
		a.lost(d, err)
		return
	}
	a.relocate(d)
}

// namespaceGone looks after the devices of a namespace whose id was freed.
//
// +checklocks:a.mu
func (a *Appliance) namespaceGone(nsid int) {
	var there []*device
	for at, d := range a.devices {
		if at.nsid == nsid {
			there = append(there, d)
		}
	}
	for _, d := range there {
		a.verify(d)
	}
}

// resync reads everything again after events were lost.
//
// +checklocks:a.mu
func (a *Appliance) resync() {
	links, err := nsutil.Links(nsutil.Ref{})
	if err != nil {
		a.log.Error("the interfaces cannot be read", "error", err)
		return
	}
	found := make(map[int]rtnl.Link, len(links))
	for _, l := range links {
		found[l.Index] = l
	}
	var all []*master
	for _, m := range a.masters {
		all = append(all, m)
	}
	for _, m := range all {
		if l, ok := found[m.index]; ok {
			a.masterChanged(m, l)
		} else {
			a.masterGone(m, "deleted")
			continue
		}
		m.each(a.relocate)
	}
}
