package stack

import (
	"net/netip"
	"sync/atomic"

	"gvisor.dev/gvisor/pkg/tcpip"
)

// NUD is a neighbour's state (RFC 4861 section 7.3.2).
type NUD uint8

const (
	NUDIncomplete NUD = iota
	NUDReachable
	NUDStale
	NUDDelay
	NUDProbe
	NUDFailed
	NUDPermanent
)

var nudNames = [...]string{"INCOMPLETE", "REACHABLE", "STALE", "DELAY", "PROBE", "FAILED", "PERMANENT"}

// String is ip(8)'s word for s.
func (s NUD) String() string {
	if int(s) < len(nudNames) {
		return nudNames[s]
	}
	return "NONE"
}

// neighbor is one next hop. What the data path needs of it is one word.
type neighbor struct {
	addr netip.Addr // never changes

	// hw is the MAC address in the low 48 bits, hwValid if there is one to
	// send to, and hwStale if the next one to use it should have it
	// confirmed. Written under Router.mu, but for Router.confirm, which only
	// takes hwStale off.
	hw atomic.Uint64

	// The rest is guarded by Router.mu.
	state NUD
	mac   [6]byte // the last one heard of
	known bool    // mac may be sent to
	// resolving says that gVisor owes an answer for what waits in held.
	resolving bool
	// flushing says that a goroutine is emitting what waited; until it has
	// emptied held, hw stays unpublished, so that nothing overtakes.
	flushing bool
	updated  tcpip.MonotonicTime // when mac was learned or confirmed
	held     []heldFrame
	bytes    int // of held
}

const (
	hwValid = 1 << 48
	hwStale = 1 << 49
)

func packMAC(m [6]byte) uint64 {
	return uint64(m[0])<<40 | uint64(m[1])<<32 | uint64(m[2])<<24 | uint64(m[3])<<16 | uint64(m[4])<<8 | uint64(m[5])
}

func unpackMAC(v uint64) [6]byte {
	return [6]byte{byte(v >> 40), byte(v >> 32), byte(v >> 24), byte(v >> 16), byte(v >> 8), byte(v)}
}

// publish lets the data path see mac and state.
func (n *neighbor) publish() {
	v := uint64(0)
	if n.known {
		v = packMAC(n.mac) | hwValid
		if n.state == NUDStale {
			v |= hwStale
		}
	}
	n.hw.Store(v)
}

// dynamic reports whether the entry comes of resolution.
func (n *neighbor) dynamic() bool { return n.state != NUDPermanent }
