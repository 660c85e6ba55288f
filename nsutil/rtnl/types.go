package rtnl

import (
	"net"
	"net/netip"
)

// Link is one interface as RTM_NEWLINK tells it. Fields that the message
// lacks are zero; a notification holds less than a dump.
type Link struct {
	Index     int
	Name      string
	Kind      string // IFLA_INFO_KIND: tun, veth, bridge, …; empty for hardware
	Alias     string
	Type      uint16 // ARPHRD_*
	Flags     uint32 // IFF_* of if.h, with IFF_LOWER_UP
	Change    uint32 // ifi_change of the message
	MTU       int
	Qdisc     string
	OperState uint8 // IF_OPER_* (RFC 2863): 0 unknown, 2 down, 3 lowerlayerdown, 5 dormant, 6 up
	LinkMode  uint8 // 1: dormant
	TxQLen    int
	Group     uint32
	Address   net.HardwareAddr
	Broadcast net.HardwareAddr
	PermAddr  net.HardwareAddr

	// ParentIndex is IFLA_LINK: the interface below, or the other end of a
	// veth; 0 without one. HasParent tells "0" from "none".
	ParentIndex int
	HasParent   bool
	// ParentNSID is the namespace of ParentIndex: -1, the link's own.
	ParentNSID int
	// UpperIndex is IFLA_MASTER: the bridge, bond or VRF this is a port of.
	UpperIndex int
	// VRFTable is the table of a VRF device.
	VRFTable uint32

	Promiscuity uint32
	AllMulti    uint32
	MinMTU      uint32
	MaxMTU      uint32
	// AddrGenMode is IN6_ADDR_GEN_MODE_*; -1 where IPv6 is absent.
	AddrGenMode int
	// IPv6Flags is IFLA_INET6_FLAGS: IF_READY and others.
	IPv6Flags uint32
	// Token is the interface id for SLAAC ("ip token"), as ::xxxx:xxxx:xxxx:xxxx.
	Token       netip.Addr
	NumTxQueues uint32
	NumRxQueues uint32
	GSOMaxSize  uint32
	GSOMaxSegs  uint32
	TSOMaxSize  uint32
	TSOMaxSegs  uint32
	GROMaxSize  uint32

	// NewNSID and NewIndex are where a deleted link went: IFLA_NEW_NETNSID
	// (as the namespace it left numbers it) and IFLA_NEW_IFINDEX. NewNSID is
	// -1 where the link did not move.
	NewNSID  int
	NewIndex int

	HasStats bool
	Stats    Stats
}

// Stats is struct rtnl_link_stats64, the fields that ip -s prints.
type Stats struct {
	RxPackets, RxBytes, RxErrors, RxDropped, RxOverErrors, Multicast     uint64
	RxMissedErrors                                                       uint64
	TxPackets, TxBytes, TxErrors, TxDropped, TxCarrierErrors, Collisions uint64
}

// Addr is one address as RTM_NEWADDR tells it.
type Addr struct {
	Index int
	// Prefix is the local address with the prefix length. On a
	// point-to-point address the length is the peer's.
	Prefix netip.Prefix
	// Address is IFA_ADDRESS. It equals Prefix.Addr() except on a
	// point-to-point address, where it is the peer. The kernel's ipvlan
	// registers this one for IPv4 (rows A-10) and Prefix.Addr() for IPv6.
	Address   netip.Addr
	Broadcast netip.Addr
	Scope     uint8  // RT_SCOPE_*
	Flags     uint32 // IFA_F_*
	Label     string
	Proto     uint8 // IFAPROT_*
	// Preferred and Valid are in seconds; 0xffffffff is for ever.
	Preferred, Valid uint32
}

// Peer returns the peer of a point-to-point address, else the zero Addr.
func (a Addr) Peer() netip.Addr {
	if a.Address == a.Prefix.Addr() {
		return netip.Addr{}
	}
	return a.Address
}

// Neigh is one neighbour as RTM_NEWNEIGH tells it.
type Neigh struct {
	Index  int
	Dst    netip.Addr
	LLAddr net.HardwareAddr
	State  uint16 // NUD_*
	Flags  uint8  // NTF_*
	Type   uint8  // RTN_*
}

// Group is one joined multicast group as RTM_NEWMULTICAST tells it (since
// Linux 6.14).
type Group struct {
	Index int
	Addr  netip.Addr
}
