package link

import (
	"encoding/binary"

	"github.com/ipvl/ipvl/link/vnet"
	"gvisor.dev/gvisor/pkg/tcpip/checksum"
)

// input is what the default namespace's IP layer does in L3S with a unicast
// packet from the wire before a device gets it (ip_rcv_core, ip6_rcv_core,
// ipvlan_l3_rcv, ipvlan_nf_input).
func (m *Master) input(v *view, mt *meta, frame []byte, b *Batch) {
	frame, reason := tidy(mt, frame)
	if reason != reasonNone {
		m.c.drops.add(reason)
		return
	}
	wire := *mt
	if h := m.hooked(v); h != nil {
		out, why := h.Input(frame)
		switch {
		case why == HookHost:
			m.toHost(v, mt, nil, frame)
			return
		case why != HookPass || len(out) == 0:
			return
		}
		if &out[0] != &frame[0] { // it was put together, in a buffer that is not the reader's
			b.flush()
			b = nil
		}
		frame = out
		if reason, _ := m.open(frame, 0, mt); reason != reasonNone {
			m.c.drops.add(reason)
			return
		}
	}
	d := v.owner(mt)
	switch {
	case d == nil:
		m.toHost(v, mt, nil, frame)
		return
	case v.severed(&wire, nil, d):
		m.sever(nil, d)
		return
	}
	copy(frame[vnet.HeaderLen:], v.mac[:])
	mt.dst = v.mac
	d.deliver(v, mt, nil, frame, b)
}

// tidy verifies and trims an IP frame as the IP layer does: no tag, no
// padding, an IPv4 header with the right checksum.
func tidy(mt *meta, frame []byte) ([]byte, Reason) {
	if mt.tagged {
		frame = stripTag(frame)
		mt.tagged, mt.l3 = false, ethLen
	}
	ip := frame[vnet.HeaderLen+ethLen:]
	var size int
	if mt.kind == kindIPv4 {
		hdr := int(ip[0]&0xf) * 4
		if hdr > len(ip) {
			return nil, ReasonTruncated
		}
		if checksum.Checksum(ip[:hdr], 0) != 0xffff {
			return nil, ReasonChecksum
		}
		size = int(binary.BigEndian.Uint16(ip[2:]))
	} else {
		size = ipv6Len + int(binary.BigEndian.Uint16(ip[4:]))
		if size == ipv6Len && ip[6] == 0 {
			size = len(ip) // a jumbogram, whose length is an option
		}
	}
	if size > len(ip) {
		return nil, ReasonIPTotalLen
	}
	return frame[:vnet.HeaderLen+ethLen+size], reasonNone
}

// martian says that an IP packet has a source that nobody can have, or a
// destination that no device can have (ip_route_input_slow, ip6_rcv_core).
func (m *meta) martian() bool {
	if m.kind == kindIPv4 {
		src, dst := m.v4src, m.v4dst
		return src>>24 == 0 || src>>24 == 127 || dst>>24 == 127 || group4(src) || group4(dst)
	}
	loopback := key6{0, 1}
	return m.v6src == loopback || m.v6dst == loopback || m.v6src.group() || m.v6dst.group()
}

// group4 says whether an IPv4 address is a multicast group's or the limited
// broadcast's.
func group4(a uint32) bool { return a>>28 == 0xe || a == 0xffffffff }

// stripTag removes the tag of a frame in place.
func stripTag(frame []byte) []byte {
	const head = vnet.HeaderLen + 12
	copy(frame[vlanLen:], frame[:head])
	frame = frame[vlanLen:]
	moveHeader(frame)
	return frame
}
