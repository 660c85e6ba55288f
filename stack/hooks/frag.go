package hooks

import (
	"bytes"
	"encoding/binary"
	"slices"
	"sync"
	"time"

	"gvisor.dev/gvisor/pkg/tcpip"
)

const (
	fragTimeout = 30 * time.Second // IP_FRAG_TIME; RFC 8200 section 4.5 says 60
	fragMemory  = 4 << 20          // ipfrag_high_thresh
	maxPieces   = 256              // of one packet
	pieceCost   = 128              // what a piece takes beside its bytes
	maxPacket   = 0xffff
)

// fragKey names the packet that a fragment is of (RFC 791 section 3.2, RFC 8200
// section 4.5: IPv6 does without the protocol).
type fragKey struct {
	src, dst ipaddr
	id       uint32
	proto    uint8
	v6       bool
}

func (p *packet) fragKey() fragKey {
	k := fragKey{src: p.tuple.src, dst: p.tuple.dst, id: p.fragID, v6: p.v6}
	if !p.v6 {
		k.proto = p.proto
	}
	return k
}

// reassembly holds fragments until their packets are whole. What is oldest
// makes room.
type reassembly struct {
	mu sync.Mutex
	// +checklocks:mu
	open map[fragKey]*pieces
	// +checklocks:mu
	order []*pieces // by age; those that are done are nil'd out lazily
	// +checklocks:mu
	memory int
}

// pieces are the fragments of one packet.
type pieces struct {
	key   fragKey
	until tcpip.MonotonicTime
	head  []byte // the first fragment up to its payload
	next  uint8  // IPv6: what the fragment header is followed by
	nexAt int    // IPv6: the field in head that leads to it
	parts []piece
	size  int // of the payload; -1: the last fragment is missing
	cost  int
	done  bool
}

type piece struct {
	off  int
	data []byte
}

// gather adds p, a fragment, to its packet. It returns the whole frame if that
// was the last one missing, else nil and why.
func (e *Engine) gather(p *packet) ([]byte, Reason) {
	n := p.end - p.l4
	switch {
	case n <= 0, p.fragMore && n%8 != 0, p.fragOff+n > maxPacket, p.frame[0]&flagNeedsCsum|p.frame[1] != 0:
		e.count.fragDropped.Add(1)
		return nil, Drop
	}
	now := e.clock.NowMonotonic()
	r := &e.whole
	r.mu.Lock()
	defer r.mu.Unlock()
	r.expire(now)
	q := r.open[p.fragKey()]
	if q == nil {
		q = r.start(p.fragKey(), now)
	}
	if !q.fits(p, n) {
		// Overlapping fragments take the packet with them (RFC 5722); so do
		// contradictions, which are no accident either.
		r.finish(q)
		e.count.fragDropped.Add(1)
		return nil, Drop
	}
	e.count.held.Add(1)
	r.memory += q.add(p)
	if !q.complete() {
		for r.memory > fragMemory && len(r.order) > 0 {
			r.finish(r.order[0])
			r.compact()
			e.count.fragDropped.Add(1)
		}
		return nil, Held
	}
	r.finish(q)
	out := q.join()
	if out == nil {
		e.count.fragDropped.Add(1)
		return nil, Drop
	}
	return out, Pass
}

// +checklocks:r.mu
func (r *reassembly) start(k fragKey, now tcpip.MonotonicTime) *pieces {
	if r.open == nil {
		r.open = make(map[fragKey]*pieces)
	}
	q := &pieces{key: k, until: now.Add(fragTimeout), size: -1, cost: pieceCost}
	r.open[k] = q
	r.memory += q.cost
	r.order = append(r.order, q)
	return q
}

// finish forgets q.
//
// +checklocks:r.mu
func (r *reassembly) finish(q *pieces) {
	if !q.done {
		q.done = true
		r.memory -= q.cost
		delete(r.open, q.key)
	}
}

// expire forgets what has waited for too long, and what is done.
//
// +checklocks:r.mu
func (r *reassembly) expire(now tcpip.MonotonicTime) {
	for len(r.order) > 0 && r.order[0].until.Before(now) {
		r.finish(r.order[0])
		r.compact()
	}
	if len(r.order) > 2*len(r.open)+64 {
		r.order = slices.DeleteFunc(r.order, func(q *pieces) bool { return q.done })
	}
	r.compact()
}

// compact takes off what is done at the head of the order.
//
// +checklocks:r.mu
func (r *reassembly) compact() {
	for len(r.order) > 0 && r.order[0].done {
		r.order[0] = nil
		r.order = r.order[1:]
	}
}

func (r *reassembly) clear() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.open, r.order, r.memory = nil, nil, 0
}

// fits reports whether a fragment of n bytes agrees with those that are there.
// One that repeats another byte range exactly does.
func (q *pieces) fits(p *packet, n int) bool {
	end := p.fragOff + n
	if len(q.parts) >= maxPieces || q.size >= 0 && (end > q.size || !p.fragMore && end != q.size) {
		return false
	}
	if k := len(q.parts); !p.fragMore && k > 0 && q.parts[k-1].off+len(q.parts[k-1].data) > end {
		return false
	}
	at := q.at(p.fragOff)
	if at < len(q.parts) && q.parts[at].off == p.fragOff && len(q.parts[at].data) == n {
		return true
	}
	return (at == len(q.parts) || q.parts[at].off >= end) &&
		(at == 0 || q.parts[at-1].off+len(q.parts[at-1].data) <= p.fragOff)
}

// at is where a part at off stands or would.
func (q *pieces) at(off int) int {
	at, _ := slices.BinarySearchFunc(q.parts, off, func(a piece, off int) int { return a.off - off })
	return at
}

// add keeps a copy of p and returns what that costs; what is there already is
// not kept again.
func (q *pieces) add(p *packet) int {
	at := q.at(p.fragOff)
	if at < len(q.parts) && q.parts[at].off == p.fragOff {
		return 0
	}
	data := bytes.Clone(p.frame[p.l4:p.end])
	q.parts = slices.Insert(q.parts, at, piece{p.fragOff, data})
	cost := len(data) + pieceCost
	if !p.fragMore {
		q.size = p.fragOff + len(data)
	}
	if p.fragOff == 0 {
		hdr := p.l4
		if p.v6 {
			hdr, q.next, q.nexAt = p.fragHdr, p.proto, p.nextAt
		}
		q.head = bytes.Clone(p.frame[:hdr])
		cost += hdr
	}
	q.cost += cost
	return cost
}

// complete reports whether nothing is missing: parts do not overlap, so their
// lengths tell.
func (q *pieces) complete() bool {
	if q.size < 0 || q.head == nil {
		return false
	}
	have := 0
	for _, p := range q.parts {
		have += len(p.data)
	}
	return have == q.size
}

// join makes the frame; nil: its packet would be longer than one can be.
func (q *pieces) join() []byte {
	out := make([]byte, 0, len(q.head)+q.size)
	out = append(out, q.head...)
	for _, p := range q.parts {
		out = append(out, p.data...)
	}
	clear(out[:vnetLen])
	l3 := etherEnd(out)
	if q.key.v6 {
		n := len(out) - l3 - ipv6Len
		if n > maxPacket {
			return nil
		}
		binary.BigEndian.PutUint16(out[l3+4:], uint16(n))
		out[q.nexAt] = q.next
		return out
	}
	ip := out[l3:]
	if len(ip) > maxPacket {
		return nil
	}
	binary.BigEndian.PutUint16(ip[2:], uint16(len(ip)))
	ip[6], ip[7], ip[10], ip[11] = 0, 0, 0, 0
	binary.BigEndian.PutUint16(ip[10:], ^sum16(ip[:int(ip[0]&0xf)*4]))
	return out
}

// etherEnd is where the IP header of a frame is that has been parsed.
func etherEnd(frame []byte) int {
	l3 := vnetLen + ethLen
	for etype := binary.BigEndian.Uint16(frame[l3-2:]); etype == etherVLAN || etype == etherQinQ; etype = binary.BigEndian.Uint16(frame[l3-2:]) {
		l3 += vlanLen
	}
	return l3
}
