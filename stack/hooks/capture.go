package hooks

import (
	"cmp"
	"net/netip"
	"slices"

	"github.com/ipvl/ipvl/stack/rules"
)

// Ports and ping identifiers that masquerade, and snat without ports, give out.
// They are above what the kernel gives its own sockets
// (net.ipv4.ip_local_port_range ends at 60999), so that the host and the
// devices can share an address without asking each other.
const (
	FirstPort = 61000
	LastPort  = 65535
)

// Capture is a set of frames that are for the router though their destination
// is the host's. Ports are of TCP (6) and UDP (17), and the identifiers of echo
// replies of ICMP (1) and ICMPv6 (58); Proto 0 and zero ports are any. Src is
// the zero Prefix for any.
type Capture struct {
	Proto    uint8
	Src, Dst netip.Prefix
	DstPorts rules.Ports
}

// Captures lists which frames to the host's own addresses are the router's:
// the destinations of DNAT rules, and the ports and identifiers that
// masquerade and snat give out. own are the master's addresses, which masquerade
// uses; host are all of the host's. Of a rule it takes protocol, addresses and
// destination ports; states, source ports and a negated source are left out, as
// are rules before it that accept: the set is then larger than what is
// translated. ICMP errors about translated connections are not in it; they are
// for both, as neither the host nor the router minds one about a connection it
// does not have.
func Captures(s *rules.Set, own, host []netip.Addr) []Capture {
	var out []Capture
	for _, r := range s.NAT[rules.ChainPrerouting] {
		if r.Action.Kind == rules.KindDNAT {
			out = append(out, captureDNAT(r, own)...)
		}
	}
	for _, r := range s.NAT[rules.ChainPostrouting] {
		switch r.Action.Kind {
		case rules.KindMasquerade:
			for _, a := range own {
				out = append(out, captureSNAT(r, a, true)...)
			}
		case rules.KindSNAT:
			out = append(out, captureSNAT(r, r.Action.Addr, slices.Contains(host, r.Action.Addr))...)
		}
	}
	slices.SortFunc(out, Capture.compare)
	return slices.Compact(out)
}

func (c Capture) compare(o Capture) int {
	return cmp.Or(c.Dst.Addr().Compare(o.Dst.Addr()), cmp.Compare(c.Dst.Bits(), o.Dst.Bits()), cmp.Compare(c.Proto, o.Proto),
		cmp.Compare(c.DstPorts.Lo, o.DstPorts.Lo), cmp.Compare(c.DstPorts.Hi, o.DstPorts.Hi),
		c.Src.Addr().Compare(o.Src.Addr()), cmp.Compare(c.Src.Bits(), o.Src.Bits()))
}

// captureDNAT is what a dnat rule takes: its destination, or the host's
// addresses where it does not name one.
func captureDNAT(r rules.Rule, own []netip.Addr) []Capture {
	m := r.Match
	c := Capture{Proto: m.Proto, DstPorts: m.DstPorts}
	if !m.NotSrc {
		c.Src = m.Src.Masked()
	}
	if m.Dst.IsValid() && !m.NotDst && m.Dst.Bits() > 0 {
		c.Dst = m.Dst.Masked()
		return []Capture{c}
	}
	var out []Capture
	for _, a := range own {
		if !sameFamily(r, a) || m.NotDst && m.Dst.Contains(a) {
			continue
		}
		c.Dst = netip.PrefixFrom(a, a.BitLen())
		out = append(out, c)
	}
	return out
}

// captureSNAT is where answers to what a rule sends with source a arrive: all
// ports are the router's of an address that the host does not have.
func captureSNAT(r rules.Rule, a netip.Addr, own bool) []Capture {
	if !sameFamily(r, a) {
		return nil
	}
	ports := rules.Ports{Lo: FirstPort, Hi: LastPort}
	if !own {
		ports = rules.Ports{}
	}
	if !r.Action.Ports.IsZero() {
		ports = r.Action.Ports
	}
	protos := []uint8{rules.ProtoICMP, rules.ProtoTCP, rules.ProtoUDP}
	if !a.Is4() {
		protos[0] = rules.ProtoICMPv6
	}
	var out []Capture
	for _, p := range protos {
		if r.Match.Proto != 0 && r.Match.Proto != p {
			continue
		}
		c := Capture{Proto: p, Dst: netip.PrefixFrom(a, a.BitLen()), DstPorts: ports}
		if !r.Match.NotDst {
			c.Src = r.Match.Dst.Masked()
		}
		out = append(out, c)
	}
	return out
}

// sameFamily reports whether r can be for packets to a.
func sameFamily(r rules.Rule, a netip.Addr) bool {
	f, ok := r.Family()
	return ok && a.IsValid() && (f == 0 || (f == 4) == a.Is4())
}
