package fib

import "net/netip"

// SourceFor is the address with which the host asks for target's MAC on the
// interface index: for IPv4 inet_select_addr with link scope, for IPv6 the
// interface's link-local address, else any other. The zero Addr: it has none.
func (t *Table) SourceFor(index int, target netip.Addr) netip.Addr { return netip.Addr{} }
