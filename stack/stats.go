package stack

import (
	"net/netip"
	"slices"
	"sync/atomic"
)

// RouterStats is a reading of the Router's counters.
type RouterStats struct {
	Held     uint64             // frames given to Hold
	Emitted  uint64             // frames given to Emit
	Drops    [numReasons]uint64 // packets dropped, by Reason
	Resolved uint64             // next hops resolved
	Failed   uint64             // next hops that did not answer
	Silenced uint64             // frames of the netstack's that were kept from the wire
}

// counters are what RouterStats is read from.
type counters struct {
	held, emitted, resolved, failed, silenced atomic.Uint64
	drops                                     [numReasons]atomic.Uint64
}

// Stats reads the counters. Each is exact; together they are not of one
// moment.
func (r *Router) Stats() RouterStats {
	c := &r.count
	s := RouterStats{
		Held: c.held.Load(), Emitted: c.emitted.Load(), Resolved: c.resolved.Load(), Failed: c.failed.Load(), Silenced: c.silenced.Load(),
	}
	for i := range s.Drops {
		s.Drops[i] = c.drops[i].Load()
	}
	return s
}

// Neighbor is one next hop, for display.
type Neighbor struct {
	Index int
	Addr  netip.Addr
	MAC   [6]byte // zero while unknown
	State NUD
}

// Neighbors lists the next hops, ordered by address.
func (r *Router) Neighbors() []Neighbor {
	var out []Neighbor
	r.mu.Lock()
	r.hops.all(func(n *neighbor) {
		show := Neighbor{Index: r.master, Addr: n.addr, State: n.state}
		if n.known {
			show.MAC = n.mac
		}
		out = append(out, show)
	})
	r.mu.Unlock()
	slices.SortFunc(out, func(a, b Neighbor) int { return a.Addr.Compare(b.Addr) })
	return out
}
