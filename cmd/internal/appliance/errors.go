package appliance

import (
	"errors"
	"fmt"
	"syscall"

	"github.com/ipvl/ipvl/cmd/internal/api"
)

// refuse is a refusal in words, with the errno that the kernel gives there.
func refuse(op string, errno syscall.Errno, format string, args ...any) error {
	return &api.Error{Op: op, Errno: int(errno), Msg: fmt.Sprintf(format, args...)}
}

// failed wraps what the system answered; its errno goes along.
func failed(op string, err error) error {
	if err == nil {
		return nil
	}
	var refused *api.Error
	if errors.As(err, &refused) {
		return refused
	}
	e := &api.Error{Op: op, Msg: err.Error(), Err: err}
	var errno syscall.Errno
	if errors.As(err, &errno) {
		e.Errno = int(errno)
	}
	return e
}
