package nstest

import (
	"errors"
	"os"
	"runtime"
	"testing"

	"golang.org/x/sys/unix"
)

// Namespace is a network namespace. It lives until the test is over or End is called, and
// nothing is in it.
type Namespace struct{ fd int }

// New returns a new network namespace. Its loopback interface is down.
func New(t testing.TB) *Namespace {
	t.Helper()
	n := &Namespace{fd: -1}
	err := visit(func() error { return unix.Unshare(unix.CLONE_NEWNET) }, func() (err error) {
		n.fd, err = openNS()
		return err
	})
	if err != nil {
		t.Fatalf("new network namespace: %v", err)
	}
	t.Cleanup(n.End)
	return n
}

// End gives up the namespace before the test is over.
func (n *Namespace) End() {
	if n.fd >= 0 {
		unix.Close(n.fd)
	}
	n.fd = -1
}

// Do runs f on a thread in the namespace. Its error is fatal.
func (n *Namespace) Do(t testing.TB, f func() error) {
	t.Helper()
	if err := visit(func() error { return unix.Setns(n.fd, unix.CLONE_NEWNET) }, f); err != nil {
		t.Fatal(err)
	}
}

// Sysctl writes a value below /proc/sys/net.
func (n *Namespace) Sysctl(t testing.TB, name, value string) {
	t.Helper()
	n.Do(t, func() error { return os.WriteFile("/proc/sys/net/"+name, []byte(value), 0) })
}

// visit runs f on a thread that enter brought into another namespace. The
// thread goes back, so that it does not keep the namespace alive.
func visit(enter, f func() error) error {
	c := make(chan error)
	go func() {
		runtime.LockOSThread() // unlocked only when the thread is back
		home, err := openNS()
		if err != nil {
			c <- err
			return
		}
		defer unix.Close(home)
		if err := enter(); err != nil {
			c <- err
			return
		}
		err = f()
		if back := unix.Setns(home, unix.CLONE_NEWNET); back == nil {
			runtime.UnlockOSThread()
		} else {
			err = errors.Join(err, back)
		}
		c <- err
	}()
	return <-c
}

func openNS() (int, error) {
	return unix.Open("/proc/thread-self/ns/net", unix.O_RDONLY|unix.O_CLOEXEC, 0)
}
