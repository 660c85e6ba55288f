package stack

import (
	"errors"

	"gvisor.dev/gvisor/pkg/tcpip"
)

// Error is what a call on a Mirror or Router that failed returns.
type Error struct {
	Op  string // "set snapshot", "new router"
	Err error
}

// Error is "op: reason".
func (e *Error) Error() string { return e.Op + ": " + e.Err.Error() }

// Unwrap gives the reason.
func (e *Error) Unwrap() error { return e.Err }

// What NewRouter refuses, wrapped in *Error.
var (
	ErrNoEndpoint = errors.New("no lower endpoint given")
	ErrNoMirror   = errors.New("no Mirror given; make one with NewMirror")
	ErrNoEmit     = errors.New("no Emit function given: frames that waited would have nowhere to go")
	ErrDispatcher = errors.New("the netstack's dispatcher takes no neighbour confirmations; this gVisor is not the one the Router was written for")
)

// StackError carries one of gVisor's errors, which are no Go errors.
type StackError struct{ Err tcpip.Error }

// Error is gVisor's text.
func (e *StackError) Error() string { return "netstack: " + e.Err.String() }
