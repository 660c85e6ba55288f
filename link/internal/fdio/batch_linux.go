package fdio

import (
	"unsafe"

	"github.com/ipvl/ipvl/link/vnet"
	"golang.org/x/sys/unix"
)

// mmsghdr is struct mmsghdr.
type mmsghdr struct {
	hdr unix.Msghdr
	n   uint32
	_   [4]byte
}

// SendAll sends frames in order by sendmmsg(2), for a socket that is bound to its
// destination, and counts those that were sent. lost is called for each that was
// not, which keeps none behind it.
func (f *File) SendAll(frames [][]byte, lost func(unix.Errno)) {
	var msgs [BatchMax]mmsghdr
	var iovs [BatchMax]unix.Iovec
	for len(frames) > 0 {
		n := 0
		for n < len(frames) && n < BatchMax && len(frames[n]) >= FrameMin {
			iovs[n] = unix.Iovec{Base: unsafe.SliceData(frames[n])}
			iovs[n].SetLen(len(frames[n]))
			msgs[n].hdr = unix.Msghdr{Iov: &iovs[n]}
			msgs[n].hdr.SetIovlen(1)
			n++
		}
		errno := unix.EINVAL // the frame at hand is too short
		if n > 0 {
			n, errno = f.sendmmsg(msgs[:n])
		}
		if errno != 0 {
			lost(errno)
			n = 1
		}
		frames = frames[n:]
	}
}

// sendmmsg sends and counts at least one message, or none and says why.
func (f *File) sendmmsg(msgs []mmsghdr) (int, unix.Errno) {
	f.mu.RLock()
	defer f.mu.RUnlock()
	if f.closed.Load() {
		return 0, unix.EBADF
	}
	// It does not wait, so the scheduler need not know of the call.
	n, _, errno := unix.RawSyscall6(unix.SYS_SENDMMSG, uintptr(f.fd), uintptr(unsafe.Pointer(unsafe.SliceData(msgs))), uintptr(len(msgs)), unix.MSG_DONTWAIT, 0, 0)
	if errno != 0 {
		return 0, errno
	}
	var size uint64
	for i := range msgs[:n] {
		size += uint64(msgs[i].n) - vnet.HeaderLen
	}
	f.TxFrames.Add(uint64(n))
	f.TxBytes.Add(size)
	return int(n), 0
}

// RingMin is from how many frames on a ring is faster than other ways to write them.
const RingMin = 4

// WriteRing writes frames in order through a lane, up to a ring's worth by one system
// call, and counts those that were written. lost is told why of each that was not, which
// keeps none behind it; WriteRing returns how many they were.
func (f *File) WriteRing(l *Lane, frames [][]byte, lost func(unix.Errno) error) (n int) {
	for len(frames) > 0 {
		batch := frames[:min(len(frames), l.Ring.Entries())]
		frames = frames[len(batch):]
		if !f.Use(func(fd int) { n += l.write(fd, batch, lost) }) {
			return n + len(batch) + len(frames)
		}
		f.countRing(l)
		for _, c := range l.Ring.Completions() {
			if c.Errno != 0 {
				n++
				_ = lost(c.Errno) // which counts; the reason is of no use here
			}
		}
	}
	return n
}

// write has the ring carry out the writes of a batch. It returns how many were too short.
func (l *Lane) write(fd int, batch [][]byte, lost func(unix.Errno) error) (short int) {
	for _, b := range batch {
		if len(b) >= FrameMin {
			l.Ring.Write(fd, b, 0)
			continue
		}
		short++
		_ = lost(unix.EINVAL)
	}
	_, _ = l.Ring.Enter() // its error is that of each frame it kept back
	return short
}

// countRing counts what the ring's last writes gave.
func (f *File) countRing(l *Lane) {
	var bytes, written uint64
	for _, c := range l.Ring.Completions() {
		if c.Errno == 0 {
			written++
			bytes += uint64(c.N) - vnet.HeaderLen
		}
	}
	f.TxFrames.Add(written)
	f.TxBytes.Add(bytes)
}
