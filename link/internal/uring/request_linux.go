package uring

import (
	"unsafe"

	"golang.org/x/sys/unix"
)

// Entries is how many requests fit into one Enter.
func (r *Ring) Entries() int { return len(r.sqes) }

// Queued is how many requests the next Enter carries out.
func (r *Ring) Queued() int { return len(r.slots) }

// Read queues a read(2) of fd to b. It reports false, and queues nothing, when
// the queue is full (call Enter first) or the ring closed; so do the others here. user comes back
// with the Completion. b is borrowed until Enter returns.
func (r *Ring) Read(fd int, b []byte, user uint64) bool {
	e, s := r.next(opRead, fd, user)
	if e == nil {
		return false
	}
	s.buf = b
	e.point(unsafe.Pointer(unsafe.SliceData(b)), len(b), unix.RWF_NOWAIT)
	return true
}

// Write queues a write(2) of b to fd, which may be a socket as well. b is borrowed until
// Enter returns.
func (r *Ring) Write(fd int, b []byte, user uint64) bool {
	e, s := r.next(opWrite, fd, user)
	if e == nil {
		return false
	}
	s.buf = b
	e.point(unsafe.Pointer(unsafe.SliceData(b)), len(b), unix.RWF_NOWAIT)
	r.octets += len(b)
	return true
}

// Writev queues a writev(2) of pieces to fd. The pieces are borrowed until Enter returns, but not
// the slice of them. Nothing is allocated once the place in the queue has seen as many.
func (r *Ring) Writev(fd int, pieces [][]byte, user uint64) bool {
	e, s := r.next(opWritev, fd, user)
	if e == nil {
		return false
	}
	for _, b := range pieces {
		v := unix.Iovec{Base: unsafe.SliceData(b)}
		v.SetLen(len(b))
		s.iov = append(s.iov, v)
		r.octets += len(b)
	}
	e.point(unsafe.Pointer(unsafe.SliceData(s.iov)), len(s.iov), unix.RWF_NOWAIT)
	return true
}

// Recvmsg queues a recvmsg(2) of the socket fd. m and what it points to are borrowed until
// Enter returns, and must not be queued twice. flags are as recvmsg takes them;
// MSG_DONTWAIT is added.
func (r *Ring) Recvmsg(fd int, m *unix.Msghdr, flags int, user uint64) bool {
	return r.msg(opRecvmsg, fd, m, flags, user)
}

// Sendmsg queues a sendmsg(2), as Recvmsg does a recvmsg(2).
func (r *Ring) Sendmsg(fd int, m *unix.Msghdr, flags int, user uint64) bool {
	if !r.msg(opSendmsg, fd, m, flags, user) {
		return false
	}
	for _, v := range unsafe.Slice(m.Iov, m.Iovlen) {
		r.octets += int(v.Len)
	}
	return true
}

func (r *Ring) msg(op uint8, fd int, m *unix.Msghdr, flags int, user uint64) bool {
	e, s := r.next(op, fd, user)
	if e == nil {
		return false
	}
	s.msg = m
	e.point(unsafe.Pointer(m), 1, uint32(flags|unix.MSG_DONTWAIT))
	return true
}

// next returns the next entry of the submission queue and the slot that belongs to it, or nil.
func (r *Ring) next(op uint8, fd int, user uint64) (*sqe, *slot) {
	n := len(r.slots)
	if n == cap(r.slots) {
		return nil, nil
	}
	r.slots = r.slots[:n+1]
	s := &r.slots[n]
	s.user, s.done = user, false
	e := r.entry()
	*e = sqe{opcode: op, fd: int32(fd), userData: uint64(n)}
	return e, s
}

// entry takes the next entry of the submission queue, which is never full: the kernel takes all
// in each Enter, or they are taken back.
func (r *Ring) entry() *sqe {
	e := &r.sqes[r.tail&uint32(len(r.sqes)-1)]
	r.tail++
	return e
}

// point sets what a request works on.
func (e *sqe) point(p unsafe.Pointer, n int, flags uint32) {
	e.addr, e.len, e.opFlags = uint64(uintptr(p)), uint32(n), flags
}
