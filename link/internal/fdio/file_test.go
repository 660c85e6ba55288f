package fdio

import (
	"bytes"
	"math/rand/v2"
	"os"
	"testing"
	"unsafe"

	"github.com/ipvl/ipvl/link/vnet"
	"golang.org/x/sys/unix"
)

// pair returns a File and the descriptor that is connected with it.
func pair(t *testing.T) (f *File, far int) {
	t.Helper()
	fds, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_SEQPACKET|unix.SOCK_NONBLOCK|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	f = NewFile(os.NewFile(uintptr(fds[0]), "near"), fds[0])
	t.Cleanup(func() { f.Close(nil); unix.Close(fds[1]) })
	return f, fds[1]
}

// writers are all ways to write a frame.
func writers(f *File) map[string]func([]byte) unix.Errno {
	return map[string]func([]byte) unix.Errno{
		"Write": f.Write,
		"Send":  f.Send,
		"SendAll": func(b []byte) (errno unix.Errno) {
			f.SendAll([][]byte{b}, func(e unix.Errno) { errno = e })
			return errno
		},
		"Writev": func(b []byte) unix.Errno { return f.Writev([][]byte{b[:min(len(b), 7)], nil, b[min(len(b), 7):]}) },
		"Writev of bytes": func(b []byte) unix.Errno {
			var pieces [][]byte
			for i := range b {
				pieces = append(pieces, b[i:i+1])
			}
			return f.Writev(pieces)
		},
	}
}

func TestWritersAgree(t *testing.T) {
	f, far := pair(t)
	var frames, octets uint64
	for name, write := range writers(f) {
		for _, n := range []int{0, FrameMin - 1, FrameMin, 70, 900} {
			b, got := bytes.Repeat([]byte{byte(n)}, n), make([]byte, FrameMax)
			if n < FrameMin {
				if errno := write(b); errno != unix.EINVAL {
					t.Errorf("%s of %d bytes: %v, want %v", name, n, errno, unix.EINVAL)
				}
				continue
			}
			if errno := write(b); errno != 0 {
				t.Fatalf("%s of %d bytes: %v", name, n, errno)
			}
			frames, octets = frames+1, octets+uint64(n-vnet.HeaderLen)
			if k, err := unix.Read(far, got); err != nil || !bytes.Equal(got[:k], b) {
				t.Errorf("%s of %d bytes: %d other bytes arrive, %v", name, n, k, err)
			}
		}
	}
	if f.TxFrames.Load() != frames || f.TxBytes.Load() != octets {
		t.Errorf("counted %d frames, %d bytes; want %d, %d", f.TxFrames.Load(), f.TxBytes.Load(), frames, octets)
	}
}

// What cannot be sent is told, and does not keep back what is behind it.
func TestSendAll(t *testing.T) {
	f, far := pair(t)
	var frames [][]byte
	var want []byte
	for i := range 3*BatchMax + 5 {
		n := 60
		if i%7 == 3 {
			n = FrameMin - 1 // refused
		} else {
			want = append(want, byte(i))
		}
		frames = append(frames, bytes.Repeat([]byte{byte(i)}, n))
	}
	lost := 0
	f.SendAll(frames, func(e unix.Errno) {
		if lost++; e != unix.EINVAL {
			t.Errorf("lost for %v", e)
		}
	})
	var got []byte
	b := make([]byte, 100)
	for {
		n, err := unix.Read(far, b[:])
		if err != nil {
			break
		}
		if n == 60 {
			got = append(got, b[0])
		}
	}
	if !bytes.Equal(got, want) || lost != len(frames)-len(want) || f.TxFrames.Load() != uint64(len(want)) || f.TxBytes.Load() != uint64(50*len(want)) {
		t.Errorf("%d arrive of %d, %d lost, %d counted", len(got), len(want), lost, f.TxFrames.Load())
	}
	for range 4096 { // until it is full
		f.SendAll(frames[:1], func(e unix.Errno) { lost = int(e) })
	}
	if unix.Errno(lost) != unix.EAGAIN {
		t.Errorf("a full queue: %v", unix.Errno(lost))
	}
}

func TestClose(t *testing.T) {
	f, far := pair(t)
	var last []int
	for range 2 {
		if err := f.Close(func(fd int) { last = append(last, fd); unix.Write(fd, []byte("last")) }); err != nil {
			t.Error(err)
		}
	}
	var b [10]byte
	if n, _ := unix.Read(far, b[:]); len(last) != 1 || string(b[:n]) != "last" {
		t.Errorf("the last one was called %d times and wrote %q, want once", len(last), b[:n])
	}
	if n, err := unix.Read(far, b[:]); n != 0 || err != nil {
		t.Errorf("far end: %d, %v, want the end of file", n, err)
	}
	if err := unix.Dup3(far, last[0], unix.O_CLOEXEC); err != nil { // somebody else gets the number
		t.Fatal(err)
	}
	defer unix.Close(last[0])
	for name, write := range writers(f) {
		if errno := write(make([]byte, 60)); errno != unix.EBADF {
			t.Errorf("%s: %v, want %v", name, errno, unix.EBADF)
		}
	}
	if f.Use(func(int) { t.Error("used") }) || !f.Closed() || f.TxFrames.Load() != 0 {
		t.Error("the file is not closed")
	}
}

// TestVector compares with joining the pieces.
func TestVector(t *testing.T) {
	b := make([]byte, 40)
	rand.NewChaCha8([32]byte{}).Read(b)
	for first := range len(b) + 1 {
		for second := first; second <= len(b); second++ {
			for _, c := range []struct{ skip, size int }{{0, len(b)}, {0, 1 << 62}, {24, 9}, {24, 16}, {39, 1}, {40, 1}, {3, 0}} {
				iov, total := Vector(nil, [][]byte{b[:first], nil, b[first:second], b[second:]}, c.skip, c.size)
				var got []byte
				for _, v := range iov {
					if v.Len == 0 {
						t.Fatalf("cut at %d and %d: an empty piece", first, second)
					}
					got = append(got, unsafe.Slice(v.Base, v.Len)...)
				}
				if want := b[c.skip:min(len(b), c.skip+c.size)]; !bytes.Equal(got, want) || total != len(want) {
					t.Fatalf("cut at %d and %d: %d bytes, %x, want %x", first, second, total, got, want)
				}
			}
		}
	}
}

func TestSetBuffer(t *testing.T) {
	f, _ := pair(t)
	f.Use(func(fd int) {
		const noOption = -1 // is refused, as what is not permitted
		for _, force := range []int{unix.SO_SNDBUF, noOption} {
			for _, size := range []int{32 << 10, 64 << 10} {
				err := SetBuffer(fd, force, unix.SO_SNDBUF, size)
				if got, _ := unix.GetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_SNDBUF); err != nil || got != size {
					t.Errorf("%d bytes, %v, want %d", got, err, size)
				}
			}
		}
		if err := SetBuffer(fd, noOption, noOption, 1); err == nil {
			t.Error("no error")
		}
	})
}
