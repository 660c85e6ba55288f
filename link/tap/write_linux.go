package tap

import (
	"unsafe"

	"github.com/ipvl/ipvl/link/vnet"
	"golang.org/x/sys/unix"
)

// ethernetLen is the shortest frame: two addresses and a type.
const ethernetLen = 14

// vecMax is how many pieces WriteVec takes without allocating.
const vecMax = 32

// WriteFrame gives the interface one frame to receive: virtio-net header and
// Ethernet frame. It does not block. An error means that the frame is lost: ErrDown,
// ErrFull, ErrGone, ErrMalformed, ErrClosed, or a syscall.Errno.
func (p *Port) WriteFrame(frame []byte) error {
	if len(frame) < vnet.HeaderLen+ethernetLen {
		return p.lost(unix.EINVAL)
	}
	p.mu.RLock()
	defer p.mu.RUnlock()
	if p.closed.Load() {
		return ErrClosed
	}
	n, _, errno := unix.Syscall(unix.SYS_WRITE, uintptr(p.fd),
		uintptr(unsafe.Pointer(unsafe.SliceData(frame))), uintptr(len(frame)))
	return p.sent(int(n), errno)
}

// WriteVec is WriteFrame for a frame in pieces; the first starts with the
// virtio-net header. Up to 32 pieces are written without allocation.
func (p *Port) WriteVec(pieces [][]byte) error {
	var room [vecMax]unix.Iovec
	iov := room[:0]
	total := 0
	for _, b := range pieces {
		if len(b) == 0 {
			continue
		}
		v := unix.Iovec{Base: unsafe.SliceData(b)}
		v.SetLen(len(b))
		iov = append(iov, v)
		total += len(b)
	}
	if total < vnet.HeaderLen+ethernetLen {
		return p.lost(unix.EINVAL)
	}
	p.mu.RLock()
	defer p.mu.RUnlock()
	if p.closed.Load() {
		return ErrClosed
	}
	n, _, errno := unix.Syscall(unix.SYS_WRITEV, uintptr(p.fd),
		uintptr(unsafe.Pointer(unsafe.SliceData(iov))), uintptr(len(iov)))
	return p.sent(int(n), errno)
}

// sent counts a frame of n bytes, or its loss.
func (p *Port) sent(n int, errno unix.Errno) error {
	if errno != 0 {
		return p.lost(errno)
	}
	p.stats.txFrames.Add(1)
	p.stats.txBytes.Add(uint64(n - vnet.HeaderLen))
	return nil
}

// lost counts a frame that was not written and names the reason. It
// does not allocate.
func (p *Port) lost(errno unix.Errno) error {
	if errno == unix.EIO { // tun_get_user: not IFF_UP
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
