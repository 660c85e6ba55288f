// Package rawip is a byte port to the host: what is written to it is received by
// the kernel's IP stack of the network namespace that the port was opened in, as
// long as it is for an address of that host. It is how a device reaches the master's host
// where that is the kernel. It is write-only: what the host answers leaves
// through the host's routes, as it does with the kernel's driver.
//
// # Data flow
//
//	WriteFrame ─ checks ─ raw socket ─ OUTPUT ─ loopback ─ INPUT ─ the host's sockets
//
// A packet is sent as it is (IPPROTO_RAW, which implies IP_HDRINCL and
// IPV6_HDRINCL) with its foreign source address, to a local destination. The kernel
// routes that over the loopback interface. The route that was found for sending
// stays on the packet (loopback_xmit), so it is not routed again on reception: rp_filter,
// which would refuse the source address there, is not asked. This holds
// whether or not the host forwards, or has a route to the source.
//
// The kernel's driver does the same in L3 mode (ip_local_out on a local route).
// In L2 it receives the frame on the master instead (dev_forward_skb).
// Sockets that are bound to the master (SO_BINDTODEVICE) get the packets here
// too: to them a local route counts as the interface that holds the address.
//
// # Nothing goes anywhere else
//
// A packet whose destination is not the host's would be routed and sent by the
// kernel. So a destination has to pass all of these, or the answer is ErrNotLocal:
//
//   - It is unicast and not loopback, whatever Options.Local says.
//   - Options.Local knows it.
//   - The kernel knows it, now. IPv6: as source for the route look-up
//     (IPV6_PKTINFO), in the same system call that sends; a tentative address does not
//     pass. IPv4: a socket of its own is bound to it, immediately before.
//   - IPv4: it is on a directly connected network (SO_DONTROUTE) and not a
//     broadcast address of it. This is for an address that is removed between the
//     two calls: then, at worst, one packet goes out to a neighbour.
//
// The sysctls ip_nonlocal_bind, off by default, turn the third check off.
//
// Source addresses are those of devices, which the host need not know. Those that
// would make the packet look like the host's own are refused: the loopback's, those that
// Options.Local knows, and none at all (the kernel would fill in the host's).
//
// # What the kernel changes
//
// IPv4 (raw_send_hdrinc): total length and header checksum are written anew, and the
// identification if it is 0. So the checksum is verified and what
// follows the packet (padding) is cut off before. Nothing else changes, also not TTL, TOS, options,
// fragment offset. IPv6: nothing.
//
// # Output
//
// Output is the other way out: not to the host but through it, for packets of
// devices whose route leaves by another interface than the master.
//
//	WriteFrame ─ checks ─ raw socket ─ routes and rules ─ OUTPUT ─ POSTROUTING ─ another interface
//
// The kernel looks the route up itself, keyed by the packet's own source and
// destination (IP_PKTINFO, IPV6_PKTINFO) but not by its TOS. It is the
// caller's matter that the destination is to be reached that way; only
// loopback, groups, broadcast and, in IPv6, link-local addresses are refused.
// What the kernel changes is the same as above. A packet that is longer than the
// interface's MTU is refused (EMSGSIZE), not fragmented.
//
// # Locks
//
// mu orders use of the descriptors against Close: writers hold it shared for system
// calls that do not wait, Close holds it alone. Options.Local is called without
// it. The host's receive path may run inside of WriteFrame.
//
// # Limits
//
//   - The host's firewall sees a packet as sent (OUTPUT, without a user) and then as
//     received from lo, not from the master. Rule sets usually accept all from lo: to
//     restrict what devices may reach, match their source addresses before that.
//   - The kernel drops silently, and here counts as sent, what exceeds the
//     queue of received packets (net.core.netdev_max_backlog) or meets a
//     loopback interface that is down.
//   - A packet is at most as long as the loopback's MTU, 65536 unless changed.
//   - Source routes and routing headers are the host's to judge, as for packets
//     from the wire (accept_source_route, seg6_enabled; those of lo count).
//   - An IPv6 address that is added without duplicate address detection is known to
//     the kernel a moment before its route; packets in this moment leave as
//     those of the host to a neighbour would. The kernel's notification of
//     the address is at the end of that moment.
//   - IPv4 addresses of a VRF are not found.
//   - The host sends no "protocol unreachable" for protocol 255 while a port is open.
package rawip
