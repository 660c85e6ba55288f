package rules

import (
	"fmt"
	"net/netip"
	"slices"
)

// kinds lists the actions that can stand in a chain.
func kinds(t Table, c Chain) []string {
	switch {
	case t == TableFilter:
		return []string{KindAccept, KindDrop}
	case c == ChainPostrouting:
		return []string{KindAccept, KindMasquerade, KindSNAT}
	case c == ChainInput:
		return []string{KindAccept, KindSNAT}
	}
	return []string{KindAccept, KindDNAT}
}

func (a *Action) check(t Table, c Chain, proto uint8) error {
	if can := kinds(t, c); !slices.Contains(can, a.Kind) {
		return fmt.Errorf("%w %q; here it is %s", ErrAction, a.Kind, join(can))
	}
	if a.Kind != KindSNAT && a.Kind != KindDNAT {
		if a.Addr.IsValid() || !a.Ports.IsZero() {
			return fmt.Errorf("%w: %s takes no address and no port; leave them out", ErrAddress, a.Kind)
		}
		return nil
	}
	if !translatable(a.Addr) {
		return fmt.Errorf("%w %v; %s needs one unicast address that is not loopback", ErrAddress, a.Addr, a.Kind)
	}
	return checkPorts(a.Ports, proto)
}

// translatable reports whether packets may come from a or go to it once they
// have left the host.
func translatable(a netip.Addr) bool {
	if !a.IsValid() || a.Zone() != "" || a.Is4In6() || a.IsUnspecified() || a.IsMulticast() || a.IsLoopback() {
		return false
	}
	return a != netip.AddrFrom4([4]byte{255, 255, 255, 255})
}
