package tap

import (
	"github.com/ipvl/ipvl/link/internal/fdio"
	"github.com/ipvl/ipvl/link/vnet"
	"golang.org/x/sys/unix"
)

// fillBatch reads a batch of frames by one system call, as many as the last ones
// make likely. It is false where that cannot be done; nothing was read then.
func (r *reader) fillBatch(fd uintptr) (more, ok bool) {
	if r.plain {
		r.release()
		return false, false
	}
	if r.lane == nil {
		if r.lane = r.p.rings.Borrow(); r.lane == nil || !r.lane.Reads() {
			r.release()
			return false, false
		}
		r.want = firstBatch
	}
	ring := r.lane.Ring
	n := min(r.want, fdio.BatchMax)
	for i := range n {
		ring.Read(int(fd), r.lane.Slot(i), 0)
	}
	if _, err := ring.Enter(); err != nil {
		r.plain = true // it worked when it was probed: do without from now on
	}
	return r.collect(n), true
}

// firstBatch is how many frames the first batch of a run asks for.
const firstBatch = 8

// collect queues what the n reads gave, in their order. It reports whether there is
// something to hand over, or an end to tell.
func (r *reader) collect(n int) bool {
	dry, got := false, 0
	for i, c := range r.lane.Ring.Completions() {
		switch {
		case r.plain && c.Errno != 0: // refused behind those that were read; the next fill asks again
		case c.Errno == unix.EAGAIN, c.Errno == unix.EINTR:
			dry = true
		case c.Errno != 0:
			r.Errno = c.Errno
		case c.N == 0: // end of file
			r.Errno = unix.EBADFD
		case c.N < vnet.HeaderLen || c.N > fdio.FrameMax:
			r.p.stats.rxMalformed.Add(1)
		default:
			got++
			r.Add(r.lane.Slot(i)[:c.N:c.N], 0)
		}
	}
	if r.want = 2 * got; got == n {
		r.want = fdio.BatchMax
	}
	r.want = max(r.want, firstBatch)
	switch {
	case r.Errno != 0:
		return true
	case dry:
		return r.Dry()
	}
	return true
}

// release gives the lane back, whose frames nobody holds any more.
func (r *reader) release() {
	if r.lane != nil {
		r.p.rings.GiveBack(r.lane)
		r.lane = nil
	}
}

// WriteFrames is WriteFrame for many, in order. It returns how many were lost.
func (p *Port) WriteFrames(frames [][]byte) (lost int) {
	if len(frames) >= fdio.RingMin {
		if l := p.rings.Borrow(); l != nil {
			defer p.rings.GiveBack(l)
			return p.file.WriteRing(l, frames, p.lost)
		}
	}
	for _, f := range frames {
		if p.WriteFrame(f) != nil {
			lost++
		}
	}
	return lost
}
