package fib

import "net/netip"

// Type is the kind of a route (rtm_type of linux/rtnetlink.h). The zero value
// is Unicast.
type Type uint8

const (
	Unicast Type = iota
	Local
	Broadcast
	Multicast
	Anycast
	Blackhole   // drop silently
	Unreachable // drop, EHOSTUNREACH
	Prohibit    // drop, EACCES
	Throw       // go on with the next rule
)

// The tables that every Linux namespace has (rt_class_t).
const (
	TableDefault = 253
	TableMain    = 254
	TableLocal   = 255
)

// NextHop is one way of a route.
type NextHop struct {
	// Index is the outgoing interface.
	Index int
	// Via is the gateway; the zero Addr is an on-link destination. It may be
	// of the other family (RFC 5549).
	Via netip.Addr
	// Weight is the share of a multipath hop, from 1; 0 counts as 1.
	Weight int
	// OnLink takes Via as reachable on Index whatever the table says.
	OnLink bool
	// Dead and LinkDown are RTNH_F_DEAD and RTNH_F_LINKDOWN.
	Dead, LinkDown bool
}

// Route is one entry of a routing table, as rtnetlink tells it.
type Route struct {
	Dst      netip.Prefix // masked; never the zero Prefix (default is 0.0.0.0/0 or ::/0)
	Src      netip.Prefix // IPv6 source-specific route; else the zero Prefix
	Table    uint32
	Type     Type
	Metric   uint32 // lower wins
	TOS      uint8  // 0 matches every packet; another value wins over 0 where it matches
	Protocol uint8  // RTPROT_*, shown only
	Scope    uint8  // RT_SCOPE_*, shown only
	Pref     uint8  // RFC 4191, IPv6: 0 medium, 1 high, 3 low
	PrefSrc  netip.Addr
	MTU      uint32 // RTAX_MTU, 0: the interface's
	NextHops []NextHop
}

// Action is what a rule does with the packets it matches. The zero value
// looks up Rule.Table.
type Action uint8

const (
	ActionTable Action = iota
	ActionGoto         // go on with the first rule whose priority is Goto
	ActionNop
	ActionBlackhole
	ActionUnreachable
	ActionProhibit
)

// Rule is one entry of the routing policy database, as rtnetlink tells it.
// Zero fields match everything.
type Rule struct {
	Family   int // 4 or 6
	Priority uint32
	Invert   bool // "not"
	Src, Dst netip.Prefix
	TOS      uint8
	Mark     uint32
	MarkMask uint32 // 0 with Mark 0: no match on the mark
	IIF, OIF string // interface names; the packets of ipvlan come from "lo" and go to the master
	IPProto  uint8
	SrcPort  [2]uint16 // first and last; 0,0: any
	DstPort  [2]uint16
	UID      *[2]uint32 // ipvlan's look-ups are made as uid 0
	Action   Action
	Table    uint32
	Goto     uint32
	// SuppressPrefixLen drops a result whose prefix is that short or shorter; -1 is off.
	SuppressPrefixLen int
	SuppressGroup     int  // by interface group; -1 is off
	L3MDev            bool // look up the VRF's table of the interface
}

// Iface is what the look-up knows of an interface.
type Iface struct {
	Index       int
	Name        string
	MAC         [6]byte
	MTU         uint32
	Up          bool // IFF_UP
	Running     bool // carrier
	Loopback    bool
	Group       uint32
	MasterIndex int    // bridge, bond or VRF it is a port of
	Table       uint32 // of a VRF
}

// Addr is one address of the namespace.
type Addr struct {
	Index  int
	Prefix netip.Prefix // local address with the prefix length
	Peer   netip.Addr   // point-to-point
	Scope  uint8
	// Secondary and Deprecated are skipped when a source is chosen, Tentative
	// ones are not used at all.
	Secondary, Deprecated, Tentative bool
}

// Neigh is one entry of the kernel's neighbour table that binds the router:
// permanent and noarp ones.
type Neigh struct {
	Index int
	Dst   netip.Addr
	MAC   [6]byte
}

// Snapshot is the whole of a namespace at one moment.
type Snapshot struct {
	Ifaces []Iface
	Addrs  []Addr
	Routes []Route
	// Set holds routes that come before Routes; nil is none. Compile takes
	// them out of it.
	Set    *RouteSet
	Rules  []Rule
	Neighs []Neigh
}
