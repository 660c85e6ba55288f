package appliance

import (
	"cmp"
	"errors"
	"net/netip"
	"slices"

	"github.com/ipvl/ipvl/link"
	"github.com/ipvl/ipvl/link/packet"
	"github.com/ipvl/ipvl/nsutil"
	"github.com/ipvl/ipvl/nsutil/rtnl"
	"github.com/ipvl/ipvl/stack"
	"github.com/ipvl/ipvl/stack/hooks"
	"github.com/ipvl/ipvl/stack/rules"
	"golang.org/x/sys/unix"
)

// hooksAdapter is a hooks.Engine as package link wants it.
type hooksAdapter struct{ e *hooks.Engine }

// Output implements link.Hooks.
func (a hooksAdapter) Output(frame []byte) ([]byte, link.Hop, link.HookReason) {
	out, hop, r := a.e.Output(frame)
	return out, linkHop(hop), hookReason(r)
}

// Input implements link.Hooks.
func (a hooksAdapter) Input(frame []byte) ([]byte, link.HookReason) {
	out, r := a.e.Input(frame)
	return out, hookReason(r)
}

func hookReason(r hooks.Reason) link.HookReason {
	switch r {
	case hooks.Pass:
		return link.HookPass
	case hooks.Host:
		return link.HookHost
	case hooks.Held:
		return link.HookHeld
	}
	return link.HookDrop
}

// fitHooks gives a master hooks, or takes them away: in l3s all that devices
// send and get passes them, in l3 what they send, where there is a rule at all.
//
// +checklocks:a.mu
func (a *Appliance) fitHooks(m *master, mode link.Mode, s *rules.Set) error {
	if mode == link.ModeL3S || mode == link.ModeL3 && !s.Empty() {
		return a.openHooks(m, s)
	}
	a.closeHooks(m)
	return nil
}

// +checklocks:a.mu
func (a *Appliance) openHooks(m *master, s *rules.Set) error {
	if m.hooks != nil {
		return m.hooks.Apply(s)
	}
	e, err := hooks.New(hooks.Options{
		Owned: m.link.Owns,
		Route: func(frame []byte) stack.Hop {
			q, ok := link.QueryOf(frame)
			if !ok {
				return stack.Hop{}
			}
			return m.router.Next(stackQuery(q))
		},
		Source: m.router.Source,
		Own:    func(addr netip.Addr) bool { return isLocal(a.mirror, addr) },
		Dev:    m.name,
	})
	if err != nil {
		return err
	}
	if err := e.Apply(s); err != nil {
		return errors.Join(err, e.Close())
	}
	m.hooks = e
	m.restore.Store(e)
	m.link.SetHooks(hooksAdapter{e})
	return nil
}

// closeHooks takes a master's hooks away; what its rules counted is kept.
//
// +checklocks:a.mu
func (a *Appliance) closeHooks(m *master) {
	if m.hooks == nil {
		return
	}
	m.link.SetHooks(nil)
	addCounters(&a.rules, m.hooks.Snapshot())
	if err := m.hooks.Close(); err != nil {
		a.log.Warn("close the hooks", "master", m.name, "error", err)
	}
	m.hooks = nil
	m.restore.Store(nil)
}

// reject tells a device that a frame of its, which waited for a neighbour, is
// lost: the frame as the device sent it.
func (m *master) reject(h stack.Hop, frame []byte) {
	if e := m.restore.Load(); e != nil {
		e.Restore(frame)
	}
	m.link.Reject(frame, link.ICMPError(h.ICMP))
}

// translated is what the router takes of the host's own traffic, in the forms
// of the guard and of the uplink's filter.
//
// +checklocks:a.mu
func (a *Appliance) translated(m *master, own []rtnl.Addr) (guard []nsutil.Flow, filter []packet.Flow) {
	if m.hooks == nil {
		return nil, nil
	}
	var addrs, host []netip.Addr
	for _, ad := range own {
		addr := ad.Prefix.Addr()
		host = append(host, addr)
		if ad.Index == m.index && !unusable(ad) {
			addrs = append(addrs, addr)
		}
	}
	in := a.rules.Clone()
	if m.link.Mode() != link.ModeL3S {
		delete(in.NAT, rules.ChainPrerouting) // what comes in is the host's own
	}
	for _, c := range hooks.Captures(&in, addrs, host) {
		guard = append(guard, nsutil.Flow{Proto: c.Proto, Src: c.Src, Dst: c.Dst, First: c.DstPorts.Lo, Last: c.DstPorts.Hi})
		filter = append(filter,
			packet.Flow{Proto: c.Proto, Src: c.Src, Dst: c.Dst, First: c.DstPorts.Lo, Last: c.DstPorts.Hi}, errorsTo(c.Dst))
	}
	slices.SortFunc(filter, func(x, y packet.Flow) int {
		return cmp.Or(x.Dst.Addr().Compare(y.Dst.Addr()), int(x.Proto)-int(y.Proto), int(x.First)-int(y.First))
	})
	if m.link.Mode() != link.ModeL3S {
		return guard, nil // in l3 the answers are lost, as with the driver, and not refused by the host
	}
	return guard, slices.Compact(filter)
}

// errorsTo is the ICMP errors to dst, which are for the host and the router:
// neither minds one about a connection that it does not have.
func errorsTo(dst netip.Prefix) packet.Flow {
	f := packet.Flow{Proto: unix.IPPROTO_ICMP, Dst: dst, First: 1, Last: 0} // no identifier: no answers to pings
	if dst.Addr().Is6() {
		f.Proto = unix.IPPROTO_ICMPV6
	}
	return f
}

// unusable says that an address is no source: it has to pass DAD, or failed.
func unusable(ad rtnl.Addr) bool {
	return ad.Prefix.Addr().Is6() && ad.Flags&(unix.IFA_F_TENTATIVE|unix.IFA_F_DADFAILED) != 0 && ad.Flags&unix.IFA_F_OPTIMISTIC == 0
}
