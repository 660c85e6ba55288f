package tap

import "errors"

// Errors of the data path. They are returned as they are, without allocation.
var (
	// ErrClosed is returned for a write after Close.
	ErrClosed = errors.New("port is closed")
	// ErrGone says that the interface was deleted, alone or with its network
	// namespace; the port is of no more use and has to be closed.
	ErrGone = errors.New("interface is gone")
	// ErrDown says that the interface is down; the frame is lost.
	ErrDown = errors.New("interface is down")
	// ErrFull says that a queue is full; the frame is lost.
	ErrFull = errors.New("queue is full")
	// ErrMalformed says that the virtio-net header or the frame is shorter than
	// its headers or contradicts itself.
	ErrMalformed = errors.New("frame or virtio-net header is malformed")
)

// Errors of New: what the descriptor lacks.
var (
	// ErrNotTAP says that the descriptor is no TAP that is attached to an interface.
	ErrNotTAP = errors.New("descriptor is not attached to a TAP device (TUNSETIFF with IFF_TAP)")
	// ErrFlags says that frames would not come as a header and Ethernet.
	ErrFlags = errors.New("device was opened without IFF_NO_PI or IFF_VNET_HDR")
	// ErrBlocking says that reads could not be ended by Close.
	ErrBlocking = errors.New("descriptor blocks; open it with O_NONBLOCK")
)

// Error is what everything but the data path returns.
type Error struct {
	Op  string // what was tried: "new", "serve", …
	Err error  // cause: one of the errors above, a syscall.Errno, …
}

// Error tells operation and cause.
func (e *Error) Error() string { return "tap: " + e.Op + ": " + e.Err.Error() }

// Unwrap returns the cause.
func (e *Error) Unwrap() error { return e.Err }
