package tap

import (
	"unsafe"

	"github.com/ipvl/ipvl/link/internal/fdio"
	"github.com/ipvl/ipvl/link/vnet"
	"golang.org/x/sys/unix"
)

// Serve reads frames and calls handle for each, in this goroutine, until Close; it
// then returns nil. When the interface is gone the error is an *Error that wraps ErrGone.
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
	defer r.release()
	if err := r.Serve(handle, r.failed, nil); err != nil {
		return &Error{Op: "serve", Err: err}
	}
	return nil
}

// reader is the state of one Serve.
type reader struct {
	*fdio.Reader
	p *Port

	lane  *fdio.Lane // while frames come thick
	want  int        // frames to ask for
	plain bool       // there is no lane to be had
}

func newReader(p *Port) *reader {
	r := &reader{p: p}
	r.Reader = fdio.NewReader(p.file, p.buffers, r.fill)
	return r
}

// fill reads one frame, or a batch of small ones when they come thick.
func (r *reader) fill(fd uintptr) bool {
	r.Errno = 0
	if !r.Thick() {
		r.release()
	} else if more, ok := r.fillBatch(fd); ok {
		return more
	}
	for {
		b := r.Room(fdio.FrameMax + 1) // one byte more tells frames that are too long
		// The descriptor does not block, so the scheduler need not know of the call.
		n, _, errno := unix.RawSyscall(unix.SYS_READ, fd, uintptr(unsafe.Pointer(unsafe.SliceData(b))), uintptr(len(b)))
		switch {
		case errno == unix.EINTR:
			continue
		case errno == unix.EAGAIN:
			return r.Dry()
		case errno != 0:
			r.Errno = errno
			return true
		case n == 0: // end of file
			r.Errno = unix.EBADFD
			return true
		case n < vnet.HeaderLen || n > fdio.FrameMax:
			r.p.stats.rxMalformed.Add(1)
			continue
		}
		if !r.Add(b[:n:n], int(n)) {
			return true
		}
	}
}

// failed judges the error that ended the last fill.
func (r *reader) failed() error {
	switch r.Errno {
	case 0:
		return nil
	case unix.EBADFD:
		return ErrGone
	}
	return r.Errno
}
