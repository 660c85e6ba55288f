package fib

import "net/netip"

// Verdict is what becomes of a packet. The zero value is VerdictDrop, so that
// a Result nobody filled in sends nothing.
type Verdict uint8

const (
	VerdictDrop    Verdict = iota // not sent, for Result.Reason
	VerdictForward                // goes to Result.NextHop on Result.Index
	VerdictLocal                  // goes to the host's own stack
)

// Reason says why a look-up ends in VerdictDrop.
type Reason uint8

const (
	ReasonNone           Reason = iota
	ReasonNoRoute               // ENETUNREACH: no rule gave a route
	ReasonBlackhole             // EINVAL: blackhole route or rule
	ReasonUnreachable           // EHOSTUNREACH: unreachable route; ENETUNREACH: unreachable rule
	ReasonProhibit              // EACCES: prohibit route or rule
	ReasonBroadcast             // the route is a broadcast, multicast or IPv4 anycast one (T3-28)
	ReasonBadSource             // a source that Linux does not route: multicast, 0.0.0.0/8, 127.0.0.0/8
	ReasonBadDestination        // 0.0.0.0/8, or an address of neither family
	ReasonLinkDown              // the outgoing interface is down or unknown
)

// Query is the key of a look-up: the fields of struct flowi that rules and
// routes look at. The input interface is always "lo" and the user always 0,
// as for every packet of ipvlan.
type Query struct {
	Dst, Src netip.Addr // not 4-in-6; Src may be the zero Addr or unspecified
	TOS      uint8      // IPv4 TOS or IPv6 traffic class; the ECN bits are ignored
	Proto    uint8      // IP protocol, matched by rules; 0 is unknown
	Mark     uint32
	OIF      int    // interface the packet is bound to, 0: none
	Hash     uint32 // flow hash, all 32 bits in use; it picks the hop of a multipath route
}

// dropZones takes the zones off, which no prefix contains.
func (q *Query) dropZones() {
	if !q.Dst.Is4() && q.Dst.Zone() != "" {
		q.Dst = q.Dst.WithZone("")
	}
	if !q.Src.Is4() && q.Src.Zone() != "" {
		q.Src = q.Src.WithZone("")
	}
}

// Result is the answer to a Query.
type Result struct {
	Verdict Verdict
	Reason  Reason
	Type    Type // of the route that decided
	// Assumed says that no route decided: the destination was taken as
	// on-link, as Linux does for a bound look-up (T3-23, T3-24).
	Assumed   bool
	PrefixLen uint8 // of the route that decided
	Index     int   // outgoing interface
	Table     uint32
	MTU       uint32     // the smaller of the route's and the interface's
	NextHop   netip.Addr // gateway, or the destination; a gateway may be of the other family
	PrefSrc   netip.Addr // the route's preferred source, often the zero Addr
}
