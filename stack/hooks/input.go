package hooks

import (
	"net/netip"

	"github.com/ipvl/ipvl/stack/rules"
)

// Input runs defragmentation and PREROUTING on a frame from the wire, and if
// its destination then is a device's, INPUT. With Pass and Host, out is frame,
// or a reassembled one, which is freshly made and the caller's; with Pass it
// is translated, with Host not, and nothing is tracked of it. Otherwise out is
// nil.
func (e *Engine) Input(frame []byte) (out []byte, r Reason) {
	rs := e.rules.Load()
	t := e.tracking(rs)
	var p packet
	if !p.parse(frame) {
		e.count.malformed.Add(1)
		return nil, Drop
	}
	owned := e.owned(p.tuple.dst, p.v6)
	// IPv4 is always reassembled for a local destination (ip_local_deliver),
	// and IPv6 where it is tracked (nf_defrag_ipv6).
	if p.frag && (t != nil || owned && !p.v6) {
		whole, held := e.gather(&p)
		if whole == nil {
			return nil, held
		}
		if frame = whole; !p.parse(whole) {
			e.count.malformed.Add(1)
			return nil, Drop
		}
	}
	switch {
	case t != nil:
		return e.input(rs, t, &p)
	case owned:
		return frame, Pass
	}
	return frame, Host
}

func (e *Engine) owned(a ipaddr, v6 bool) bool { return e.o.Owned(a.netip(v6)) }

// input is Input for a packet that is not in fragments. Until it is clear that
// a device owns the destination, the frame is not touched.
func (e *Engine) input(rs *ruleset, t *tracker, p *packet) ([]byte, Reason) {
	came := p.tuple
	var c choice
	f, dir := e.find(p)
	st, to, opens := stateNone, came, false
	if f != nil {
		to = f.translated(dir)
	} else {
		st, opens = stateOf(p)
		s := p.subject(st, e.o.Dev)
		if r := rs.natPre.first(&s); opens && r != nil && r.Action.Kind == rules.KindDNAT {
			c.dnat = newTarget(r)
			to.set(c.dnat.half(p))
		}
	}
	if !e.o.Owned(p.destinationAs(&to)) {
		return p.frame, Host
	}
	if f != nil {
		st = e.seen(t, f, dir, p)
	}
	p.translate(&to, destination)
	s := p.subject(st, e.o.Dev)
	if filtered(rs.filterIn, rs.dropIn, &s) {
		e.count.filterIn.Add(1)
		return nil, Drop
	}
	if f == nil && opens {
		e.inputSNAT(rs, p, &s, &c)
		if to, opens = e.begin(t, p, came, &c); !opens {
			return nil, Drop
		}
	}
	p.translate(&to, source)
	return p.frame, Pass
}

// inputSNAT is nat input for the first packet of a connection.
func (e *Engine) inputSNAT(rs *ruleset, p *packet, s *subject, c *choice) {
	r := rs.natIn.first(s)
	if r == nil || r.Action.Kind != rules.KindSNAT {
		return
	}
	c.snat = target{addr: r.Action.Addr, ports: r.Action.Ports}
	if c.snat.ports.IsZero() {
		c.snat.ports = e.ports(c.snat.addr, p)
	}
}

// destinationAs is the destination of the frame once it is translated to t.
func (p *packet) destinationAs(t *tuple) netip.Addr {
	if p.class == classError && t.dst == p.tuple.dst {
		_, dst := p.outer()
		return dst
	}
	return t.dst.netip(p.v6)
}
