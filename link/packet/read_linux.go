package packet

import (
	"errors"
	"os"
	"time"
	"unsafe"

	"github.com/ipvl/ipvl/link/vnet"
	"golang.org/x/sys/unix"
)

const (
	// frameMax holds an IP packet of 64 KiB, Ethernet header and two tags.
	frameMax = vnet.HeaderLen + 65536 + ethernetLen + 2*tagLen
	// smallMax is what counts as a small frame, with header.
	smallMax = 4096
	// batchMax is how many small frames are read before they are handed over.
	batchMax = 32
	// warmUp is how many frames in a row go one by one before batches start.
	warmUp = 3

	// firstLook and lastLook are how soon and how rarely an interface that is
	// down is looked at.
	firstLook = 50 * time.Millisecond
	lastLook  = time.Second
	// pause is between reads without the poller.
	pause = 10 * time.Millisecond
)

// Serve reads frames and calls handle for each, in this goroutine, until Close; it
// then returns nil. When the interface is deleted or moved to
// another network namespace the error is an *Error that wraps ErrGone. An interface that is down
// is waited for.
//
// A frame is virtio-net header and Ethernet frame. It may be changed in place; it is
// valid until handle returns.
func (p *Port) Serve(handle func(frame []byte)) error {
	conn, err := p.file.SyscallConn()
	if err != nil {
		return p.fail("serve", err)
	}
	r := newReader(p)
	if err := r.look(); err != nil { // it may have gone down or away unseen
		return p.fail("serve", err)
	}
	fill := r.fill // once: a method value allocates
	for {
		err := conn.Read(fill)
		timeout := errors.Is(err, os.ErrDeadlineExceeded)
		if err != nil && !timeout {
			r.unpolled()
		}
		for _, f := range r.frames[:r.count] {
			handle(f)
		}
		r.count = 0
		if p.closed.Load() {
			return nil
		}
		if timeout {
			err = r.look()
		} else {
			err = r.failed()
		}
		if err != nil {
			return p.fail("serve", err)
		}
	}
}

// reader is the state of one Serve.
type reader struct {
	p   *Port
	buf []byte
	msg unix.Msghdr
	iov unix.Iovec
	ctl auxdata

	frames [batchMax][]byte // in buf, not yet handed over
	count  int
	run    int           // small frames since the queue was last found empty
	errno  unix.Errno    // ended the last fill
	wait   time.Duration // until the next look; 0: the interface is up
}

func newReader(p *Port) *reader {
	r := &reader{p: p, buf: make([]byte, batchMax*smallMax+tagLen+frameMax)}
	r.msg.Iov = &r.iov
	r.msg.SetIovlen(1)
	r.msg.Control = (*byte)(unsafe.Pointer(&r.ctl))
	return r
}

// fill reads one frame, or a batch of small ones when they come thick. It
// returns false when there is nothing and the poller has to wait.
func (r *reader) fill(fd uintptr) bool {
	r.errno = 0
	for off := 0; ; {
		frame, errno := r.receive(fd, r.buf[off:off+tagLen+frameMax])
		switch {
		case errno == unix.EINTR, errno == 0 && frame == nil:
			continue
		case errno == unix.EAGAIN:
			r.run = 0
			return r.count > 0
		case errno != 0:
			r.errno = errno
			return true
		}
		r.frames[r.count] = frame
		r.count++
		if len(frame) > smallMax {
			r.run = 0
			return true
		}
		r.run++
		if r.run <= warmUp || r.count == batchMax {
			return true
		}
		off += tagLen + len(frame)
	}
}

// receive reads a frame to b, which has tagLen bytes of room in front for a tag.
// A frame that was too long is counted and nil.
func (r *reader) receive(fd uintptr, b []byte) ([]byte, unix.Errno) {
	r.iov.Base = &b[tagLen]
	r.iov.SetLen(len(b) - tagLen)
	r.msg.SetControllen(int(unsafe.Sizeof(r.ctl)))
	// The socket does not block, so the scheduler need not know of the call.
	n, _, errno := unix.RawSyscall(unix.SYS_RECVMSG, fd, uintptr(unsafe.Pointer(&r.msg)), unix.MSG_DONTWAIT)
	c := &r.p.stats
	switch {
	case errno != 0:
		return nil, errno
	case r.msg.Flags&unix.MSG_TRUNC != 0:
		c.rxTruncated.Add(1)
		return nil, 0
	}
	frame := b[tagLen : tagLen+n : tagLen+n]
	if tpid, tci, ok := r.ctl.tag(uintptr(r.msg.Controllen)); ok {
		frame = restoreTag(b[:tagLen+n:tagLen+n], tpid, tci)
	}
	c.rxFrames.Add(1)
	c.rxBytes.Add(uint64(len(frame) - vnet.HeaderLen))
	return frame, 0
}

// failed judges the error that ended the last fill.
func (r *reader) failed() error {
	switch r.errno {
	case 0:
		return nil
	case unix.EINVAL:
		r.p.stats.rxRefused.Add(1)
		return nil
	case unix.ENETDOWN:
		return r.look()
	}
	return r.errno
}

// look looks whether the interface is up, and when to look again: never while it
// is. It is the only way to learn that an interface which was down is gone.
func (r *reader) look() error {
	r.p.mu.RLock()
	defer r.p.mu.RUnlock()
	if r.p.closed.Load() {
		return nil
	}
	up, err := isUp(r.p.fd, r.p.index)
	switch {
	case err != nil:
		return err
	case up:
		return r.lookAfter(0)
	}
	return r.lookAfter(min(max(2*r.wait, firstLook), lastLook))
}

// lookAfter arms the deadline, or takes it away for 0.
func (r *reader) lookAfter(wait time.Duration) error {
	r.wait = wait
	var at time.Time
	if wait > 0 {
		at = time.Now().Add(wait)
	}
	if err := r.p.file.SetReadDeadline(at); err != nil && !r.p.closed.Load() {
		return err
	}
	return nil
}

// unpolled reads without the poller, which refuses a descriptor that reports an
// error and nothing else: the interface went down while the send buffer was
// full. It pauses, because it is called again and again until that changes.
func (r *reader) unpolled() {
	r.p.mu.RLock()
	if !r.p.closed.Load() {
		r.fill(uintptr(r.p.fd))
	}
	r.p.mu.RUnlock()
	if r.count == 0 && !r.p.closed.Load() {
		time.Sleep(pause)
	}
}
