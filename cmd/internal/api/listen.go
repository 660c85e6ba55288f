package api

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"sync"
	"syscall"

	"golang.org/x/sys/unix"
)

// maxSocketPath is the room in struct sockaddr_un, less the final zero.
const maxSocketPath = 107

// Listener is the appliance's socket. It implements [net.Listener].
type Listener struct {
	*net.UnixListener
	lock *os.File
	once sync.Once
	err  error
}

// Listen makes the socket: its directory with mode 0700 where there is none,
// the socket with 0600. It refuses where another appliance holds the lock or
// answers at the path, and takes away the socket that a dead one left.
func Listen(path string) (*Listener, error) {
	fail := func(msg string, err error) (*Listener, error) {
		return nil, &Error{Op: "serve", Msg: fmt.Sprintf("cannot listen at %s: %s", path, msg), Err: err}
	}
	if path == "" || path[0] == '@' {
		return fail("not a path in the file system", nil)
	}
	if len(path) > maxSocketPath {
		return fail(fmt.Sprintf("longer than the %d bytes that a socket's path may have; choose another by --socket", maxSocketPath), nil)
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return fail(err.Error(), err)
	}
	lock, err := takeLock(path + ".lock")
	if err != nil {
		return fail(err.Error(), err)
	}
	if err := clearStale(path); err != nil {
		lock.Close()
		return fail(err.Error(), err)
	}
	ln, err := bind(path)
	if err != nil {
		lock.Close()
		return fail(err.Error(), err)
	}
	return &Listener{UnixListener: ln, lock: lock}, nil
}

// Close stops listening, removes the socket and gives up the lock, in this
// order: who gets the lock next must not find our socket.
func (l *Listener) Close() error {
	l.once.Do(func() { l.err = errors.Join(l.UnixListener.Close(), l.lock.Close()) })
	return l.err
}

var errHeld = errors.New("another appliance is running there; stop it first, or choose another path by --socket")

func takeLock(path string) (*os.File, error) {
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE|syscall.O_NOFOLLOW, 0o600)
	if err != nil {
		return nil, err
	}
	if err := unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB); err != nil {
		f.Close()
		if errors.Is(err, unix.EWOULDBLOCK) {
			return nil, errHeld
		}
		return nil, err
	}
	return f, nil
}

// clearStale removes a socket that nobody answers at. It removes nothing else.
func clearStale(path string) error {
	info, err := os.Lstat(path)
	if errors.Is(err, os.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	if info.Mode().Type() != os.ModeSocket {
		return errors.New("something that is no socket is there; it is left alone")
	}
	conn, err := net.Dial("unix", path)
	if err == nil {
		conn.Close()
		return errHeld
	}
	if !errors.Is(err, syscall.ECONNREFUSED) {
		return err
	}
	return os.Remove(path)
}

// bind listens at a socket that is 0600 from its first moment: the mode of the
// unbound socket becomes that of the file.
func bind(path string) (*net.UnixListener, error) {
	lc := net.ListenConfig{Control: func(_, _ string, c syscall.RawConn) error {
		var err error
		if cerr := c.Control(func(fd uintptr) { err = unix.Fchmod(int(fd), 0o600) }); cerr != nil {
			return cerr
		}
		return err
	}}
	ln, err := lc.Listen(context.Background(), "unix", path)
	if err != nil {
		return nil, err
	}
	return ln.(*net.UnixListener), nil
}
