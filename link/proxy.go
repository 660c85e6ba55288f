package link

import "net/netip"

// proxy answers a question that came over the wire for a device that has
// DeviceFlags.Proxy, in L3 and L3S, and reports whether it was one. What has
// our own source MAC address comes from a sibling, from the host, or is a
// reflection: nobody there needs an answer.
func (m *Master) proxy(v *view, mt *meta, frame []byte) bool {
	if v.mode == ModeL2 || mt.src == v.mac {
		return false
	}
	q, ok := mt.question(v, frame)
	if !ok || q.mac == v.mac {
		return false
	}
	d := v.holder(q.target)
	if d == nil || !d.has(flagProxy) {
		return false
	}
	m.say(v, func(b []byte) []byte { return q.answer(b, v.mac) })
	return true
}

// say writes what build makes out of the uplink.
func (m *Master) say(v *view, build func(b []byte) []byte) {
	b := m.floods.build(build)
	m.out(v, nil, *b, nil)
	m.floods.pool.Put(b)
}

// Announce tells the wire that a is here: one ARP announcement (RFC 5227
// section 3) or unsolicited neighbour advertisement (RFC 4861 section 7.2.6).
// It does nothing where a is no address of the device, or the device or the
// master is down.
func (d *Device) Announce(a netip.Addr) {
	a = a.Unmap().WithZone("")
	m := d.master
	v := m.view.Load()
	if v.down || v.holder(a) != d {
		return
	}
	m.say(v, func(b []byte) []byte {
		if a.Is6() {
			return appendUnsolicited(b, v.mac, a)
		}
		b = appendEthernet(b, broadcastMAC, v.mac, etherARP)
		return appendARP(b, arpRequest, v.mac, a, MAC{}, a)
	})
}
