package packet

import (
	"time"
	"unsafe"

	"github.com/ipvl/ipvl/link/internal/fdio"
	"golang.org/x/sys/unix"
)

// firstLook and lastLook are how soon and how rarely an interface that is
// down is looked at.
const (
	firstLook = 50 * time.Millisecond
	lastLook  = time.Second
)

// Serve reads frames and calls handle for each, in this goroutine, until Close; it
// then returns nil. When the interface is deleted or moved to
// another network namespace the error is an *Error that wraps ErrGone. An interface that is down
// is waited for.
//
// A frame is virtio-net header and Ethernet frame. It may be changed in place; it is
// valid until handle returns.
func (p *Port) Serve(handle func(frame []byte)) error {
	return p.ServeBatch(fdio.Each(handle))
}

// ServeBatch is Serve for the frames that were read at once: one while traffic is
// calm or frames are large, up to 32 small ones when they come thick. All are valid
// until handle returns.
func (p *Port) ServeBatch(handle func(frames [][]byte)) error {
	r := newReader(p)
	err := r.look() // it may have gone down or away unseen
	if err == nil {
		err = r.Serve(handle, r.failed, r.look)
	}
	if err != nil {
		return p.fail("serve", err)
	}
	return nil
}

// reader is the state of one Serve.
type reader struct {
	*fdio.Reader
	p   *Port
	msg unix.Msghdr
	iov unix.Iovec
	ctl auxdata

	wait time.Duration // until the next look; 0: the interface is up
}

func newReader(p *Port) *reader {
	r := &reader{p: p}
	r.Reader = fdio.NewReader(p.file, p.buffers, r.fill)
	r.msg.Iov = &r.iov
	r.msg.SetIovlen(1)
	r.msg.Control = (*byte)(unsafe.Pointer(&r.ctl))
	return r
}

// fill reads one frame, or a batch of small ones when they come thick.
func (r *reader) fill(fd uintptr) bool {
	r.Errno = 0
	for {
		frame, errno := r.receive(fd, r.Room(tagLen+fdio.FrameMax))
		switch {
		case errno == unix.EINTR, errno == 0 && frame == nil:
			continue
		case errno == unix.EAGAIN:
			return r.Dry()
		case errno != 0:
			r.Errno = errno
			return true
		}
		if !r.Add(frame, tagLen+len(frame)) {
			return true
		}
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
	switch {
	case errno != 0:
		return nil, errno
	case r.msg.Flags&unix.MSG_TRUNC != 0:
		r.p.stats.rxTruncated.Add(1)
		return nil, 0
	}
	frame := b[tagLen : tagLen+n : tagLen+n]
	if tpid, tci, ok := r.ctl.tag(uintptr(r.msg.Controllen)); ok {
		frame = restoreTag(b[:tagLen+n:tagLen+n], tpid, tci)
	}
	return frame, 0
}

// failed judges the error that ended the last fill.
func (r *reader) failed() error {
	switch r.Errno {
	case 0:
		return nil
	case unix.EINVAL:
		r.p.stats.rxRefused.Add(1)
		return nil
	case unix.ENETDOWN:
		return r.look()
	}
	return r.Errno
}

// look looks whether the interface is up, and when to look again: never while it
// is. It is the only way to learn that an interface which was down is gone.
func (r *reader) look() error {
	var up bool
	var err error
	if !r.p.file.Use(func(fd int) { up, err = isUp(fd, r.p.index) }) {
		return nil // closed
	}
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
	if err := r.p.file.SetReadDeadline(at); err != nil && !r.p.file.Closed() {
		return err
	}
	return nil
}
