package load

import (
	"errors"
	"fmt"
	"net/netip"
	"os"
	"runtime"
	"runtime/debug"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"
)

// Env is what the environment of a process that runs Serve or Client needs, or
// Go's scheduler interrupts threads that block.
func Env() []string { return []string{"GODEBUG=asyncpreemptoff=1"} }

// threads is how many threads may block at once.
const threads = 80

// Quiet fits the runtime to threads that block without its knowing: each holds
// a P, and the garbage collector would wait for all of them. A process calls it
// once, before Serve or Client.
func Quiet() {
	debug.SetGCPercent(-1)
	runtime.GOMAXPROCS(threads)
}

// call is a system call that Go's scheduler does not hear of, again if a signal
// interrupted it.
func call(trap uintptr, fd int, p unsafe.Pointer, n, flags uintptr) (int, error) {
	for {
		got, _, errno := unix.RawSyscall6(trap, uintptr(fd), uintptr(p), n, flags, 0, 0)
		switch errno {
		case 0:
			return int(got), nil
		case unix.EINTR:
		default:
			return 0, errno
		}
	}
}

func read(fd int, b []byte) (int, error) {
	return call(unix.SYS_READ, fd, unsafe.Pointer(unsafe.SliceData(b)), uintptr(len(b)), 0)
}

func write(fd int, b []byte) (int, error) {
	return call(unix.SYS_WRITE, fd, unsafe.Pointer(unsafe.SliceData(b)), uintptr(len(b)), 0)
}

// socket opens a socket whose calls end after Patience.
func socket(typ int) (int, error) {
	fd, err := unix.Socket(unix.AF_INET, typ|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return -1, os.NewSyscallError("socket", err)
	}
	tv := unix.NsecToTimeval(int64(Patience))
	err = errors.Join(
		unix.SetsockoptTimeval(fd, unix.SOL_SOCKET, unix.SO_RCVTIMEO, &tv),
		unix.SetsockoptTimeval(fd, unix.SOL_SOCKET, unix.SO_SNDTIMEO, &tv),
		unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_REUSEADDR, 1),
	)
	if err != nil {
		unix.Close(fd)
		return -1, os.NewSyscallError("setsockopt", err)
	}
	return fd, nil
}

func sockaddr(a netip.AddrPort) *unix.SockaddrInet4 {
	return &unix.SockaddrInet4{Port: int(a.Port()), Addr: a.Addr().As4()}
}

// listen opens a socket at a port of every address.
func listen(typ int, port uint16) (int, error) {
	fd, err := socket(typ)
	if err != nil {
		return -1, err
	}
	if err := unix.Bind(fd, &unix.SockaddrInet4{Port: int(port)}); err != nil {
		unix.Close(fd)
		return -1, fmt.Errorf("listen at port %d: %w", port, err)
	}
	if typ == unix.SOCK_STREAM {
		err = unix.Listen(fd, 1024)
	} else {
		err = unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_RCVBUF, 4<<20)
	}
	if err != nil {
		unix.Close(fd)
		return -1, fmt.Errorf("listen at port %d: %w", port, err)
	}
	return fd, nil
}

// connect opens a connected socket; a connection is tried again for Patience,
// because a path may need a moment after it was built.
func connect(typ int, to netip.AddrPort) (int, error) {
	for end := time.Now().Add(Patience); ; {
		fd, err := socket(typ)
		if err != nil {
			return -1, err
		}
		if err = unix.Connect(fd, sockaddr(to)); err == nil {
			return fd, nil
		}
		unix.Close(fd)
		if time.Now().After(end) {
			return -1, fmt.Errorf("connect to %v: %w", to, err)
		}
		time.Sleep(20 * time.Millisecond)
	}
}

// noDelay sends what is written at once.
func noDelay(fd int) error {
	return os.NewSyscallError("setsockopt", unix.SetsockoptInt(fd, unix.IPPROTO_TCP, unix.TCP_NODELAY, 1))
}

// abort makes close reset a connection, so that no TIME_WAIT uses up ports.
func abort(fd int) error {
	return os.NewSyscallError("setsockopt", unix.SetsockoptLinger(fd, unix.SOL_SOCKET, unix.SO_LINGER, &unix.Linger{Onoff: 1}))
}
