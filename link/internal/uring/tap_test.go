package uring

import (
	"encoding/binary"
	"errors"
	"testing"

	"github.com/ipvl/ipvl/link/internal/nstest"
	"golang.org/x/sys/unix"
)

// ends is a TAP with virtio-net header, and a packet socket on its interface.
type ends struct {
	ns       *nstest.Namespace
	near, in int // TAP, socket
}

// newEnds makes a TAP that is up. mode is added to the flags of both descriptors. With hear
// the socket gets what is written to the TAP.
func newEnds(t testing.TB, mode int, hear bool) *ends {
	t.Helper()
	e := &ends{ns: nstest.New(t), near: -1, in: -1}
	t.Cleanup(func() { unix.Close(e.near); unix.Close(e.in) })
	e.ns.Do(t, func() (err error) {
		if e.near, err = unix.Open("/dev/net/tun", unix.O_RDWR|unix.O_CLOEXEC|mode, 0); err != nil {
			return err
		}
		ifr, err := unix.NewIfreq("t0")
		if err != nil {
			return err
		}
		ifr.SetUint16(unix.IFF_TAP | unix.IFF_NO_PI | unix.IFF_VNET_HDR)
		return unix.IoctlIfreq(e.near, unix.TUNSETIFF, ifr)
	})
	e.ns.Sysctl(t, "ipv6/conf/t0/disable_ipv6", "1") // it would send frames of its own
	e.ns.SetUp(t, "t0", true)
	index := e.ns.Attrs(t, "t0").Index
	e.ns.Do(t, func() (err error) {
		if e.in, err = unix.Socket(unix.AF_PACKET, unix.SOCK_RAW|unix.SOCK_CLOEXEC|mode, 0); err != nil {
			return err
		}
		for _, opt := range []int{unix.PACKET_VNET_HDR, unix.PACKET_IGNORE_OUTGOING} {
			if err := unix.SetsockoptInt(e.in, unix.SOL_PACKET, opt, 1); err != nil {
				return err
			}
		}
		proto := uint16(0)
		if hear {
			proto = binary.NativeEndian.Uint16([]byte{testType >> 8, testType & 0xff})
		}
		return unix.Bind(e.in, &unix.SockaddrLinklayer{Ifindex: index, Protocol: proto})
	})
	return e
}

const (
	hdrLen   = 10
	testType = 0x88b5 // local experimental
)

// numbered is a finished frame of n bytes behind its header, that carries a number.
func numbered(n int, number uint32) []byte {
	b := make([]byte, hdrLen+n)
	copy(b[hdrLen:], []byte{0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 2, 0, 0, 0, 0, 1, testType >> 8, testType & 0xff})
	binary.BigEndian.PutUint32(b[hdrLen+14:], number)
	return b
}

func numberOf(b []byte) uint32 { return binary.BigEndian.Uint32(b[hdrLen+14:]) }

// TestTakes asks for all kinds of descriptors that ports have.
func TestTakes(t *testing.T) {
	r := newTestRing(t, 1)
	e := newEnds(t, 0, true)
	_, far := pair(t, 0)
	_, out := pipes(t, 0)
	for name, fd := range map[string]int{"TAP": e.near, "packet socket": e.in, "socket": far, "pipe": out} {
		if err := r.Takes(fd); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	if err := r.Takes(-1); !errors.Is(err, unix.EBADF) {
		t.Errorf("no descriptor: %v, want %v", err, unix.EBADF)
	}
	// A descriptor that cannot promise not to wait.
	fd, err := unix.Open("/proc/self/mountinfo", unix.O_RDONLY|unix.O_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer unix.Close(fd)
	if err := r.Takes(fd); !errors.Is(err, unix.EOPNOTSUPP) {
		t.Errorf("a file of the kernel's: %v, want %v", err, unix.EOPNOTSUPP)
	}
}

// TestSplice carries numbered frames from TAP to TAP as a port would, whether descriptors
// block or not: none is lost but those whose write says so, order is kept.
func TestSplice(t *testing.T) {
	for _, mode := range []int{0, unix.O_NONBLOCK} {
		const batch, total = 32, 20000
		r := newTestRing(t, 2*batch)
		from, to := newEnds(t, mode, false), newEnds(t, mode, true)
		var rooms [2][batch][]byte
		for i := range rooms {
			for j := range rooms[i] {
				rooms[i][j] = make([]byte, 2048)
			}
		}
		var frames [][]byte
		var sent, read, written, arrived uint32
		got := make([]byte, 2048)
		for round := 0; arrived < total; round++ {
			for ; sent < total && sent < arrived+3*batch; sent++ {
				if _, err := unix.Write(from.in, numbered(46+int(sent%1000), sent)); err != nil {
					t.Fatal(err)
				}
			}
			for i, b := range frames {
				if i%2 == 0 {
					r.Write(to.near, b, batch)
				} else {
					r.Writev(to.near, [][]byte{b[:hdrLen], b[hdrLen:20], b[20:]}, batch)
				}
			}
			room := &rooms[round%2]
			for i := range room {
				r.Read(from.near, room[i], uint64(i))
			}
			frames = frames[:0]
			for _, c := range enter(t, r, r.Queued()) {
				switch {
				case c.Errno == unix.EAGAIN && c.User < batch:
				case c.Errno != 0:
					t.Fatalf("round %d: %+v", round, c)
				case c.User == batch:
					written++
				default:
					b := room[c.User][:c.N]
					if n := numberOf(b); n != read || len(b) != hdrLen+46+int(n%1000) {
						t.Fatalf("round %d: frame %d of %d bytes, want %d", round, n, len(b), read)
					}
					read++
					frames = append(frames, b)
				}
			}
			for ; arrived < written; arrived++ {
				if n, err := unix.Read(to.in, got); err != nil || numberOf(got) != arrived {
					t.Fatalf("frame %d arrives as %d (%d bytes, %v)", arrived, numberOf(got), n, err)
				}
			}
		}
	}
}

// TestPacketSocket sends and receives by a packet socket, with all requests that it takes.
func TestPacketSocket(t *testing.T) {
	r := newTestRing(t, 8)
	e := newEnds(t, 0, true)
	b, got := [4][]byte{}, make([]byte, 200)
	iov := unix.Iovec{Base: &got[0], Len: 200}
	for i := range b {
		b[i] = numbered(60, uint32(i))
	}
	sent := unix.Iovec{Base: &b[2][0], Len: 70}
	r.Recvmsg(e.in, &unix.Msghdr{Iov: &iov, Iovlen: 1}, 0, 0)
	r.Write(e.in, b[0], 1)
	r.Writev(e.in, [][]byte{b[1][:30], b[1][30:]}, 2)
	r.Sendmsg(e.in, &unix.Msghdr{Iov: &sent, Iovlen: 1}, 0, 3)
	r.Write(e.near, b[3], 4)
	r.Recvmsg(e.in, &unix.Msghdr{Iov: &iov, Iovlen: 1}, 0, 5)
	want := []Completion{{0, 0, unix.EAGAIN}, {1, 70, 0}, {2, 70, 0}, {3, 70, 0}, {4, 70, 0}, {5, 70, 0}}
	for i, c := range enter(t, r, 6) {
		if c != want[i] {
			t.Errorf("%+v, want %+v", c, want[i])
		}
	}
	if numberOf(got) != 3 {
		t.Errorf("received frame %d, want 3", numberOf(got))
	}
	for i := range uint32(3) {
		r.Read(e.near, got, 0)
		if c := enter(t, r, 1); c[0].N != 70 || numberOf(got) != i {
			t.Errorf("frame %d: %+v, is %d", i, c, numberOf(got))
		}
	}
}

// TestGone takes the interface, and the far socket, away while requests go on.
func TestGone(t *testing.T) {
	e := newEnds(t, 0, false)
	near, far := pair(t, 0)
	for _, c := range []struct {
		fd    int
		end   func()
		read  unix.Errno
		write unix.Errno
	}{
		{e.near, func() { e.ns.Delete(t, "t0") }, unix.EBADFD, unix.EBADFD},
		{near, func() { unix.Shutdown(far, unix.SHUT_RDWR) }, 0, unix.EPIPE},
	} {
		started, over := make(chan bool), make(chan bool)
		go func() {
			defer close(over)
			r := newTestRing(t, 32)
			b := make([]byte, 2048)
			for i := 0; ; i++ {
				for range 8 {
					r.Write(c.fd, numbered(60, 0), 0)
					r.Read(c.fd, b, 1)
				}
				if n, err := r.Enter(); n != 16 || err != nil || len(r.Completions()) != 16 {
					t.Errorf("%d, %v", n, err)
					return
				}
				if i == 0 {
					close(started)
				}
				last := r.Completions()[14:]
				if last[0] == (Completion{0, 0, c.write}) && last[1] == (Completion{1, 0, c.read}) {
					return
				}
			}
		}()
		<-started
		c.end()
		<-over
	}
}
