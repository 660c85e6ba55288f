package tap

import "golang.org/x/sys/unix"

// WriteFrame gives the interface one frame to receive: virtio-net header and
// Ethernet frame. It does not block. An error means that the frame is lost: ErrDown,
// ErrFull, ErrGone, ErrMalformed, ErrClosed, or a syscall.Errno.
func (p *Port) WriteFrame(frame []byte) error {
	if errno := p.file.Write(frame); errno != 0 {
		return p.lost(errno)
	}
	return nil
}

// WriteVec is WriteFrame for a frame in pieces; the first starts with the
// virtio-net header. Up to 32 pieces are written without allocation.
func (p *Port) WriteVec(pieces [][]byte) error {
	if errno := p.file.Writev(pieces); errno != 0 {
		return p.lost(errno)
	}
	return nil
}

// lost counts a frame that was not written and names the reason. It
// does not allocate.
func (p *Port) lost(errno unix.Errno) error {
	switch errno {
	case unix.EBADF: // from fdio; no loss of the kernel's
		return ErrClosed
	case unix.EIO: // tun_get_user: not IFF_UP
		p.stats.txDown.Add(1)
		return ErrDown
	}
	p.stats.txErrors.Add(1)
	switch errno {
	case unix.EAGAIN, unix.ENOBUFS:
		return ErrFull
	case unix.EBADFD:
		return ErrGone
	case unix.EINVAL:
		return ErrMalformed
	}
	return errno
}
