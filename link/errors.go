package link

import (
	"errors"
	"fmt"

	"gvisor.dev/gvisor/pkg/tcpip"
)

// Error is what every set-up call of this package returns.
type Error struct {
	Op   string // what was tried: "add address", "new device", …
	Name string // what it was tried on
	Err  error
}

func (e *Error) Error() string {
	if e.Name == "" {
		return fmt.Sprintf("link: %s: %v", e.Op, e.Err)
	}
	return fmt.Sprintf("link: %s %s: %v", e.Op, e.Name, e.Err)
}

// Unwrap returns the cause.
func (e *Error) Unwrap() error { return e.Err }

var (
	// ErrAddressInUse says that another device of the master owns the address
	// (the kernel's EADDRINUSE): delete it there first.
	ErrAddressInUse = errors.New("address already assigned to an ipvlan device")
	// ErrInvalid says that an argument has no meaning here.
	ErrInvalid = errors.New("invalid argument")
	// ErrClosed says that the device or its master is gone.
	ErrClosed = errors.New("closed")
	// ErrNoID says that all 65533 device ids are taken (the kernel's ENOSPC).
	ErrNoID = errors.New("no device id left on this master")
)

// linkError carries a tcpip.Error as an error, so that errors.As finds it.
type linkError struct{ err tcpip.Error }

func (e linkError) Error() string { return e.err.String() }

// TCPIPError returns the value that the data path gave.
func (e linkError) TCPIPError() tcpip.Error { return e.err }

func wrapTCPIP(err tcpip.Error) error {
	if err == nil {
		return nil
	}
	return linkError{err}
}
