package tap

import (
	"encoding/binary"
	"os"
	"testing"

	"github.com/ipvl/ipvl/link/internal/nstest"
	"github.com/ipvl/ipvl/link/vnet"
	"golang.org/x/sys/unix"
)

// ends is a port and what is on its other side. Where /dev/net/tun cannot be
// opened, a pair of sockets that keep frames apart stands in for a TAP: all but
// the ioctls and the death of an interface is the same.
type ends struct {
	*Port
	kind string // "tap" or "sockets"
	far  int    // non-blocking: packet socket on the interface, or the other socket
	ns   *nstest.Namespace
}

// kinds are the kinds of ends that this machine has.
func kinds(t testing.TB) []string {
	fd, err := openTun()
	if err != nil {
		t.Logf("no TAP here, only sockets: %v", err)
		return []string{"sockets"}
	}
	unix.Close(fd)
	return []string{"sockets", "tap"}
}

func openTun() (int, error) {
	return unix.Open("/dev/net/tun", unix.O_RDWR|unix.O_NONBLOCK|unix.O_CLOEXEC, 0)
}

// each runs f for every kind.
func each(t *testing.T, f func(t *testing.T, e *ends)) {
	for _, kind := range kinds(t) {
		t.Run(kind, func(t *testing.T) { f(t, newEnds(t, kind)) })
		rings := newRings(t)
		if rings == nil {
			continue
		}
		t.Run(kind+" uring", func(t *testing.T) { f(t, newEndsOn(t, kind, rings)) })
	}
}

// newRings returns rings, or nil where io_uring is not permitted.
func newRings(t testing.TB) *Rings {
	t.Helper()
	r, err := NewRings()
	if err != nil {
		t.Logf("only plain system calls: %v", err)
		return nil
	}
	t.Cleanup(r.Close)
	return r
}

func newEnds(t testing.TB, kind string) *ends {
	t.Helper()
	return newEndsOn(t, kind, nil)
}

func newEndsOn(t testing.TB, kind string, rings *Rings) *ends {
	t.Helper()
	e := &ends{kind: kind}
	if kind == "sockets" {
		var near *os.File
		near, e.far = sockets(t)
		conn, _ := near.SyscallConn()
		conn.Control(func(fd uintptr) { e.Port = newPort(near, int(fd), vnet.FeaturesAll, vnet.FeaturesAll) })
		e.Port.rings = rings
	} else {
		e.ns = nstest.New(t)
		e.ns.Do(t, func() (err error) {
			e.Port, err = New(tapFile(t, "t0", unix.IFF_VNET_HDR), Options{Rings: rings})
			return err
		})
		e.ns.SetUp(t, "t0", true)
		index := e.ns.Attrs(t, "t0").Index
		e.ns.Do(t, func() (err error) { e.far, err = packetSocket(index); return err })
	}
	t.Cleanup(func() { unix.Close(e.far) })
	t.Cleanup(func() { e.Close() })
	return e
}

// sockets returns two connected sockets that keep frames apart.
func sockets(t testing.TB) (near *os.File, far int) {
	t.Helper()
	fds, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_SEQPACKET|unix.SOCK_NONBLOCK|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	return os.NewFile(uintptr(fds[0]), "near"), fds[1]
}

// tapFile opens a TAP in the calling thread's namespace.
func tapFile(t testing.TB, name string, flags uint16) *os.File {
	t.Helper()
	fd, err := openTun()
	if err != nil {
		t.Fatal(err)
	}
	ifr, err := unix.NewIfreq(name)
	if err != nil {
		t.Fatal(err)
	}
	ifr.SetUint16(unix.IFF_TAP | unix.IFF_NO_PI | flags)
	if err := unix.IoctlIfreq(fd, unix.TUNSETIFF, ifr); err != nil {
		t.Fatal(err)
	}
	f := os.NewFile(uintptr(fd), name)
	t.Cleanup(func() { f.Close() })
	return f
}

// packetSocket sends and receives frames with virtio-net header on an
// interface of the calling thread's namespace.
func packetSocket(index int) (int, error) {
	fd, err := unix.Socket(unix.AF_PACKET, unix.SOCK_RAW|unix.SOCK_NONBLOCK|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return -1, err
	}
	for _, opt := range []int{unix.PACKET_VNET_HDR, unix.PACKET_IGNORE_OUTGOING} {
		if err := unix.SetsockoptInt(fd, unix.SOL_PACKET, opt, 1); err != nil {
			return fd, err
		}
	}
	all := binary.NativeEndian.Uint16([]byte{0, unix.ETH_P_ALL})
	return fd, unix.Bind(fd, &unix.SockaddrLinklayer{Ifindex: index, Protocol: all})
}

// send makes the port read a frame.
func (e *ends) send(t testing.TB, frame []byte) {
	t.Helper()
	if _, err := unix.Write(e.far, frame); err != nil {
		t.Fatalf("far end: %v", err)
	}
}

// receive returns the next frame of the tests that the port wrote. It was
// written before, so nothing has to be waited for but the kernel's own hand-over.
func (e *ends) receive(t testing.TB) []byte {
	t.Helper()
	b := make([]byte, 1<<17)
	for {
		fds := []unix.PollFd{{Fd: int32(e.far), Events: unix.POLLIN}}
		if _, err := unix.Poll(fds, -1); err == unix.EINTR {
			continue
		}
		n, err := unix.Read(e.far, b)
		if err != nil {
			t.Fatalf("far end: %v", err)
		}
		if n >= vnet.HeaderLen+14 && ours(b[:n]) {
			return b[:n]
		}
	}
}

// testType is an ethertype that nobody but the tests sends (IEEE 802 local
// experimental).
const testType = 0x88b5

func ours(b []byte) bool {
	return binary.BigEndian.Uint16(b[vnet.HeaderLen+12:]) == testType
}

// marked is a finished frame of n bytes, with header n+10.
func marked(n int, mark byte) []byte {
	b := make([]byte, vnet.HeaderLen+n)
	for i := range b[vnet.HeaderLen:] {
		b[vnet.HeaderLen+i] = mark
	}
	copy(b[vnet.HeaderLen:], []byte{0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 2, 0, 0, 0, 0, 1, testType >> 8, testType & 0xff})
	return b
}

// fdOf is the port's descriptor, which must not be closed meanwhile.
func fdOf(p *Port) (fd uintptr) {
	p.file.Use(func(n int) { fd = uintptr(n) })
	return fd
}

// serve runs Serve and returns a channel for its result.
func serve(p *Port, handle func([]byte)) <-chan error {
	done := make(chan error, 1)
	go func() { done <- p.Serve(handle) }()
	return done
}
