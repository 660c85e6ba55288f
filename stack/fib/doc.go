// Package fib holds the routes, rules, interfaces and addresses of a network
// namespace as values, and looks destinations up as Linux does. It knows
// neither gVisor nor the operating system.
//
// # Structure
//
// Compile makes a Table of a Snapshot:
//
//	rules of the family, by priority ──► routing table (by id)
//	                                       └─ trie: prefix ──► leaf: entries, best first
//	                                                             └─ entry: type, metric, hops …
//
// A trie is a github.com/gaissmai/bart table. Entries and leaves are immutable
// and shared: a full table has a million prefixes and a few dozen different
// entries, so that a prefix costs little more than a pointer. Because of that
// Apply can change one route in a copy that shares all but the path to it,
// while readers go on with the old Table.
//
// Beside the trie IPv4 has an index: for each /8 a node of packed blocks, which
// say for every /24 the number of its leaf. In a full table a look-up is the
// time of its cache misses: here there is one, and the index is small and flat,
// 5 MiB of a million routes' 31, for the cache to hold the more of it. It leaves
// to the trie what is behind a prefix longer than /24, and the leaves beyond the
// 65,000th. Such numbers are not given back before the next Compile.
//
// # Order
//
// At one prefix IPv4 takes the first entry by TOS (an exact one before none)
// and metric whose TOS fits and that has a hop to use; where none has, a
// shorter prefix is tried (fib_table_lookup). IPv6 takes the longest matching
// source prefix, then the lowest metric, then among equals the RFC 4191
// preference and whether the hop is on the bound interface (rt6_select).
// Equals keep the snapshot's order, which is the kernel's. A blackhole,
// unreachable or prohibit entry ends the look-up, a throw entry the table. Of
// several hops the flow hash picks one, by weight; a bound IPv4 look-up takes
// the first on its interface. A hop that is Dead is not used; LinkDown alone
// does not count, since rtnetlink says dead as well where
// ignore_routes_with_linkdown is set.
//
// A family without rules has the kernel's default ones.
//
// # Two look-ups
//
// Lookup is fib_lookup and ip6_route_output for a packet of the host's own
// (input interface lo, uid 0, no ports). LookupKernel adds what the ipvlan
// driver makes of them; rows as measured on Linux 6.1:
//
//	T3-20  the key: oif is the master, "iif lo", source, destination, TOS, mark;
//	       IPv4 gives no protocol, neither family gives ports
//	T3-21  IPv4 uses routes through the master, T3-22 and no others
//	T3-23  IPv4 without a route: the destination is taken as on-link,
//	T3-24  and so with a blackhole, unreachable or prohibit route or rule
//	T3-25  an address of the master is local, T3-26 T3-27 another of the host is not
//	T3-28  a broadcast or multicast result is dropped
//	T3-31  IPv6 may leave through another interface,
//	T3-32  is dropped without a route, T3-33 and bound where the address has link scope
//	T3-35  and finds addresses of the host local
//
// Beyond the rows: sources that Linux refuses (multicast, 0.0.0.0/8, 127.0.0.0/8)
// and destinations in 0.0.0.0/8 are dropped. 0.0.0.0 itself, which Linux would
// hand to its loopback interface, is dropped as well. TOS is compared without
// the ECN bits, as since Linux 6.12. In a VRF nothing is taken as on-link.
//
// Not modelled: the merged local and main trie of a kernel without rules (a
// main route longer than a local one wins there), the choice among default
// routes by neighbour state, and IPv6's skipping of unreachable gateways.
package fib
