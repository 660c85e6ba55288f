package uring

import (
	"sync/atomic"

	"golang.org/x/sys/unix"
)

const (
	// quick is how many bytes are written at most in a call of which Go's scheduler is not
	// told. Copying them takes less than 50 µs.
	quick = 128 << 10
	// cancelling is the user data of requests that cancel others.
	cancelling = 1 << 63
)

// Completion is the outcome of a request.
type Completion struct {
	User  uint64
	N     int        // what the system call would have returned
	Errno unix.Errno // EAGAIN: it would have had to wait
}

// Completions are the outcomes of the requests of the last Enter, in the order in which they
// were queued. They are valid until the next Enter.
func (r *Ring) Completions() []Completion { return r.done }

// Strays is how many requests were still under way when the kernel returned: none, unless
// it does not keep to what the package comment says of it.
func (r *Ring) Strays() uint64 { return r.strays }

// Enter has the kernel carry out what was queued, in that order, and returns how many
// requests that were: each has a Completion. Nothing waits. An error is an *Error
// with the refusal of the system call itself; the requests that it kept from being
// carried out complete with that errno, so none is lost without notice.
func (r *Ring) Enter() (int, error) {
	r.done, r.over = r.done[:0], 0
	if r.fd < 0 {
		return 0, &Error{"io_uring_enter", unix.EBADF}
	}
	n := len(r.slots)
	if n == 0 {
		return 0, nil
	}
	r.done = r.done[:n]
	atomic.StoreUint32(r.sqTail, r.tail)
	left, errno := r.submit(n, r.octets > quick)
	r.reap()
	if left > 0 {
		r.takeBack(left, errno)
	}
	if r.over < n {
		r.settle()
	}
	r.slots, r.octets = r.slots[:0], 0
	if errno != 0 {
		return n, &Error{"io_uring_enter", errno}
	}
	return n, nil
}

// submit hands n requests to the kernel. It returns how many it did not take, and why.
func (r *Ring) submit(n int, long bool) (left int, errno unix.Errno) {
	for n > 0 {
		var took uintptr
		if long {
			took, _, errno = unix.Syscall6(unix.SYS_IO_URING_ENTER, uintptr(r.fd), uintptr(n), 0, 0, 0, 0)
		} else {
			// Nothing waits, so the scheduler need not know of the call.
			took, _, errno = unix.RawSyscall6(unix.SYS_IO_URING_ENTER, uintptr(r.fd), uintptr(n), 0, 0, 0, 0)
		}
		switch {
		case errno == unix.EINTR:
			continue
		case errno == 0 && took == 0:
			errno = unix.EAGAIN // or it would go on forever
		}
		if errno != 0 {
			return n, errno
		}
		n -= int(took) // less than n: one was refused and has completed with that
	}
	return 0, 0
}

// reap takes what is in the completion queue. Its order is not that of the requests: errors
// come by the task work that the kernel does last, before the call returns.
func (r *Ring) reap() {
	head, tail := atomic.LoadUint32(r.cqHead), atomic.LoadUint32(r.cqTail)
	for ; head != tail; head++ {
		e := &r.cqes[head&uint32(len(r.cqes)-1)]
		if e.userData < uint64(len(r.slots)) {
			r.complete(e.userData, e.res)
		}
	}
	atomic.StoreUint32(r.cqHead, head)
}

// complete notes the result of the request in slot i.
func (r *Ring) complete(i uint64, res int32) {
	s := &r.slots[i]
	if s.done {
		return
	}
	c := Completion{User: s.user, N: int(res)}
	if res < 0 {
		c.N, c.Errno = 0, unix.Errno(-res)
	}
	r.done[i] = c
	r.over++
	clear(s.iov)
	s.done, s.buf, s.iov, s.msg = true, nil, s.iov[:0], nil
}

// takeBack completes the last n requests, which the kernel did not take, with errno.
func (r *Ring) takeBack(n int, errno unix.Errno) {
	r.tail -= uint32(n)
	atomic.StoreUint32(r.sqTail, r.tail)
	for i := len(r.slots) - n; i < len(r.slots); i++ {
		r.complete(uint64(i), -int32(errno))
	}
}

// settle cancels what is still under way and waits until it is over, because buffers are
// given back when Enter returns.
func (r *Ring) settle() {
	for i := range r.slots {
		if s := &r.slots[i]; !s.done {
			r.strays++
			*r.entry() = sqe{opcode: opAsyncCancel, fd: -1, addr: uint64(i), userData: cancelling}
		}
	}
	atomic.StoreUint32(r.sqTail, r.tail)
	for r.over < len(r.slots) {
		// What the kernel does not take now it takes in the next round.
		left := r.tail - atomic.LoadUint32(r.sqHead)
		_, _, errno := unix.Syscall6(unix.SYS_IO_URING_ENTER, uintptr(r.fd), uintptr(left), 1, enterGetEvents, 0, 0)
		if errno == unix.EBADF {
			return // the descriptor was closed under our feet
		}
		r.reap()
	}
	for i := range r.done {
		if c := &r.done[i]; c.Errno == unix.ECANCELED {
			c.Errno = unix.EAGAIN
		}
	}
}
