package appliance

import (
	"errors"
	"net/netip"

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
		Dev:    m.name,
	})
	if err != nil {
		return err
	}
	if err := e.Apply(s); err != nil {
		return errors.Join(err, e.Close())
	}
	m.hooks = e
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
}

// translated is what the router takes of the host's own traffic, in the forms
// of the guard and of the uplink's filter.
//
// +checklocks:a.mu
func (a *Appliance) translated(m *master, own []rtnl.Addr) (guard []nsutil.Flow, filter []packet.Flow) {
	if m.hooks == nil || m.link.Mode() != link.ModeL3S {
		return nil, nil // in l3 the answers are the host's, and lost
	}
	var addrs []netip.Addr
	for _, ad := range own {
		if ad.Index == m.index {
			addrs = append(addrs, ad.Prefix.Addr())
		}
	}
	for _, c := range hooks.Captures(&a.rules, addrs) {
		guard = append(guard, nsutil.Flow{Proto: c.Proto, Src: c.Src, Dst: c.Dst, First: c.DstPorts.Lo, Last: c.DstPorts.Hi})
		filter = append(filter, packet.Flow{Proto: c.Proto, Src: c.Src, Dst: c.Dst, First: c.DstPorts.Lo, Last: c.DstPorts.Hi})
	}
	return guard, filter
}

// unusable says that an address is no source: it has to pass DAD, or failed.
func unusable(ad rtnl.Addr) bool {
	return ad.Prefix.Addr().Is6() && ad.Flags&(unix.IFA_F_TENTATIVE|unix.IFA_F_DADFAILED) != 0 && ad.Flags&unix.IFA_F_OPTIMISTIC == 0
}
