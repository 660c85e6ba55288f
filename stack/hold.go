package stack

import "bytes"

// heldFrame is a frame that waits for its next hop's MAC address.
type heldFrame struct {
	hop   Hop
	frame []byte
}

const (
	// maxHeldFrames and maxHeldBytes bound one next hop's queue. The kernel
	// bounds bytes of memory (unres_qlen_bytes, 212992), which is some 101
	// frames; both are checked here, as frames are kept without slack.
	maxHeldFrames = 101
	maxHeldBytes  = 212992
	// maxHeldTotal bounds all queues of a Router together.
	maxHeldTotal = 8 << 20

	vnetLen   = 10           // virtio-net header before the frame
	minHeld   = vnetLen + 14 // and the Ethernet header
	dstMACOff = vnetLen
	srcMACOff = vnetLen + 6
)

// Hold keeps a copy of frame (virtio-net header and Ethernet frame) until
// hop, the answer of Next with VerdictWait, is resolved, and starts that. The
// oldest frames make room for new ones. What waits is emitted in order, or
// dropped when the neighbour does not answer, three requests a second apart;
// the next frame then starts anew.
func (r *Router) Hold(hop Hop, frame []byte) {
	r.count.held.Add(1)
	if len(frame) < minHeld || hop.Verdict != VerdictWait || !hop.NextHop.IsValid() {
		r.drop(ReasonMalformed, 1)
		return
	}
	r.mu.Lock()
	n, reason := r.admit(hop)
	if reason != ReasonNone {
		r.mu.Unlock()
		r.drop(reason, 1)
		return
	}
	r.enqueue(n, heldFrame{hop, bytes.Clone(frame)})
	ask := !n.known && !n.resolving
	if ask {
		n.resolving = true
		r.resolving++
	}
	flush := r.startFlush(n)
	r.mu.Unlock()
	switch {
	case flush:
		// It was resolved between Next and Hold.
		r.flush(n)
	case ask:
		r.solicit(n.addr)
	}
}

// admit is the neighbour of hop, a new one if there is room, or the reason
// why a frame cannot wait for it.
//
// +checklocks:r.mu
func (r *Router) admit(hop Hop) (*neighbor, Reason) {
	switch {
	case r.closed:
		return nil, ReasonClosed
	case !r.wire.Load().up:
		return nil, ReasonLinkDown
	case r.heldBytes >= maxHeldTotal:
		return nil, ReasonQueueFull
	}
	n := r.hops.get(hop.NextHop)
	if (n == nil || !n.known && !n.resolving) && r.resolving >= maxResolving {
		return nil, ReasonNeighborsFull
	}
	if n != nil {
		return n, ReasonNone
	}
	if r.hops.len-r.permanent >= r.hops.max && !r.evict() {
		return nil, ReasonNeighborsFull
	}
	n = &neighbor{addr: hop.NextHop, updated: r.clock.NowMonotonic()}
	r.hops.put(n)
	return n, ReasonNone
}

// evict makes room for one neighbour: one that failed, else the one that has
// been stale and unused for longest. It reports whether there was any.
//
// +checklocks:r.mu
func (r *Router) evict() bool {
	var victim *neighbor
	r.hops.all(func(n *neighbor) {
		failed, idle := n.state == NUDFailed && !n.resolving, n.hw.Load()&hwStale != 0 && !n.flushing
		switch {
		case !n.dynamic() || !failed && !idle:
		case victim == nil, failed && victim.state != NUDFailed:
			victim = n
		case failed == (victim.state == NUDFailed) && n.updated.Before(victim.updated):
			victim = n
		}
	})
	if victim == nil {
		return false
	}
	r.forget(victim, ReasonUnresolved)
	return true
}

// enqueue adds f to n's queue and pushes out what is too much.
//
// +checklocks:r.mu
func (r *Router) enqueue(n *neighbor, f heldFrame) {
	n.held = append(n.held, f)
	n.bytes += len(f.frame)
	r.heldBytes += len(f.frame)
	out := 0
	for len(n.held) > 1 && (len(n.held) > maxHeldFrames || n.bytes > maxHeldBytes) {
		size := len(n.held[0].frame)
		n.bytes -= size
		r.heldBytes -= size
		n.held[0] = heldFrame{}
		n.held = n.held[1:]
		out++
	}
	r.drop(ReasonQueueFull, out)
}

// dequeue takes the whole queue.
//
// +checklocks:r.mu
func (r *Router) dequeue(n *neighbor) []heldFrame {
	held := n.held
	r.heldBytes -= n.bytes
	n.held, n.bytes = nil, 0
	return held
}

// forget takes n out of the table; what waits is dropped.
//
// +checklocks:r.mu
func (r *Router) forget(n *neighbor, reason Reason) {
	if !n.dynamic() {
		r.permanent--
	}
	r.settle(n)
	r.drop(reason, len(r.dequeue(n)))
	n.known = false
	n.publish()
	r.hops.remove(n)
}

// settle notes that gVisor owes no answer for n any more.
//
// +checklocks:r.mu
func (r *Router) settle(n *neighbor) {
	if n.resolving {
		n.resolving = false
		r.resolving--
	}
}
