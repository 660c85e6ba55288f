package api

import (
	"net/netip"
	"strings"
)

// Filter keeps the routes that the request asks for.
func (r RouteShow) Filter(routes []Route) []Route {
	return keep(routes, func(rt Route) bool {
		return r.wantsTable(rt) && r.wantsFields(rt) && r.wantsHop(rt) && r.wantsPrefix(rt)
	})
}

func (r RouteShow) wantsTable(rt Route) bool {
	if r.Family != 0 && rt.Family != r.Family {
		return false
	}
	if r.Table == "all" {
		return true
	}
	table := r.Table
	if table == "" {
		table = "main"
	}
	id, ok := Tables.Number(table)
	return ok && rt.Table == id
}

func (r RouteShow) wantsFields(rt Route) bool {
	protocol := rt.Protocol
	if protocol == "" {
		protocol = "boot"
	}
	switch {
	case r.Type != "" && !RouteTypes.same(r.Type, rt.Type),
		r.Protocol != "" && !Protocols.same(r.Protocol, protocol),
		r.RScope != "" && !Scopes.same(r.RScope, scopeOr(rt.Scope)),
		r.TOS != nil && rt.TOS != *r.TOS,
		r.Metric != nil && rt.Metric != *r.Metric,
		r.PrefSrc != "" && !contains(r.PrefSrc, rt.PrefSrc):
		return false
	}
	return true
}

// wantsHop looks at the next hop. A route of several has none that counts: the
// kernel gives it no RTA_OIF and no RTA_GATEWAY.
func (r RouteShow) wantsHop(rt Route) bool {
	if r.Dev == "" && r.Via == "" {
		return true
	}
	if len(rt.NextHops) != 1 {
		return false
	}
	hop := rt.NextHops[0]
	return (r.Dev == "" || hop.Dev == r.Dev) && (r.Via == "" || contains(r.Via, hop.Via))
}

func (r RouteShow) wantsPrefix(rt Route) bool {
	if r.Prefix == "" {
		return true
	}
	dst, ok := RoutePrefix(rt.Dst, rt.Family)
	if !ok {
		return false
	}
	if r.Prefix == "default" {
		return r.Match == "root" || dst.Bits() == 0
	}
	want, err := netip.ParsePrefix(r.Prefix)
	if err != nil || want.Addr().Is4() != dst.Addr().Is4() {
		return false
	}
	want = want.Masked()
	switch r.Match {
	case "root":
		return want.Bits() <= dst.Bits() && want.Contains(dst.Addr())
	case "match":
		return dst.Bits() <= want.Bits() && dst.Contains(want.Addr())
	}
	return dst == want
}

// RoutePrefix reads Route.Dst: "default", a prefix, or an address.
func RoutePrefix(dst string, family int) (netip.Prefix, bool) {
	if dst == "default" {
		if family == 6 {
			return netip.PrefixFrom(netip.IPv6Unspecified(), 0), true
		}
		return netip.PrefixFrom(netip.IPv4Unspecified(), 0), true
	}
	if strings.Contains(dst, "/") {
		p, err := netip.ParsePrefix(dst)
		return p.Masked(), err == nil
	}
	a, err := netip.ParseAddr(dst)
	if err != nil {
		return netip.Prefix{}, false
	}
	return netip.PrefixFrom(a, a.BitLen()), true
}

func contains(prefix string, a netip.Addr) bool {
	p, err := netip.ParsePrefix(prefix)
	return err == nil && a.IsValid() && p.Contains(a)
}
