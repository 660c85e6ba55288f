package hooks

import (
	"net/netip"
	"time"
)

// Conn is one tracked connection.
type Conn struct {
	Proto uint8
	// Src and Dst are of the first packet; ReplySrc and ReplyDst those of an
	// answer, on the other side of the translation. For ping the port of who
	// asks is the identifier, and the other 0.
	Src, Dst, ReplySrc, ReplyDst netip.AddrPort
	Replied                      bool // an answer was seen
	Alive                        bool // TCP: established, and not closed
	Expires                      time.Duration
	Packets, Bytes               [2]uint64 // as sent, and as answered; bytes of IP packets
}

// Conns lists the tracked connections in no order.
func (e *Engine) Conns() []Conn {
	now := e.clock.NowMonotonic()
	var out []Conn
	e.flows.all(func(f *flow) {
		if left := f.expires(now); left >= 0 {
			out = append(out, f.show(left))
		}
	})
	return out
}

func (f *flow) show(left time.Duration) Conn {
	o, r := &f.tuples[original], &f.tuples[reply]
	c := Conn{Proto: o.proto(), Replied: f.replied.Load(), Alive: f.alive.Load(), Expires: left}
	c.Src, c.Dst = o.addrPorts()
	c.ReplySrc, c.ReplyDst = r.addrPorts()
	for dir := range f.packets {
		c.Packets[dir], c.Bytes[dir] = f.packets[dir].Load(), f.bytes[dir].Load()
	}
	return c
}

func (t *tuple) addrPorts() (src, dst netip.AddrPort) {
	return netip.AddrPortFrom(t.src.netip(t.v6()), t.sport()), netip.AddrPortFrom(t.dst.netip(t.v6()), t.dport())
}

// find is the tracked connection of p and p's direction in it; nil: none.
func (e *Engine) find(p *packet) (*flow, int) {
	if p.class != classTracked && p.class != classError {
		return nil, 0
	}
	return e.flows.get(&p.tuple, e.clock.NowMonotonic())
}

// seen accounts a packet of f and says what state it is in.
func (e *Engine) seen(t *tracker, f *flow, dir int, p *packet) state {
	if p.class == classError {
		return stateRelated
	}
	f.packets[dir].Add(1)
	f.bytes[dir].Add(uint64(p.end - p.l3))
	first := dir == reply && !f.replied.Load()
	if first {
		f.replied.Store(true)
	}
	now := e.clock.NowMonotonic()
	// gVisor follows TCP by each segment; of others it notes the time alone.
	if p.proto == protoTCP || first || now.Sub(monotonic(f.used.Load())) >= refreshEvery {
		f.used.Store(nanos(now))
		t.update(f, p)
	}
	switch {
	case p.proto == protoTCP && p.tcpFlags&(tcpSYN|tcpACK) == tcpSYN && f.replied.Load() && !f.alive.Load():
		return stateNew // the ports are used again, before the old connection has timed out
	case f.replied.Load():
		return stateEstablished
	}
	return stateNew
}

// stateOf is the state of a packet without a connection, and whether it may
// start one (nf_conntrack_tcp_packet: a lone segment may, where it could be
// one of a connection that began before tracking did).
func stateOf(p *packet) (s state, opens bool) {
	switch p.class {
	case classTracked:
		switch {
		case p.proto == protoTCP && p.tcpFlags&tcpRST != 0,
			p.proto == protoTCP && p.tcpFlags&(tcpSYN|tcpACK) != tcpSYN && p.tcpFlags&(tcpSYN|tcpACK|tcpFIN) != tcpACK:
			return stateInvalid, false
		case p.isEchoReply():
			return stateInvalid, false
		}
		return stateNew, true
	case classError, classInvalid:
		return stateInvalid, false
	}
	if p.proto == protoICMP || p.proto == protoICMPv6 {
		return stateNone, false
	}
	return stateNew, false
}

func (p *packet) isEchoReply() bool {
	b := p.frame[p.l4]
	return p.proto == protoICMP && b == 0 || p.proto == protoICMPv6 && b == 129
}

// open starts tracking p's connection, translated as c says. ok is false if p
// is to be dropped, which has been counted.
func (e *Engine) open(t *tracker, p *packet, c *choice) (f *flow, dir int, ok bool) {
	f, dir, ok = e.openOne(t, p, c)
	if ok {
		e.watch()
	}
	return f, dir, ok
}

func (e *Engine) openOne(t *tracker, p *packet, c *choice) (f *flow, dir int, ok bool) {
	e.openMu.Lock()
	defer e.openMu.Unlock()
	now := e.clock.NowMonotonic()
	if f, dir = e.flows.get(&p.tuple, now); f != nil {
		return f, dir, true // another goroutine was first
	}
	if e.flows.count.Load() >= int64(e.o.MaxConns) {
		e.count.tableFull.Add(1)
		return nil, 0, false
	}
	if f, dir = t.open(p, c); f == nil {
		e.count.conflict.Add(1)
		return nil, 0, false
	}
	f.used.Store(nanos(now))
	f.packets[dir].Add(1)
	f.bytes[dir].Add(uint64(p.end - p.l3))
	if dir == reply {
		f.replied.Store(true)
	}
	e.flows.add(f)
	return f, dir, true
}
