package load

import (
	"fmt"
	"runtime"

	"golang.org/x/sys/unix"
)

// Serve is the server over kernel sockets, after Quiet. It calls ready once it
// listens.
func Serve(s Spec, ready func()) (Result, error) {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	typ := unix.SOCK_STREAM
	if s.Kind == GSO || s.Kind == PPS {
		typ = unix.SOCK_DGRAM
	}
	fd, err := listen(typ, s.Addr.Port())
	if err != nil {
		return Result{}, err
	}
	defer unix.Close(fd)
	serve := map[Kind]func(int, Spec, func()) (Result, error){
		TCP: serveTCP, GSO: receiveGSO, PPS: receivePPS, RR: serveRR, Conn: serveConns,
	}[s.Kind]
	if serve == nil {
		return Result{}, fmt.Errorf("load: no kind %q", s.Kind)
	}
	return serve(fd, s, ready)
}

// Client is the client over kernel sockets, after Quiet.
func Client(s Spec) (Result, error) {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	run := map[Kind]func(Spec) (Result, error){
		TCP: clientTCP, GSO: sendGSO, PPS: sendPPS, RR: clientRR, Conn: clientConns,
	}[s.Kind]
	if run == nil {
		return Result{}, fmt.Errorf("load: no kind %q", s.Kind)
	}
	return metered(func() (Result, error) { return run(s) })
}

// accept takes n connections.
func accept(fd, n int) ([]int, error) {
	var fds []int
	for len(fds) < n {
		c, _, err := unix.Accept4(fd, unix.SOCK_CLOEXEC)
		if err == unix.EINTR {
			continue
		}
		if err != nil {
			closeAll(fds)
			return nil, fmt.Errorf("accept: %w", err)
		}
		fds = append(fds, c)
	}
	return fds, patient(fds)
}

// patient bounds the calls of sockets that were accepted.
func patient(fds []int) error {
	tv := unix.NsecToTimeval(int64(Patience))
	for _, fd := range fds {
		for _, opt := range []int{unix.SO_RCVTIMEO, unix.SO_SNDTIMEO} {
			if err := unix.SetsockoptTimeval(fd, unix.SOL_SOCKET, opt, &tv); err != nil {
				closeAll(fds)
				return fmt.Errorf("setsockopt: %w", err)
			}
		}
	}
	return nil
}

func closeAll(fds []int) {
	for _, fd := range fds {
		unix.Close(fd)
	}
}
