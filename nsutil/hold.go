package nsutil

import (
	"errors"

	"golang.org/x/sys/unix"
)

// hold is a claim on a name, in the namespace of the thread that made it, for
// as long as the process lives: an abstract unix socket. What carries our
// mark but is not held was left behind by a process that was killed.
type hold struct{ fd int }

// claim takes name, or fails with ErrHeld.
func claim(name string) (*hold, error) {
	fd, err := unix.Socket(unix.AF_UNIX, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return nil, err
	}
	err = unix.Bind(fd, &unix.SockaddrUnix{Name: "@ipvl/" + name})
	if err == nil {
		return &hold{fd: fd}, nil
	}
	unix.Close(fd)
	if errors.Is(err, unix.EADDRINUSE) {
		err = ErrHeld
	}
	return nil, err
}

// release gives the name back. Idempotent; a nil hold has nothing.
func (h *hold) release() {
	if h != nil && h.fd >= 0 {
		unix.Close(h.fd)
		h.fd = -1
	}
}
