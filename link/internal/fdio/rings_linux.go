package fdio

import (
	"sync"

	"github.com/ipvl/ipvl/link/internal/uring"
	"golang.org/x/sys/unix"
)

const (
	// slotSize holds any frame, and one byte more, which tells those that are too long.
	slotSize = (FrameMax + 1 + 4095) &^ 4095
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
	free []*Lane
	// +checklocks:mu
	lent int
	// +checklocks:mu
	closed bool
}

// Lane is one io_uring with room for a batch of frames of any size. The room is the
// kernel's until it is touched: small frames take a page each.
type Lane struct {
	Ring *uring.Ring
	room []byte
}

// NewRings fails where the kernel does not permit io_uring, as in many containers,
// and says what it refused (a *uring.Error); ports then use plain system calls.
func NewRings() (*Rings, error) {
	if err := uring.Probe(); err != nil {
		return nil, err
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

// Borrow returns a lane, or nil where there is none to be had.
func (r *Rings) Borrow() *Lane {
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
	ring, err := uring.New(uring.Options{Entries: BatchMax})
	if err != nil {
		return nil // too much locked memory, say: it goes without
	}
	r.lent++
	return &Lane{Ring: ring}
}

// Take reports whether the kernel reads and writes fd that way: a TAP since
// Linux 6.4, a packet socket since 6.5.
func (r *Rings) Take(fd int) bool {
	l := r.Borrow()
	if l == nil {
		return false
	}
	defer r.GiveBack(l)
	return l.Ring.Takes(fd) == nil
}

// GiveBack takes a lane again.
func (r *Rings) GiveBack(l *Lane) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.lent--
	if r.closed {
		l.close()
		return
	}
	r.free = append(r.free, l)
}

// Slot is room for frame i of a batch.
func (l *Lane) Slot(i int) []byte {
	return l.room[i*slotSize : i*slotSize+FrameMax+1 : (i+1)*slotSize]
}

// Reads makes room for frames. It is false where there is no memory.
func (l *Lane) Reads() bool {
	if l.room == nil {
		room, err := unix.Mmap(-1, 0, BatchMax*slotSize, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_PRIVATE|unix.MAP_ANONYMOUS|unix.MAP_NORESERVE)
		if err != nil {
			return false
		}
		l.room = room
	}
	return true
}

func (l *Lane) close() {
	_ = l.Ring.Close() // nothing is under way
	if l.room != nil {
		_ = unix.Munmap(l.room) // whole, as it was mapped
	}
}
