package link

import (
	"github.com/ipvl/ipvl/link/vnet"
	"gvisor.dev/gvisor/pkg/tcpip"
	"gvisor.dev/gvisor/pkg/tcpip/stack"
)

// wire is the dispatcher that a Master attaches to the endpoint below it.
type wire struct {
	m *Master
	// raw says that packets come without a link header.
	raw bool
	// trusted says that the endpoint verified the checksums.
	trusted bool
}

// DeliverNetworkPacket implements stack.NetworkDispatcher.
func (w *wire) DeliverNetworkPacket(_ tcpip.NetworkProtocolNumber, pkt *stack.PacketBuffer) {
	m := w.m
	if w.raw {
		if _, ok := pkt.LinkHeader().Consume(ethLen); !ok {
			m.c.drops.add(ReasonShort)
			return
		}
	}
	if !w.trusted {
		// The packet becomes bytes, so that checksums are verified where they
		// are for any frame from outside.
		m.flatten(pkt, func(frame []byte) {
			frame[0] &^= vnet.FlagDataValid
			m.Receive(frame)
		})
		return
	}
	v := m.view.Load()
	if v.down {
		m.c.drops.add(ReasonDown)
		return
	}
	var buf [headLen]byte
	size := pkt.Size()
	var mt meta
	reason := parse(peek(pkt, buf[:]), size, &mt)
	if reason == ReasonShort {
		m.c.drops.add(reason)
		return
	}
	m.c.rx(size)
	if reason != reasonNone {
		m.c.drops.add(reason)
	}
	if v.some&flagProxy != 0 && (mt.etherType == etherARP || mt.etherType == etherIPv6) {
		// It may be a question that is answered as bytes.
		m.flatten(pkt, func(frame []byte) {
			frame[0] |= vnet.FlagDataValid
			if !m.proxy(v, &mt, frame) {
				m.bytes(v, &mt, v.receive(&mt), nil, frame, nil)
			}
		})
		return
	}
	w.carry(v, &mt, v.receive(&mt), pkt)
}

// carry hands a trusted packet on without a copy where its way is one stack.
func (w *wire) carry(v *view, mt *meta, vd verdict, pkt *stack.PacketBuffer) {
	m := w.m
	switch {
	case vd.act == actDevice && vd.dev.port == nil && !mt.tagged && v.some&flagIsolate == 0:
		if r := vd.dev.stack.handOver(v, mt, pkt); r != reasonNone {
			vd.dev.c.drops.add(r)
			return
		}
		vd.dev.c.rx(pkt.Size())
	case vd.act == actHost && !mt.tagged:
		if !m.host.attached() {
			return
		}
		if r := m.host.handOver(v, mt, pkt); r != reasonNone {
			m.c.drops.add(r)
		}
	default:
		m.flatten(pkt, func(frame []byte) {
			frame[0] |= vnet.FlagDataValid
			m.bytes(v, mt, vd, nil, frame, nil)
		})
	}
}

// DeliverLinkPacket implements stack.NetworkDispatcher: packet sockets belong
// to the stacks above.
func (*wire) DeliverLinkPacket(tcpip.NetworkProtocolNumber, *stack.PacketBuffer) {}
