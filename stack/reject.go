package stack

import "net/netip"

// The errors of RFC 792 and RFC 4443 section 3.1 that a router without a way
// for a packet sends.
const (
	icmpUnreachable    = 3
	icmpNetUnreachable = 0
	icmpHostUnreach    = 1
	icmpFiltered       = 13

	icmp6Unreachable = 1
	icmp6Prohibited  = 1
	icmp6AddrUnreach = 3
)

// refuse makes h, a drop for h.Reason, a VerdictReject where Linux would say
// so to the sender of a packet to dst (ip_error; ip6_rt_init_dst_reject and
// ip6_pkt_drop). byRoute tells an unreachable route from such a rule.
func (h *Hop) refuse(dst netip.Addr, byRoute bool) {
	v4 := dst.Is4()
	var code uint8
	switch {
	case h.Reason == ReasonProhibit && v4:
		code = icmpFiltered
	case h.Reason == ReasonProhibit:
		code = icmp6Prohibited
	case h.Reason == ReasonUnreachable && v4 && byRoute:
		code = icmpHostUnreach
	case h.Reason == ReasonUnreachable, h.Reason == ReasonNoRoute, h.Reason == ReasonLinkDown:
		code = icmpNetUnreachable // and "no route" of ICMPv6
	default:
		return
	}
	h.Verdict = VerdictReject
	h.ICMP.Type, h.ICMP.Code = icmpUnreachable, code
	if !v4 {
		h.ICMP.Type = icmp6Unreachable
	}
}

// giveUp has the frames that waited for a neighbour rejected, in a goroutine
// of its own, because the caller holds one of gVisor's locks
// (arp_error_report, ndisc_error_report).
func (r *Router) giveUp(held []heldFrame) {
	if r.reject == nil || r.Lookup() != LookupFull || len(held) == 0 {
		return
	}
	r.clock.AfterFunc(0, func() {
		for _, f := range held {
			src, ok := sourceOf(f.frame)
			if !ok {
				continue
			}
			h := f.hop
			h.Verdict, h.Reason = VerdictReject, ReasonUnresolved
			h.ICMP = ICMPError{Type: icmpUnreachable, Code: icmpHostUnreach, From: r.Source(src)}
			if !src.Is4() {
				h.ICMP.Type, h.ICMP.Code = icmp6Unreachable, icmp6AddrUnreach
			}
			r.reject(h, f.frame)
		}
	})
}

// sourceOf is the source of a held IP frame without VLAN tag. A gateway may be
// of the other family, so that the next hop does not tell.
func sourceOf(frame []byte) (netip.Addr, bool) {
	const l3 = vnetLen + 14
	switch {
	case len(frame) >= l3+20 && frame[l3]>>4 == 4:
		return netip.AddrFrom4([4]byte(frame[l3+12:])), true
	case len(frame) >= l3+40 && frame[l3]>>4 == 6:
		return netip.AddrFrom16([16]byte(frame[l3+8:])), true
	}
	return netip.Addr{}, false
}

// Source is the master's address with which the host would talk to dst, the
// zero Addr if it has none of the family.
func (r *Router) Source(dst netip.Addr) netip.Addr { return r.mirror.FIB().Select(r.master, dst) }
