package stack

import "net/netip"

// Verdict is what the data path does with a packet that it asked Router.Next
// about. The zero value is VerdictDrop.
type Verdict uint8

const (
	VerdictDrop  Verdict = iota // for Hop.Reason; counted by the Router
	VerdictSend                 // write it with Hop.Dst and Hop.Src
	VerdictWait                 // give it to Router.Hold
	VerdictLocal                // it is for the host's own stack
	// VerdictElsewhere: it leaves through Hop.Index, which is not the master
	// (T3-31, and IPv4 with LookupFull); the Router resolves nothing there.
	VerdictElsewhere
	// VerdictReject drops it for Hop.Reason, and the device is to get the
	// error Hop.ICMP (LookupFull only); counted by the Router.
	VerdictReject
)

// Query is the key of Router.Next.
type Query struct {
	Dst, Src netip.Addr // not 4-in-6
	TOS      uint8      // IPv4 TOS or IPv6 traffic class
	Proto    uint8      // IP protocol; only IPv6 look-ups use it (T3-20, T3-30)
	Mark     uint32     // only where device and master share a namespace (T3-06)
	Hash     uint32     // flow hash, all 32 bits in use
}

// Hop is where a packet goes.
type Hop struct {
	Verdict  Verdict
	Reason   Reason
	Dst, Src [6]byte // the neighbour's and the outgoing interface's MAC; Dst is zero with VerdictWait
	MTU      uint32
	Index    int // outgoing interface
	NextHop  netip.Addr
	// ICMP is the error to give with VerdictReject. With LookupFull its From is
	// set whenever the packet goes somewhere: the sender of an error about a
	// packet that is longer than MTU.
	ICMP ICMPError
}

// ICMPError is the error that a router gives the sender of a packet.
type ICMPError struct {
	Type, Code uint8      // of ICMP or ICMPv6, by the family of From
	MTU        uint32     // of the next hop, in errors that carry one
	From       netip.Addr // the router's address; the zero Addr: it has none, so say nothing
}
