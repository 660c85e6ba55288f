package hooks

import "errors"

// What New and Apply refuse, wrapped in *Error.
var (
	ErrNoOwned = errors.New("no Owned function given; nothing would be for a device")
	ErrNoRoute = errors.New("no Route function given; nothing would leave")
	ErrClosed  = errors.New("the engine is closed; make a new one")
)

// Error is what a call on an Engine that failed returns.
type Error struct {
	Op  string // "new engine", "apply"
	Err error
}

// Error is "op: reason".
func (e *Error) Error() string { return e.Op + ": " + e.Err.Error() }

// Unwrap gives the reason.
func (e *Error) Unwrap() error { return e.Err }
