package tap

import (
	"sync"

	"github.com/ipvl/ipvl/link/internal/fdio"
	"github.com/ipvl/ipvl/link/internal/uring"
	"golang.org/x/sys/unix"
)

const (
	// slotSize holds any frame, and one byte more, which tells those that are too long.
	slotSize = (fdio.FrameMax + 1 + 4095) &^ 4095
	// maxLanes bounds what Rings keep: as many readers and writers as can be under
	// load at once on a machine of some size. More go on without.
	maxLanes = 64
)

// Rings are io_urings that ports under load borrow: many small frames are then read
// or written by one system call. They are shared by any number of ports, so that an
// idle one costs nothing. Make them with NewRings; nil is none.
type Rings struct {
	mu sync.Mutex
	// +checklocks:mu
	free []*lane
	// +checklocks:mu
	lent int
	// +checklocks:mu
	closed bool
}

// lane is one io_uring with room for a batch of frames of any size. The room is the
// kernel's until it is touched: small frames take a page each.
type lane struct {
	ring *uring.Ring
	room []byte
}

// NewRings fails where the kernel does not permit io_uring, as in many containers,
// and says what it refused; ports then use plain system calls.
func NewRings() (*Rings, error) {
	if err := uring.Probe(); err != nil {
		return nil, &Error{Op: "probe io_uring", Err: err}
	}
	return &Rings{}, nil
}

// Close gives the idle rings back; those that are lent follow.
func (r *Rings) Close() {
	if r == nil {
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.closed = true
	for _, l := range r.free {
		l.close()
	}
	r.free = nil
}

// borrow returns a lane, or nil where there is none to be had.
func (r *Rings) borrow() *lane {
	if r == nil {
		return nil
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.closed || r.lent >= maxLanes {
		return nil
	}
	if n := len(r.free); n > 0 {
		l := r.free[n-1]
		r.free = r.free[:n-1]
		r.lent++
		return l
	}
	ring, err := uring.New(uring.Options{Entries: fdio.BatchMax})
	if err != nil {
		return nil // too much locked memory, say: it goes without
	}
	r.lent++
	return &lane{ring: ring}
}

// take reports whether the kernel reads and writes fd that way: a TAP since Linux 6.4.
func (r *Rings) take(fd int) bool {
	l := r.borrow()
	if l == nil {
		return false
	}
	defer r.giveBack(l)
	return l.ring.Takes(fd) == nil
}

// giveBack takes a lane again.
func (r *Rings) giveBack(l *lane) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.lent--
	if r.closed {
		l.close()
		return
	}
	r.free = append(r.free, l)
}

// slot is room for frame i of a batch.
func (l *lane) slot(i int) []byte {
	return l.room[i*slotSize : i*slotSize+fdio.FrameMax+1 : (i+1)*slotSize]
}

// reads makes room for frames. It is false where there is no memory.
func (l *lane) reads() bool {
	if l.room == nil {
		room, err := unix.Mmap(-1, 0, fdio.BatchMax*slotSize, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_PRIVATE|unix.MAP_ANONYMOUS|unix.MAP_NORESERVE)
		if err != nil {
			return false
		}
		l.room = room
	}
	return true
}

func (l *lane) close() {
	_ = l.ring.Close() // nothing is under way
	if l.room != nil {
		_ = unix.Munmap(l.room) // whole, as it was mapped
	}
}
