package link

import (
	"github.com/ipvl/ipvl/link/vnet"
	"gvisor.dev/gvisor/pkg/tcpip"
	"gvisor.dev/gvisor/pkg/tcpip/stack"
)

// WritePackets implements stack.LinkWriter: what the device's stack sent. The
// packets are borrowed. A packet that the master drops is counted and is no
// error, as the kernel's sender is told success.
func (d *Device) WritePackets(pkts stack.PacketBufferList) (int, tcpip.Error) {
	for _, pkt := range pkts.AsSlice() {
		d.master.transmit(d, pkt)
	}
	return pkts.Len(), nil
}

// transmit decides on one packet of a device's stack, with the same verdict as
// for bytes. It stays a packet where its way ends in a stack or a lower
// endpoint that takes it; else it becomes bytes, once, here.
func (m *Master) transmit(d *Device, pkt *stack.PacketBuffer) {
	var buf [headLen]byte
	head := peek(pkt, buf[:])
	size := pkt.Size()
	var mt meta
	reason := parse(head, size+transmitSlack, &mt)
	if reason == ReasonShort {
		d.c.drops.add(reason)
		return
	}
	d.c.tx(size)
	v := m.view.Load()
	if d.has(flagGuard|flagHost) && d.interceptPacket(v, &mt, head, pkt) {
		return
	}
	vd := v.transmit(&mt, reason)
	if vd.act == actReceive {
		vd = v.receive(&mt)
	}
	switch {
	case vd.act == actDrop:
		d.c.drops.add(vd.reason)
	case vd.act == actDevice && v.severed(&mt, d, vd.dev):
		m.sever(d, vd.dev)
	case vd.act == actDevice:
		vd.dev.takePacket(v, &mt, pkt)
	case vd.act == actHost && m.hostPort == nil && !v.linked(d) && m.host.attached():
		if r := m.host.handOver(v, &mt, pkt); r != reasonNone {
			d.c.drops.add(r)
		}
	case vd.act == actUplink:
		m.outPacket(v, d, pkt)
	default:
		m.flatten(pkt, func(frame []byte) { m.bytes(v, &mt, vd, d, frame, nil) })
	}
}

// peek returns the first bytes of a packet, copied to buf: its headers may lie
// in several views.
func peek(pkt *stack.PacketBuffer, buf []byte) []byte {
	views, off := pkt.AsViewList()
	n := 0
	for w := views.Front(); w != nil && n < len(buf); w = w.Next() {
		b := w.AsSlice()
		if off >= len(b) {
			off -= len(b)
			continue
		}
		n += copy(buf[n:], b[off:])
		off = 0
	}
	return buf[:n]
}

// takePacket delivers a packet of a sibling's stack to the device.
func (d *Device) takePacket(v *view, mt *meta, pkt *stack.PacketBuffer) {
	size := pkt.Size()
	var r Reason
	switch {
	case d.tooLarge(size, vnet.Segmented(&pkt.GSOOptions)):
		r = ReasonMTU
	case d.port != nil:
		r = d.master.gather(d.port, pkt)
	default:
		r = d.stack.handOver(v, mt, pkt)
	}
	if r != reasonNone {
		d.c.drops.add(r)
		return
	}
	d.c.rx(size)
}

// outPacket sends a packet of a stack over the uplink: of a device, or of the
// host where from is nil.
func (m *Master) outPacket(v *view, from *Device, pkt *stack.PacketBuffer) {
	var r Reason
	switch {
	case v.down:
		r = ReasonDown
	case m.uplink.port != nil:
		r = m.gather(m.uplink.port, pkt)
	case m.uplink.takes(pkt):
		if m.uplink.send(pkt) != nil {
			r = ReasonWrite
		}
	default:
		m.flatten(pkt, func(frame []byte) { r = m.uplink.write(m, frame) })
	}
	if r != reasonNone {
		m.countDrop(from, r)
		return
	}
	m.c.tx(pkt.Size())
}

// gather writes a packet to a port by iovec: its payload is not copied, unless
// the far side wants it finished.
func (m *Master) gather(p Port, pkt *stack.PacketBuffer) (r Reason) {
	s, ok := m.scratch.Get().(*vnet.Vec)
	if !ok {
		s = new(vnet.Vec)
	}
	defer m.scratch.Put(s)
	pieces := vnet.FromPacket(pkt, s, false)
	if !vnet.Fits(pieces[0], p.Features()) {
		m.flatten(pkt, func(frame []byte) { r = m.writeTo(p, frame) })
		return r
	}
	if p.WriteVec(pieces) != nil {
		return ReasonWrite
	}
	return reasonNone
}

// flatten calls f with a packet in byte form.
func (m *Master) flatten(pkt *stack.PacketBuffer, f func(frame []byte)) {
	b := m.floods.pool.Get().(*[]byte)
	defer m.floods.pool.Put(b)
	*b = vnet.PacketToBytes(pkt, *b, false)
	f(*b)
}
