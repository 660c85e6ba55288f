// Package nsutil is everything that ipvl asks of the operating system besides
// moving frames: network namespaces, the interfaces that workloads get,
// hearing and reading rtnetlink, and keeping the host's stack quiet.
//
// # Namespaces
//
// A Ref is a path and an identity, never a descriptor, so it keeps nothing
// alive. Ref.Do enters it for the time of a function: on a goroutine whose
// thread is locked, and unlocked only when it is back. A thread that cannot
// come back ends with its goroutine. The zero Ref is the namespace of the
// calling thread, which is the process's outside Do. Call everything here
// outside Do, unless its documentation speaks of the calling thread.
//
// # The workload's interface
//
//	namespace of the process            │  namespace of the workload
//	                                    │
//	File() ── descriptor of a TAP ──────┼── TAP
//	PortIndex() ── our end ~ veth pair ~┼── the other end
//	          (packet socket)           │
//
// Create makes a TAP where /dev/net/tun can be opened, else a veth pair. It is
// made here under a name of its own, and then taken to its place, because a
// TAP's descriptor belongs to the namespace in which the device node was opened
// and would keep it alive, and because its final name may be taken here. What
// is done to an Interface later is done where it is by then: TUNGETDEVNETNS
// tells for a TAP; for a veth our end tells the index and the namespace id of
// the other, and a path with that id is looked for. An Interface owns its
// descriptors until Close. Our end of a veth pair is silenced: no ARP, no IPv6,
// and an nftables chain that drops at the ingress hook, which comes after
// packet sockets.
//
// All devices of a master have its MAC address, so the kernel's link-local
// addresses would collide. The ipvlan driver mixes a device id in, which no
// other interface does: so the kernel is told to make none (addrgenmode none), to
// use our interface id for SLAAC ("ip token"), and EnsureLinkLocal adds the
// address whenever the interface has come UP.
//
// # Watching
//
// One goroutine reads one socket (NETLINK_LISTEN_ALL_NSID), which hears every
// namespace that the own one has an id for. Where and MoveTo assign ids. When
// somebody moves an interface on to a namespace without an id, the EventLink
// with NewNSID is the last that is heard; call Where then, and read again what
// it has there. Batches go through an unbuffered channel: a receiver that lags
// lets the socket's buffer fill, which ends in EventOverrun. The kernel
// announces an IPv6 address only when duplicate address detection is over;
// whoever needs it while tentative reads Addrs upon the EventGroup of its
// solicited-node group.
//
// # Reading
//
// Links, Addrs, Neighs, Snapshot and Load use sub-package rtnl, whose parsers
// are total. Each kind is read at one moment, but not all at the same. Of a
// million routes Snapshot holds some 500 MiB at times, Load 50: it hands each
// over as it is read.
//
// # What is left behind
//
// A killed process leaves nftables tables and our ends of veth pairs; TAPs go
// with their descriptor. Whoever uses one of those names holds an abstract unix
// socket of the same name, which the kernel closes with the process:
// CleanupStale removes what nobody holds.
//
// # Limits
//
// A TAP has one queue, whatever Options.NumQueues says. A veth pair that stays
// in the own namespace cannot have a chosen index. A veth's other end is lost
// from sight (ErrUnknownNetns) in a namespace that neither has a name under
// /run/netns nor a process. An alien "addrgenmode none" cannot be told from
// ours. Unprivileged, all this works as root of a user namespace.
package nsutil
