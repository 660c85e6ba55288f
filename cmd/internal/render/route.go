package render

import (
	"io"
	"net/netip"
	"slices"
	"strings"

	"github.com/ipvl/ipvl/cmd/internal/api"
)

// routeView is which words ip(8) leaves out, because the request names them.
type routeView struct {
	request api.RouteShow
	get     bool // route get: a way, not an entry
	all     bool // any table: say which
}

// Routes prints "route show".
func Routes(w io.Writer, o Options, r api.RouteShow, routes []api.Route) error {
	v := routeView{request: r, all: r.Table == "all"}
	return list(w, o, func(p *printer) {
		for _, rt := range routes {
			p.object("", func() { p.route(rt, v) })
		}
	})
}

// Route prints the answer of "route get".
func Route(w io.Writer, o Options, rt api.Route) error {
	return list(w, o, func(p *printer) {
		p.object("", func() { p.route(rt, routeView{get: true, all: true}) })
	})
}

const tableMain = 254

func (p *printer) route(rt api.Route, v routeView) {
	if rt.Type != "unicast" || p.o.Details {
		p.str("type", "%s ", p.named(api.RouteTypes, orElse(rt.Type, "unicast")))
	}
	p.str("dst", "%s ", rt.Dst)
	if rt.Src.IsValid() {
		p.str("from", "from %s ", rt.Src.String())
	}
	if rt.NHID != 0 {
		p.num("nhid", "nhid %d ", uint64(rt.NHID))
	}
	if rt.TOS != 0 && v.request.TOS == nil {
		p.str("tos", "tos %s ", p.tos(rt.TOS))
	}
	if len(rt.NextHops) == 1 {
		hop := rt.NextHops[0]
		if v.request.Via == "" || !isHost(v.request.Via) {
			p.via(hop.Via, rt.Family)
		}
		if hop.Dev != "" && v.request.Dev == "" {
			p.str("dev", "dev %s ", hop.Dev)
		}
	}
	if rt.Table != 0 && (rt.Table != tableMain || p.o.Details) && v.all {
		p.str("table", "table %s ", p.table(rt.Table))
	}
	p.origin(rt, v)
	if rt.PrefSrc.IsValid() && !isHost(v.request.PrefSrc) {
		p.str("prefsrc", "src %s ", rt.PrefSrc.String())
	}
	if (rt.Metric != 0 || rt.Family == 6) && v.request.Metric == nil {
		p.num("metric", "metric %d ", uint64(rt.Metric)) // IPv6 routes always carry one
	}
	p.routeTail(rt, v)
}

// origin prints who made the entry, and how far it reaches; not of a way.
func (p *printer) origin(rt api.Route, v routeView) {
	if v.get && rt.Family != 6 {
		return
	}
	protocol, scope := orElse(rt.Protocol, "boot"), orElse(rt.Scope, "global")
	if v.get && rt.Protocol == "" {
		return
	}
	if (protocol != "boot" || p.o.Details) && v.request.Protocol == "" {
		p.str("protocol", "proto %s ", p.named(api.Protocols, protocol))
	}
	if (scope != "global" || p.o.Details) && v.request.RScope == "" {
		p.str("scope", "scope %s ", p.named(api.Scopes, scope))
	}
}

func (p *printer) routeTail(rt api.Route, v routeView) {
	flags := rt.Flags
	if len(rt.NextHops) == 1 {
		flags = slices.Concat(flags, rt.NextHops[0].Flags)
	}
	p.words("flags", "%s ", inOrder(flags))
	switch {
	case rt.Mark >= 16 && !p.o.JSON:
		p.num("", "mark 0x%x ", uint64(rt.Mark))
	case rt.Mark != 0:
		p.num("mark", "mark %d ", uint64(rt.Mark))
	}
	if rt.UID != nil {
		p.num("uid", "uid %d ", uint64(*rt.UID))
	}
	if v.get && rt.Family == 4 {
		p.cache(rt.RTCF)
	}
	if rt.Expires != 0 {
		p.num("expires", "expires %dsec ", uint64(max(rt.Expires, 0)))
	}
	if rt.Error != 0 {
		p.num("error", "error %d ", uint64(uint32(rt.Error)))
	}
	p.metrics(rt)
	if rt.IIF != "" {
		p.str("iif", "iif %s ", rt.IIF)
	}
	if rt.Pref != "" {
		p.str("pref", "pref %s", rt.Pref)
	}
	if len(rt.NextHops) > 1 {
		p.multipath(rt)
	}
	if rt.Note != "" && p.o.Details {
		p.nl()
		p.str("", "    ipvl %s", rt.Note)
		p.object("ipvl", func() { p.str("note", "", rt.Note) })
	}
	p.say("\n")
}

func (p *printer) via(via netip.Addr, family int) {
	switch {
	case !via.IsValid():
	case api.Family(via) == family:
		p.str("gateway", "via %s ", via.String())
	default: // RTA_VIA: IPv4 by way of an IPv6 neighbour
		p.say("via ")
		p.object("via", func() {
			p.str("family", "%s ", map[int]string{4: "inet", 6: "inet6"}[api.Family(via)])
			p.str("host", "%s ", via.String())
		})
	}
}

// cache prints what the kernel once kept in a cache of ways.
func (p *printer) cache(flags []string) {
	p.nl()
	p.say("    cache ")
	if len(flags) > 0 {
		p.say("<%s> ", strings.Join(flags, ","))
	}
	p.array("cache", func() {
		if p.o.JSON {
			for _, f := range flags {
				p.js.str(f)
			}
		}
	})
}

func (p *printer) metrics(rt api.Route) {
	if rt.MTU == 0 && rt.AdvMSS == 0 && rt.HopLimit == 0 {
		return
	}
	p.array("metrics", func() {
		p.object("", func() {
			if rt.MTU != 0 {
				format := "mtu %d "
				if rt.MTULock {
					format = "mtu lock %d "
				}
				p.num("mtu", format, uint64(rt.MTU))
			}
			if rt.AdvMSS != 0 {
				p.num("advmss", "advmss %d ", uint64(rt.AdvMSS))
			}
			if rt.HopLimit != 0 {
				p.num("hoplimit", "hoplimit %d ", uint64(rt.HopLimit))
			}
		})
	})
}

func (p *printer) multipath(rt api.Route) {
	p.array("nexthops", func() {
		for _, hop := range rt.NextHops {
			p.object("", func() {
				p.nl()
				p.say("\tnexthop ")
				p.via(hop.Via, rt.Family)
				p.str("dev", "dev %s ", hop.Dev)
				p.num("weight", "weight %d ", uint64(max(hop.Weight, 1)))
				p.words("flags", "%s ", inOrder(hop.Flags))
			})
		}
	})
}

// flagOrder is in which order ip(8) prints a route's flags.
var flagOrder = []string{"dead", "onlink", "pervasive", "offload", "trap", "notify", "linkdown", "unresolved",
	"rt_offload", "rt_trap", "rt_offload_failed"}

func inOrder(flags []string) []string {
	out := make([]string, 0, len(flags))
	for _, f := range flagOrder {
		if slices.Contains(flags, f) {
			out = append(out, f)
		}
	}
	return out
}

func (p *printer) tos(tos uint8) string {
	if p.o.Numeric {
		return "0x" + string([]byte{hexDigits[tos>>4], hexDigits[tos&0xf]})
	}
	return api.DSFields.Name(uint32(tos))
}

func (p *printer) table(id uint32) string {
	if p.o.Numeric {
		return formatUint(uint64(id))
	}
	return api.Tables.Name(id)
}

// isHost tells if a filter is one address: then every line would repeat it.
func isHost(prefix string) bool {
	pf, err := netip.ParsePrefix(prefix)
	return err == nil && pf.IsSingleIP()
}
