package link

import (
	"net/netip"

	"github.com/ipvl/ipvl/link/vnet"
)

// hostLink is the way between the devices with DeviceFlags.Host and the
// default namespace. It is immutable.
type hostLink struct {
	port  Port
	addrs map[netip.Addr]struct{} // what the host answers for
}

// serves says whether m is an IP packet for the host.
func (h *hostLink) serves(m *meta) bool {
	switch {
	case h == nil:
		return false
	case m.kind == kindIPv4:
		return h.has(addr4(m.v4dst))
	case m.kind == kindIPv6:
		return h.has(m.v6dst.addr())
	}
	return false
}

func (h *hostLink) has(a netip.Addr) bool {
	_, ok := h.addrs[a]
	return ok
}

// SetHostLink puts the host beside the devices that have DeviceFlags.Host:
// their frames for the host are written to p, which the default namespace
// reads, and not to MasterOptions.Host. addrs are the addresses that the host
// answers for: in L2 the master answers ARP and ND for them in the host's
// stead, in L3 they are the host's whatever the Router says. What the default
// namespace sends on the other side of p goes to FromHost. A nil p takes the
// host away again.
func (m *Master) SetHostLink(p Port, addrs []netip.Addr) {
	var h *hostLink
	if p != nil {
		h = &hostLink{port: p, addrs: make(map[netip.Addr]struct{}, len(addrs))}
		for _, a := range addrs {
			h.addrs[a.Unmap().WithZone("")] = struct{}{}
		}
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	m.change(func(v *view) { v.host = h })
}

// linked says whether what d sends to the host goes over the host link.
func (v *view) linked(d *Device) bool { return v.host != nil && d.has(flagHost) }

// beside serves what a device in L2 sends to the host beside it: the host's
// address is resolved in place, and its packets find it whatever the flag of
// the master. It reports whether the frame was one of those.
func (m *Master) beside(v *view, d *Device, mt *meta, frame []byte) bool {
	if q, ok := mt.question(v, frame); ok && v.host.has(q.target) {
		m.floods.put(flood{frame: m.floods.build(func(b []byte) []byte { return q.answer(b, v.mac) }), to: d})
		return true
	}
	if mt.vlan != 0 || mt.dst != v.mac || !v.host.serves(mt) {
		return false
	}
	m.toHost(v, mt, d, frame)
	return true
}

// FromHost takes one frame, in byte form, that the default namespace sent on
// its host link, whatever its MAC addresses: it goes to the device that owns
// its destination, if that has DeviceFlags.Host. The frame is borrowed for the
// call and may be changed in place. What is for no such device is counted on
// the master.
func (m *Master) FromHost(frame []byte) {
	v := m.view.Load()
	var mt meta
	reason, ok := m.open(frame, 0, &mt)
	switch {
	case !ok || reason != reasonNone:
	case mt.vlan != 0:
		reason = ReasonVLAN
	case mt.kind != kindIPv4 && mt.kind != kindIPv6:
		// The link resolves nobody: the master's address is the only one.
		reason = ReasonEtherType
	default:
		reason = m.fromHost(v, &mt, frame)
	}
	if reason != reasonNone {
		m.c.drops.add(reason)
	}
}

func (m *Master) fromHost(v *view, mt *meta, frame []byte) Reason {
	if mt.tagged {
		frame = stripTag(frame)
		mt.tagged, mt.l3 = false, ethLen
	}
	if h := m.hooked(v); h != nil {
		// Its answers to what OUTPUT translated must be translated back.
		out, why := h.Input(frame)
		if why == HookHost {
			return ReasonNoDevice
		}
		if why != HookPass || out == nil {
			return reasonNone
		}
		frame = out
		if reason, _ := m.open(frame, 0, mt); reason != reasonNone {
			return reason
		}
	}
	d := v.owner(mt)
	if d == nil || !d.has(flagHost) {
		return ReasonNoDevice
	}
	eth := frame[vnet.HeaderLen:]
	copy(eth[0:6], v.mac[:])
	copy(eth[6:12], v.mac[:])
	mt.dst, mt.src = v.mac, v.mac
	if d.tooLarge(len(eth), frame[1] != vnet.GSONone) {
		d.c.drops.add(ReasonMTU)
		return reasonNone
	}
	d.deliver(v, mt, nil, frame, nil)
	return reasonNone
}
