package api

import (
	"context"
	"errors"
	"math"
	"net"
	"net/http"
	"os"
	"syscall"

	"golang.org/x/sys/unix"
)

type callerKey struct{}

// withCaller reads the peer's credentials once, when the connection is
// accepted: they are those of the process that called connect(2).
func withCaller(ctx context.Context, conn net.Conn) context.Context {
	caller, err := peer(conn)
	if err != nil {
		return ctx
	}
	return context.WithValue(ctx, callerKey{}, caller)
}

func peer(conn net.Conn) (Caller, error) {
	sc, ok := conn.(syscall.Conn)
	if !ok {
		return Caller{}, errors.New("not a socket")
	}
	raw, err := sc.SyscallConn()
	if err != nil {
		return Caller{}, err
	}
	var cred *unix.Ucred
	if cerr := raw.Control(func(fd uintptr) {
		cred, err = unix.GetsockoptUcred(int(fd), unix.SOL_SOCKET, unix.SO_PEERCRED)
	}); cerr != nil {
		return Caller{}, cerr
	}
	if err != nil {
		return Caller{}, err
	}
	if cred.Uid == math.MaxUint32 {
		return Caller{}, errors.New("no credentials") // not a unix socket
	}
	return Caller{PID: int(cred.Pid), UID: cred.Uid, GID: cred.Gid}, nil
}

// allowCaller is the rule where none was given: the server's own user, and root
// of its user namespace. A user that this namespace does not know appears as
// the overflow uid; where the server's own uid is that, the socket's mode is
// what keeps others out.
func allowCaller(c Caller) bool {
	return c.UID == 0 || int(c.UID) == os.Geteuid()
}

// callerOf gives who sent the request, or false for a connection without
// credentials.
func callerOf(r *http.Request) (Caller, bool) {
	c, ok := r.Context().Value(callerKey{}).(Caller)
	return c, ok
}
