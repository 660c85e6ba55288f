package hooks

import (
	"gvisor.dev/gvisor/pkg/buffer"
	tcpipstack "gvisor.dev/gvisor/pkg/tcpip/stack"
)

// standIn is a PacketBuffer that gVisor is shown in place of a TCP segment: IP
// header, TCP header without options, and zeros of the payload's length. It is
// used again and again; only its headers are written, and its payload cut and
// lengthened, which shares one chunk of zeros.
type standIn struct {
	pkt    *tcpipstack.PacketBuffer
	ip, l4 []byte // its headers
	v6     bool
}

const (
	kind4 = iota
	kind6
	numKinds

	maxFree = 64 // stand-ins kept of a kind: more than goroutines run at once
)

func newStandIn(v6 bool) *standIn {
	pkt := tcpipstack.NewPacketBuffer(tcpipstack.PacketBufferOptions{Payload: buffer.MakeWithData(make([]byte, ipLen(v6)+tcpLen))})
	s := &standIn{pkt: pkt, v6: v6}
	s.ip, s.l4 = prepare(pkt, v6, protoTCP, tcpLen)
	return s
}

func (s *standIn) kind() int {
	if s.v6 {
		return kind6
	}
	return kind4
}

// take is a stand-in of p, a TCP segment without SYN, of whose options gVisor
// knows none (RFC 9293: window scale and others stand in segments with SYN).
func (t *tracker) take(p *packet) *standIn {
	kind := kind4
	if p.v6 {
		kind = kind6
	}
	var s *standIn
	t.mu.Lock()
	if n := len(t.free[kind]); n > 0 {
		s = t.free[kind][n-1]
		t.free[kind] = t.free[kind][:n-1]
	}
	t.mu.Unlock()
	if s == nil {
		s = newStandIn(p.v6)
	}
	fillIP(s.ip, p)
	hdr := int(p.frame[p.l4+12]>>4) * 4
	copy(s.l4, p.frame[p.l4:p.l4+tcpLen])
	s.l4[12] = tcpLen / 4 << 4
	t.pad(s.pkt, p.end-p.l4-hdr)
	return s
}

// give takes s back.
func (t *tracker) give(s *standIn) {
	s.pkt.Data().CapLength(0)
	kind := s.kind()
	t.mu.Lock()
	keep := !t.closed && len(t.free[kind]) < maxFree
	if keep {
		t.free[kind] = append(t.free[kind], s)
	}
	t.mu.Unlock()
	if !keep {
		s.pkt.DecRef()
	}
}
