package nsutil

import (
	"golang.org/x/sys/unix"

	"github.com/ipvl/ipvl/nsutil/rtnl"
	"github.com/ipvl/ipvl/stack/fib"
)

// fibIface is what the look-up needs to know of a link.
func fibIface(l rtnl.Link) fib.Iface {
	i := fib.Iface{
		Index:       l.Index,
		Name:        l.Name,
		MTU:         uint32(l.MTU),
		Up:          l.Flags&unix.IFF_UP != 0,
		Running:     l.Flags&unix.IFF_LOWER_UP != 0,
		Loopback:    l.Flags&unix.IFF_LOOPBACK != 0,
		Group:       l.Group,
		MasterIndex: l.UpperIndex,
		Table:       l.VRFTable,
	}
	copy(i.MAC[:], l.Address)
	return i
}

// fibAddr is what the choice of a source address needs to know.
func fibAddr(a rtnl.Addr) fib.Addr {
	out := fib.Addr{
		Index:      a.Index,
		Prefix:     a.Prefix,
		Peer:       a.Peer(),
		Scope:      a.Scope,
		Deprecated: a.Flags&unix.IFA_F_DEPRECATED != 0,
	}
	if a.Prefix.Addr().Is4() {
		out.Secondary = a.Flags&unix.IFA_F_SECONDARY != 0
		return out
	}
	// The same bit means "temporary" (RFC 8981) for IPv6. An optimistic address
	// is used although it is tentative; a duplicate one is never.
	tentative := a.Flags&unix.IFA_F_TENTATIVE != 0 && a.Flags&unix.IFA_F_OPTIMISTIC == 0
	out.Tentative = tentative || a.Flags&unix.IFA_F_DADFAILED != 0
	return out
}

// binding tells whether a neighbour was set by an administrator: what the
// kernel enters by itself for multicast and its own addresses is not.
func binding(n rtnl.Neigh) bool {
	return n.State&(unix.NUD_PERMANENT|unix.NUD_NOARP) != 0 &&
		n.Flags&unix.NTF_PROXY == 0 && n.Type == unix.RTN_UNICAST && len(n.LLAddr) == 6
}
