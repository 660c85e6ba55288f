package tap

import (
	"errors"
	"os"
	"os/exec"
	"runtime"
	"syscall"
	"testing"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"
)

// inNamespaces is set in the process that runs the tests.
const inNamespaces = "IPVL_TAP_TEST_NS"

// TestMain runs the tests as root of new user and network namespaces, so that
// they need no privilege and leave nothing behind.
func TestMain(m *testing.M) {
	if os.Getenv(inNamespaces) != "" {
		os.Exit(m.Run())
	}
	cmd := exec.Command("/proc/self/exe", os.Args[1:]...)
	cmd.Args[0] = os.Args[0]
	cmd.Stdin, cmd.Stdout, cmd.Stderr = os.Stdin, os.Stdout, os.Stderr
	cmd.Env = append(os.Environ(), inNamespaces+"=1")
	cmd.SysProcAttr = &syscall.SysProcAttr{
		Cloneflags:  unix.CLONE_NEWUSER | unix.CLONE_NEWNET,
		UidMappings: []syscall.SysProcIDMap{{HostID: os.Getuid(), Size: 1}},
		GidMappings: []syscall.SysProcIDMap{{HostID: os.Getgid(), Size: 1}},
		Pdeathsig:   unix.SIGKILL,
	}
	err := cmd.Run()
	if exit := (*exec.ExitError)(nil); errors.As(err, &exit) {
		os.Exit(exit.ExitCode())
	}
	if err != nil {
		os.Stderr.WriteString("cannot run in new namespaces: " + err.Error() + "\n")
		os.Exit(1)
	}
}

// namespace is a network namespace. It lives until nothing is in it and end is
// called.
type namespace struct{ fd int }

// newNS returns a new network namespace.
func newNS(t testing.TB) *namespace {
	t.Helper()
	n := &namespace{fd: -1}
	err := visit(func() error { return unix.Unshare(unix.CLONE_NEWNET) }, func() (err error) {
		n.fd, err = openNS()
		return err
	})
	if err != nil {
		t.Fatalf("new network namespace: %v", err)
	}
	t.Cleanup(n.end)
	return n
}

// end gives up the namespace.
func (n *namespace) end() {
	if n.fd >= 0 {
		unix.Close(n.fd)
	}
	n.fd = -1
}

// do runs f on a thread in the namespace.
func (n *namespace) do(t testing.TB, f func() error) {
	t.Helper()
	if err := visit(func() error { return unix.Setns(n.fd, unix.CLONE_NEWNET) }, f); err != nil {
		t.Fatal(err)
	}
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

// setUpDown sets an interface of the calling thread's namespace up or down.
func setUpDown(name string, up bool) error {
	l, err := netlink.LinkByName(name)
	if err != nil {
		return err
	}
	if up {
		return netlink.LinkSetUp(l)
	}
	return netlink.LinkSetDown(l)
}

func deleteLink(name string) error {
	l, err := netlink.LinkByName(name)
	if err != nil {
		return err
	}
	return netlink.LinkDel(l)
}

func moveLink(name string, to *namespace) error {
	l, err := netlink.LinkByName(name)
	if err != nil {
		return err
	}
	return netlink.LinkSetNsFd(l, to.fd)
}

func addAddr(name, addr string) error {
	l, err := netlink.LinkByName(name)
	if err != nil {
		return err
	}
	a, err := netlink.ParseAddr(addr)
	if err != nil {
		return err
	}
	a.Flags = unix.IFA_F_NODAD
	return netlink.AddrAdd(l, a)
}
