// Package hooks is the netfilter of the default namespace as far as devices in
// mode l3s meet it: a packet filter, connection tracking and address
// translation, by the rules of package rules. It knows no device, no descriptor
// and no netlink.
//
// # Data flow
//
//	device ── Output ── defragment ─ track ─ nat output ─ filter output ─ Route ─ nat postrouting ── hop
//	device ◄─ Input ─── nat input ─ filter input ─ owner? ─ nat prerouting ─ track ─ defragment ◄─ wire
//	                                                 └─► Host: as it came
//
// The order is Linux's: translation of destinations comes before the filter and
// before the route, translation of sources behind both. What a device sends to
// another does not come here (T3-02), and nothing is forwarded.
//
// # Who does what
//
// gVisor tracks connections and chooses translations (ConnTrack, ConfigureNAT):
// which packets belong together, how far TCP has got, which port is free, when
// a connection is over. gVisor's own tables of rules are not used: they want a
// Stack, a Route and an AddressableEndpoint, know neither ranges nor states nor
// counters, and create a connection before the first rule is asked.
//
//	first packet    rules ─► choice ─► openMu: gVisor creates, translates, confirms ─► flow
//	each later one  flow (one map look-up) ─► gVisor is told ─► filter ─► the frame is patched
//
// A flow holds the two tuples that gVisor decided on. They never change, so that
// later packets are translated by them alone. A connection is opened only when
// everything before the last hook has let its first packet pass, and is
// confirmed at once: there are no half-open ones, and what is dropped or is the
// host's leaves nothing behind.
//
// gVisor sees a stand-in of each packet: its headers, and for TCP zeros of the
// payload's length, which all share one buffer. It is told of every TCP segment, and of
// other protocols once a second and when the first answer comes. The frame
// itself is changed in place (RFC 1624): addresses, ports, the checksums of what
// is complete, and where the virtio-net header says that a checksum is open, the
// sum of the pseudo-header alone. So a 64 KiB frame of many segments stays one.
//
// # States
//
// new: no answer was seen yet. established: one was, or this is one. related:
// an ICMP error about a tracked connection; what it quotes is translated with it.
// invalid: cut-off headers, an error about nothing known, an echo reply nobody asked for,
// and a TCP segment that can start nothing. A lone ACK is new: the connection
// may have begun before tracking did. A SYN on a closed connection is new.
// Windows are gVisor's to judge, which ignores what is outside but does not call
// it invalid.
//
// Only TCP, UDP and ping are tracked. Other protocols are always new, other ICMP
// messages (neighbour discovery, timestamps) have no state. What cannot be
// tracked and meets a rule that would translate it is dropped in Output, so that
// no address leaves that a rule hides, and is left as it is in Input.
//
// # Fragments
//
// IPv4 is reassembled in Input for a device, and both families in both
// directions where there are rules, but for IPv6 in Output: there the later
// fragments take the way of the first, which must come before them and
// have all headers, because a router must not fragment IPv6 again. What is
// reassembled may be longer than any MTU; the caller cuts it. Overlapping
// fragments take their packet along (RFC 5722).
//
// # Rules
//
// A Set is compiled into an immutable one and swapped by one atomic store. Equal
// rules hand on their counters; connections do not depend on rules once they
// are open. While there are neither rules nor connections, nothing is tracked.
// A rule that names an interface compares it with Options.Dev: in prerouting,
// input and output it always is that one, in postrouting only what leaves
// by the master is.
//
// # Ownership and locks
//
// Frames are borrowed for the call and changed in place. What Output and Input
// return is the frame they were given, or one that was reassembled: that is
// freshly made, and the caller's.
//
// Locks, in the order in which they may be taken: Engine.mu, openMu, gate.mu,
// then one at a time those of gVisor, tracker, a shard of flowTable, reassembly,
// fragVerdicts. Options' functions are called without any. Engine.mu is not
// taken by the data path but when the first connection starts the sweeper.
//
// # Limits
//
// MaxConns connections; packets that would open one more are dropped and
// counted. A device can use them all up: there is no share for each. Up to a
// minute's worth of timed-out ones more are in gVisor's memory. Fragments: 4 MiB,
// 30 seconds, 256 a packet, the oldest making room; no "time exceeded" is sent.
// Timeouts are gVisor's: TCP five days while established, anything else 120
// seconds, also TCP that was picked up in the middle.
//
// Masquerade, and snat without ports, use the ports and identifiers from
// FirstPort up alone: 4536 connections to one port of one peer. See Captures.
//
// A device that reaches another through an address that OUTPUT translates:
// Output returns the frame with that device's address, and a hop as for any
// other; who wants it delivered looks the owner up again. The answer comes back
// translated only if postrouting translates the source, too, as between two
// hosts of one network behind a router that redirects.
//
// Checksums of what comes in are not verified; a wrong one stays wrong. Not
// done: helpers (FTP, SIP), zones, marks, redirect, reject, limits, logging.
package hooks
