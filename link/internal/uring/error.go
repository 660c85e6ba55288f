package uring

import (
	"errors"
	"syscall"
)

// Errors of Probe and New: what the kernel lacks.
var (
	// ErrOld says that the kernel is older than Linux 5.6.
	ErrOld = errors.New("kernel is too old (needs Linux 5.6); use plain system calls")
	// ErrWaits says that a request was not carried out within the call.
	ErrWaits = errors.New("request was not carried out within the call; use plain system calls")
	// ErrWrong says that a request did something else than it should.
	ErrWrong = errors.New("request gave a wrong result; use plain system calls")
)

// Error says which step failed.
type Error struct {
	Op  string // step: "io_uring_setup", "read", …
	Err error  // cause: one of the errors above or a syscall.Errno
}

// Error tells step, cause and, where there is one, the remedy.
func (e *Error) Error() string { return "uring: " + e.Op + ": " + e.Err.Error() + remedy(e.Err) }

// Unwrap returns the cause.
func (e *Error) Unwrap() error { return e.Err }

// remedy says what to do about a refusal.
func remedy(err error) string {
	switch {
	case errors.Is(err, syscall.EPERM), errors.Is(err, syscall.EACCES):
		return " (see sysctl kernel.io_uring_disabled and the container's seccomp profile, or use plain system calls)"
	case errors.Is(err, syscall.ENOSYS):
		return " (the kernel was built without io_uring or a seccomp profile hides it; use plain system calls)"
	case errors.Is(err, syscall.EOPNOTSUPP):
		return " (a TAP or a pipe needs Linux 6.4; use plain system calls)"
	case errors.Is(err, syscall.ENOMEM):
		return " (before Linux 5.12 a ring counts as locked memory: raise RLIMIT_MEMLOCK or ask for fewer entries)"
	}
	return ""
}
