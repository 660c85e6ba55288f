package api

import (
	"context"
	"net/netip"
)

// Scope is what the options before the object of a command choose.
type Scope struct {
	// Netns is the namespace of -n: a name under /run/netns, a PID or a path.
	// Empty is the namespace of the caller.
	Netns string `json:"netns,omitempty"`
	// Family is 0, 4 or 6 (-4, -6).
	Family int `json:"family,omitempty"`
	// Details and Stats are -d and -s: they let the appliance leave out what
	// is not going to be printed.
	Details bool `json:"details,omitempty"`
	Stats   bool `json:"stats,omitempty"`
}

// LinkAdd is "link add link MASTER [name] NAME … type ipvlan …".
type LinkAdd struct {
	Scope
	Master      string `json:"master"`
	Name        string `json:"name,omitempty"` // empty: first free ipvlanN
	TargetNetns string `json:"target_netns,omitempty"`
	Address     string `json:"address,omitempty"` // ignored, as the kernel does
	Broadcast   string `json:"broadcast,omitempty"`
	Up          bool   `json:"up,omitempty"` // "up": bring it up once it is made
	MTU         int    `json:"mtu,omitempty"`
	Index       int    `json:"index,omitempty"`
	TxQLen      int    `json:"txqlen,omitempty"`
	NumTxQueues int    `json:"num_tx_queues,omitempty"`
	NumRxQueues int    `json:"num_rx_queues,omitempty"`
	Kind        string `json:"kind"`
	// Mode is "l2", "l3", "l3s", or empty where no word was given: the
	// default, l3, then applies (kernel row C-34).
	Mode string `json:"mode,omitempty"`
	// Flag is "bridge", "private" or "vepa"; empty keeps what the master has.
	// ip(8) sends bridge whenever any word follows "type ipvlan": so does the
	// grammar, but for the words of Options, which are none of the kernel's.
	Flag    string  `json:"flag,omitempty"`
	Options Options `json:"options,omitzero"`
}

// LinkSet is "link set [dev] NAME …"; nil fields are left as they are.
type LinkSet struct {
	Scope
	Name         string  `json:"name"`
	Up           *bool   `json:"up,omitempty"`
	MTU          *int    `json:"mtu,omitempty"`
	NewName      *string `json:"new_name,omitempty"`
	Alias        *string `json:"alias,omitempty"`
	TargetNetns  *string `json:"target_netns,omitempty"`
	ARP          *bool   `json:"arp,omitempty"`
	Multicast    *bool   `json:"multicast,omitempty"`
	AllMulticast *bool   `json:"allmulticast,omitempty"`
	Promisc      *bool   `json:"promisc,omitempty"`
	TxQLen       *int    `json:"txqlen,omitempty"`
	Address      *string `json:"address,omitempty"`
	Master       *string `json:"master,omitempty"`
	AddrGenMode  *string `json:"addrgenmode,omitempty"`
	Kind         string  `json:"kind,omitempty"`
	Mode         string  `json:"mode,omitempty"`
	Flag         string  `json:"flag,omitempty"`
	Options      Options `json:"options,omitzero"`
}

// LinkDel is "link del [dev] NAME".
type LinkDel struct {
	Scope
	Name string `json:"name"`
	Kind string `json:"kind,omitempty"`
}

// LinkShow is "link show [dev NAME] [up] [master M | nomaster] [type T]
// [group G]". Filter applies all of it.
type LinkShow struct {
	Scope
	Name     string  `json:"name,omitempty"`
	Up       bool    `json:"up,omitempty"`
	Kind     string  `json:"kind,omitempty"`
	Master   string  `json:"master,omitempty"` // Link.UpperName, not the device below
	NoMaster bool    `json:"nomaster,omitempty"`
	Group    *uint32 `json:"group,omitempty"`
}

// AddrShow is "addr show [dev NAME] [up] [type T] [master M | nomaster]
// [group G] [to PREFIX] [scope S] [label PATTERN] [FLAGS]". Filter applies all
// of it.
type AddrShow struct {
	Scope
	Name     string       `json:"name,omitempty"`
	Up       bool         `json:"up,omitempty"`
	Kind     string       `json:"kind,omitempty"`
	Master   string       `json:"master,omitempty"`
	NoMaster bool         `json:"nomaster,omitempty"`
	Group    *uint32      `json:"group,omitempty"`
	To       netip.Prefix `json:"to"`                   // zero: any
	AScope   string       `json:"addr_scope,omitempty"` // of Addr.Scope
	Label    string       `json:"label,omitempty"`      // shell pattern
	Flags    uint32       `json:"flags,omitempty"`      // IFA_F_* that must be set among FlagMask
	FlagMask uint32       `json:"flag_mask,omitempty"`
}

// RouteShow is "route show [table T] [dev NAME] [PREFIX]". Without -n it is
// the FIB that the appliance mirrors, whatever namespace the caller is in.
type RouteShow struct {
	Scope
	Table  string `json:"table,omitempty"` // main (empty), all, local, default, or a number
	Dev    string `json:"dev,omitempty"`
	Prefix string `json:"prefix,omitempty"`

	// Match says how Prefix selects: "" that prefix alone, "root" it and what
	// is inside it, "match" it and what contains it.
	Match    string  `json:"match,omitempty"`
	Type     string  `json:"type,omitempty"`
	Protocol string  `json:"protocol,omitempty"`
	RScope   string  `json:"route_scope,omitempty"`
	Via      string  `json:"via,omitempty"`     // prefix
	PrefSrc  string  `json:"prefsrc,omitempty"` // prefix
	TOS      *uint8  `json:"tos,omitempty"`
	Metric   *uint32 `json:"metric,omitempty"`
}

// RouteGet is "route get ADDR [from SRC] [tos T] [mark M]": what the
// appliance's router would do with such a packet of an L3 device.
type RouteGet struct {
	Scope
	Dst  netip.Addr `json:"dst"`
	Src  netip.Addr `json:"src"` // zero: none
	TOS  uint8      `json:"tos,omitempty"`
	Mark uint32     `json:"mark,omitempty"`
	OIF  string     `json:"oif,omitempty"` // the master to leave by
}

// NeighShow is "neigh show [dev NAME] [ADDR]": the router's next hops.
type NeighShow struct {
	Scope
	Dev string `json:"dev,omitempty"`
	Dst string `json:"dst,omitempty"` // prefix
	// States are the NUD states wanted, in capitals; empty: all but NOARP.
	States []string `json:"states,omitempty"`
}

// Monitor is "monitor [link|addr|route|neigh|all]".
type Monitor struct {
	Scope
	Objects []string `json:"objects,omitempty"` // link, addr, route, neigh; empty: all
	Dev     string   `json:"dev,omitempty"`
}

// Link is one interface, as rtnetlink tells it and with what the appliance
// knows of its devices.
type Link struct {
	Index int    `json:"index"`
	Name  string `json:"name"`
	Kind  string `json:"kind,omitempty"` // "ipvlan" for a device of this appliance
	Alias string `json:"alias,omitempty"`
	// AltNames are the further names ("altname") of the link.
	AltNames  []string `json:"altnames,omitempty"`
	LinkType  string   `json:"link_type"` // ether, loopback, none, …
	Flags     uint32   `json:"flags"`     // IFF_* of if.h, with IFF_LOWER_UP
	MTU       int      `json:"mtu"`
	Qdisc     string   `json:"qdisc,omitempty"`
	LinkMode  string   `json:"linkmode,omitempty"` // DEFAULT (empty) or DORMANT
	OperState string   `json:"operstate"`          // UP, DOWN, UNKNOWN, LOWERLAYERDOWN, …
	TxQLen    int      `json:"txqlen"`
	Group     uint32   `json:"group"`
	Address   string   `json:"address,omitempty"`
	Broadcast string   `json:"broadcast,omitempty"`
	PermAddr  string   `json:"permaddr,omitempty"`

	// Parent is the master's name where it is in the same namespace as the
	// link; else ParentIndex and ParentNetns(ID) tell where it is. A link that
	// is of a stacked kind and has nothing below (IFLA_LINK is 0) says "NONE".
	Parent        string `json:"parent,omitempty"`
	ParentIndex   int    `json:"parent_index,omitempty"`
	ParentNetns   string `json:"parent_netns,omitempty"`
	ParentNetnsID *int   `json:"parent_netnsid,omitempty"`
	ParentDown    bool   `json:"parent_down,omitempty"` // M-DOWN
	// UpperName is "master NAME": the bridge, bond or VRF it is a port of.
	UpperName string `json:"upper_name,omitempty"`

	Promiscuity int    `json:"promiscuity"`
	AllMulti    int    `json:"allmulti"`
	MinMTU      int    `json:"min_mtu"`
	MaxMTU      int    `json:"max_mtu"`
	AddrGenMode string `json:"addrgenmode,omitempty"`
	NumTxQueues int    `json:"num_tx_queues"`
	NumRxQueues int    `json:"num_rx_queues"`
	GSOMaxSize  uint32 `json:"gso_max_size"`
	GSOMaxSegs  uint32 `json:"gso_max_segs"`
	TSOMaxSize  uint32 `json:"tso_max_size"`
	TSOMaxSegs  uint32 `json:"tso_max_segs"`
	GROMaxSize  uint32 `json:"gro_max_size"`
	// ParentBus and ParentDev are the hardware below: "virtio", "virtio2".
	ParentBus string `json:"parentbus,omitempty"`
	ParentDev string `json:"parentdev,omitempty"`

	// Of a device only.
	Mode  string `json:"mode,omitempty"`
	Flag  string `json:"flag,omitempty"`
	DevID uint16 `json:"dev_id,omitempty"`
	// Options are what the appliance does beyond the kernel's driver.
	Options *Options `json:"options,omitempty"`
	// Backend is "tap" or "veth": how the appliance carries the device.
	Backend string `json:"backend,omitempty"`
	// IO is how it is served under load: "uring" where the kernel permits it, else "plain" system calls.
	IO string `json:"io,omitempty"`
	// Drops counts what the appliance dropped on this device, by reason.
	Drops map[string]uint64 `json:"drops,omitempty"`

	Stats *LinkStats `json:"stats,omitempty"`
	Addrs []Addr     `json:"addrs,omitempty"` // of AddrShow
}

// LinkStats is struct rtnl_link_stats64, the fields that ip -s prints.
type LinkStats struct {
	RxPackets, RxBytes, RxErrors, RxDropped, RxOverErrors, Multicast     uint64
	TxPackets, TxBytes, TxErrors, TxDropped, TxCarrierErrors, Collisions uint64

	RxMissedErrors, RxCompressed, TxCompressed uint64

	// What -s -s adds.
	RxLengthErrors, RxCRCErrors, RxFrameErrors, RxFIFOErrors, RxNoHandler, RxOtherHost uint64
	TxAbortedErrors, TxFIFOErrors, TxWindowErrors, TxHeartbeatErrors                   uint64
	CarrierChanges                                                                     uint32
}

// Addr is one address of a link.
type Addr struct {
	Prefix    netip.Prefix `json:"prefix"` // local address and prefix length
	Peer      netip.Prefix `json:"peer"`   // zero unless point-to-point
	Broadcast netip.Addr   `json:"broadcast"`
	Scope     string       `json:"scope"` // global, link, host, site, or a number
	Flags     uint32       `json:"flags"` // IFA_F_*
	Label     string       `json:"label,omitempty"`
	Valid     uint32       `json:"valid"` // seconds, 0xffffffff for ever
	Preferred uint32       `json:"preferred"`
	Metric    uint32       `json:"metric,omitempty"` // IFA_RT_PRIORITY
	// Refused says that another device of the master owns the address, so
	// this one gets no traffic for it.
	Refused bool `json:"refused,omitempty"`
}

// Route is one route.
type Route struct {
	Dst      string     `json:"dst"` // default, prefix, or address for route get
	Src      netip.Addr `json:"from,omitzero"`
	Type     string     `json:"type"` // unicast, local, broadcast, multicast, blackhole, unreachable, prohibit, throw
	Table    uint32     `json:"table"`
	Protocol string     `json:"protocol,omitempty"` // kernel, boot, static, ra, dhcp, or a number
	Scope    string     `json:"scope,omitempty"`    // global, link, host, …
	PrefSrc  netip.Addr `json:"prefsrc,omitzero"`
	Metric   uint32     `json:"metric,omitempty"`
	TOS      uint8      `json:"tos,omitempty"`
	MTU      uint32     `json:"mtu,omitempty"`
	MTULock  bool       `json:"mtu_lock,omitempty"`
	AdvMSS   uint32     `json:"advmss,omitempty"`
	HopLimit uint32     `json:"hoplimit,omitempty"`
	NHID     uint32     `json:"nhid,omitempty"`    // nexthop object
	Expires  int32      `json:"expires,omitempty"` // seconds
	Error    int32      `json:"error,omitempty"`   // IPv6 reject routes: -errno
	IIF      string     `json:"iif,omitempty"`
	Mark     uint32     `json:"mark,omitempty"`
	UID      *uint32    `json:"uid,omitempty"`   // route get only
	RTCF     []string   `json:"rtcf,omitempty"`  // route get, IPv4: local, brd, mc, …
	Pref     string     `json:"pref,omitempty"`  // IPv6: medium, low, high
	Flags    []string   `json:"flags,omitempty"` // onlink, linkdown, dead, pervasive, offload
	NextHops []NextHop  `json:"nexthops,omitempty"`
	Family   int        `json:"family"`
	// Of RouteGet: why this route was taken, "" for an entry of the FIB, or
	// "on-link fallback".
	Note string `json:"note,omitempty"`
}

// NextHop is one way of a route.
type NextHop struct {
	Via    netip.Addr `json:"via,omitzero"`
	Dev    string     `json:"dev,omitempty"`
	Weight int        `json:"weight,omitempty"`
	Flags  []string   `json:"flags,omitempty"`
}

// Neigh is one next hop of the router.
type Neigh struct {
	Dst    netip.Addr  `json:"dst"`
	Dev    string      `json:"dev"`
	LLAddr string      `json:"lladdr,omitempty"`
	State  string      `json:"state"` // REACHABLE, STALE, DELAY, PROBE, INCOMPLETE, FAILED, PERMANENT
	Router bool        `json:"router,omitempty"`
	Stats  *NeighStats `json:"stats,omitempty"` // what -s adds
}

// NeighStats is NDA_CACHEINFO (seconds ago) and NDA_PROBES.
type NeighStats struct {
	Refs, Used, Confirmed, Updated, Probes uint32
}

// Event is one line of monitor. Exactly one of the pointers is set, but for
// the zero Event, which says that the subscription is in place.
type Event struct {
	Deleted bool   `json:"deleted,omitempty"`
	NetnsID *int   `json:"netnsid,omitempty"`
	Link    *Link  `json:"link,omitempty"` // with Addrs of one entry for an address event
	Addr    *Link  `json:"addr,omitempty"`
	Route   *Route `json:"route,omitempty"`
	Neigh   *Neigh `json:"neigh,omitempty"`
}

// Backend is the appliance as the commands see it. Every method is one
// command; errors are *Error.
type Backend interface {
	LinkAdd(context.Context, Caller, LinkAdd) error
	LinkSet(context.Context, Caller, LinkSet) error
	LinkDel(context.Context, Caller, LinkDel) error
	LinkShow(context.Context, Caller, LinkShow) ([]Link, error)
	AddrShow(context.Context, Caller, AddrShow) ([]Link, error)
	RouteShow(context.Context, Caller, RouteShow) ([]Route, error)
	RouteGet(context.Context, Caller, RouteGet) (Route, error)
	NeighShow(context.Context, Caller, NeighShow) ([]Neigh, error)
	RuleShow(context.Context, Caller, RuleShow) ([]RuleChain, error)
	// RuleChange checks the rule again, since not every client has: a change
	// that is refused leaves everything as it was.
	RuleChange(context.Context, Caller, RuleChange) error
	// Monitor calls emit for each event until ctx ends or emit fails, one call
	// at a time. It calls emit(Event{}) first, once no event can be missed any
	// more: the client's request is answered then.
	Monitor(ctx context.Context, c Caller, m Monitor, emit func(Event) error) error
}

// Caller is who sent a request, by the socket's peer credentials.
type Caller struct {
	PID      int
	UID, GID uint32
}

// Error is a refusal: it is what the kernel would have answered to ip(8), or
// what stands in its way here.
type Error struct {
	Op  string `json:"op"`  // "link add"
	Msg string `json:"msg"` // what is wrong and what to do next
	// Errno is the kernel's answer in its place, 0 where there is none. The
	// CLI prints "RTNETLINK answers: <text>" for it as ip(8) does when Msg is empty.
	Errno int   `json:"errno,omitempty"`
	Err   error `json:"-"`
}
