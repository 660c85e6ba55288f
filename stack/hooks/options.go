package hooks

import (
	"net/netip"

	"gvisor.dev/gvisor/pkg/tcpip"

	"github.com/ipvl/ipvl/stack"
)

// Options is what an Engine is made of. Its functions are called by the data
// path, by many goroutines at once and without any lock held; they must be
// quick and not allocate.
type Options struct {
	// Owned reports whether an address is a device's that is up. It must not
	// be nil.
	Owned func(netip.Addr) bool
	// Route is the next hop of a frame that OUTPUT let pass; it borrows the
	// frame. It must not be nil.
	Route func(frame []byte) stack.Hop
	// Source is the master's address towards dst, which masquerade uses; the
	// zero Addr: there is none, and the packet is dropped. Nil: there never is.
	Source func(dst netip.Addr) netip.Addr
	// Own reports whether an address is the host's own, whose ports it shares
	// with the devices. Nil: every one is.
	Own func(netip.Addr) bool
	// Clock is the time; nil is the system's.
	Clock tcpip.Clock
	// Dev is the master's name, for rules that name an interface.
	Dev string
	// MaxConns bounds the tracked connections, 0 is 65536: packets that would
	// start one more are dropped.
	MaxConns int
}

// Reason says what became of a frame.
type Reason uint8

const (
	// Pass: go on with the frame.
	Pass Reason = iota
	// Drop: the frame is lost; Stats says why.
	Drop
	// Host (Input only): the destination is no device's. The frame is as it
	// was, and nothing of it is kept.
	Host
	// Held: a fragment that waits for the others, or was one too many.
	Held
)

var reasonNames = [...]string{"pass", "drop", "host", "held"}

// String is a lower-case word.
func (r Reason) String() string {
	if int(r) < len(reasonNames) {
		return reasonNames[r]
	}
	return "unknown"
}

// defaultMaxConns is what MaxConns 0 means: nf_conntrack_max of a machine with
// 4 GiB of memory is 262144, of which a quarter is for the devices of a master.
const defaultMaxConns = 65536
