// Package fdio is what byte ports over one descriptor have in common: any goroutine
// may write and close, one reads.
//
// # Data flow
//
//	File.Write, Send, Writev ─ mu shared ─ one system call ─► descriptor
//	File.SendAll, WriteRing  ─ mu shared ─ sendmmsg(2), io_uring ─► descriptor
//	descriptor ─► poller ─ the port's fill (Room, system call, Add) ─ Reader.Serve ─ handle(frames)
//
// A frame is virtio-net header and Ethernet frame. What fdio knows of it is
// its length. Results of system calls stay numbers: the port names them, and its fill
// judges what a read gave.
//
// # Reading
//
// Reader.Serve sleeps in Go's network poller. When it is woken, fill reads frame by
// frame and each is handed over at once, for latency; when the queue does not run dry
// after a few, some small frames are read in a row before they are handed over, for
// throughput. Frames of more than SmallMax always go one by one through the same,
// cache-warm bytes.
//
// # Ownership
//
// A File owns its os.File. A Lane of Rings belongs to whoever borrowed it. A Reader has one buffer, its own or lent while there is something to
// read (Buffers); a frame in it is borrowed until
// the handle that got it returns.
//
// # Locks
//
// mu orders use of the descriptor against Close: writers and Use hold it shared
// for system calls that do not block, Close holds it alone. Serve relies on
// os.File for the same and holds no lock while it hands over. Rings have a lock of
// their own, which is held while a lane is lent or given back.
//
// # Limits
//
//   - The descriptor must be non-blocking, and one that the poller takes.
//   - One Reader of a File serves at a time.
//   - Nothing is allocated per frame; a vector of more than VecMax pieces is.
package fdio
