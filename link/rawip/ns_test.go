package rawip

import (
	"errors"
	"net/netip"
	"os"
	"os/exec"
	"runtime"
	"syscall"
	"testing"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"
)

// inNamespaces is set in the process that runs the tests.
const inNamespaces = "IPVL_RAWIP_TEST_NS"

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

// namespace is a network namespace that lives as long as the test.
type namespace struct{ fd int }

// newNS returns a new network namespace with lo up.
func newNS(t testing.TB) *namespace {
	t.Helper()
	fds := make(chan int, 1)
	errs := make(chan error, 1)
	go func() {
		runtime.LockOSThread() // never unlocked: the thread ends with the goroutine
		if err := unix.Unshare(unix.CLONE_NEWNET); err != nil {
			errs <- err
			return
		}
		fd, err := unix.Open("/proc/thread-self/ns/net", unix.O_RDONLY|unix.O_CLOEXEC, 0)
		fds <- fd
		errs <- err
	}()
	if err := <-errs; err != nil {
		t.Fatalf("new network namespace: %v", err)
	}
	n := &namespace{<-fds}
	t.Cleanup(func() { unix.Close(n.fd) })
	n.do(t, func() error { return setUpDown("lo", true) })
	return n
}

// do runs f on a thread in the namespace.
func (n *namespace) do(t testing.TB, f func() error) {
	t.Helper()
	c := make(chan error)
	go func() {
		runtime.LockOSThread() // never unlocked
		if err := unix.Setns(n.fd, unix.CLONE_NEWNET); err != nil {
			c <- err
			return
		}
		c <- f()
	}()
	if err := <-c; err != nil {
		t.Fatal(err)
	}
}

// sysctl writes a value below /proc/sys/net.
func (n *namespace) sysctl(t testing.TB, name, value string) {
	t.Helper()
	n.do(t, func() error { return os.WriteFile("/proc/sys/net/"+name, []byte(value), 0) })
}

// open opens a port in n and closes it with the test.
func (n *namespace) open(t testing.TB, o Options) *Port {
	t.Helper()
	var p *Port
	n.do(t, func() (err error) { p, err = Open(o); return err })
	t.Cleanup(func() { p.Close() })
	return p
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

// addAddr adds an address, without duplicate address detection unless dad.
func addAddr(name, prefix string, dad bool) error {
	l, err := netlink.LinkByName(name)
	if err != nil {
		return err
	}
	a, err := netlink.ParseAddr(prefix)
	if err != nil {
		return err
	}
	if !dad && a.IP.To4() == nil {
		a.Flags = unix.IFA_F_NODAD
	}
	return netlink.AddrAdd(l, a)
}

// only is an Options.Local that knows just these.
func only(addrs ...string) func(netip.Addr) bool {
	set := map[netip.Addr]bool{}
	for _, a := range addrs {
		set[netip.MustParseAddr(a)] = true
	}
	return func(a netip.Addr) bool { return set[a] }
}
