package link

import (
	"net/netip"

	"github.com/ipvl/ipvl/link/vnet"
)

// ICMPError is what a sender is told of a packet that cannot go on.
type ICMPError struct {
	// Type and Code are those of ICMP (RFC 792) or ICMPv6 (RFC 4443), by the
	// family of the packet.
	Type, Code uint8
	// MTU is for "fragmentation needed" and "packet too big".
	MTU uint32
	// From is the router's address, the source of the error. The zero value
	// tells nobody.
	From netip.Addr
}

// Reject gives up a frame in byte form that the Router had held, and tells its
// sender: the device that has the frame's source. The frame is borrowed.
func (m *Master) Reject(frame []byte, e ICMPError) {
	v := m.view.Load()
	q, ok := QueryOf(frame)
	if !ok {
		m.c.drops.add(ReasonTruncated)
		return
	}
	d := v.holder(q.Src)
	m.countDrop(d, ReasonNeighbour)
	m.complain(v, d, frame, e)
}

// complain gives the sender of a frame an ICMP error, within its rate. from is
// nil where hooks have given the frame another source.
func (m *Master) complain(v *view, from *Device, frame []byte, e ICMPError) {
	eth := frame[vnet.HeaderLen:]
	if !e.fits(eth) || !mayComplain(eth) {
		return
	}
	h := m.hooked(v)
	if h == nil && (from == nil || !v.sent(from, eth)) {
		return // nobody would take it
	}
	now := m.clock.NowMonotonic().Sub(monotonicZero).Nanoseconds()
	if from != nil && !from.errors.take(now) {
		return
	}
	b := m.floods.build(func(b []byte) []byte { return e.about(b, v.mac, eth) })
	to := from
	if h != nil {
		out, _ := h.Input(*b)
		if to = v.recipient(out); to == nil || (from == nil && !to.errors.take(now)) {
			m.floods.pool.Put(b)
			return
		}
		*b = append((*b)[:0], out...)
		copy((*b)[vnet.HeaderLen:], v.mac[:])
	}
	m.floods.put(flood{frame: b, to: to})
}
