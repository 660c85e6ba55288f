package api

import (
	"fmt"
	"strings"
	"syscall"
)

// BadNetns is the text of a refusal of a namespace that "netns" names, for which
// ip(8) has an exit status of its own.
const BadNetns = `argument "%s" is wrong: Invalid "netns" value`

// Error says "OP: what is wrong".
func (e *Error) Error() string {
	text := e.Msg
	switch {
	case text == "" && e.Errno != 0:
		text = Strerror(e.Errno)
	case text == "" && e.Err != nil:
		text = e.Err.Error()
	case text == "":
		text = "refused"
	}
	if e.Op == "" {
		return text
	}
	return e.Op + ": " + text
}

// Unwrap gives the cause, or the errno as a [syscall.Errno], so that
// errors.Is(err, unix.EEXIST) holds on both sides of the socket.
func (e *Error) Unwrap() error {
	if e.Err == nil && e.Errno != 0 {
		return syscall.Errno(e.Errno)
	}
	return e.Err
}

// Strerror is strerror(3) in the C locale, as ip(8) prints it after
// "RTNETLINK answers: ".
func Strerror(errno int) string {
	text := syscall.Errno(errno).Error()
	if strings.HasPrefix(text, "errno ") {
		return fmt.Sprintf("Unknown error %d", errno)
	}
	// Go's table is the C library's, but for the capital.
	return strings.ToUpper(text[:1]) + text[1:]
}

// asError makes an *Error of what a Backend returned.
func asError(op string, err error) *Error {
	if e, ok := asType[*Error](err); ok {
		if e.Op == "" {
			e = &Error{Op: op, Msg: e.Msg, Errno: e.Errno, Err: e.Err}
		}
		if e.Msg == "" && e.Errno == 0 {
			e = &Error{Op: e.Op, Msg: e.Error(), Err: e.Err}
		}
		return e
	}
	out := &Error{Op: op, Msg: err.Error(), Err: err}
	if errno, ok := asType[syscall.Errno](err); ok {
		out.Errno = int(errno)
	}
	return out
}
