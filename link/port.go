package link

import (
	"net/netip"

	"github.com/ipvl/ipvl/link/vnet"
)

// Port is where bytes leave: one descriptor. A frame in byte form is
// vnet.HeaderLen bytes of virtio-net header and an Ethernet frame.
type Port interface {
	// WriteFrame writes one frame, which is borrowed for the call. It never
	// blocks: a full queue is an error, and the frame is lost.
	WriteFrame(frame []byte) error
	// WriteVec is WriteFrame for a frame in pieces; the first one starts with
	// the virtio-net header.
	WriteVec(pieces [][]byte) error
	// Features is what the far side completes itself; what it does not is
	// finished in software before WriteFrame.
	Features() vnet.Features
}

// Query is what a Router is asked: one packet of an L3 device.
type Query struct {
	Dst, Src netip.Addr
	TOS      uint8
	Proto    uint8
	Mark     uint32
	Hash     uint32 // of the addresses, for multipath
}

// Hop is a Router's answer.
type Hop struct {
	Verdict  HopVerdict
	Dst, Src MAC    // of the frame that leaves
	MTU      uint32 // of the route or the interface, L3 bytes; 0: no limit
	// NextHop and Index name the neighbour where Verdict is HopWait.
	NextHop netip.Addr
	Index   int
	// ICMP is the error for the sender: where Verdict is HopReject, or, with
	// From alone, where the packet is longer than MTU.
	ICMP ICMPError
}

// HopVerdict is the kind of a Hop.
type HopVerdict uint8

const (
	// HopDrop has no way, or must not go (blackhole, broadcast, no route).
	HopDrop HopVerdict = iota
	// HopSend goes out with the MAC addresses of the Hop.
	HopSend
	// HopWait goes to Router.Hold until the neighbour has answered.
	HopWait
	// HopLocal is for an address of the master: to its host.
	HopLocal
	// HopElsewhere leaves the default namespace through another interface
	// than the master: to MasterOptions.Elsewhere.
	HopElsewhere
	// HopReject is dropped like HopDrop, and the sender gets Hop.ICMP.
	HopReject
)

// Router is what L3 mode needs of the default namespace: its routes and its
// neighbours. Both methods are called from many goroutines at once and must
// not block.
type Router interface {
	Next(q Query) Hop
	// Hold keeps a copy of a frame in byte form until h's neighbour is
	// resolved, then gives it to Master.Emit with its MAC addresses filled in.
	// It reports whether the frame was taken.
	Hold(h Hop, frame []byte) bool
}
