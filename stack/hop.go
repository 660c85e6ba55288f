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
	// (T3-31, IPv6 only); the Router resolves nothing there.
	VerdictElsewhere
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
}
