package load

import (
	"errors"
	"fmt"
	"time"

	"golang.org/x/sys/unix"
)

// maxConns bounds the connections of a run: a peer may keep each for a while.
const maxConns = 20000

func serveConns(fd int, s Spec, ready func()) (Result, error) {
	tv := unix.NsecToTimeval(int64(Patience))
	ready()
	b := make([]byte, 1)
	for {
		c, _, err := unix.Accept4(fd, unix.SOCK_CLOEXEC)
		if errors.Is(err, unix.EINTR) || errors.Is(err, unix.ECONNABORTED) {
			continue
		}
		if err != nil {
			return Result{}, fmt.Errorf("accept: %w", err)
		}
		_ = unix.SetsockoptTimeval(c, unix.SOL_SOCKET, unix.SO_RCVTIMEO, &tv)
		n, err := read(c, b)
		if err == nil && n == 1 && b[0] == goodbye {
			unix.Close(c)
			return Result{}, nil
		}
		if err == nil && n == 1 {
			_, _ = write(c, b) // the client tells what it got
			_, _ = read(c, b)  // until it closes
		}
		unix.Close(c)
	}
}

// goodbye is what the client sends when it has done.
const goodbye = 'q'

func clientConns(s Spec) (Result, error) {
	first, err := connect(unix.SOCK_STREAM, s.Addr) // waits until the path is there
	if err != nil {
		return Result{}, err
	}
	unix.Close(first)
	begin := time.Now()
	var r Result
	for time.Since(begin) < s.duration() && r.Ops < maxConns {
		if err := oneConn(s, 'x'); err != nil {
			return r, err
		}
		r.Ops++
	}
	r.Seconds = time.Since(begin).Seconds()
	return r, oneConn(s, goodbye)
}

// oneConn connects, sends a byte, gets it back, and closes.
func oneConn(s Spec, what byte) error {
	fd, err := socket(unix.SOCK_STREAM)
	if err != nil {
		return err
	}
	defer unix.Close(fd)
	if err := unix.Connect(fd, sockaddr(s.Addr)); err != nil {
		return fmt.Errorf("connect: %w", err)
	}
	if what == goodbye {
		_, err := write(fd, []byte{what})
		return err
	}
	if err := trip(fd, []byte{what}); err != nil {
		return err
	}
	return abort(fd)
}
