package nsutil

import (
	"errors"
	"net/netip"
)

// HostGuard keeps the host's stack from acting upon frames that belong to the
// devices of one master: an nftables table of family netdev whose ingress chain on
// the master drops what is addressed to them. Packet sockets see a frame before that.
type HostGuard struct{}

// Ensure installs the guard on the master, which is in the namespace of the
// calling thread. It replaces what a killed run left behind.
func (g *HostGuard) Ensure(ifname string) error {
	return &Error{Op: "guard", Name: ifname, Err: errors.ErrUnsupported}
}

// SetAddrs makes addrs the guarded addresses. Only differences reach the kernel.
func (g *HostGuard) SetAddrs(addrs []netip.Addr) error { return nil }

// Remove takes the guard away. Idempotent.
func (g *HostGuard) Remove() error { return nil }

// CleanupStale removes, in the namespace of the calling thread, what killed
// runs left behind: guards, our ends of veth pairs, and TAPs that were being made.
// What a living process holds is left alone. It returns what it removed.
func CleanupStale() (removed []string, err error) { return nil, nil }
