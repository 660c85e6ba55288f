package tap

import (
	"time"
	"unsafe"

	"github.com/ipvl/ipvl/link/vnet"
	"golang.org/x/sys/unix"
)

const (
	// frameMax holds an IP packet of 64 KiB, Ethernet header and two tags. One
	// byte more tells frames that are too long.
	frameMax = vnet.HeaderLen + 65536 + ethernetLen + 2*4
	// smallMax is what counts as a small frame, with header.
	smallMax = 4096
	// batchMax is how many small frames are read before they are handed over.
	batchMax = 32
	// warmUp is how many frames in a row go one by one before batches start.
	warmUp = 3
	// pause is between reads without the poller.
	pause = 10 * time.Millisecond
)

// Serve reads frames and calls handle for each, in this goroutine, until Close; it
// then returns nil. When the interface is gone the error is an *Error that wraps ErrGone.
//
// A frame is virtio-net header and Ethernet frame. It may be changed in place; it is
// valid until handle returns.
func (p *Port) Serve(handle func(frame []byte)) error {
	conn, err := p.file.SyscallConn()
	if err != nil {
		return &Error{Op: "serve", Err: err}
	}
	r := &reader{p: p, buf: make([]byte, batchMax*smallMax+frameMax+1)}
	fill := r.fill // once: a method value allocates
	for {
		if err := conn.Read(fill); err != nil {
			r.unpolled()
		}
		for _, f := range r.frames[:r.count] {
			handle(f)
		}
		r.count = 0
		if p.closed.Load() {
			return nil
		}
		if err := r.failed(); err != nil {
			return &Error{Op: "serve", Err: err}
		}
	}
}

// reader is the state of one Serve.
type reader struct {
	p   *Port
	buf []byte

	frames [batchMax][]byte // in buf, not yet handed over
	count  int
	run    int        // small frames since the queue was last found empty
	errno  unix.Errno // ended the last fill
	end    bool       // the last fill found the end of file
}

// fill reads one frame, or a batch of small ones when they come thick. It
// returns false when there is nothing and the poller has to wait.
func (r *reader) fill(fd uintptr) bool {
	r.errno = 0
	for off := 0; ; {
		b := r.buf[off : off+frameMax+1]
		// The descriptor does not block, so the scheduler need not know of the call.
		n, _, errno := unix.RawSyscall(unix.SYS_READ, fd, uintptr(unsafe.Pointer(unsafe.SliceData(b))), uintptr(len(b)))
		switch {
		case errno == unix.EINTR:
			continue
		case errno == unix.EAGAIN:
			r.run = 0
			return r.count > 0
		case errno != 0 || n == 0:
			r.errno, r.end = errno, n == 0
			return true
		}
		if !r.take(b[:n:n]) {
			continue
		}
		if n > smallMax {
			r.run = 0
			return true
		}
		r.run++
		if r.run <= warmUp || r.count == batchMax {
			return true
		}
		off += int(n)
	}
}

// take queues and counts a frame, or counts that it is none.
func (r *reader) take(b []byte) bool {
	c := &r.p.stats
	if len(b) < vnet.HeaderLen || len(b) > frameMax {
		c.rxMalformed.Add(1)
		return false
	}
	r.frames[r.count] = b
	r.count++
	c.rxFrames.Add(1)
	c.rxBytes.Add(uint64(len(b) - vnet.HeaderLen))
	return true
}

// failed judges the error that ended the last fill.
func (r *reader) failed() error {
	switch {
	case r.errno == unix.EBADFD, r.end:
		return ErrGone
	case r.errno != 0:
		return r.errno
	}
	return nil
}

// unpolled reads without the poller, which refuses a descriptor that reports an
// error and nothing else: that is how a deletion looks. It pauses because it might be
// called again and again.
func (r *reader) unpolled() {
	r.p.mu.RLock()
	if !r.p.closed.Load() {
		r.fill(uintptr(r.p.fd))
	}
	r.p.mu.RUnlock()
	if r.count == 0 && r.failed() == nil && !r.p.closed.Load() {
		time.Sleep(pause)
	}
}
