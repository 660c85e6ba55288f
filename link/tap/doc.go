// Package tap is a byte port over a TAP device that somebody else opened: frames
// of a device's interface, each with the 10-byte virtio-net header in front.
//
// # Data flow
//
//	interface's transmit queue ─ Serve ─ handle(frame)
//	interface's receive path  ◄───────── WriteFrame, WriteVec
//
// What the workload sends is read here, and what is written here the workload
// receives. New tells the kernel to leave segmentation and checksums open
// (TUNSETOFFLOAD), so that a TCP or UDP stream comes in frames of up to 64 KiB.
// The virtio-net header says what was left open. What the interface is given
// may be left open in the same way, whatever was granted for reading.
//
// The package knows neither the interface's name nor its namespace; the
// descriptor works wherever the interface is moved to.
//
// # Reading
//
// Serve sleeps in Go's network poller. It hands over each frame at once, for latency,
// and some small ones together when they come thick, for throughput
// (link/internal/fdio). No lock is held and nothing is allocated per frame. With
// Options.Rings such a batch is read by one system call, as WriteFrames writes one: a
// port borrows an io_uring for the time that it is under load, so that a thousand idle
// ones need none.
//
// # Life
//
// An interface that is down sends nothing and takes nothing: writes say ErrDown, Serve
// waits. When the interface is deleted, or its namespace ends, Serve returns
// ErrGone. The port owns the file from New on; closing it deletes the
// interface, unless it is persistent or has other queues.
//
// # Locks
//
// A lock of the file (link/internal/fdio) orders use of the descriptor by writers against
// Close: writers hold it shared for one system call that does not block, Close holds
// it alone. Serve relies on os.File for the same.
//
// # Limits
//
//   - One queue, one descriptor. More queues are more ports.
//   - A frame longer than 64 KiB is dropped and counted; the kernel does not
//     make one (tso_max_size of a TAP is 65536).
//   - The descriptor must be non-blocking.
package tap
