// Package load makes the traffic that is measured: one client and one server, which
// are the same for every contender.
//
// # Data flow
//
//	client ── connects to ──► server      what is counted
//	tcp     writes             reads       bytes at the reader (Reverse: the client)
//	gso     sends 40 × 1400    UDP_GRO     bytes at the server
//	pps     sendmmsg, 22 bytes recvmmsg    datagrams at the server
//	rr      1 byte there       and back    round trips, each timed by the client
//	conn    connect, 1 byte, 1 byte, close connections at the client
//
// Kernel sockets are used by plain blocking system calls, past Go's scheduler and
// poller, on a locked thread for each stream: what is measured is the path, not
// the Go runtime of the load. Such a process runs with Env set and no garbage
// collector. A netstack in the same process has no descriptors: Conns and ServeConns do the
// same over net.Conn.
//
// # Limits
//
// Every load ends by itself: the sender after Spec.Seconds, each call after
// Patience. One server serves one client. IPv4 only.
package load
