package fib

import (
	"fmt"
	"net/netip"
)

// isReject reports a type that has no next hop.
func (t Type) isReject() bool { return t >= Blackhole }

// family is 4 or 6, 0 for no address; 4-in-6 has no place in a routing table.
func family(a netip.Addr) int {
	switch {
	case a.Is4():
		return 4
	case a.Is6() && !a.Is4In6():
		return 6
	}
	return 0
}

// goodPrefix reports whether p is masked and of the family.
func goodPrefix(p netip.Prefix, fam int) bool {
	return p.IsValid() && p.Masked() == p && p.Addr().Zone() == "" && family(p.Addr()) == fam
}

// goodVia reports whether a is empty or an address without a zone.
func goodVia(a netip.Addr) bool { return !a.IsValid() || family(a) != 0 && a.Zone() == "" }

// checkRoute says why r cannot be used whatever interfaces there are, nil if
// it can.
func checkRoute(r *Route) error {
	fam := family(r.Dst.Addr())
	switch {
	case fam == 0 || !goodPrefix(r.Dst, fam):
		return ErrPrefix
	case r.Src != (netip.Prefix{}) && (fam != 6 || !goodPrefix(r.Src, fam)):
		return ErrPrefix
	case r.Table == 0:
		return ErrTable
	case r.Type > Throw:
		return ErrType
	case r.PrefSrc.IsValid() && !goodVia(r.PrefSrc):
		return ErrAddress
	case r.Type.isReject():
		return nil
	case len(r.NextHops) == 0:
		return ErrNoHop
	}
	for i := range r.NextHops {
		if h := &r.NextHops[i]; !goodVia(h.Via) || h.Weight < 0 || h.Weight > maxWeight {
			return ErrAddress
		}
	}
	return nil
}

// maxWeight is the largest weight rtnetlink can carry (rtnh_hops is one byte),
// with room for nexthop objects, which have 16 bits.
const maxWeight = 1 << 16

// checkRule says why r cannot be used, nil if it can.
func checkRule(r *Rule) error {
	if r.Family != 4 && r.Family != 6 {
		return fmt.Errorf("%w: family %d", ErrAddress, r.Family)
	}
	for _, p := range []netip.Prefix{r.Src, r.Dst} {
		if p != (netip.Prefix{}) && !goodPrefix(p, r.Family) {
			return ErrPrefix
		}
	}
	if r.Action > ActionProhibit {
		return ErrType
	}
	if r.Action == ActionTable && r.Table == 0 && !r.L3MDev {
		return ErrTable
	}
	return nil
}

// entryName names a route for an Error.
func entryName(r *Route) string { return fmt.Sprintf("%v table %d", r.Dst, r.Table) }
