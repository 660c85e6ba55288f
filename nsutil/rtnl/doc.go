// Package rtnl reads and writes rtnetlink messages: what the kernel tells of
// links, addresses, routes, rules, neighbours, nexthop objects, multicast
// groups and namespace ids, as values.
//
// The parsers take the body of a message (what follows struct nlmsghdr) and
// are total: whatever the bytes, they return a value that holds together, or
// ErrShort, ErrOther or ErrValue. Attributes are walked until the first that
// is not whole, as the kernel does; one that is too short for its type counts as
// zero. Values do not refer to the message.
//
// Conn is one request socket. A request holds its lock until the answer is
// read to the end, so that the next finds the socket empty; callbacks run under
// it and must not use the Conn. It blocks in recvmsg, since the kernel answers
// at once.
//
// What has no value here is passed over: cached route clones, routes of other types
// than those of stack/fib, encapsulations of lightweight tunnels, rules that
// select by what a packet of ipvlan cannot have (tunnel id, IPv6 flow label).
package rtnl
