package packet

import (
	"errors"
	"strconv"
)

// Errors of the data path. They are returned as they are, without allocation.
var (
	// ErrClosed is returned for a write after Close.
	ErrClosed = errors.New("port is closed")
	// ErrGone says that the interface was deleted or left the network
	// namespace; the port is of no more use and has to be closed.
	ErrGone = errors.New("interface is gone")
	// ErrDown says that the interface is down; the frame is lost.
	ErrDown = errors.New("interface is down")
	// ErrFull says that the socket's or the interface's queue is full; the
	// frame is lost.
	ErrFull = errors.New("transmit queue is full")
	// ErrTooLong says that a frame without segmentation is longer than the
	// interface's MTU (plus one 802.1Q tag); segment or fragment it.
	ErrTooLong = errors.New("frame is longer than the MTU")
	// ErrMalformed says that the virtio-net header or the frame is shorter than
	// its headers or contradicts itself.
	ErrMalformed = errors.New("frame or virtio-net header is malformed")
)

// Error is what everything but the data path returns.
type Error struct {
	Op    string // what was tried: "open", "set filter", "serve", …
	Index int    // interface index, as given to Open
	Err   error  // cause: one of the errors above, a syscall.Errno, …
}

// Error tells operation, interface and cause.
func (e *Error) Error() string {
	return "packet: " + e.Op + " on interface " + strconv.Itoa(e.Index) + ": " + e.Err.Error()
}

// Unwrap returns the cause.
func (e *Error) Unwrap() error { return e.Err }
