package appliance

import (
	"context"
	"net/netip"
	"slices"

	"github.com/ipvl/ipvl/cmd/internal/api"
	"github.com/ipvl/ipvl/nsutil"
	"github.com/ipvl/ipvl/stack"
	"github.com/ipvl/ipvl/stack/fib"
	"golang.org/x/sys/unix"
)

// RouteShow implements api.Backend: without -n the FIB that the router uses,
// else what the kernel has in that namespace.
func (a *Appliance) RouteShow(_ context.Context, c api.Caller, r api.RouteShow) ([]api.Route, error) {
	table := a.mirror.FIB()
	if r.Netns != "" {
		s, err := a.lookUp("route show", r.Netns)
		if err != nil {
			return nil, err
		}
		if !s.own() {
			snapshot, err := nsutil.Snapshot(s.ns)
			if err != nil {
				return nil, failed("route show", err)
			}
			if table, _, err = fib.Compile(snapshot); err != nil {
				return nil, failed("route show", err)
			}
		}
	}
	var out []api.Route
	for route := range table.Routes() {
		if wantsTable(r, route) {
			out = append(out, convertRoute(table, route))
		}
	}
	return out, nil
}

// wantsTable leaves out early what the filter would: a full table has a
// million routes.
func wantsTable(r api.RouteShow, route fib.Route) bool {
	family := 4
	if route.Dst.Addr().Is6() {
		family = 6
	}
	if r.Family != 0 && r.Family != family {
		return false
	}
	n, ok := api.Tables.Number(r.Table)
	return r.Table != "" && !ok || route.Table == n || r.Table == "" && route.Table == fib.TableMain
}

func convertRoute(table *fib.Table, route fib.Route) api.Route {
	out := api.Route{
		Dst: route.Dst.String(), Type: route.Type.String(), Table: route.Table,
		Protocol: api.Protocols.Name(uint32(route.Protocol)), Scope: api.Scopes.Name(uint32(route.Scope)),
		PrefSrc: route.PrefSrc, Metric: route.Metric, TOS: route.TOS, MTU: route.MTU, Family: 4,
	}
	if route.Dst.Addr().Is6() {
		out.Family = 6
		out.Pref = [...]string{"medium", "high", "", "low"}[route.Pref&3]
	}
	if route.Dst.Bits() == 0 {
		out.Dst = "default"
	} else if route.Dst.IsSingleIP() {
		out.Dst = route.Dst.Addr().String()
	}
	if route.Src.IsValid() {
		out.Src = route.Src.Addr()
	}
	for _, h := range route.NextHops {
		hop := api.NextHop{Via: h.Via, Dev: ifaceName(table, h.Index), Weight: h.Weight}
		for _, f := range []struct {
			on   bool
			word string
		}{{h.Dead, "dead"}, {h.OnLink, "onlink"}, {h.LinkDown, "linkdown"}} {
			if f.on {
				hop.Flags = append(hop.Flags, f.word)
			}
		}
		out.NextHops = append(out.NextHops, hop)
	}
	if len(out.NextHops) == 1 {
		out.Flags = out.NextHops[0].Flags
	}
	return out
}

func ifaceName(table *fib.Table, index int) string {
	if i, ok := table.Iface(index); ok {
		return i.Name
	}
	return ""
}

// RouteGet implements api.Backend: what becomes of such a packet of an L3
// device. The look-up is that of a master, the one that "oif" names or the only
// one there is: bound to it as the driver's is, or in full.
func (a *Appliance) RouteGet(_ context.Context, _ api.Caller, r api.RouteGet) (api.Route, error) {
	const op = "route get"
	m, lookup, err := a.masterFor(op, r.OIF)
	if err != nil {
		return api.Route{}, err
	}
	table := a.mirror.FIB()
	q := fib.Query{Dst: r.Dst, Src: r.Src, TOS: r.TOS, Mark: r.Mark}
	res := table.LookupKernel(m, q)
	if lookup == stack.LookupFull {
		res = table.LookupFull(m, q)
	}
	out := api.Route{
		Dst: r.Dst.String(), Src: r.Src, Type: res.Type.String(), Table: res.Table, TOS: r.TOS, Mark: r.Mark,
		PrefSrc: res.PrefSrc, MTU: 0, Family: api.Family(r.Dst),
	}
	switch res.Verdict {
	case fib.VerdictDrop:
		return api.Route{}, dropped(op, res.Reason)
	case fib.VerdictLocal:
		out.Type = "local"
	}
	hop := api.NextHop{Dev: ifaceName(table, res.Index)}
	if res.NextHop != r.Dst {
		hop.Via = res.NextHop
	}
	if !out.PrefSrc.IsValid() && !r.Src.IsValid() {
		out.PrefSrc = table.SourceFor(res.Index, res.NextHop)
	}
	if res.Assumed {
		out.Note = "on-link fallback"
	}
	out.NextHops = []api.NextHop{hop}
	return out, nil
}

// masterFor is the index of the master to look up for, and its way to do so.
func (a *Appliance) masterFor(op, name string) (int, stack.Lookup, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	var all []*master
	for _, m := range a.masters {
		if name == "" || m.name == name {
			all = append(all, m)
		}
	}
	switch {
	case len(all) == 1:
		return all[0].index, all[0].lookup, nil
	case len(all) == 0 && name != "":
		return 0, 0, refuse(op, unix.ENODEV, "%q is not a master: it has no ipvlan devices", name)
	case len(all) == 0:
		return 0, 0, refuse(op, unix.ENODEV, "no master has ipvlan devices: add one by \"link add\"")
	}
	return 0, 0, refuse(op, unix.EINVAL, "more than one master has ipvlan devices: choose one by \"oif MASTER\"")
}

// dropped is the kernel's answer to a sender whose packet has no way.
func dropped(op string, r fib.Reason) error {
	switch r {
	case fib.ReasonBlackhole, fib.ReasonBadDestination, fib.ReasonBadSource:
		return refuse(op, unix.EINVAL, "")
	case fib.ReasonUnreachable:
		return refuse(op, unix.EHOSTUNREACH, "")
	case fib.ReasonProhibit:
		return refuse(op, unix.EACCES, "")
	case fib.ReasonBroadcast:
		return refuse(op, unix.EINVAL, "broadcast and multicast do not leave an l3 device")
	case fib.ReasonLinkDown:
		return refuse(op, unix.ENETDOWN, "")
	}
	return refuse(op, unix.ENETUNREACH, "")
}

// NeighShow implements api.Backend: the routers' next hops, or with -n what
// the kernel has in that namespace.
func (a *Appliance) NeighShow(_ context.Context, _ api.Caller, r api.NeighShow) ([]api.Neigh, error) {
	if r.Netns != "" {
		s, err := a.lookUp("neigh show", r.Netns)
		if err != nil {
			return nil, err
		}
		if !s.own() {
			return kernelNeighs(s)
		}
	}
	table := a.mirror.FIB()
	a.mu.Lock()
	defer a.mu.Unlock()
	var out []api.Neigh
	for _, m := range a.masters {
		for _, n := range m.router.Neighbors() {
			neigh := api.Neigh{Dst: n.Addr, Dev: ifaceName(table, n.Index), State: n.State.String()}
			if n.MAC != ([6]byte{}) {
				neigh.LLAddr = macText(n.MAC[:])
			}
			out = append(out, neigh)
		}
	}
	slices.SortFunc(out, func(x, y api.Neigh) int { return netip.Addr.Compare(x.Dst, y.Dst) })
	return out, nil
}
