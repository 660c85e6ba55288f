package uring

import (
	"errors"
	"unsafe"

	"golang.org/x/sys/unix"
)

const (
	// DefaultEntries is what Options.Entries means when it is 0.
	DefaultEntries = 64
	// MaxEntries is the most that can be asked for.
	MaxEntries = 4096
)

// Options says how to make a Ring.
type Options struct {
	// Entries is how many requests fit into one Enter, rounded up to a power of two; at
	// most MaxEntries. 0 is DefaultEntries.
	Entries int
}

// Ring is the two queues that are shared with the kernel. Make one with New; see the
// package comment for who may use it.
type Ring struct {
	fd     int // -1: closed
	mem    []byte
	memSQE []byte

	// Shared with the kernel.
	sqHead, sqTail, cqHead, cqTail *uint32
	sqes                           []sqe
	cqes                           []cqe

	tail   uint32 // of the submission queue, of which the kernel does not know yet
	slots  []slot // of the requests queued; the index is the kernel's user data
	done   []Completion
	over   int // requests of this Enter that are completed
	octets int // to be written
	strays uint64
}

// slot keeps what a request points to until Enter returns.
type slot struct {
	user uint64
	buf  []byte
	iov  []unix.Iovec
	msg  *unix.Msghdr
	done bool
}

// New makes a ring. Its error is an *Error that wraps the kernel's refusal or ErrOld.
func New(o Options) (*Ring, error) {
	entries := o.Entries
	switch {
	case entries == 0:
		entries = DefaultEntries
	case entries < 0 || entries > MaxEntries:
		return nil, &Error{"entries", unix.EINVAL}
	}
	// The flags only save work: no interrupt for a completion elsewhere, one call where a
	// request is refused.
	return newest(entries, setupCoopTaskrun|setupSubmitAll, setupSubmitAll, 0)
}

// newest makes a ring with the first of flags that the kernel knows.
func newest(entries int, flags ...uint32) (*Ring, error) {
	for _, f := range flags {
		r, err := newRing(entries, f|setupClamp)
		if !errors.Is(err, unix.EINVAL) {
			return r, err
		}
	}
	return nil, &Error{"io_uring_setup", ErrOld}
}

// newRing makes a ring with flags. EINVAL means that the kernel does not know one.
func newRing(entries int, flags uint32) (*Ring, error) {
	p := params{flags: flags}
	fd, _, errno := unix.Syscall(unix.SYS_IO_URING_SETUP, uintptr(entries), uintptr(unsafe.Pointer(&p)), 0)
	if errno != 0 {
		return nil, &Error{"io_uring_setup", errno}
	}
	r := &Ring{fd: int(fd)}
	const need = featSingleMmap | featNoDrop | featSubmitStable | featRWCurPos
	if p.features&need != need {
		r.Close()
		return nil, &Error{"io_uring_setup", ErrOld}
	}
	if err := r.mapQueues(&p); err != nil {
		r.Close()
		return nil, &Error{"mmap", err}
	}
	r.slots = make([]slot, 0, p.sqEntries)
	r.done = make([]Completion, 0, p.sqEntries)
	return r, nil
}

// mapQueues makes the kernel's memory ours too.
func (r *Ring) mapQueues(p *params) (err error) {
	const prot, flags = unix.PROT_READ | unix.PROT_WRITE, unix.MAP_SHARED | unix.MAP_POPULATE
	size := max(p.sq.array+p.sqEntries*4, p.cq.cqes+p.cqEntries*uint32(unsafe.Sizeof(cqe{})))
	if r.mem, err = unix.Mmap(r.fd, offRings, int(size), prot, flags); err != nil {
		return err
	}
	size = p.sqEntries * uint32(unsafe.Sizeof(sqe{}))
	if r.memSQE, err = unix.Mmap(r.fd, offSQEs, int(size), prot, flags); err != nil {
		return err
	}
	word := func(off uint32) *uint32 { return (*uint32)(unsafe.Pointer(&r.mem[off])) }
	r.sqHead, r.sqTail = word(p.sq.head), word(p.sq.tail)
	r.cqHead, r.cqTail = word(p.cq.head), word(p.cq.tail)
	r.sqes = unsafe.Slice((*sqe)(unsafe.Pointer(&r.memSQE[0])), p.sqEntries)
	r.cqes = unsafe.Slice((*cqe)(unsafe.Pointer(&r.mem[p.cq.cqes])), p.cqEntries)
	// The kernel reads entries by way of an array of indices, which stays as it is.
	for i, array := uint32(0), unsafe.Slice(word(p.sq.array), p.sqEntries); i < p.sqEntries; i++ {
		array[i] = i
	}
	r.tail = *r.sqTail
	return nil
}

// Close gives the ring up. What was queued since the last Enter is not carried out.
// Closing again does nothing.
func (r *Ring) Close() error {
	if r.fd < 0 {
		return nil
	}
	fd := r.fd
	r.fd, r.sqes, r.cqes, r.slots, r.done = -1, nil, nil, nil, nil
	var errs []error
	for _, m := range [][]byte{r.mem, r.memSQE} {
		if m != nil {
			errs = append(errs, unix.Munmap(m))
		}
	}
	r.mem, r.memSQE = nil, nil
	if err := errors.Join(append(errs, unix.Close(fd))...); err != nil {
		return &Error{"close", err}
	}
	return nil
}
