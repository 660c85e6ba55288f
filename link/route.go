package link

import (
	"encoding/binary"

	"github.com/ipvl/ipvl/link/vnet"
)

// route sends what an L3 device sent on its way as if the default namespace
// had (ipvlan_process_v4_outbound, ipvlan_process_v6_outbound): no TTL is
// taken, no source is checked.
func (m *Master) route(v *view, mt *meta, from *Device, frame []byte, b *Batch) {
	q, ok := query(frame[vnet.HeaderLen:])
	if !ok {
		from.c.drops.add(ReasonTruncated)
		return
	}
	if ip := frame[vnet.HeaderLen+ethLen:]; mt.etherType == etherIPv4 {
		mendIPv4(ip)
	} else {
		mendIPv6(ip)
	}
	if h := m.hooking(); h != nil {
		out, hop := m.outward(v, h, from, frame)
		if out == nil {
			return
		}
		if &out[0] != &frame[0] { // it was put together, in a buffer that is not the reader's
			b.flush()
			b = nil
		}
		m.follow(v, mt, from, out, hop, b)
		return
	}
	if v.linked(from) && v.host.has(q.Dst) {
		m.follow(v, mt, from, frame, Hop{Verdict: HopLocal}, b)
		return
	}
	r := m.router.Load()
	if r == nil {
		from.c.drops.add(ReasonNoRouter)
		return
	}
	m.follow(v, mt, from, frame, (*r).Next(q), b)
}

// follow sends a frame where hop says.
func (m *Master) follow(v *view, mt *meta, from *Device, frame []byte, hop Hop, b *Batch) {
	eth := frame[vnet.HeaderLen:]
	switch hop.Verdict {
	case HopSend:
		copy(eth[0:6], hop.Dst[:])
		copy(eth[6:12], hop.Src[:])
		fallthrough
	case HopWait, HopElsewhere:
		if hop.MTU == 0 || !tooLong(frame, hop.MTU) {
			m.leave(v, from, frame, hop, b)
			return
		}
		b.flush()
		r := m.cut(frame, int(hop.MTU), func(one []byte) error {
			m.leave(v, from, one, hop, nil)
			return nil
		})
		if r != reasonNone {
			from.c.drops.add(r)
		}
		if r == ReasonMTU {
			m.complain(v, from, frame, tooBig(eth, hop))
		}
	case HopLocal:
		copy(eth[0:6], v.mac[:])
		mt.dst = v.mac
		m.toHost(v, mt, from, frame)
	case HopReject:
		from.c.drops.add(ReasonRoute)
		m.complain(v, from, frame, hop.ICMP)
	default:
		from.c.drops.add(ReasonRoute)
	}
}

// leave writes a routed frame out, or has it held where the next hop is not
// known yet.
func (m *Master) leave(v *view, from *Device, frame []byte, hop Hop, b *Batch) {
	reason := reasonNone
	r := m.router.Load()
	switch {
	case hop.Verdict == HopSend:
		m.out(v, from, frame, b)
	case hop.Verdict == HopWait && r == nil:
		reason = ReasonNoRouter
	case hop.Verdict == HopWait && !(*r).Hold(hop, frame):
		reason = ReasonNeighbour
	case hop.Verdict == HopElsewhere && m.elsewhere == nil:
		reason = ReasonRoute
	case hop.Verdict == HopElsewhere:
		reason = m.writeTo(m.elsewhere, frame)
	}
	if reason != reasonNone {
		from.c.drops.add(reason)
	}
}

// QueryOf reads what the Router is asked off an IP frame in byte form. It is
// false for what is no untagged IP frame with a whole header.
func QueryOf(frame []byte) (Query, bool) {
	if len(frame) < vnet.HeaderLen+ethLen {
		return Query{}, false
	}
	eth := frame[vnet.HeaderLen:]
	if t := binary.BigEndian.Uint16(eth[12:]); t != etherIPv4 && t != etherIPv6 {
		return Query{}, false
	}
	return query(eth)
}

// query reads the Router's question off an IP frame.
func query(eth []byte) (Query, bool) {
	ip := eth[ethLen:]
	if binary.BigEndian.Uint16(eth[12:]) == etherIPv4 {
		if len(ip) < ipv4Len || int(ip[0]&0xf)*4 < ipv4Len || int(ip[0]&0xf)*4 > len(ip) {
			return Query{}, false
		}
		src, dst := be32(ip[12:]), be32(ip[16:])
		return Query{Dst: addr4(dst), Src: addr4(src), TOS: ip[1], Proto: ip[9], Hash: mix(uint64(src)<<32 | uint64(dst))}, true
	}
	if len(ip) < ipv6Len {
		return Query{}, false
	}
	src, dst := load6(ip[8:]), load6(ip[24:])
	return Query{
		Dst: dst.addr(), Src: src.addr(), TOS: ip[0]<<4 | ip[1]>>4, Proto: ip[6],
		Hash: mix(src.hi ^ src.lo<<1 ^ dst.hi<<2 ^ dst.lo<<3),
	}, true
}

// mix spreads the addresses of a flow over 32 bits (the finalizer of
// MurmurHash3).
func mix(x uint64) uint32 {
	x ^= x >> 33
	x *= 0xff51afd7ed558ccd
	x ^= x >> 33
	return uint32(x ^ x>>29)
}

// mendIPv4 sets total length and header checksum, as the kernel does for all
// that it sends itself (ip_local_out). ip holds a whole IPv4 header.
func mendIPv4(ip []byte) {
	if len(ip) <= 0xffff {
		binary.BigEndian.PutUint16(ip[2:], uint16(len(ip)))
	}
	hdr := ip[:int(ip[0]&0xf)*4]
	binary.BigEndian.PutUint16(hdr[10:], 0)
	var sum uint32
	for i := 0; i < len(hdr); i += 2 {
		sum += uint32(binary.BigEndian.Uint16(hdr[i:]))
	}
	sum = sum>>16 + sum&0xffff
	sum += sum >> 16
	binary.BigEndian.PutUint16(hdr[10:], ^uint16(sum))
}

// mendIPv6 sets the payload length likewise (ip6_local_out); 0 where it does
// not fit. ip holds a whole IPv6 header.
func mendIPv6(ip []byte) {
	n := len(ip) - ipv6Len
	if n > 0xffff {
		n = 0
	}
	binary.BigEndian.PutUint16(ip[4:], uint16(n))
}
