// Package link is the IPVLAN data path: a Master that owns the uplink, the
// Devices on it, and the verdict on each frame. It knows no namespace, no path
// and no netlink: it gets endpoints, ports and values.
//
// # Data flow
//
//	in process                                  descriptors (link/tap, link/packet)
//	netstack NIC ── Device (LinkEndpoint)        Port, its reader's buffer
//	      PacketBuffer │                              │ bytes: Transmit, Receive
//	                   └────────► Master: one verdict ◄┘
//	      PacketBuffer ◄────────┘      │    └────────► bytes: Port.WriteFrame
//	                                   └── L3: Router → next hop → uplink
//
// A frame has two forms: bytes (virtio-net header and Ethernet frame, as a
// descriptor gives it) and *stack.PacketBuffer (as a netstack gives it). It
// changes form at most once, where it crosses from one to the other; package
// vnet does that. parse looks at a frame once and yields a meta; view.transmit
// and view.receive turn that into a verdict; both forms share them. The
// functions name those of the kernel's driver that they mirror.
//
// What a device sends is looked up by its destination MAC address in L2 (equal
// to its source: a device or the master; a group: all; else the wire) and by
// its destination IP address in L3. What comes over the wire is looked up by
// its destination IP address; in L2 groups are spread to the devices whose
// Filter wants them. What belongs to no device is the host's: the stack
// attached to the Master. Where the host is the kernel's stack on the same
// interface there is none, because the kernel has seen the frame already.
//
// # Ownership
//
// Bytes are borrowed for the call, in both directions; the callee may change
// them in place. A PacketBuffer delivered to a stack is borrowed for the call. A
// list given to WritePackets is the caller's: packets that outlive the call are
// cloned (handOver) or copied (flatten). Group frames are copied into pooled
// buffers, which spread gives back.
//
// # Locks
//
// The packet path takes none. All that it reads is a view, immutable and
// published through an atomic pointer; writers hold Master.mu, copy, change and
// publish. The address table inside is a hash table of which a change copies
// one bucket and the bucket array. No lock is held while a port, a stack or a
// Router is called. A stack calls Attach with locks of its own held: Master.mu
// is taken under them, never the other way.
//
// # Goroutines
//
// Each frame is carried to its end by the goroutine that brought it, but for
// group frames: those go through one bounded queue (1000, as in the kernel)
// and one goroutine for each Master, so that a broadcast to many devices does not stall
// unicast and stacks that answer at once do not recurse.
//
// # Limits
//
// Multicast and unicast of one flow may be reordered against each other, as in
// the kernel. A tagged frame is demuxed by what is behind
// one tag and delivered with it. Statistics count a frame of many segments as
// one.
package link
