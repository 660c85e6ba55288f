package fib

import (
	"errors"
	"fmt"
)

// What can be wrong with an entry of a Snapshot or with a Change. They come
// wrapped in *Error, which says which entry.
var (
	ErrPrefix    = errors.New("prefix is invalid, not masked or of the wrong family")
	ErrAddress   = errors.New("address is invalid or of the wrong family")
	ErrInterface = errors.New("interface is not in the snapshot")
	ErrNoHop     = errors.New("route has no next hop")
	ErrType      = errors.New("type or action is unknown")
	ErrTable     = errors.New("table 0 holds no routes")
	ErrDuplicate = errors.New("entry is there already")
	ErrAbsent    = errors.New("no such route")
	ErrAmbiguous = errors.New("two interfaces have one index or one name; take a new snapshot")
)

// Error says which entry of a Snapshot, or which Change, cannot be used.
type Error struct {
	Op    string // "interface", "address", "route", "rule", "neighbour"
	Entry string // the entry, as ip(8) would begin to write it
	Err   error
}

// Error is "op entry: reason".
func (e *Error) Error() string { return fmt.Sprintf("%s %s: %v", e.Op, e.Entry, e.Err) }

// Unwrap gives the reason.
func (e *Error) Unwrap() error { return e.Err }

// note counts err, which is nil for a good entry, in n and keeps the first.
func (l *LeftOut) note(n *int, op, entry string, err error) {
	*n++
	if l.First == nil {
		l.First = &Error{Op: op, Entry: entry, Err: err}
	}
}
