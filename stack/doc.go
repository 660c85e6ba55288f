// Package stack is the L3 half of ipvl: Mirror, the default namespace's state,
// and Router, which finds the next hop of what a device sends in the modes l3
// and l3s. It knows no device, no descriptor and no netlink.
//
// # Data flow
//
//	snapshots, changes ──► Mirror ──► *fib.Table ──┐ one atomic load
//	                         │ Watch               ▼
//	                         ▼            data path: Next ──► send, wait, local, drop
//	                      Router.sync              │             │
//	                         │                     │ one word    ▼ Hold
//	                         ▼                     │         queue of the next hop
//	  wire ◄── quiet ── gVisor's netstack ─────────┘             │ Emit
//	           requests out   ARP, NDP, NUD: events ─────────────┘
//
// The Mirror compiles a snapshot into a fib.Table and publishes it if
// it differs. Next loads the table, looks the destination up as the ipvlan
// driver does, and finds the next hop's MAC address in a table of its own. The
// netstack forwards nothing and terminates nothing: it is the neighbour cache
// and the state machine of RFC 4861, and the writer and reader of ARP and NDP.
//
// # Silence
//
// The master's addresses are the host's, and its kernel answers for them. The
// endpoint between the netstack and the wire (quiet) therefore lets nothing
// out but ARP requests and neighbour solicitations; and in, nothing but
// neighbour advertisements. ARP packets become plain values there: the sender
// of any of them, request or answer, is believed if it is a known neighbour,
// as at the end of arp_process. Duplicate address detection, router
// solicitation, multicast reports and addresses of the netstack's own making
// are off besides.
//
// Requests carry the sender that the kernel would choose for a packet that is
// not the host's own: for ARP inet_select_addr, which is 0.0.0.0 on a host
// without any address; for NDP the master's link-local address, or any other
// where there is none (the kernel would not ask at all then). arp_announce is
// taken as 0. A device in the master's own namespace would see its own address
// as the sender; here it is the master's.
//
// # Neighbours
//
// Timing is the kernel's: three requests one second apart, then what waited is
// dropped and the next packet starts anew; reachable for 15 to 45 seconds,
// then stale; the first use of a stale one starts a delay of five seconds and
// three unicast probes. Use is noticed by Next itself, by a bit that the first
// packet takes off, so that no timer runs for neighbours that nobody uses.
// Another MAC address is followed at once when it is announced (gratuitous
// ARP, an advertisement with the override flag), else not within a second of
// the last (locktime). Permanent and noarp entries of the kernel's table win.
// The master going down, losing its carrier or changing its MAC address
// forgets all others.
//
// # Two look-ups
//
// LookupKernel is the driver's: bound to the master, silent about what goes
// nowhere. LookupFull is that of a router that has the devices behind it: every
// route, rule and interface of the namespace counts, and a packet that goes
// nowhere is VerdictReject with the error that Linux sends when it forwards
// (ip_error, ip6_pkt_drop), from the master's address towards the device. The
// Router writes no such error itself; it does not know the devices.
//
//	no route, outgoing interface down   ICMP 3/0    ICMPv6 1/0
//	unreachable route                   ICMP 3/1    ICMPv6 1/0
//	unreachable rule                    ICMP 3/0    ICMPv6 1/0
//	prohibit route or rule              ICMP 3/13   ICMPv6 1/1
//	the neighbour does not answer       ICMP 3/1    ICMPv6 1/3, through Reject
//	blackhole, a group, a bad address   silence     silence
//
// # Limits
//
// A next hop holds 101 frames or 212992 bytes, the oldest making room; all
// together hold 8 MiB. MaxNeighbors next hops are known, 256 being resolved at
// a time; beyond, frames for new ones are dropped. gVisor's cache has 512
// entries: what it pushes out stays usable here for 30 seconds and is then
// confirmed at its next use.
//
// What a route sends through another interface than the master (T3-31, and with
// LookupFull IPv4 as well) is not resolved here: VerdictElsewhere leaves it to the caller. Not done:
// link-layer addresses in neighbour solicitations are not learned.
//
// # Ownership and locks
//
// Hold copies the frame; Emit borrows the copy. The lower endpoint stays the
// caller's. Packets that the netstack writes are borrowed for the call.
//
// Next and Mirror.FIB take no lock. Locks, in the order in which they may be
// taken: Router.syncMu; gVisor's; Router.mu. gVisor calls into the Router
// (OnNeighbor…, the callback of GetLinkAddress) with the lock of a neighbour's
// entry held, so that it must never be called with Router.mu held, and frames
// are never emitted from such a call: Clock.AfterFunc(0) starts a goroutine
// for that. Mirror.mu is held by writers while they compile, not while
// watchers run. No goroutine runs while nothing happens.
package stack
