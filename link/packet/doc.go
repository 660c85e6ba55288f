// Package packet is a byte port over AF_PACKET: raw frames of one Ethernet
// interface, each with the 10-byte virtio-net header in front. It serves as the
// uplink of a master, and as our end of a veth pair where no TAP can be opened.
//
// # Data flow
//
//	interface ─ filter (BPF, in the kernel) ─ socket queue ─ Serve ─ handle(frame)
//	interface ◄─ queueing discipline ◄───────────────────── WriteFrame, WriteVec
//
// The socket is hooked below the kernel's own protocols: the host gets a copy of
// every frame too, whatever this package does. PACKET_IGNORE_OUTGOING keeps what
// the host and this port send away from Serve. PACKET_VNET_HDR lets coalesced
// frames and partial checksums through in both directions. The kernel takes the
// outermost VLAN tag off before it shows a frame; the tag comes as auxiliary data
// and is put back, so a frame has here the bytes that it has on the wire.
//
// With Options.Rings a batch of small frames is written by one io_uring call, else by
// sendmmsg(2). Frames leave through the interface's queueing discipline and egress hooks, as
// frames of the kernel's ipvlan do; PACKET_QDISC_BYPASS is not used.
//
// # Reading
//
// Serve sleeps in Go's network poller. It hands over each frame at once, for latency,
// and some small ones together when they come thick, for throughput
// (link/internal/fdio). No lock is held and nothing is allocated per frame.
// Frames are borrowed: they are overwritten when the call that got the last of
// them returns.
//
// # Interface down, interface gone
//
// A packet socket reports an interface that goes down once (ENETDOWN) and is hooked
// again by the kernel when the interface comes up. A deletion is reported as going
// down only, and not at all when the interface was down before; reads just go on
// to find nothing. What tells is the socket's own name, whose index becomes -1.
// So, while the interface is down and only then, Serve looks at that after 50 ms, then
// ever more rarely, at least once a second.
//
// # Locks
//
// A lock of the file (link/internal/fdio) orders use of the descriptor against Close:
// writers, SetFilter and Stats hold it shared for one system call that cannot
// block, Close holds it alone. Serve relies on os.File for the same.
//
// # Limits
//
//   - Ethernet interfaces only.
//   - Frames of more than 64 KiB (BIG TCP) are dropped and counted; an
//     interface's gso_max_size and gro_max_size are 64 KiB unless changed.
//   - A coalesced frame that a virtio-net header cannot express (tunnels, SCTP, frame
//     lists) is refused by the kernel on reading, dropped and counted.
//   - Only the outermost VLAN tag is put back; inner ones never left the frame.
//   - The kernel lets a frame exceed the MTU by a tag only for 802.1Q: with an
//     802.1ad tag a full-sized frame is ErrTooLong, unless it is to be segmented.
//   - The filter may pass more than asked for when it would be too long; see
//     Program. It never passes less. Frames that were queued before SetFilter
//     returned were judged by the filter before.
package packet
