package uring

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

// newTestRing returns a ring, and checks in the end that nothing was ever under way for
// longer than a call.
func newTestRing(t testing.TB, entries int) *Ring {
	t.Helper()
	r, err := New(Options{Entries: entries})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if r.Strays() != 0 {
			t.Errorf("%d requests were under way after the call", r.Strays())
		}
		noWorkers(t)
		for range 2 {
			if err := r.Close(); err != nil {
				t.Error(err)
			}
		}
	})
	return r
}

// noWorkers checks that the kernel made no worker threads.
func noWorkers(t testing.TB) {
	t.Helper()
	names, err := filepath.Glob("/proc/self/task/*/comm")
	if err != nil || len(names) == 0 {
		t.Fatal("no threads", err)
	}
	for _, name := range names {
		if comm, _ := os.ReadFile(name); strings.HasPrefix(string(comm), "iou-") {
			t.Errorf("a worker thread: %s", comm)
		}
	}
}

// pipes returns the ends of a pipe, with flags.
func pipes(t testing.TB, flags int) (in, out int) {
	t.Helper()
	var p [2]int
	if err := unix.Pipe2(p[:], unix.O_CLOEXEC|flags); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { unix.Close(p[0]); unix.Close(p[1]) })
	return p[1], p[0]
}

// pair returns two connected sockets that keep messages apart.
func pair(t testing.TB, flags int) (near, far int) {
	t.Helper()
	fds, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_SEQPACKET|unix.SOCK_CLOEXEC|flags, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { unix.Close(fds[0]); unix.Close(fds[1]) })
	return fds[0], fds[1]
}

// enter carries out what is queued, which must be n requests.
func enter(t testing.TB, r *Ring, n int) []Completion {
	t.Helper()
	if got, err := r.Enter(); got != n || err != nil || len(r.Completions()) != n || r.Queued() != 0 {
		t.Fatalf("%d requests, %d completions, %v; want %d", got, len(r.Completions()), err, n)
	}
	return r.Completions()
}

func TestProbe(t *testing.T) {
	if err := Probe(); err != nil {
		t.Error(err)
	}
	noWorkers(t)
}

// TestRequests carries out one of each, in one call, whether the descriptors block or not.
func TestRequests(t *testing.T) {
	for _, nonblock := range []int{0, unix.O_NONBLOCK} {
		r := newTestRing(t, 0)
		if r.Entries() != DefaultEntries {
			t.Errorf("%d entries, want %d", r.Entries(), DefaultEntries)
		}
		in, out := pipes(t, nonblock)
		near, far := pair(t, nonblock)
		if nonblock != 0 && unix.SOCK_NONBLOCK != unix.O_NONBLOCK {
			t.Fatal("flags differ")
		}
		a, b, c, none := make([]byte, 5), make([]byte, 9), make([]byte, 9), make([]byte, 9)
		iov := unix.Iovec{Base: &c[0], Len: 9}
		msg := unix.Msghdr{Iov: &iov, Iovlen: 1}
		text := []byte("message")
		sent := unix.Iovec{Base: &text[0], Len: 7}
		r.Read(out, none, 0)
		r.Write(in, []byte("first"), 1)
		r.Read(out, a, 2)
		r.Writev(in, [][]byte{[]byte("sec"), nil, []byte("ond")}, 3)
		r.Read(out, b, 4)
		r.Recvmsg(near, &unix.Msghdr{Iov: &iov, Iovlen: 1}, 0, 5)
		r.Sendmsg(far, &unix.Msghdr{Iov: &sent, Iovlen: 1}, 0, 6)
		r.Recvmsg(near, &msg, 0, 7)
		r.Write(near, text, 8)
		r.Read(-1, b, 1<<63)
		want := []Completion{{0, 0, unix.EAGAIN}, {1, 5, 0}, {2, 5, 0}, {3, 6, 0}, {4, 6, 0},
			{5, 0, unix.EAGAIN}, {6, 7, 0}, {7, 7, 0}, {8, 7, 0}, {1 << 63, 0, unix.EBADF}}
		for i, got := range enter(t, r, len(want)) {
			if got != want[i] {
				t.Errorf("request %d: %+v, want %+v", i, got, want[i])
			}
		}
		if string(a) != "first" || string(b) != "second\x00\x00\x00" || string(c) != "message\x00\x00" {
			t.Errorf("%q, %q, %q", a, b, c)
		}
		enter(t, r, 0)
	}
}

// TestFullQueue queues more than there is room for, in many rounds.
func TestFullQueue(t *testing.T) {
	r := newTestRing(t, 3) // is made 4
	near, far := pair(t, 0)
	octet := []byte{0}
	for round := range 50 {
		for i := range 4 {
			if !r.Write(near, octet, uint64(i)) {
				t.Fatalf("round %d: full after %d", round, i)
			}
		}
		msg := unix.Msghdr{}
		if r.Read(near, octet, 9) || r.Write(near, octet, 9) || r.Writev(near, nil, 9) || r.Sendmsg(near, &msg, 0, 9) || r.Takes(near) == nil {
			t.Fatal("one more than there are entries")
		}
		enter(t, r, 4)
		for range 4 {
			r.Read(far, octet, 9)
		}
		for _, c := range enter(t, r, 4) {
			if (c != Completion{9, 1, 0}) {
				t.Fatalf("round %d: %+v", round, c)
			}
		}
	}
}

// TestFullDescriptor fills a socket: what has no room says so and is not sent later.
func TestFullDescriptor(t *testing.T) {
	r := newTestRing(t, 64)
	near, far := pair(t, 0)
	b, sent, refused := make([]byte, 4096), 0, 0
	for refused == 0 {
		for range 64 {
			r.Write(near, b, 0)
		}
		for _, c := range enter(t, r, 64) {
			switch {
			case c.Errno == unix.EAGAIN:
				refused++
			case c.Errno != 0 || c.N != len(b) || refused > 0:
				t.Fatalf("%+v after %d refused", c, refused)
			default:
				sent++
			}
		}
	}
	got := 0
	for r.Read(far, b, 0); enter(t, r, 1)[0].Errno == 0; r.Read(far, b, 0) {
		got++
	}
	if got != sent {
		t.Errorf("%d arrived, want %d", got, sent)
	}
}

// TestFallBack uses flags that the kernel does not know, and all that it may not know.
func TestFallBack(t *testing.T) {
	const unknown = 1 << 30
	if _, err := newest(4, unknown, unknown<<1); !errors.Is(err, ErrOld) {
		t.Errorf("%v, want %v", err, ErrOld)
	}
	for _, flags := range []uint32{unknown, setupSubmitAll, setupCoopTaskrun, setupCoopTaskrun | setupSubmitAll} {
		r, err := newest(4, flags, 0)
		if err != nil {
			t.Fatal(err)
		}
		defer r.Close()
		in, out := pipes(t, 0)
		// Without setupSubmitAll the kernel stops behind what it refuses at once.
		b := make([]byte, 4)
		r.Write(in, []byte("ab"), 0)
		r.next(255, in, 1)
		r.Write(in, []byte("cd"), 2)
		r.Read(out, b, 3)
		want := []Completion{{0, 2, 0}, {1, 0, unix.EINVAL}, {2, 2, 0}, {3, 4, 0}}
		for i, c := range enter(t, r, 4) {
			if c != want[i] {
				t.Errorf("flags %#x: %+v, want %+v", flags, c, want[i])
			}
		}
		if string(b) != "abcd" || r.Strays() != 0 {
			t.Errorf("flags %#x: %q, %d strays", flags, b, r.Strays())
		}
	}
}

// TestEnterRefused has the system call itself fail: no request is lost, and none is
// carried out later.
func TestEnterRefused(t *testing.T) {
	r := newTestRing(t, 4)
	in, out := pipes(t, 0)
	fd, b := r.fd, make([]byte, 9)
	for round := range uint64(10) {
		r.fd = in // no ring
		for i := range uint64(1 + round%4) {
			r.Write(in, []byte("wrong"), i)
		}
		n, err := r.Enter()
		if e := (*Error)(nil); n != int(1+round%4) || !errors.As(err, &e) || e.Op != "io_uring_enter" || !errors.Is(err, unix.EOPNOTSUPP) {
			t.Errorf("%d requests, %v, want %v", n, err, unix.EOPNOTSUPP)
		}
		for i, c := range r.Completions() {
			if (c != Completion{uint64(i), 0, unix.EOPNOTSUPP}) {
				t.Errorf("%+v", c)
			}
		}
		r.fd = fd
		r.Write(in, []byte("right"), 0)
		r.Read(out, b, 1)
		if got := enter(t, r, 2); got[1].N != 5 || string(b[:5]) != "right" {
			t.Fatalf("%+v, %q", got, b)
		}
	}
}

// TestStray queues, behind the package's back, reads that wait: they are over when
// Enter returns.
func TestStray(t *testing.T) {
	r, err := New(Options{Entries: 8})
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	in, out := pipes(t, 0) // blocks
	b := make([]byte, 8)
	for round := range 20 {
		n := 1 + round%8
		for i := range n {
			r.Read(out, b, uint64(i))
			r.sqes[(r.tail-1)&7].opFlags = 0
		}
		for _, c := range enter(t, r, n) {
			if c.Errno != unix.EAGAIN {
				t.Errorf("round %d: %+v, want %v", round, c, unix.EAGAIN)
			}
		}
		r.Write(in, []byte("late"), 0)
		r.Read(out, b, 1)
		if c := enter(t, r, 2); c[1].N != 4 {
			t.Fatalf("round %d: somebody else read it: %+v", round, c)
		}
	}
	if want := uint64(2*(1+2+3+4+5+6+7+8) + 1 + 2 + 3 + 4); r.Strays() != want {
		t.Errorf("%d strays, want %d", r.Strays(), want)
	}
}

// TestThreads uses one ring from many threads, each of which ends.
func TestThreads(t *testing.T) {
	r := newTestRing(t, 4)
	in, out := pipes(t, 0)
	for range 20 {
		done := make(chan bool)
		go func() {
			defer close(done)
			runtime.LockOSThread() // and never unlocked: the thread ends with the goroutine
			b := make([]byte, 3)
			r.Write(in, []byte("abc"), 0)
			r.Read(out, b, 1)
			if n, err := r.Enter(); n != 2 || err != nil || string(b) != "abc" {
				t.Errorf("%d, %v, %q", n, err, b)
			}
		}()
		<-done
	}
}

// TestCollector queues what nobody else refers to.
func TestCollector(t *testing.T) {
	r := newTestRing(t, 64)
	near, far := pair(t, 0)
	got := make([]byte, 600)
	for range 5 {
		for i := range 32 {
			if i%2 == 0 {
				r.Write(near, bytes.Repeat([]byte{byte(i)}, 600), 0)
			} else {
				r.Writev(near, [][]byte{bytes.Repeat([]byte{byte(i)}, 300), bytes.Repeat([]byte{byte(i)}, 300)}, 0)
			}
		}
		runtime.GC()
		for range 200 { // where the collector finds room
			copy(make([]byte, 600), got)
			copy(make([]byte, 300), got)
		}
		enter(t, r, 32)
		for i := range 32 {
			if n, err := unix.Read(far, got); n != 600 || err != nil || !bytes.Equal(got, bytes.Repeat([]byte{byte(i)}, 600)) {
				t.Fatalf("message %d: %d bytes, %v, % x", i, n, err, got[:8])
			}
		}
	}
}

func TestClosed(t *testing.T) {
	r := newTestRing(t, 4)
	in, out := pipes(t, 0)
	r.Write(in, []byte("never"), 0)
	if err := r.Close(); err != nil {
		t.Error(err)
	}
	if r.Write(in, []byte("never"), 0) || r.Read(out, nil, 0) || r.Queued() != 0 || r.Entries() != 0 {
		t.Error("a closed ring queues")
	}
	if n, err := r.Enter(); n != 0 || !errors.Is(err, unix.EBADF) || len(r.Completions()) != 0 {
		t.Errorf("%d, %v, want %v", n, err, unix.EBADF)
	}
	again := newTestRing(t, 4)
	again.Read(out, make([]byte, 5), 0)
	if c := enter(t, again, 1); c[0].Errno != unix.EAGAIN {
		t.Errorf("%+v: it was written", c)
	}
}

func TestNoAllocation(t *testing.T) {
	r := newTestRing(t, 64)
	near, far := pair(t, unix.SOCK_NONBLOCK)
	b, got, pieces := make([]byte, 60), make([]byte, 60), [][]byte{make([]byte, 20), make([]byte, 40)}
	iov := unix.Iovec{Base: &got[0], Len: 60}
	msg := unix.Msghdr{Iov: &iov, Iovlen: 1}
	if n := testing.AllocsPerRun(100, func() {
		for range 8 {
			r.Write(near, b, 0)
			r.Writev(near, pieces, 0)
		}
		for range 8 {
			r.Read(far, got, 0)
			r.Recvmsg(far, &msg, 0, 0)
		}
		enter(t, r, 32)
	}); n != 0 {
		t.Errorf("%v allocations", n)
	}
}
