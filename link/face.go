package link

import (
	"sync/atomic"

	"github.com/ipvl/ipvl/link/vnet"
	"gvisor.dev/gvisor/pkg/tcpip"
	"gvisor.dev/gvisor/pkg/tcpip/stack"
)

// face is where a stack is attached to a Device or a Master. The dispatcher is
// loaded for each packet and called without a lock.
type face struct {
	dispatcher atomic.Pointer[stack.NetworkDispatcher]
	// noARP says whether the stack must not see ARP and DAD in L3.
	noARP bool
}

func (f *face) attach(d stack.NetworkDispatcher) {
	if d == nil {
		f.dispatcher.Store(nil)
		return
	}
	f.dispatcher.Store(&d)
}

func (f *face) attached() bool { return f.dispatcher.Load() != nil }

// refuses says why a stack must not get what m describes. gVisor checks
// neither: its IP layer takes what its link layer gives.
func (f *face) refuses(v *view, m *meta) Reason {
	switch {
	case m.vlan != 0:
		return ReasonVLAN
	case !m.dst.group() && m.dst != v.mac:
		return ReasonOtherHost
	case f.noARP && v.mode != ModeL2 && (m.etherType == etherARP || m.kind == kindDAD):
		return ReasonOtherHost
	}
	return reasonNone
}

// give delivers a frame in byte form to the stack, which gets its own copy.
func (f *face) give(m *Master, v *view, mt *meta, frame []byte) Reason {
	d := f.dispatcher.Load()
	if d == nil {
		return ReasonNotAttached
	}
	if r := f.refuses(v, mt); r != reasonNone {
		return r
	}
	if frame[0]&(vnet.FlagNeedsCsum|vnet.FlagDataValid) == 0 && !vnet.Intact(frame) {
		return ReasonChecksum
	}
	if mt.tagged {
		frame = untag(frame)
	}
	emit := func(one []byte) error {
		pkt, err := vnet.ToPacket(one, vnet.PacketOptions{})
		if err != nil {
			return err
		}
		pkt.PktType = packetType(v, mt.dst)
		(*d).DeliverNetworkPacket(pkt.NetworkProtocolNumber, pkt)
		pkt.DecRef()
		return nil
	}
	if vnet.Fits(frame, vnet.FeaturesNetstack) {
		if emit(frame) != nil {
			return ReasonVNetHeader
		}
		return reasonNone
	}
	return m.fit(frame, vnet.FeaturesNetstack, emit)
}

// handOver delivers a packet of another stack without copying its payload. pkt
// is borrowed: the receiver gets a clone that shares its views.
func (f *face) handOver(v *view, mt *meta, pkt *stack.PacketBuffer) Reason {
	d := f.dispatcher.Load()
	if d == nil {
		return ReasonNotAttached
	}
	if r := f.refuses(v, mt); r != reasonNone {
		return r
	}
	in := pkt.CloneToInbound()
	defer in.DecRef()
	if _, ok := in.LinkHeader().Consume(ethLen); !ok {
		return ReasonShort
	}
	in.Mark = 0 // it means nothing to another stack (skb_scrub_packet)
	in.NetworkProtocolNumber = tcpip.NetworkProtocolNumber(mt.etherType)
	in.GSOOptions = pkt.GSOOptions
	in.PktType = packetType(v, mt.dst)
	(*d).DeliverNetworkPacket(in.NetworkProtocolNumber, in)
	return reasonNone
}

func packetType(v *view, dst MAC) tcpip.PacketType {
	switch {
	case dst == broadcastMAC:
		return tcpip.PacketBroadcast
	case dst.group():
		return tcpip.PacketMulticast
	}
	return tcpip.PacketHost
}

// untag returns a copy of a frame without its priority tag: gVisor's stack
// reads none. Such frames are rare enough to allocate.
func untag(frame []byte) []byte {
	const at = vnet.HeaderLen + 12
	out := append(make([]byte, 0, len(frame)), frame[:at]...)
	out = append(out, frame[at+vlanLen:]...)
	moveHeader(out)
	return out
}

// moveHeader takes a tag that is gone off the offsets in a frame's virtio-net
// header.
func moveHeader(frame []byte) {
	var h vnet.Header
	if h.Decode(frame) != nil {
		return
	}
	if h.Flags&vnet.FlagNeedsCsum != 0 && h.CsumStart >= vlanLen {
		h.CsumStart -= vlanLen
	}
	if h.HdrLen >= vlanLen {
		h.HdrLen -= vlanLen
	}
	h.Encode(frame)
}
