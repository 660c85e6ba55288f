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
//	                                       L3S: Hooks on the way out and in
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
// # Mode l3s
//
// Transmission is that of l3, but what is for no device goes through
// Hooks.Output, which also finds the next hop; from a sibling to a sibling no
// hook is passed, as in the kernel. Reception is that of an IP layer: ARP,
// groups, DAD, other VLANs and other hosts' MAC addresses are the host's; the
// rest is verified, trimmed to its IP length (tidy), given to Hooks.Input, and
// looked up by the destination of what comes out. A master without Hooks does
// the same but for them.
//
// # Flags of a device
//
// A device without DeviceFlags behaves as the kernel's. Each flag costs a
// master whose devices do not have it one comparison a frame (view.some).
//
// Proxy: in l3 and l3s, questions on the wire for the device's addresses are
// answered with the master's MAC address (question, answer) and go no further:
// ARP requests, probes among them, and neighbour solicitations to the group, to
// the address, and from :: (DAD). Malformed ones, those to another MAC address,
// in a VLAN or with the master's own MAC address are not answered. Announce
// says the same unasked, in every mode.
//
// Guard: what the device sends must have the master's MAC address and a source
// that is registered for the device at that moment; fragments go by their
// source. From 0.0.0.0 only a DHCP client's packets, IGMP and ARP probes pass;
// from :: only DAD, router solicitations and MLD reports; neither kind of probe
// for an address that a sibling has. ARP senders, link-layer options of
// neighbour discovery, and targets of advertisements and redirects must be the
// device's own, also behind extension headers; neighbour discovery in
// fragments, a header chain cut off, other ethertypes and VLANs are dropped.
//
// Isolate: nothing passes between the device and any other of the master, nor
// what a switch reflects of it: unicast with the master's MAC address and a
// sibling's source, and all group frames with the master's MAC address. What a
// router brings back with a MAC address of its own passes.
//
// Host: the port of SetHostLink stands for the host. In L2 the master answers
// ARP and ND for the host's addresses to the device alone, and packets for them
// go to the port under any flag; in L3 they go there without the Router being
// asked. FromHost is the way back; the MAC addresses on that link mean nothing.
// Unicast only. In l3s both ways pass the hooks.
//
// # ICMP errors
//
// Where a Hop says so (HopReject, or an MTU with Hop.ICMP.From), and for what
// the Router gives back (Reject), the sender gets an ICMP error, if its source
// is its own: never about errors, groups or later fragments (RFC 1812 section
// 4.3.2.7, RFC 4443 section 2.4), at most 50 at once and 1000 a second for each device. In
// l3s the error is about the packet as Output left it, and takes the way through
// Input, which translates it back.
//
// # Ownership
//
// Bytes are borrowed for the call, in both directions; the callee may change
// them in place. A PacketBuffer delivered to a stack is borrowed for the call. A
// list given to WritePackets is the caller's: packets that outlive the call are
// cloned (handOver) or copied (flatten), without their mark. Group frames are copied into pooled
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
// unicast and stacks that answer at once do not recurse. ICMP errors and what is
// answered in the host's stead take the same queue, because the stack that caused
// them may hold locks that it needs to receive them. Hooks and Router are called on the
// goroutine of the frame.
//
// # Limits
//
// Multicast and unicast of one flow may be reordered against each other, as in
// the kernel. A device in a namespace of its own runs its own PREROUTING and
// INPUT chains also in l3s, which the kernel's driver bypasses. A tagged frame is demuxed by what is behind
// one tag and delivered with it. Statistics count a frame of many segments as
// one.
package link
