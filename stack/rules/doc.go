// Package rules holds what the packet filter and the address translation of
// the default namespace are told, as values: a Set of rules in chains. It knows
// neither gVisor nor the operating system; package hooks carries a Set out.
//
// # Chains
//
//	filter  input        what a device is about to get from the wire
//	        output       what a device sent, that is no other device's
//	nat     prerouting   from the wire, before its owner is looked up: dnat
//	        input        from the wire, before a device gets it: snat
//	        output       from a device, before it is routed: dnat
//	        postrouting  from a device, before it leaves: masquerade, snat
//
// They are the built-in chains of iptables(8) of the same names. A chain's
// rules are tried in order. The first that matches decides; where none does,
// the chain's policy, which is always accept in nat. A nat chain sees the first
// packet of a connection only; all others of it are treated the same.
//
// # Families
//
// One Set is for IPv4 and IPv6. A rule is for one of them if its Match.Family,
// a prefix, the protocol (ICMP, ICMPv6) or its action's address says so, and
// for both otherwise. A rule that says both is refused by Check.
//
// Values are plain: copy them freely, but for the maps and slices of a Set,
// which Clone copies.
package rules
