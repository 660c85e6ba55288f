package stack

import (
	"net/netip"

	"gvisor.dev/gvisor/pkg/tcpip"
	tcpipstack "gvisor.dev/gvisor/pkg/tcpip/stack"
)

// Lookup is how routes are chosen. The zero value is the kernel's way.
type Lookup uint8

const (
	// LookupKernel is what the ipvlan driver does: bound to the master.
	LookupKernel Lookup = iota
)

// RouterOptions is what a Router is made of.
type RouterOptions struct {
	// MasterIndex is the master's interface index in the Mirror.
	MasterIndex int
	// Mirror is the default namespace's state. It must not be nil.
	Mirror *Mirror
	// Emit sends a frame that waited: its MAC addresses are filled in. The
	// frame is borrowed for the call. It is called without any lock held, by
	// one goroutine at a time for a next hop, frames in the order of Hold.
	Emit func(hop Hop, frame []byte)
	// Clock is the time; nil is the system's.
	Clock tcpip.Clock
	// Lookup chooses how routes are looked up.
	Lookup Lookup
	// MaxNeighbors bounds the next hops known at once; 0 is 1024, as the
	// kernel's gc_thresh3.
	MaxNeighbors int
}

// Router finds the next hop of what a device sends in L3 mode.
type Router struct{}

// NewRouter makes a Router whose neighbours are on ep, the lower endpoint
// towards the master's wire. The Router attaches to ep and detaches in Close;
// it does not close it.
func NewRouter(ep tcpipstack.LinkEndpoint, o RouterOptions) (*Router, error) { return &Router{}, nil }

// Next says where a packet goes. It takes no lock and does not allocate.
func (r *Router) Next(q Query) Hop { return Hop{} }

// Hold keeps a copy of frame (virtio-net header and Ethernet frame) until
// hop, the answer of Next with VerdictWait, is resolved, and starts that.
func (r *Router) Hold(hop Hop, frame []byte) {}

// Neighbor is one next hop, for display.
type Neighbor struct {
	Index int
	Addr  netip.Addr
	MAC   [6]byte // zero while unknown
	State NUD
}

// NUD is a neighbour's state, printed as ip(8) does.
type NUD uint8

const (
	NUDIncomplete NUD = iota
	NUDReachable
	NUDStale
	NUDDelay
	NUDProbe
	NUDFailed
	NUDPermanent
)

// Neighbors lists the next hops, ordered by address.
func (r *Router) Neighbors() []Neighbor { return nil }

// RouterStats is a reading of the Router's counters.
type RouterStats struct {
	Held     uint64             // frames given to Hold
	Emitted  uint64             // frames given to Emit
	Drops    [numReasons]uint64 // packets dropped, by Reason
	Resolved uint64             // next hops resolved
	Failed   uint64             // next hops that did not answer
	Silenced uint64             // frames of the netstack's that were kept from the wire
}

// Stats reads the counters.
func (r *Router) Stats() RouterStats { return RouterStats{} }

// Close detaches the Router and drops what waits. Next drops from then on. It
// is idempotent.
func (r *Router) Close() error { return nil }
