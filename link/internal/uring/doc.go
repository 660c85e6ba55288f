// Package uring reads and writes many frames by one system call: a minimal io_uring
// (io_uring_setup(2), io_uring_enter(2)) for descriptors that do not block.
//
// # Data flow
//
//	Read, Write, Writev, Recvmsg ─ queue of requests ─┐
//	                                                  Enter ─ one system call
//	Completions ◄──────────────── result of each ─────┘
//
// The kernel carries requests out one by one, in the order they were queued, within the
// call: so frames that are written to one descriptor keep their order, and a batch
// costs one system call in place of one per frame.
//
// # Nothing waits, nothing stays
//
// Each request says that it must not wait (RWF_NOWAIT, MSG_DONTWAIT), whatever the mode
// of its descriptor. The kernel then has no reason to arm a poll or to
// hand the request to a worker thread; what would have to wait completes with EAGAIN at
// once, and a descriptor that cannot promise not to wait completes with EOPNOTSUPP (a TAP
// before Linux 6.4): see Takes. Should a request stay under way all the same, then Enter
// cancels it, waits until the kernel is done with it, counts it (Strays), and
// reports EAGAIN. Thus between two calls of Enter the kernel holds no
// buffer, no request and no reference to a descriptor.
//
// # Ownership
//
// A buffer is the kernel's from the call that queues it until Enter returns. The Ring keeps
// it referenced for as long, so it is not collected; since that reference is on
// the heap, a buffer cannot be on a stack, which might move. A descriptor has to stay open
// from the call that queues it until Enter returns: after a close somebody
// else may own its number.
//
// # Threads
//
// A Ring belongs to one goroutine at a time, which may change threads: hence no
// IORING_SETUP_SINGLE_ISSUER nor IORING_SETUP_DEFER_TASKRUN, which tie a ring to one
// thread, and no registered ring descriptor, which is a thread's. The first two would save nothing
// here: completions come within the call, and only those of errors by task work. No registered
// files either, because they keep a closed TAP alive.
//
// Enter tells Go's scheduler of the system call only when a batch writes much. There
// are no locks and no allocations per call.
//
// # Limits
//
//   - Linux 6.4, since when TAPs (and the pipe of Probe) can promise not to wait; sockets
//     could earlier. Containers often forbid io_uring. Probe tells of both.
//   - A read that finds nothing costs about as much as by a system call of its own: queue
//     as many reads as there will be frames, not as many as there is room for.
//   - Below three or four requests plain system calls are as fast or faster.
//   - At most as many requests per Enter as the ring has entries. The completion
//     queue is twice as long, so it cannot overflow.
//   - Descriptors without a position: pipes, sockets, character devices.
package uring
