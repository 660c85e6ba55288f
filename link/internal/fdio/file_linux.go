package fdio

import (
	"os"
	"sync"
	"sync/atomic"
	"time"

	"github.com/ipvl/ipvl/link/vnet"
	"golang.org/x/sys/unix"
)

const (
	// FrameMin is the shortest frame: virtio-net header, two addresses, a type.
	FrameMin = vnet.HeaderLen + 14
	// FrameMax holds an IP packet of 64 KiB, Ethernet header and two tags.
	FrameMax = FrameMin + 65536 + 2*4
)

// File is a descriptor that many goroutines may use and close. Make one with NewFile.
type File struct {
	file *os.File

	mu     sync.RWMutex // see the package comment
	fd     int          // +checklocks:mu
	closed atomic.Bool  // set under mu; Serve reads it without

	// Counters of frames that were read and handed over, or written. Bytes are of
	// Ethernet, without the virtio-net header.
	RxFrames, RxBytes, TxFrames, TxBytes atomic.Uint64
}

// NewFile takes over f. fd is its descriptor, which f.Fd would make a blocking one.
func NewFile(f *os.File, fd int) *File { return &File{file: f, fd: fd} }

// Use calls do with the descriptor, which stays open meanwhile, and reports true; after
// Close it reports false. do must not block or call Close.
func (f *File) Use(do func(fd int)) bool {
	f.mu.RLock()
	defer f.mu.RUnlock()
	if f.closed.Load() {
		return false
	}
	do(f.fd)
	return true
}

// Closed reports whether Close was called.
func (f *File) Closed() bool { return f.closed.Load() }

// SetReadDeadline is that of os.File.
func (f *File) SetReadDeadline(at time.Time) error { return f.file.SetReadDeadline(at) }

// Close closes the descriptor and ends Serve. Nobody uses the descriptor any more when
// it returns. last, unless nil, gets it as the last one before. Closing again
// does nothing.
func (f *File) Close(last func(fd int)) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.closed.Load() {
		return nil
	}
	if last != nil {
		last(f.fd)
	}
	f.closed.Store(true)
	return f.file.Close()
}

// SetBuffer sets the size of a socket's buffer, in bytes as the kernel accounts them:
// by option force or, where that is not permitted, by plain, which the kernel clamps.
func SetBuffer(fd, force, plain, size int) error {
	// The kernel doubles what it is given.
	if unix.SetsockoptInt(fd, unix.SOL_SOCKET, force, size/2) == nil {
		return nil
	}
	return unix.SetsockoptInt(fd, unix.SOL_SOCKET, plain, size/2)
}
