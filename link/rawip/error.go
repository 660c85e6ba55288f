package rawip

import "errors"

// Errors of the data path. They are returned as they are, without allocation. The
// frame is lost.
var (
	// ErrClosed is returned for a write after Close.
	ErrClosed = errors.New("port is closed")
	// ErrNotLocal says that the destination is not a unicast address of the host,
	// or that the kernel does not know it as one (yet, or any more).
	ErrNotLocal = errors.New("destination is not an address of the host")
	// ErrSource says that the source is not a foreign unicast address.
	ErrSource = errors.New("source is not a unicast address of another host")
	// ErrUnfinished says that the virtio-net header asks for a checksum or
	// for segmentation; complete the frame first (vnet.Fit).
	ErrUnfinished = errors.New("frame wants checksum or segmentation; finish it first")
	// ErrTagged says that the frame has a VLAN tag; it is for another interface
	// than the master.
	ErrTagged = errors.New("frame has a VLAN tag")
	// ErrNotIP says that the frame holds neither IPv4 nor IPv6.
	ErrNotIP = errors.New("frame is neither IPv4 nor IPv6")
	// ErrMalformed says that lengths, version or header checksum are wrong.
	ErrMalformed = errors.New("frame or IP header is malformed")
	// ErrTooLong says that the packet is longer than the loopback's MTU; raise
	// that or fragment the packet.
	ErrTooLong = errors.New("packet is longer than the MTU of the loopback interface")
	// ErrFull says that the socket's send buffer is full or memory is short.
	ErrFull = errors.New("transmit queue is full")
	// ErrFiltered says that the host's firewall refused the packet (OUTPUT).
	ErrFiltered = errors.New("refused by the host's firewall")
	// ErrNoIPv6 says that the host had no IPv6 when the port was opened.
	ErrNoIPv6 = errors.New("host has no IPv6")
)

// Error is what everything but the data path returns.
type Error struct {
	Op  string // what was tried: "open IPv4 socket", "close", …
	Err error  // cause, a syscall.Errno
}

// Error tells operation and cause.
func (e *Error) Error() string { return "rawip: " + e.Op + ": " + e.Err.Error() }

// Unwrap returns the cause.
func (e *Error) Unwrap() error { return e.Err }
