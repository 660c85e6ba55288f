package packet

import (
	"github.com/ipvl/ipvl/link/internal/fdio"
	"golang.org/x/sys/unix"
)

// WriteFrame sends one frame: virtio-net header and Ethernet frame. It does not
// block. An error means that the frame is lost: ErrFull, ErrTooLong, ErrDown,
// ErrGone, ErrMalformed, ErrClosed, or a syscall.Errno.
func (p *Port) WriteFrame(frame []byte) error {
	if errno := p.file.Send(frame); errno != 0 {
		return p.lost(errno)
	}
	return nil
}

// WriteFrames is WriteFrame for many, in order. It returns how many were lost.
func (p *Port) WriteFrames(frames [][]byte) (lost int) {
	if len(frames) == 1 {
		if p.WriteFrame(frames[0]) != nil {
			lost++
		}
		return lost
	}
	if len(frames) >= fdio.RingMin {
		if l := p.rings.Borrow(); l != nil {
			defer p.rings.GiveBack(l)
			return p.file.WriteRing(l, frames, p.lost)
		}
	}
	p.file.SendAll(frames, func(errno unix.Errno) {
		lost++
		_ = p.lost(errno) // which counts; the reason is of no use here
	})
	return lost
}

// WriteVec is WriteFrame for a frame in pieces; the first starts with the
// virtio-net header. Up to 32 pieces are sent without allocation.
func (p *Port) WriteVec(pieces [][]byte) error {
	// The socket is non-blocking, and writev needs no message header.
	if errno := p.file.Writev(pieces); errno != 0 {
		return p.lost(errno)
	}
	return nil
}

// lost counts a frame that was not sent and names the reason. It
// does not allocate.
func (p *Port) lost(errno unix.Errno) error {
	switch errno {
	case unix.EBADF: // from fdio; no loss of the kernel's
		return ErrClosed
	case unix.EAGAIN, unix.ENOBUFS:
		p.stats.txFull.Add(1)
		return ErrFull
	}
	p.stats.txErrors.Add(1)
	switch errno {
	case unix.EMSGSIZE:
		return ErrTooLong
	case unix.ENETDOWN:
		return ErrDown
	case unix.ENXIO, unix.ENODEV:
		return ErrGone
	case unix.EINVAL:
		return ErrMalformed
	}
	return errno
}
