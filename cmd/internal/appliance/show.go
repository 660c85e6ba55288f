package appliance

import (
	"context"

	"github.com/ipvl/ipvl/cmd/internal/api"
	"github.com/ipvl/ipvl/nsutil"
	"github.com/ipvl/ipvl/nsutil/rtnl"
)

// LinkShow implements api.Backend.
func (a *Appliance) LinkShow(_ context.Context, c api.Caller, r api.LinkShow) ([]api.Link, error) {
	s, err := a.resolve("link show", c, r.Netns)
	if err != nil {
		return nil, err
	}
	links, err := a.links("link show", s)
	return links, err
}

// AddrShow implements api.Backend.
func (a *Appliance) AddrShow(_ context.Context, c api.Caller, r api.AddrShow) ([]api.Link, error) {
	s, err := a.resolve("addr show", c, r.Netns)
	if err != nil {
		return nil, err
	}
	links, err := a.links("addr show", s)
	if err != nil {
		return nil, err
	}
	addrs, err := nsutil.Addrs(s.ns)
	if err != nil {
		return nil, failed("addr show", err)
	}
	at := make(map[int]*api.Link, len(links))
	for i := range links {
		at[links[i].Index] = &links[i]
	}
	for _, ad := range addrs {
		if l := at[ad.Index]; l != nil {
			l.Addrs = append(l.Addrs, convertAddr(ad))
		}
	}
	return links, nil
}

// links reads the interfaces of a namespace and adds what the appliance knows
// of those that are its devices.
func (a *Appliance) links(op string, s scope) ([]api.Link, error) {
	raw, err := nsutil.Links(s.ns)
	if err != nil {
		return nil, failed(op, err)
	}
	names := make(map[int]string, len(raw))
	for _, l := range raw {
		names[l.Index] = l.Name
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	out := make([]api.Link, 0, len(raw))
	for _, l := range raw {
		c := convertLink(l, names)
		if d := a.devices[place{s.nsid, l.Index}]; d != nil {
			a.describe(&c, d, s)
		} else if id := c.ParentNetnsID; id != nil {
			c.ParentNetns = netnsName(s, *id)
		}
		out = append(out, c)
	}
	return out, nil
}

// netnsName is the name of the namespace that s knows under id, "" if it has
// none.
func netnsName(s scope, id int) (name string) {
	_ = s.ns.Do(func() error { // a name is a help, and no more
		ref, err := nsutil.ByNSID(id)
		if err == nil {
			name = nsutil.NameOf(ref.ID())
		}
		return err
	})
	return name
}

// describe makes of a TAP or a veth what the kernel would show of an ipvlan
// device, and adds what is only known here.
func (a *Appliance) describe(l *api.Link, d *device, s scope) {
	l.Kind = "ipvlan"
	l.Mode, l.Flag = d.m.link.Mode().String(), d.m.link.Flag().String()
	l.DevID, l.Backend, l.IO = d.link.ID(), d.iface.Kind(), "plain"
	if p, ok := d.port.(interface{ Ringed() bool }); ok && p.Ringed() {
		l.IO = "uring"
	}
	l.MinMTU, l.MaxMTU = 68, 65535
	l.AddrGenMode = shownAddrGen(l.AddrGenMode)
	l.Drops = d.link.Stats().Drops
	if d.refusals != 0 {
		l.Drops["address-in-use"] = d.refusals
	}
	if d.denials != 0 {
		l.Drops["address-not-allowed"] = d.denials
	}
	l.Options = d.opts.shown(d.m.lookup)
	l.Parent, l.ParentIndex, l.ParentNetns, l.ParentNetnsID = "", 0, "", nil
	if s.own() {
		l.Parent = d.m.name
	} else {
		l.ParentIndex = d.m.index
		l.ParentNetnsID, l.ParentNetns = a.seenFrom(s)
	}
}

// seenFrom tells how a namespace knows the appliance's.
func (a *Appliance) seenFrom(s scope) (*int, string) {
	var id *int
	_ = s.ns.Do(func() error { // without an id the link shows none
		n, err := nsutil.NSID(a.self)
		if err == nil {
			id = &n
		}
		return err
	})
	return id, nsutil.NameOf(a.self.ID())
}

// shownAddrGen hides that "none" is how the appliance itself makes the
// driver's kind of EUI-64.
func shownAddrGen(mode string) string {
	if mode == "none" {
		return "eui64"
	}
	return mode
}

func convertLink(l rtnl.Link, names map[int]string) api.Link {
	c := api.Link{
		Index: l.Index, Name: l.Name, Kind: l.Kind, Alias: l.Alias, LinkType: linkType(l.Type), Flags: l.Flags, MTU: l.MTU,
		Qdisc: l.Qdisc, OperState: operState(l.OperState), TxQLen: l.TxQLen, Group: l.Group,
		Address: l.Address.String(), Broadcast: l.Broadcast.String(),
		Promiscuity: int(l.Promiscuity), AllMulti: int(l.AllMulti), MinMTU: int(l.MinMTU), MaxMTU: int(l.MaxMTU),
		AddrGenMode: addrGenMode(l.AddrGenMode), NumTxQueues: int(l.NumTxQueues), NumRxQueues: int(l.NumRxQueues),
		GSOMaxSize: l.GSOMaxSize, GSOMaxSegs: l.GSOMaxSegs, TSOMaxSize: l.TSOMaxSize, TSOMaxSegs: l.TSOMaxSegs,
		GROMaxSize: l.GROMaxSize, UpperName: names[l.UpperIndex],
	}
	if l.LinkMode == 1 {
		c.LinkMode = "DORMANT"
	}
	if l.PermAddr != nil && l.PermAddr.String() != c.Address {
		c.PermAddr = l.PermAddr.String()
	}
	switch {
	case !l.HasParent:
	case l.ParentIndex == 0:
		c.Parent = "NONE"
	case l.ParentNSID != -1:
		id := l.ParentNSID
		c.ParentIndex, c.ParentNetnsID = l.ParentIndex, &id
	default:
		c.Parent = names[l.ParentIndex]
	}
	if l.HasStats {
		c.Stats = convertStats(l.Stats)
	}
	return c
}

func convertStats(s rtnl.Stats) *api.LinkStats {
	return &api.LinkStats{
		RxPackets: s.RxPackets, RxBytes: s.RxBytes, RxErrors: s.RxErrors, RxDropped: s.RxDropped,
		RxOverErrors: s.RxOverErrors, Multicast: s.Multicast, RxMissedErrors: s.RxMissedErrors,
		TxPackets: s.TxPackets, TxBytes: s.TxBytes, TxErrors: s.TxErrors, TxDropped: s.TxDropped,
		TxCarrierErrors: s.TxCarrierErrors, Collisions: s.Collisions,
	}
}

func convertAddr(ad rtnl.Addr) api.Addr {
	c := api.Addr{
		Prefix: ad.Prefix, Broadcast: ad.Broadcast, Scope: api.Scopes.Name(uint32(ad.Scope)), Flags: ad.Flags,
		Label: ad.Label, Valid: ad.Valid, Preferred: ad.Preferred,
	}
	if peer := ad.Peer(); peer.IsValid() {
		c.Peer, _ = peer.Prefix(ad.Prefix.Bits())
	}
	return c
}
