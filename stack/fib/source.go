package fib

import "net/netip"

// scopeLink is RT_SCOPE_LINK: addresses of a wider or equal scope (a lower
// number) may be shown to the link.
const scopeLink = 253

// SourceFor is the address with which the host asks for target's MAC on the
// interface index. IPv4 is inet_select_addr with link scope: the first
// address whose subnet holds target, else the first of the interface, else
// the first global one of the host. IPv6 is ndisc_solicit: the interface's
// link-local address; where there is none the kernel asks nothing, and this
// is the first other one. The zero Addr: there is no address to show.
func (t *Table) SourceFor(index int, target netip.Addr) netip.Addr {
	if target.Is4() {
		return t.source4(index, target)
	}
	return t.source6(index)
}

func (t *Table) source4(index int, target netip.Addr) netip.Addr {
	var first netip.Addr
	for _, a := range t.by[index] {
		if !a.shown4() {
			continue
		}
		if a.subnet().Contains(target) {
			return a.Prefix.Addr()
		}
		if !first.IsValid() {
			first = a.Prefix.Addr()
		}
	}
	if first.IsValid() {
		return first
	}
	for _, a := range t.addrs {
		if a.shown4() && a.Scope != scopeLink && t.vrf(t.ifaces.get(a.Index)) == t.vrf(t.ifaces.get(index)) {
			return a.Prefix.Addr()
		}
	}
	return netip.Addr{}
}

func (a *Addr) shown4() bool {
	return a.Prefix.Addr().Is4() && !a.Secondary && !a.Tentative && a.Scope <= scopeLink
}

// subnet is the prefix that the address makes reachable: the peer's, on a
// point-to-point interface.
func (a *Addr) subnet() netip.Prefix {
	if a.Peer.IsValid() {
		return netip.PrefixFrom(a.Peer, a.Prefix.Bits()).Masked()
	}
	return a.Prefix
}

func (t *Table) source6(index int) netip.Addr {
	var other netip.Addr
	for _, a := range t.by[index] {
		switch addr := a.Prefix.Addr(); {
		case !addr.Is6() || a.Tentative:
		case addr.IsLinkLocalUnicast():
			return addr
		case !other.IsValid():
			other = addr
		}
	}
	return other
}
