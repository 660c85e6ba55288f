package rules

import "errors"

// What can be wrong with a rule. They come wrapped in *Error.
var (
	ErrTable   = errors.New("unknown table")
	ErrChain   = errors.New("unknown chain")
	ErrPolicy  = errors.New("unknown policy")
	ErrDev     = errors.New("bad interface name")
	ErrFamily  = errors.New("IPv4 and IPv6 in one rule")
	ErrPrefix  = errors.New("bad prefix")
	ErrPorts   = errors.New("ports need a protocol that has them")
	ErrState   = errors.New("unknown connection state")
	ErrAction  = errors.New("action cannot stand here")
	ErrAddress = errors.New("bad address")
	ErrTooMany = errors.New("a chain holds more rules than")
)

// Error says where a rule is wrong, why, and what to write instead.
type Error struct {
	Op  string // "nat postrouting", "rule 3", "policy"
	Err error
}

// Error is "op: reason".
func (e *Error) Error() string { return e.Op + ": " + e.Err.Error() }

// Unwrap gives the reason.
func (e *Error) Unwrap() error { return e.Err }
