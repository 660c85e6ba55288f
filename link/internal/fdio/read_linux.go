package fdio

import (
	"errors"
	"os"
	"time"

	"github.com/ipvl/ipvl/link/vnet"
	"golang.org/x/sys/unix"
)

const (
	// SmallMax is what counts as a small frame, with header.
	SmallMax = 4096
	// BatchMax is how many small frames are read before they are handed over.
	BatchMax = 32
	// warmUp is how many frames in a row go one by one before batches start.
	warmUp = 3
	// pause is between reads without the poller.
	pause = 10 * time.Millisecond
)

// Reader reads the frames of a File. Make one with NewReader.
type Reader struct {
	// Errno is what ended the last fill, which sets it; 0 is nothing but an empty
	// queue or frames enough.
	Errno unix.Errno

	file *File
	fill func(fd uintptr) bool

	lender *Buffers
	buf    *[]byte          // nil while the queue is empty, if it is lent
	off    int              // of the next frame in buf
	frames [BatchMax][]byte // in buf, not yet handed over
	count  int
	run    int // small frames since the queue was last found empty
}

// NewReader returns a reader of f. fill reads what is there without blocking:
// to Room, and hands it to Add as long as that reports true. It returns false
// when the poller has to wait (Dry). lender, unless nil, lends the bytes.
func NewReader(f *File, lender *Buffers, fill func(fd uintptr) bool) *Reader {
	return &Reader{file: f, lender: lender, fill: fill}
}

// Room is n bytes for the next frame, at most FrameMax and 8.
func (r *Reader) Room(n int) []byte {
	if r.buf == nil {
		r.buf = r.lender.get()
	}
	return (*r.buf)[r.off : r.off+n]
}

// Add queues and counts a frame, for which the first used bytes of Room are taken. It
// reports whether there should be more before they are handed over.
func (r *Reader) Add(frame []byte, used int) bool {
	r.file.RxFrames.Add(1)
	r.file.RxBytes.Add(uint64(len(frame) - vnet.HeaderLen))
	r.frames[r.count] = frame
	r.count++
	if len(frame) > SmallMax {
		r.run = 0
		return false
	}
	r.run++
	r.off += used
	return r.Thick() && r.count < BatchMax
}

// Thick reports whether small frames come so thick that they should be read in batches.
func (r *Reader) Thick() bool { return r.run > warmUp }

// Dry notes that the queue is empty. It reports whether there is something to hand
// over first.
func (r *Reader) Dry() bool {
	r.run = 0
	if r.count > 0 {
		return true
	}
	if r.lender != nil && r.buf != nil {
		r.lender.put(r.buf)
		r.buf = nil
	}
	return false
}

// Take returns the frames that were queued. They are valid until the next fill.
func (r *Reader) Take() [][]byte {
	b := r.frames[:r.count]
	r.count, r.off = 0, 0
	return b
}

// Serve reads frames and calls handle with those that were read at once, in this
// goroutine, until Close; it then returns nil. When a fill leaves an Errno, it returns what failed makes of
// that, and goes on for nil. late, unless nil, is the same for a read deadline that passed.
func (r *Reader) Serve(handle func(frames [][]byte), failed, late func() error) error {
	conn, err := r.file.file.SyscallConn()
	if err != nil {
		return err
	}
	for {
		err := conn.Read(r.fill)
		timeout := late != nil && errors.Is(err, os.ErrDeadlineExceeded)
		if err != nil && !timeout {
			r.Unpolled()
		}
		if frames := r.Take(); len(frames) > 0 {
			handle(frames)
		}
		if r.file.Closed() {
			return nil
		}
		err = nil
		switch {
		case timeout:
			err = late()
		case r.Errno != 0:
			err = failed()
		}
		if err != nil {
			return err
		}
	}
}

// Unpolled has fill read without the poller, which refuses a descriptor that reports
// an error and nothing else. It pauses when there is nothing, because it is
// called again and again until that changes.
func (r *Reader) Unpolled() {
	found := true
	r.file.Use(func(fd int) { found = r.fill(uintptr(fd)) })
	if !found && !r.file.Closed() {
		time.Sleep(pause)
	}
}

// Each handles the frames of a batch one by one.
func Each(handle func(frame []byte)) func(frames [][]byte) {
	return func(frames [][]byte) {
		for _, f := range frames {
			handle(f)
		}
	}
}
