package api

import (
	"net/netip"
	"path"
	"slices"
	"syscall"
)

// The filters are what ip(8) does in user space after a dump. The server
// applies them to whatever a Backend returns, so a Backend may return more than
// was asked for.

// Filter keeps the links that the request asks for.
func (r LinkShow) Filter(links []Link) []Link {
	return keep(links, linkFilter{r.Name, r.Up, r.Kind, r.Master, r.NoMaster, r.Group}.wants)
}

// Filter keeps the links, and of each the addresses, that the request asks for.
// A link whose addresses are all filtered out goes too; one that never had any
// stays, unless a family was asked for (ip(8)'s ipaddr_filter).
func (r AddrShow) Filter(links []Link) []Link {
	links = keep(links, linkFilter{r.Name, r.Up, r.Kind, r.Master, r.NoMaster, r.Group}.wants)
	out := make([]Link, 0, len(links))
	for _, l := range links {
		had := len(l.Addrs) > 0
		l.Addrs = keep(l.Addrs, func(a Addr) bool { return r.wants(l.Name, a) })
		if len(l.Addrs) > 0 || (!had && r.Family == 0) {
			out = append(out, l)
		}
	}
	return out
}

func (r AddrShow) wants(dev string, a Addr) bool {
	label := a.Label
	if label == "" {
		label = dev
	}
	matched, err := path.Match(r.Label, label)
	switch {
	case r.Family != 0 && Family(a.Prefix.Addr()) != r.Family,
		r.AScope != "" && !Scopes.same(r.AScope, scopeOr(a.Scope)),
		(r.Flags^a.Flags)&r.FlagMask != 0,
		r.Label != "" && (err != nil || !matched),
		r.To.IsValid() && !r.To.Contains(a.Prefix.Addr()):
		return false
	}
	return true
}

type linkFilter struct {
	name     string
	up       bool
	kind     string
	master   string
	noMaster bool
	group    *uint32
}

func (f linkFilter) wants(l Link) bool {
	switch {
	case f.name != "" && l.Name != f.name && !slices.Contains(l.AltNames, f.name),
		f.up && l.Flags&syscall.IFF_UP == 0,
		f.kind != "" && l.Kind != f.kind,
		f.master != "" && l.UpperName != f.master,
		f.noMaster && l.UpperName != "",
		f.group != nil && l.Group != *f.group:
		return false
	}
	return true
}

// Filter keeps the entries that the request asks for.
func (r NeighShow) Filter(neighs []Neigh) []Neigh {
	prefix, _ := netip.ParsePrefix(r.Dst)
	return keep(neighs, func(n Neigh) bool {
		switch {
		case r.Family != 0 && Family(n.Dst) != r.Family,
			r.Dev != "" && n.Dev != r.Dev,
			prefix.IsValid() && !prefix.Contains(n.Dst):
			return false
		}
		if len(r.States) == 0 {
			return n.State != "NOARP" && n.State != "NONE" && n.State != ""
		}
		return slices.Contains(r.States, n.State) || slices.Contains(r.States, "ALL")
	})
}

// wants tells if a line of monitor was asked for.
func (m Monitor) wants(e Event) bool {
	object, dev, family := "", "", 0
	switch {
	case e.Link != nil:
		object, dev = "link", e.Link.Name
	case e.Addr != nil:
		object, dev = "addr", e.Addr.Name
		if len(e.Addr.Addrs) > 0 {
			family = Family(e.Addr.Addrs[0].Prefix.Addr())
		}
	case e.Route != nil:
		object, family = "route", e.Route.Family
		if len(e.Route.NextHops) == 1 {
			dev = e.Route.NextHops[0].Dev
		}
	case e.Neigh != nil:
		object, dev, family = "neigh", e.Neigh.Dev, Family(e.Neigh.Dst)
	default:
		return false
	}
	switch {
	case len(m.Objects) > 0 && !slices.Contains(m.Objects, object),
		m.Dev != "" && dev != m.Dev,
		m.Family != 0 && family != 0 && family != m.Family:
		return false
	}
	return true
}

// Family is 4 or 6, 0 for the zero address.
func Family(a netip.Addr) int {
	switch {
	case a.Is4():
		return 4
	case a.Is6():
		return 6
	}
	return 0
}

// scopeOr gives the scope that an empty text stands for.
func scopeOr(scope string) string {
	if scope == "" {
		return "global"
	}
	return scope
}

// keep is the elements that f wants, never nil: JSON shows [] for none.
func keep[T any](in []T, f func(T) bool) []T {
	out := make([]T, 0, len(in))
	for _, v := range in {
		if f(v) {
			out = append(out, v)
		}
	}
	return out
}
