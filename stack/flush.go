package stack

// maxFlushRounds is how often flush looks again for frames that came while
// it emitted; then it lets the data path overtake rather than go on for ever.
const maxFlushRounds = 8

// startFlush reports whether the caller is to call flush, without the lock,
// and publishes what is known where nothing waits.
//
// +checklocks:r.mu
func (r *Router) startFlush(n *neighbor) bool {
	if n.flushing {
		return false
	}
	if !n.known || len(n.held) == 0 {
		n.publish()
		return false
	}
	n.flushing = true
	return true
}

// flush emits what waits for n, and publishes its MAC address when nothing
// waits any more. One goroutine does so at a time: the one that set
// n.flushing.
func (r *Router) flush(n *neighbor) {
	for round := 1; ; round++ {
		r.mu.Lock()
		if !n.known || len(n.held) == 0 || round > maxFlushRounds {
			n.flushing = false
			n.publish()
		}
		var batch []heldFrame
		if n.known {
			batch = r.dequeue(n)
		}
		again, dst := n.flushing, n.mac
		r.mu.Unlock()
		src := r.wire.Load().mac
		for _, f := range batch {
			f.hop.Verdict, f.hop.Dst, f.hop.Src = VerdictSend, dst, src
			copy(f.frame[dstMACOff:], dst[:])
			copy(f.frame[srcMACOff:], src[:])
			r.count.emitted.Add(1)
			r.emit(f.hop, f.frame)
		}
		if !again {
			return
		}
	}
}

// flushSoon is flush in a goroutine of its own, for callers that hold one of
// gVisor's locks.
func (r *Router) flushSoon(n *neighbor) {
	r.clock.AfterFunc(0, func() { r.flush(n) })
}
