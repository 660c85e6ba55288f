package hooks

import (
	"encoding/binary"
	"math"
	"math/rand"
	"net/netip"
	"sync"

	"gvisor.dev/gvisor/pkg/buffer"
	"gvisor.dev/gvisor/pkg/tcpip"
	"gvisor.dev/gvisor/pkg/tcpip/header"
	tcpipstack "gvisor.dev/gvisor/pkg/tcpip/stack" // not the module's stack, which this package needs as well

	"github.com/ipvl/ipvl/stack/rules"
)

// tracker is gVisor's connection tracking and NAT.
type tracker struct {
	ct     *tcpipstack.ConnTrack
	reaper tcpip.Timer
	gate   *gate

	mu sync.Mutex
	// +checklocks:mu
	zeros *buffer.View // 64 KiB that stand in for every payload
	// +checklocks:mu
	free [numKinds][]*standIn
	// +checklocks:mu
	closed bool
}

// newTracker starts tracking; nothing is tracked yet.
func newTracker(clock tcpip.Clock) *tracker {
	t := &tracker{gate: &gate{Clock: clock}, zeros: buffer.NewViewSize(math.MaxUint16 + 1)}
	t.gate.mu.Lock()
	defer t.gate.mu.Unlock()
	// #nosec: gVisor wants math/rand; ports are no secret.
	t.ct, t.reaper = tcpipstack.NewConnTrackWithReaper(t.gate, rand.New(rand.NewSource(rand.Int63())), nil)
	return t
}

func (t *tracker) close() {
	t.gate.close()
	t.reaper.Stop()
	t.mu.Lock()
	defer t.mu.Unlock()
	t.closed = true
	for i := range t.free {
		for _, s := range t.free[i] {
			s.pkt.DecRef()
		}
		t.free[i] = nil
	}
	t.zeros.Release()
}

// choice is what the rules say of a new connection: the zero value translates
// nothing.
type choice struct {
	dnat, snat target
}

// target is a new address, none for the zero Addr, and the ports to take;
// zero keeps the port.
type target struct {
	addr  netip.Addr
	ports rules.Ports
}

// open has gVisor track the connection of p, translated as c says, and returns
// it with p's direction. Nil: gVisor refuses, because another connection has
// the tuple of the answer. One goroutine at a time.
func (t *tracker) open(p *packet, c *choice) (*flow, int) {
	pkt := t.whole(p)
	defer pkt.DecRef()
	t.ct.GetConnAndUpdatePkt(pkt, true)
	if !pkt.IsConnTrackConfigured() {
		return nil, 0
	}
	// What is configured already stays: then this is gVisor's old connection.
	if c.dnat.addr.IsValid() {
		pkt.ConfigureNAT(span(c.dnat.ports), toTCPIP(c.dnat.addr), tcpipstack.DNAT, !c.dnat.ports.IsZero(), true)
	} else {
		pkt.ConfigureNoopNAT(tcpipstack.DNAT)
	}
	if c.snat.addr.IsValid() {
		// Where it finds no free port the next step fails.
		pkt.ConfigureNAT(span(c.snat.ports), toTCPIP(c.snat.addr), tcpipstack.SNAT, true, true)
	} else {
		pkt.ConfigureNoopNAT(tcpipstack.SNAT)
	}
	if !pkt.FinalizeConnTrack() {
		return nil, 0
	}
	f := &flow{}
	for dir := range f.tuples {
		var info tcpipstack.ConnTrackInfo
		pkt.FillConnTrackInfo(tcpipstack.ConnTrackInfoOpts{UseReplyDir: dir == reply}, &info)
		f.tuples[dir] = newTuple(fromTCPIP(info.SrcAddr), fromTCPIP(info.DstAddr), info.SrcPort, info.DstPort, p.proto, p.v6)
	}
	if pkt.IsReplyPacket() {
		return f, reply
	}
	return f, original
}

func span(p rules.Ports) tcpipstack.PortOrIdentRange {
	return tcpipstack.PortOrIdentRange{Start: p.Lo, Size: uint32(p.Hi) - uint32(p.Lo) + 1}
}

// update tells gVisor of a packet of f.
func (t *tracker) update(f *flow, p *packet) {
	if p.proto != protoTCP || p.tcpFlags&tcpSYN != 0 {
		pkt := t.whole(p)
		t.ct.GetConnAndUpdatePkt(pkt, true)
		f.follow(pkt, p)
		pkt.DecRef()
		return
	}
	s := t.take(p)
	t.ct.GetConnAndUpdatePkt(s.pkt, true)
	f.follow(s.pkt, p)
	t.give(s)
}

// follow reads TCP's state off gVisor, where it may have changed.
func (f *flow) follow(pkt *tcpipstack.PacketBuffer, p *packet) {
	if p.proto != protoTCP {
		return
	}
	if p.tcpFlags&tcpFIN != 0 {
		f.closing.Store(true)
	}
	if f.alive.Load() && !f.closing.Load() && p.tcpFlags&(tcpSYN|tcpRST) == 0 {
		return
	}
	var info tcpipstack.ConnTrackInfo
	pkt.FillConnTrackInfo(tcpipstack.ConnTrackInfoOpts{FillState: true, FillExpiration: true}, &info)
	// gVisor says "established" of what is closed, too; only the timeout tells.
	f.alive.Store(info.State == tcpipstack.ConnTrackStateEstablished && info.Expiration > otherTimeout)
}

// whole is a stand-in with p's whole transport header, made for one use.
func (t *tracker) whole(p *packet) *tcpipstack.PacketBuffer {
	hdr, n := icmpLen, 0
	switch p.proto {
	case protoTCP:
		hdr = int(p.frame[p.l4+12]>>4) * 4
		n = p.end - p.l4 - hdr
	case protoUDP:
		hdr = udpLen
	}
	b := make([]byte, ipLen(p.v6)+hdr)
	fillIP(b, p)
	l4 := b[ipLen(p.v6):]
	copy(l4, p.frame[p.l4:p.l4+hdr])
	if p.proto == protoUDP {
		binary.BigEndian.PutUint16(l4[4:], udpLen)
	}
	fillPorts(l4, p)
	pkt := tcpipstack.NewPacketBuffer(tcpipstack.PacketBufferOptions{Payload: buffer.MakeWithData(b)})
	prepare(pkt, p.v6, p.proto, hdr)
	t.pad(pkt, n)
	return pkt
}

// pad gives pkt n bytes of payload.
func (t *tracker) pad(pkt *tcpipstack.PacketBuffer, n int) {
	if n <= 0 {
		return
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.closed {
		return
	}
	v := t.zeros.Clone()
	v.CapLength(min(n, math.MaxUint16+1))
	pkt.Data().AppendView(v)
}

func ipLen(v6 bool) int {
	if v6 {
		return ipv6Len
	}
	return ipv4Len
}

// fillIP writes an IP header with p's addresses to b.
func fillIP(b []byte, p *packet) {
	if p.v6 {
		b[0], b[6] = 0x60, p.proto
		p.tuple.src.put(b[8:], true)
		p.tuple.dst.put(b[24:], true)
		return
	}
	b[0], b[9] = 0x45, p.proto
	p.tuple.src.put(b[12:], false)
	p.tuple.dst.put(b[16:], false)
}

// fillPorts writes p's ports, or identifier, to a transport header: the frame's
// may be translated already.
func fillPorts(l4 []byte, p *packet) {
	for _, half := range []side{source, destination} {
		if at := portAt(l4, p.proto, half); at >= 0 {
			_, port := p.tuple.half(half)
			binary.BigEndian.PutUint16(l4[at:], port)
		}
	}
}

// prepare marks the headers of a stand-in.
func prepare(pkt *tcpipstack.PacketBuffer, v6 bool, proto uint8, hdr int) (ip, l4 []byte) {
	ip, _ = pkt.NetworkHeader().Consume(ipLen(v6))
	l4, _ = pkt.TransportHeader().Consume(hdr)
	pkt.NetworkProtocolNumber = header.IPv4ProtocolNumber
	if v6 {
		pkt.NetworkProtocolNumber = header.IPv6ProtocolNumber
	}
	pkt.TransportProtocolNumber = tcpip.TransportProtocolNumber(proto)
	return ip, l4
}
