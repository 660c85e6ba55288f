package packet

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
const inNamespaces = "IPVL_PACKET_TEST_NS"

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
	t.Cleanup(func() { unix.Close(n.fd) })
	return n
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

// veth makes a pair in n: name, up, and name+"p", in peer, up. It returns
// the index of the first.
func (n *namespace) veth(t testing.TB, name string, peer *namespace) int {
	t.Helper()
	index := 0
	n.do(t, func() error {
		pair := &netlink.Veth{LinkAttrs: netlink.NewLinkAttrs(), PeerName: name + "p"}
		pair.Name = name
		pair.PeerNamespace = netlink.NsFd(peer.fd)
		if err := netlink.LinkAdd(pair); err != nil {
			return err
		}
		index = pair.Index
		return netlink.LinkSetUp(pair)
	})
	peer.do(t, func() error { return setUpDown(name+"p", true) })
	n.waitUp(t, name)
	peer.waitUp(t, name+"p")
	return index
}

// waitUp waits until an interface transmits. The carrier is there earlier, but
// until the kernel's link watch ran, frames silently vanish.
func (n *namespace) waitUp(t testing.TB, name string) {
	t.Helper()
	done := make(chan struct{})
	updates := make(chan netlink.LinkUpdate)
	defer func() {
		close(done)
		go func() { // the subscription may be about to deliver
			for range updates {
			}
		}()
	}()
	n.do(t, func() error {
		return netlink.LinkSubscribeWithOptions(updates, done, netlink.LinkSubscribeOptions{ListExisting: true})
	})
	for u := range updates {
		if a := u.Attrs(); a.Name == name && a.OperState == netlink.OperUp {
			return
		}
	}
	t.Fatalf("%s: no more link events", name)
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

// open opens a port in n and closes it with the test.
func (n *namespace) open(t testing.TB, o Options) *Port {
	t.Helper()
	var p *Port
	n.do(t, func() (err error) { p, err = Open(o); return err })
	t.Cleanup(func() { p.Close() })
	return p
}

// pair is two ports, at both ends of a veth pair.
func pair(t testing.TB) (ns *namespace, near, far *Port) {
	t.Helper()
	ns = newNS(t)
	index := ns.veth(t, "v", ns)
	peer := 0
	ns.do(t, func() (err error) { peer, err = indexOf("vp"); return err })
	return ns, ns.open(t, Options{Index: index, Filter: Filter{All: true}}), ns.open(t, Options{Index: peer, Filter: Filter{All: true}})
}

// serve runs Serve and returns a channel for its result.
func serve(p *Port, handle func([]byte)) <-chan error {
	done := make(chan error, 1)
	go func() { done <- p.Serve(handle) }()
	return done
}
