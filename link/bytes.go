package link

import (
	"encoding/binary"

	"github.com/ipvl/ipvl/link/vnet"
)

func be32(b []byte) uint32 { return binary.BigEndian.Uint32(b) }

// head is as much of a frame as parse looks at.
func head(eth []byte) []byte { return eth[:min(len(eth), headLen)] }

// Receive takes one frame from the uplink, in byte form. The frame is borrowed
// for the call and may be changed in place.
func (m *Master) Receive(frame []byte) { m.receive(frame, nil) }

func (m *Master) receive(frame []byte, b *Batch) {
	v := m.view.Load()
	if v.down {
		m.c.drops.add(ReasonDown)
		return
	}
	var mt meta
	reason, ok := m.open(frame, 0, &mt)
	if !ok {
		m.c.drops.add(reason)
		return
	}
	m.c.rx(len(frame) - vnet.HeaderLen)
	if reason != reasonNone {
		// Not for a device; the host, if there is one, judges for itself.
		m.c.drops.add(reason)
	}
	if v.some&flagProxy != 0 && m.proxy(v, &mt, frame) {
		return
	}
	m.bytes(v, &mt, v.receive(&mt), nil, frame, b)
}

// Transmit takes one frame that the device's workload sent, in byte form. The
// frame is borrowed for the call and may be changed in place.
func (d *Device) Transmit(frame []byte) { d.transmit(frame, nil) }

func (d *Device) transmit(frame []byte, b *Batch) {
	var mt meta
	m := d.master
	reason, ok := m.open(frame, transmitSlack, &mt)
	if !ok {
		d.c.drops.add(reason)
		return
	}
	d.c.tx(len(frame) - vnet.HeaderLen)
	v := m.view.Load()
	if d.has(flagGuard|flagHost) && d.intercept(v, &mt, frame) {
		return
	}
	m.bytes(v, &mt, v.transmit(&mt, reason), d, frame, b)
}

// open parses frame; it is not ok where there is nothing to decide upon. slack
// is what an IP total length may be beyond the frame.
func (m *Master) open(frame []byte, slack int, mt *meta) (Reason, bool) {
	if len(frame) < vnet.HeaderLen+ethLen {
		return ReasonShort, false
	}
	if frame[0]&vnet.FlagNeedsCsum|frame[1] != 0 {
		if _, err := vnet.Validate(frame); err != nil {
			return ReasonVNetHeader, false
		}
	}
	eth := frame[vnet.HeaderLen:]
	return parse(head(eth), len(eth)+slack, mt), true
}

// countDrop counts on the device that sent the frame, or on the master.
func (m *Master) countDrop(from *Device, r Reason) { m.countersOf(from).drops.add(r) }

// countersOf is where losses of what from sent are counted; nil is the wire.
func (m *Master) countersOf(from *Device) *counters {
	if from != nil {
		return &from.c
	}
	return &m.c
}

// bytes carries out a verdict on a frame in byte form. from is the device that
// sent it, nil for the wire; b is where unicast may wait, or nil.
func (m *Master) bytes(v *view, mt *meta, vd verdict, from *Device, frame []byte, b *Batch) {
	if vd.act == actReceive {
		// What a device sends to its own MAC address and no device owns goes
		// the way of a frame from the wire (dev_forward_skb on the master).
		vd = v.receive(mt)
	}
	switch vd.act {
	case actDrop:
		m.countDrop(from, vd.reason)
	case actDevice:
		if v.severed(mt, from, vd.dev) {
			m.sever(from, vd.dev)
			return
		}
		vd.dev.deliver(v, mt, from, frame, b)
	case actInput:
		m.input(v, mt, frame, b)
	case actUplink:
		m.out(v, from, frame, b)
	case actHost:
		m.toHost(v, mt, from, frame)
	case actHostAnd:
		m.toHost(v, mt, from, frame)
		m.floods.put(flood{frame: m.floods.copyOf(frame), by: from})
	case actFlood:
		m.floods.put(flood{frame: m.floods.copyOf(frame), from: from, by: from})
	case actRoute:
		m.route(v, mt, from, frame, b)
	}
}

// deliver gives the device one frame.
func (d *Device) deliver(v *view, mt *meta, from *Device, frame []byte, b *Batch) {
	size := len(frame) - vnet.HeaderLen
	if from != nil && d.tooLarge(size, frame[1] != vnet.GSONone) {
		d.c.drops.add(ReasonMTU)
		return
	}
	var r Reason
	switch {
	case d.port == nil:
		r = d.stack.give(d.master, v, mt, frame)
	case !b.put(d.port, frame, &d.c, 0):
		r = d.master.writeTo(d.port, frame)
	}
	if r != reasonNone {
		d.c.drops.add(r)
		return
	}
	d.c.rx(size)
}

// tooLarge is the kernel's is_skb_forwardable: between devices the receiver's
// MTU counts, with room for a tag, unless the frame is to be segmented.
func (d *Device) tooLarge(size int, gso bool) bool {
	return !gso && size > int(d.mtu.Load())+ethLen+vlanSlack
}

// spread carries one group frame to every device that wants it, then out, if
// a device sent it (ipvlan_process_multicast).
func (m *Master) spread(f flood) {
	frame := *f.frame
	v := m.view.Load()
	var mt meta
	if _, ok := m.open(frame, 0, &mt); !ok {
		return
	}
	if f.to != nil {
		f.to.deliver(v, &mt, nil, frame, nil)
		return
	}
	for _, d := range v.devices {
		if d == f.from || !d.filter.Load().wants(mt.dst) {
			continue
		}
		if v.deaf(&mt, f.by, d) {
			d.c.drops.add(ReasonIsolated)
			continue
		}
		d.c.multicast.Add(1)
		d.deliver(v, &mt, f.from, frame, nil)
	}
	if f.from != nil {
		m.out(v, f.from, frame, nil)
	}
}

// out writes one frame to the uplink.
func (m *Master) out(v *view, from *Device, frame []byte, b *Batch) {
	if v.down {
		m.countDrop(from, ReasonDown)
		return
	}
	c := m.countersOf(from)
	if !b.put(m.uplink.port, frame, c, int(v.mtu)) {
		if r := m.uplink.write(m, frame); r != reasonNone {
			c.drops.add(r)
			return
		}
	}
	m.c.tx(len(frame) - vnet.HeaderLen)
}

// Emit writes one frame in byte form to the uplink as it is: it is where a
// Router gives back what it held.
func (m *Master) Emit(frame []byte) { m.out(m.view.Load(), nil, frame, nil) }

// toHost gives the master's host one frame. What a device sent goes to the
// host link, or the host port, if there is one, else to the stack attached to the master. What
// came over the wire is for that stack alone: the host behind a host port is
// the kernel's, which has seen the frame already.
func (m *Master) toHost(v *view, mt *meta, from *Device, frame []byte) {
	r := reasonNone
	switch {
	case from != nil && v.linked(from):
		r = m.toHostPort(v, mt, v.host.port, frame)
	case from != nil && m.hostPort != nil:
		r = m.toHostPort(v, mt, m.hostPort, frame)
	case m.host.attached():
		r = m.host.give(m, v, mt, frame)
	case from != nil:
		r = ReasonNoHost
	}
	if r != reasonNone {
		m.countDrop(from, r)
	}
}

// toHostPort gives the kernel's host what its stack would take on the master.
// Group frames it has no way to get.
func (m *Master) toHostPort(v *view, mt *meta, p Port, frame []byte) Reason {
	switch {
	case mt.vlan != 0:
		return ReasonVLAN
	case mt.dst.group():
		return ReasonNoHost
	case mt.dst != v.mac:
		return ReasonOtherHost
	case mt.tagged:
		frame = untag(frame)
	}
	return m.writeTo(p, frame)
}
