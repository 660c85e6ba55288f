package rtnl

import (
	"net/netip"

	"golang.org/x/sys/unix"

	"github.com/ipvl/ipvl/stack/fib"
)

// rtaNHID is RTA_NH_ID of linux/rtnetlink.h.
const rtaNHID = 30

// Route is one route as RTM_NEWROUTE tells it.
type Route struct {
	fib.Route
	// NHID is the nexthop object that the route uses. The kernel tells its
	// hops too, unless the sysctl nexthop_compat_mode is off.
	NHID uint32
}

// Pending says that only the nexthop object NHID tells the hops.
func (r *Route) Pending() bool { return r.NHID != 0 && len(r.NextHops) == 0 }

// RouteParser reads routes. It takes the next hops of many routes from one
// allocation, since a table may hold a million. The zero value is ready.
type RouteParser struct {
	// Reuse makes the next hops of a Route good until the next Parse only.
	Reuse bool
	hops  []fib.NextHop
}

// routeTypes translates RTN_*; the others (NAT, XRESOLVE) have no meaning.
var routeTypes = [...]fib.Type{
	unix.RTN_UNICAST: fib.Unicast, unix.RTN_LOCAL: fib.Local,
	unix.RTN_BROADCAST: fib.Broadcast, unix.RTN_ANYCAST: fib.Anycast,
	unix.RTN_MULTICAST: fib.Multicast, unix.RTN_BLACKHOLE: fib.Blackhole,
	unix.RTN_UNREACHABLE: fib.Unreachable, unix.RTN_PROHIBIT: fib.Prohibit,
	unix.RTN_THROW: fib.Throw,
}

// routeAttrs is what the attributes of one route say before it is put together.
type routeAttrs struct {
	dst, src, prefSrc netip.Addr
	hop               hop
	table             uint32
	multipath         []byte
	hasHop            bool
}

// Parse reads the body of RTM_NEWROUTE or RTM_DELROUTE. ErrOther: it is not
// an entry of an IP table (a cached clone, a type or family without meaning here).
func (p *RouteParser) Parse(data []byte) (Route, error) {
	if len(data) < unix.SizeofRtMsg {
		return Route{}, ErrShort
	}
	family, typ, flags := data[0], data[7], u32(data[8:])
	if flags&unix.RTM_F_CLONED != 0 || typ == 0 || int(typ) >= len(routeTypes) {
		return Route{}, ErrOther
	}
	if p.Reuse {
		p.hops = p.hops[:0]
	}
	r := Route{Route: fib.Route{TOS: data[3], Protocol: data[5], Scope: data[6], Type: routeTypes[typ]}}
	a := routeAttrs{table: uint32(data[4])}
	as := after(data, unix.SizeofRtMsg)
	for typ, b, ok := as.next(); ok; typ, b, ok = as.next() {
		a.take(&r, typ, b)
	}
	var err error
	if r.Dst, err = prefix(family, a.dst, data[1]); err != nil {
		return Route{}, err
	}
	r.Dst = r.Dst.Masked()
	if data[2] != 0 {
		if r.Src, err = prefix(family, a.src, data[2]); err != nil {
			return Route{}, err
		}
		r.Src = r.Src.Masked()
	}
	r.Table, r.PrefSrc = a.table, a.prefSrc
	if a.multipath != nil {
		r.NextHops = p.multipath(a.multipath)
	} else if a.hasHop {
		a.hop.setFlags(flags)
		r.NextHops = p.one(a.hop)
	}
	return r, nil
}

// take notes one attribute.
func (a *routeAttrs) take(r *Route, typ uint16, b []byte) {
	switch typ {
	case unix.RTA_DST:
		a.dst = address(b)
	case unix.RTA_SRC:
		a.src = address(b)
	case unix.RTA_PREFSRC:
		a.prefSrc = address(b)
	case unix.RTA_OIF:
		a.hop.Index, a.hasHop = i32(b), true
	case unix.RTA_GATEWAY:
		a.hop.Via, a.hasHop = address(b), true
	case unix.RTA_VIA:
		a.hop.Via, a.hasHop = via(b), true
	case unix.RTA_TABLE:
		a.table = u32(b)
	case unix.RTA_MULTIPATH:
		a.multipath = b
	case unix.RTA_PRIORITY:
		r.Metric = u32(b)
	case unix.RTA_PREF:
		r.Pref = u8(b)
	case rtaNHID:
		r.NHID = u32(b)
	case unix.RTA_METRICS:
		metrics := attrs(b)
		for typ, b, ok := metrics.next(); ok; typ, b, ok = metrics.next() {
			if typ == unix.RTAX_MTU {
				r.MTU = u32(b)
			}
		}
	}
}

// via reads struct rtvia: a family and an address.
func via(b []byte) netip.Addr {
	if len(b) < 2 {
		return netip.Addr{}
	}
	return address(b[2:])
}

// one returns a list of one hop out of the parser's store.
func (p *RouteParser) one(h hop) []fib.NextHop {
	if len(p.hops) == cap(p.hops) {
		p.hops = make([]fib.NextHop, 0, 1024)
	}
	n := len(p.hops)
	p.hops = append(p.hops, fib.NextHop(h))
	return p.hops[n : n+1 : n+1]
}

// multipath reads RTA_MULTIPATH: struct rtnexthop, each followed by attributes.
func (p *RouteParser) multipath(b []byte) []fib.NextHop {
	var hops []fib.NextHop
	if p.Reuse {
		hops = p.hops
	}
	for len(b) >= unix.SizeofRtNexthop {
		n := int(u16(b))
		if n < unix.SizeofRtNexthop || n > len(b) {
			break
		}
		h := hop{Index: i32(b[4:]), Weight: int(b[3]) + 1}
		h.setFlags(uint32(b[2]))
		as := attrs(b[unix.SizeofRtNexthop:n])
		for typ, b, ok := as.next(); ok; typ, b, ok = as.next() {
			switch typ {
			case unix.RTA_GATEWAY:
				h.Via = address(b)
			case unix.RTA_VIA:
				h.Via = via(b)
			}
		}
		hops = append(hops, fib.NextHop(h))
		b = b[min(align(n), len(b)):]
	}
	if p.Reuse {
		p.hops = hops
	}
	return hops
}

// hop is a fib.NextHop with a setter for RTNH_F_*.
type hop fib.NextHop

func (h *hop) setFlags(flags uint32) {
	h.OnLink = flags&unix.RTNH_F_ONLINK != 0
	h.Dead = flags&unix.RTNH_F_DEAD != 0
	h.LinkDown = flags&unix.RTNH_F_LINKDOWN != 0
}
