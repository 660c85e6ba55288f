package linktest

import (
	"sync"

	"gvisor.dev/gvisor/pkg/buffer"
	"gvisor.dev/gvisor/pkg/tcpip"
	"gvisor.dev/gvisor/pkg/tcpip/header"
	"gvisor.dev/gvisor/pkg/tcpip/stack"
)

// cableDepth is how many packets a cable holds in each direction.
const cableDepth = 4096

// End is one end of a cable: an Ethernet endpoint. It verifies and computes no
// checksum and segments nothing.
type End struct {
	mac  tcpip.LinkAddress
	peer *End
	in   chan *stack.PacketBuffer
	stop chan struct{}
	wg   sync.WaitGroup

	mu sync.RWMutex
	// +checklocks:mu
	dispatcher stack.NetworkDispatcher
	// +checklocks:mu
	mtu uint32
}

var _ stack.LinkEndpoint = (*End)(nil)

// Cable returns two connected ends with MTU 1500. Stop must be called.
func Cable(a, b MAC) (*End, *End) {
	x, y := newEnd(a), newEnd(b)
	x.peer, y.peer = y, x
	for _, e := range []*End{x, y} {
		e.wg.Add(1)
		go e.run()
	}
	return x, y
}

func newEnd(mac MAC) *End {
	return &End{
		mac: tcpip.LinkAddress(mac[:]), in: make(chan *stack.PacketBuffer, cableDepth), stop: make(chan struct{}), mtu: 1500,
	}
}

// Stop ends both ends and releases what they hold.
func (e *End) Stop() {
	for _, x := range []*End{e, e.peer} {
		close(x.stop)
	}
	for _, x := range []*End{e, e.peer} {
		x.wg.Wait()
	}
}

func (e *End) run() {
	defer e.wg.Done()
	for {
		select {
		case pkt := <-e.in:
			e.deliver(pkt)
		case <-e.stop:
			for {
				select {
				case pkt := <-e.in:
					pkt.DecRef()
				default:
					return
				}
			}
		}
	}
}

func (e *End) deliver(pkt *stack.PacketBuffer) {
	defer pkt.DecRef()
	e.mu.RLock()
	d := e.dispatcher
	e.mu.RUnlock()
	if d == nil {
		return
	}
	eth, ok := pkt.LinkHeader().Consume(header.EthernetMinimumSize)
	if !ok {
		return
	}
	d.DeliverNetworkPacket(header.Ethernet(eth).Type(), pkt)
}

// WritePackets implements stack.LinkWriter. A full cable loses packets.
func (e *End) WritePackets(pkts stack.PacketBufferList) (int, tcpip.Error) {
	for i, pkt := range pkts.AsSlice() {
		select {
		case <-e.stop:
			return i, &tcpip.ErrClosedForSend{}
		default:
		}
		view := pkt.ToView()
		in := stack.NewPacketBuffer(stack.PacketBufferOptions{Payload: buffer.MakeWithView(view)})
		select {
		case e.peer.in <- in:
		default:
			in.DecRef()
			return i, &tcpip.ErrNoBufferSpace{}
		}
	}
	return pkts.Len(), nil
}

// MTU implements stack.LinkEndpoint.
func (e *End) MTU() uint32 {
	e.mu.RLock()
	defer e.mu.RUnlock()
	return e.mtu
}

// SetMTU implements stack.LinkEndpoint.
func (e *End) SetMTU(mtu uint32) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.mtu = mtu
}

// MaxHeaderLength implements stack.LinkEndpoint.
func (*End) MaxHeaderLength() uint16 { return header.EthernetMinimumSize }

// LinkAddress implements stack.LinkEndpoint.
func (e *End) LinkAddress() tcpip.LinkAddress { return e.mac }

// SetLinkAddress implements stack.LinkEndpoint; it does nothing.
func (*End) SetLinkAddress(tcpip.LinkAddress) {}

// Capabilities implements stack.LinkEndpoint.
func (*End) Capabilities() stack.LinkEndpointCapabilities { return stack.CapabilityResolutionRequired }

// Attach implements stack.LinkEndpoint.
func (e *End) Attach(d stack.NetworkDispatcher) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.dispatcher = d
}

// IsAttached implements stack.LinkEndpoint.
func (e *End) IsAttached() bool {
	e.mu.RLock()
	defer e.mu.RUnlock()
	return e.dispatcher != nil
}

// Wait implements stack.LinkEndpoint.
func (*End) Wait() {}

// ARPHardwareType implements stack.LinkEndpoint.
func (*End) ARPHardwareType() header.ARPHardwareType { return header.ARPHardwareEther }

// AddHeader implements stack.LinkEndpoint.
func (e *End) AddHeader(pkt *stack.PacketBuffer) {
	eth := header.Ethernet(pkt.LinkHeader().Push(header.EthernetMinimumSize))
	eth.Encode(&header.EthernetFields{SrcAddr: e.mac, DstAddr: pkt.EgressRoute.RemoteLinkAddress, Type: pkt.NetworkProtocolNumber})
}

// ParseHeader implements stack.LinkEndpoint.
func (*End) ParseHeader(pkt *stack.PacketBuffer) bool {
	_, ok := pkt.LinkHeader().Consume(header.EthernetMinimumSize)
	return ok
}

// Close implements stack.LinkEndpoint.
func (*End) Close() {}

// SetOnCloseAction implements stack.LinkEndpoint.
func (*End) SetOnCloseAction(func()) {}
