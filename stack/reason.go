package stack

import (
	"strconv"

	"github.com/ipvl/ipvl/stack/fib"
)

// Reason says why the Router dropped a packet.
type Reason uint8

const (
	ReasonNone           Reason = iota
	ReasonNoRoute               // no route (IPv6 only, T3-32)
	ReasonBlackhole             // blackhole route or rule
	ReasonUnreachable           // unreachable route or rule
	ReasonProhibit              // prohibit route or rule
	ReasonBroadcast             // the route is broadcast or multicast (T3-28)
	ReasonBadSource             // a source that Linux does not route
	ReasonBadDestination        // a destination that Linux does not route
	ReasonLinkDown              // the master is down, or unknown to the Mirror
	ReasonQueueFull             // pushed out of a next hop's queue by later frames
	ReasonUnresolved            // the next hop did not answer
	ReasonNeighborsFull         // too many next hops at once
	ReasonMalformed             // Hold was given too short a frame
	ReasonClosed                // the Router was closed

	numReasons
)

var reasonNames = [numReasons]string{
	"none", "no-route", "blackhole", "unreachable", "prohibit", "broadcast", "bad-source", "bad-destination", "link-down",
	"queue-full", "unresolved", "neighbors-full", "malformed", "closed",
}

// String is a lower-case word, stable enough to be a counter's label.
func (r Reason) String() string {
	if r < numReasons {
		return reasonNames[r]
	}
	return "reason " + strconv.Itoa(int(r))
}

// reasonOf is fib's reason: the first of ours are the same, in order.
func reasonOf(r fib.Reason) Reason { return Reason(r) }
