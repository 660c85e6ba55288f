package hooks

import (
	"encoding/binary"
	"math/rand/v2"
	"net/netip"

	"github.com/ipvl/ipvl/stack"
	"github.com/ipvl/ipvl/stack/rules"
)

// Output runs OUTPUT on a frame of a device that is for no other device, once
// there is a next hop for it, and POSTROUTING. With Pass, out is frame,
// changed in place, or a reassembled one, which is freshly made and the
// caller's; hop is where it goes, and if that is nowhere, or if out is longer
// than hop.MTU and must not be cut, out is as the device sent it, so that an
// error can be about that. Otherwise out is nil.
func (e *Engine) Output(frame []byte) (out []byte, hop stack.Hop, r Reason) {
	rs := e.rules.Load()
	t := e.tracking(rs)
	if t == nil {
		return frame, e.o.Route(frame), Pass
	}
	var p packet
	switch ok := p.parse(frame); {
	case !ok:
		return e.lose(&e.count.malformed)
	case p.frag && p.v6:
		return e.outputFragment(rs, t, &p)
	case p.frag:
		whole, held := e.gather(&p)
		if whole == nil {
			return nil, stack.Hop{}, held
		}
		if !p.parse(whole) {
			return e.lose(&e.count.malformed)
		}
	}
	return e.output(rs, t, &p)
}

// lose counts a frame that Output drops.
func (e *Engine) lose(c *dropCounter) ([]byte, stack.Hop, Reason) {
	c.Add(1)
	return nil, stack.Hop{}, Drop
}

// output is Output for a packet that is not in fragments.
func (e *Engine) output(rs *ruleset, t *tracker, p *packet) ([]byte, stack.Hop, Reason) {
	sent := p.tuple
	var c choice
	f, st, to, opens := e.outputNAT(rs, t, p, &c)
	if f == nil && !opens && to != sent {
		return e.lose(&e.count.untranslated)
	}
	p.translate(&to, destination)
	s := p.subject(st, e.o.Dev)
	// The way is found before OUTPUT, which does not see what has none
	// (ip_route_output_flow, then ip_local_out); but where nat output has sent it.
	hop := e.o.Route(p.frame)
	if !leaves(p, &hop) {
		p.translate(&sent, destination)
		return p.frame, hop, Pass
	}
	if filtered(rs.filterOut, rs.dropOut, &s) {
		return e.lose(&e.count.filterOut)
	}
	if f == nil {
		if lost := e.postrouting(rs, p, &hop, &s, opens, &c); lost != nil {
			return e.lose(lost)
		}
	}
	if f == nil && opens {
		if to, opens = e.begin(t, p, sent, &c); !opens {
			return nil, stack.Hop{}, Drop
		}
	}
	p.translate(&to, source)
	return p.frame, hop, Pass
}

// outputNAT is tracking, and nat output for what is not tracked yet: the flow
// or nil, the packet's state, what it is to become, and whether it may open a
// connection.
func (e *Engine) outputNAT(rs *ruleset, t *tracker, p *packet, c *choice) (f *flow, st state, to tuple, opens bool) {
	f, dir := e.find(p)
	if f != nil {
		return f, e.seen(t, f, dir, p), f.translated(dir), false
	}
	st, opens = stateOf(p)
	to = p.tuple
	s := p.subject(st, e.o.Dev)
	if r := rs.natOut.first(&s); r != nil && r.Action.Kind == rules.KindDNAT {
		c.dnat = newTarget(r)
		to.set(c.dnat.half(p))
	}
	return nil, st, to, opens
}

// begin opens the connection of p, which came as the tuple first and whose
// destination is translated already, and returns what p becomes. False: p is
// dropped, which has been counted.
func (e *Engine) begin(t *tracker, p *packet, first tuple, c *choice) (tuple, bool) {
	came := *p
	came.tuple = first
	f, dir, ok := e.open(t, &came, c)
	if !ok {
		return tuple{}, false
	}
	to := f.translated(dir)
	if to.dst != p.tuple.dst {
		// Another goroutine opened it, with other rules: the way is wrong.
		e.count.conflict.Add(1)
		return tuple{}, false
	}
	p.translate(&to, destination)
	return to, true
}

// postrouting asks the chain of that name about the first packet of a
// connection. It returns the counter of what the packet is dropped for.
func (e *Engine) postrouting(rs *ruleset, p *packet, hop *stack.Hop, s *subject, opens bool, c *choice) *dropCounter {
	if hop.Verdict == stack.VerdictLocal {
		return nil // it does not leave the host
	}
	if s.dev = e.o.Dev; hop.Verdict == stack.VerdictElsewhere {
		s.dev = ""
	}
	r := rs.natPost.first(s)
	if r == nil || r.Action.Kind == rules.KindAccept {
		return nil
	}
	if !opens {
		return &e.count.untranslated
	}
	c.snat = target{addr: r.Action.Addr, ports: r.Action.Ports}
	if r.Action.Kind == rules.KindMasquerade {
		c.snat.addr = e.source(s.dst)
	}
	if !c.snat.addr.IsValid() || c.snat.addr.Is4() == p.v6 {
		return &e.count.noSource
	}
	if c.snat.ports.IsZero() {
		c.snat.ports = e.ports(c.snat.addr, p)
	}
	return nil
}

// ports is what a source port is taken from where the rule leaves it open: on
// an address that the host has too, what it does not use itself; else the
// port that p has, or one of its kind (nf_nat_l4proto_unique_tuple).
func (e *Engine) ports(a netip.Addr, p *packet) rules.Ports {
	if e.o.Own == nil || e.o.Own(a) {
		return rules.Ports{Lo: FirstPort, Hi: LastPort}
	}
	switch port := p.tuple.sport(); {
	case p.proto != protoTCP && p.proto != protoUDP:
		return rules.Ports{Hi: 0xffff}
	case port < 512:
		return rules.Ports{Lo: 1, Hi: 511}
	case port < 1024:
		return rules.Ports{Lo: 1, Hi: 1023}
	}
	return rules.Ports{Lo: 1024, Hi: 0xffff}
}

func (e *Engine) source(dst netip.Addr) netip.Addr {
	if e.o.Source == nil {
		return netip.Addr{}
	}
	return e.o.Source(dst)
}

// newTarget is where a dnat rule sends a new connection: one port of its
// range.
func newTarget(r *rule) target {
	t := target{addr: r.Action.Addr, ports: r.Action.Ports}
	if !t.ports.IsZero() {
		port := t.ports.Lo + uint16(rand.UintN(uint(t.ports.Hi-t.ports.Lo)+1))
		t.ports = rules.Ports{Lo: port, Hi: port}
	}
	return t
}

// half is the destination that t makes of p's.
func (t *target) half(p *packet) (ipaddr, uint16, side) {
	port := p.tuple.dport()
	if !t.ports.IsZero() {
		port = t.ports.Lo
	}
	return addrOf(t.addr), port, destination
}

// leaves reports whether a packet goes where hop says.
func leaves(p *packet, hop *stack.Hop) bool {
	switch hop.Verdict {
	case stack.VerdictLocal:
		return true
	case stack.VerdictSend, stack.VerdictWait, stack.VerdictElsewhere:
		return hop.MTU == 0 || !p.exceeds(int(hop.MTU))
	}
	return false
}

// exceeds reports whether p is longer than mtu and must not be cut.
func (p *packet) exceeds(mtu int) bool {
	if !p.v6 && binary.BigEndian.Uint16(p.frame[p.l3+6:])&ipv4DF == 0 {
		return false
	}
	if p.frame[1] == 0 {
		return p.end-p.l3 > mtu
	}
	// A segmented frame: each segment has all headers.
	hdr := udpLen
	if p.proto == protoTCP && p.l4+tcpLen <= p.end {
		hdr = int(p.frame[p.l4+12]>>4) * 4
	}
	return p.l4+hdr-p.l3+int(binary.NativeEndian.Uint16(p.frame[4:])) > mtu
}

// Restore undoes the translation of a frame that Output returned, for an error
// that is to be about what the device sent. It reports whether the frame's
// connection is known; the frame of one that is not translated is as it was.
func (e *Engine) Restore(frame []byte) bool {
	var p packet
	if !p.parse(frame) || p.frag {
		return false
	}
	back := p.tuple.inverse() // the tuple of the answer
	f, dir := e.flows.get(&back, e.clock.NowMonotonic())
	if f == nil || p.class != classTracked {
		return false
	}
	was := f.tuples[1-dir]
	p.translate(&was, destination)
	p.translate(&was, source)
	return true
}
