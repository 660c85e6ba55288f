package fdio

import (
	"math"
	"unsafe"

	"github.com/ipvl/ipvl/link/vnet"
	"golang.org/x/sys/unix"
)

// VecMax is how many pieces are written without allocating.
const VecMax = 32

// Write writes a frame by write(2), and counts it unless that fails. Its own errors
// are EINVAL for a frame below FrameMin, and EBADF after Close.
func (f *File) Write(frame []byte) unix.Errno {
	if len(frame) < FrameMin {
		return unix.EINVAL
	}
	return f.write(unix.SYS_WRITE, unsafe.Pointer(unsafe.SliceData(frame)), len(frame), 0)
}

// Send is Write by sendto(2), for a socket that is bound to its destination.
func (f *File) Send(frame []byte) unix.Errno {
	if len(frame) < FrameMin {
		return unix.EINVAL
	}
	return f.write(unix.SYS_SENDTO, unsafe.Pointer(unsafe.SliceData(frame)), len(frame), unix.MSG_DONTWAIT)
}

// Writev is Write by writev(2) for a frame in pieces.
func (f *File) Writev(pieces [][]byte) unix.Errno {
	var room [VecMax]unix.Iovec
	iov, total := Vector(room[:0], pieces, 0, math.MaxInt)
	if total < FrameMin {
		return unix.EINVAL
	}
	return f.write(unix.SYS_WRITEV, unsafe.Pointer(unsafe.SliceData(iov)), len(iov), 0)
}

// write makes the system call trap with a vector or buffer of n at base.
func (f *File) write(trap uintptr, base unsafe.Pointer, n, flags int) unix.Errno {
	f.mu.RLock()
	defer f.mu.RUnlock()
	if f.closed.Load() {
		return unix.EBADF
	}
	// It does not wait, so the scheduler need not know of the call.
	written, _, errno := unix.RawSyscall6(trap, uintptr(f.fd), uintptr(base), uintptr(n), uintptr(flags), 0, 0)
	if errno != 0 {
		return errno
	}
	f.TxFrames.Add(1)
	f.TxBytes.Add(uint64(written) - vnet.HeaderLen)
	return 0
}

// Vector appends to iov what is in pieces behind the first skip bytes, at most size bytes. It
// returns how many they are.
func Vector(iov []unix.Iovec, pieces [][]byte, skip, size int) ([]unix.Iovec, int) {
	total := 0
	for _, b := range pieces {
		if skip >= len(b) {
			skip -= len(b)
			continue
		}
		b = b[skip:]
		b = b[:min(len(b), size-total)]
		skip = 0
		if len(b) == 0 {
			continue
		}
		v := unix.Iovec{Base: unsafe.SliceData(b)}
		v.SetLen(len(b))
		iov = append(iov, v)
		total += len(b)
	}
	return iov, total
}
