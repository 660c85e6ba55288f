package fdio

import (
	"bytes"
	"errors"
	"os"
	"testing"
	"time"

	"github.com/ipvl/ipvl/link/vnet"
	"golang.org/x/sys/unix"
)

// newTestReader reads as ports do.
func newTestReader(f *File) *Reader {
	var r *Reader
	r = NewReader(f, new(Buffers), func(fd uintptr) bool {
		r.Errno = 0
		for {
			b := r.Room(FrameMax)
			n, err := unix.Read(int(fd), b)
			switch {
			case err == unix.EINTR:
				continue
			case err == unix.EAGAIN:
				return r.Dry()
			case err != nil || n == 0:
				r.Errno = unix.EBADFD
				return true
			}
			if !r.Add(b[:n:n], n) {
				return true
			}
		}
	})
	return r
}

// TestBatches lists how many frames are handed over together.
func TestBatches(t *testing.T) {
	small, edge, large := make([]byte, 60), make([]byte, SmallMax), make([]byte, SmallMax+1)
	for name, c := range map[string]struct {
		queue [][]byte
		want  []int
	}{
		"one":              {[][]byte{small}, []int{1}},
		"few":              {[][]byte{small, small, edge}, []int{1, 1, 1}},
		"many":             {[][]byte{small, edge, small, small, edge, small}, []int{1, 1, 1, 3}},
		"large ends it":    {[][]byte{small, small, small, small, large, small, small}, []int{1, 1, 1, 2, 1, 1}},
		"large go singly":  {[][]byte{large, large, large, large, large}, []int{1, 1, 1, 1, 1}},
		"more than enough": {repeated(small, 3+BatchMax+2), []int{1, 1, 1, BatchMax, 2}},
	} {
		t.Run(name, func(t *testing.T) {
			f, far := pair(t)
			r := newTestReader(f)
			bytesRead := uint64(0)
			for i, b := range c.queue {
				b = bytes.Clone(b)
				b[0] = byte(i)
				if _, err := unix.Write(far, b); err != nil {
					t.Fatal(err)
				}
				bytesRead += uint64(len(b) - vnet.HeaderLen)
			}
			next := 0
			for _, want := range c.want {
				r.Unpolled()
				got := r.Take()
				if len(got) != want {
					t.Fatalf("%d frames together, want %d", len(got), want)
				}
				for _, b := range got {
					if len(b) != len(c.queue[next]) || b[0] != byte(next) {
						t.Errorf("frame %d is frame %d, of %d bytes", next, b[0], len(b))
					}
					next++
				}
			}
			if f.RxFrames.Load() != uint64(len(c.queue)) || f.RxBytes.Load() != bytesRead {
				t.Errorf("counted %d frames, %d bytes", f.RxFrames.Load(), f.RxBytes.Load())
			}
		})
	}
}

// TestRoomReturns reads more than there is room for, in turns.
func TestRoomReturns(t *testing.T) {
	f, far := pair(t)
	r := newTestReader(f)
	for read := 0; read < 2*bufferSize; {
		unix.Write(far, make([]byte, SmallMax))
		r.Unpolled()
		for _, b := range r.Take() {
			read += len(b)
		}
	}
}

func repeated(b []byte, n int) (all [][]byte) {
	for range n {
		all = append(all, b)
	}
	return all
}

// TestServeJudges has Serve end, and go on, as it is told.
func TestServeJudges(t *testing.T) {
	f, far := pair(t)
	r := newTestReader(f)
	stop := errors.New("stop")
	handed, lates := 0, 0
	handle := func(frames [][]byte) {
		handed += len(frames)
		f.SetReadDeadline(time.Unix(1, 0))
	}
	late := func() error {
		if lates++; lates == 1 {
			unix.Write(far, make([]byte, 60))
			return f.SetReadDeadline(time.Time{})
		}
		return stop
	}
	f.SetReadDeadline(time.Unix(1, 0))
	if err := r.Serve(handle, func() error { return nil }, late); err != stop || lates != 2 || handed != 1 {
		t.Errorf("%v after %d deadlines and %d frames, want %v, 2, 1", err, lates, handed, stop)
	}
	unix.Write(far, make([]byte, 60))
	unix.Shutdown(far, unix.SHUT_RDWR)
	fails := 0
	failed := func() error {
		if fails++; fails == 3 {
			return stop
		}
		return nil
	}
	// Nobody minds the deadline, so what is there is read without the poller.
	if err := r.Serve(handle, failed, nil); err != stop || fails != 3 || handed != 2 || r.Errno != unix.EBADFD {
		t.Errorf("%v after %d errors and %d frames, %v; want %v, 3, 2", err, fails, handed, r.Errno, stop)
	}
	f.Close(nil)
	if err := r.Serve(handle, failed, nil); err != nil || handed != 2 {
		t.Errorf("closed: %v after %d frames, want nil, 2", err, handed)
	}
	if err := NewReader(NewFile(nil, -1), nil, nil).Serve(nil, nil, nil); !errors.Is(err, os.ErrInvalid) {
		t.Errorf("no file: %v, want %v", err, os.ErrInvalid)
	}
}

// A reader with nothing to read holds no bytes; frames keep theirs until they were handled.
func TestBuffersAreLent(t *testing.T) {
	f, far := pair(t)
	var lender Buffers
	r := newTestReader(f)
	r.lender = &lender
	fill := func() bool {
		var more bool
		f.Use(func(fd int) { more = r.fill(uintptr(fd)) })
		return more
	}
	if fill() || r.buf != nil {
		t.Error("bytes are kept for an empty queue")
	}
	for i := range 8 {
		unix.Write(far, bytes.Repeat([]byte{byte(i)}, 60))
	}
	for got := 0; got < 8; {
		if !fill() {
			t.Fatalf("%d frames", got)
		}
		for _, b := range r.Take() {
			if !bytes.Equal(b, bytes.Repeat([]byte{byte(got)}, 60)) {
				t.Errorf("frame %d: %x", got, b)
			}
			got++
		}
	}
	if fill() || r.buf != nil {
		t.Error("bytes are kept when the queue is empty again")
	}
}
