package linktest

import (
	"sync"

	"gvisor.dev/gvisor/pkg/tcpip"
	"gvisor.dev/gvisor/pkg/tcpip/stack"
)

// Recorder is a dispatcher that stands for a stack: it keeps the bytes of what
// it is given, link header included, and answers nothing.
type Recorder struct {
	mu sync.Mutex
	// +checklocks:mu
	frames [][]byte
}

var _ stack.NetworkDispatcher = (*Recorder)(nil)

// DeliverNetworkPacket implements stack.NetworkDispatcher.
func (r *Recorder) DeliverNetworkPacket(_ tcpip.NetworkProtocolNumber, pkt *stack.PacketBuffer) {
	view := pkt.ToView()
	defer view.Release()
	r.mu.Lock()
	defer r.mu.Unlock()
	r.frames = append(r.frames, append([]byte(nil), view.AsSlice()...))
}

// DeliverLinkPacket implements stack.NetworkDispatcher.
func (*Recorder) DeliverLinkPacket(tcpip.NetworkProtocolNumber, *stack.PacketBuffer) {}

// Take returns what was recorded since the last call: Ethernet frames.
func (r *Recorder) Take() [][]byte {
	r.mu.Lock()
	defer r.mu.Unlock()
	f := r.frames
	r.frames = nil
	return f
}
