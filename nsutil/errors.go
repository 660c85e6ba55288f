package nsutil

import (
	"errors"
	"fmt"
	"strings"
	"syscall"
)

// The conditions that callers tell apart with errors.Is.
var (
	// ErrGone says that the interface, or the namespace it was in, no longer
	// exists: the device is over.
	ErrGone = errors.New("the interface is gone")
	// ErrChanged says that another namespace has taken the name, PID or path
	// since the Ref was resolved. Resolve it again.
	ErrChanged = errors.New("the name now stands for another network namespace")
	// ErrHeld says that a living process has what was asked for.
	ErrHeld = errors.New("another running ipvl holds it")
	// ErrUnknownNetns says that no name, PID or path leads to the namespace
	// of an interface.
	ErrUnknownNetns = errors.New("no path to the network namespace is known")
)

// Error is what every failure of this package is.
type Error struct {
	// Op is what was tried, in words: "create tap".
	Op string
	// Name is the interface, namespace or table that it was tried on.
	Name string
	// Err is the cause; a syscall.Errno wherever the kernel answered.
	Err error
}

// Error returns "op name: cause".
func (e *Error) Error() string {
	if e.Name == "" {
		return e.Op + ": " + e.Err.Error()
	}
	return fmt.Sprintf("%s %q: %v", e.Op, e.Name, e.Err)
}

// Unwrap returns the cause.
func (e *Error) Unwrap() error { return e.Err }

// NetnsError says that a network namespace cannot be entered. Its text is
// what ip(8) says.
type NetnsError struct {
	Spec string
	Err  error
}

// Error returns ip(8)'s wording: Cannot open network namespace "x": No such
// file or directory.
func (e *NetnsError) Error() string {
	return fmt.Sprintf("Cannot open network namespace %q: %s", e.Spec, errnoText(e.Err))
}

// Unwrap returns the cause.
func (e *NetnsError) Unwrap() error { return e.Err }

// errnoText is strerror(3) of the errno in err: Go's texts start in lower
// case, the C library's do not.
func errnoText(err error) string {
	text := err.Error()
	var errno syscall.Errno
	if errors.As(err, &errno) {
		text = errno.Error()
		text = strings.ToUpper(text[:1]) + text[1:]
	}
	return text
}

// wrap gives err the form of this package; nil stays nil.
func wrap(op, name string, err error) error {
	if err == nil {
		return nil
	}
	var e *Error
	if errors.As(err, &e) && e.Op == op && e.Name == name {
		return err
	}
	return &Error{Op: op, Name: name, Err: err}
}
