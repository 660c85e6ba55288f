package hooks

import (
	"net/netip"
	"time"

	"github.com/ipvl/ipvl/stack"
	"github.com/ipvl/ipvl/stack/rules"
)

// Engine runs the hooks. Any number of goroutines may use it.
type Engine struct {
	o Options
}

// New makes an Engine without rules.
func New(o Options) (*Engine, error) {
	switch {
	case o.Owned == nil:
		return nil, &Error{Op: "new engine", Err: ErrNoOwned}
	case o.Route == nil:
		return nil, &Error{Op: "new engine", Err: ErrNoRoute}
	}
	return &Engine{o: o}, nil
}

// Apply makes s the rules: all or, with an error, none of it. Connections live
// on, and so do the counters of rules that are the same in the same chain; the
// others start with the counters that s gives. s is not kept.
func (e *Engine) Apply(s *rules.Set) error {
	if err := s.Check(); err != nil {
		return &Error{Op: "apply", Err: err}
	}
	return nil
}

// Snapshot is the rules with their counters.
func (e *Engine) Snapshot() rules.Set { return rules.Set{} }

// Output runs OUTPUT on a frame of a device that is for no other device, finds
// the next hop of what is left, and runs POSTROUTING.
func (e *Engine) Output(frame []byte) (out []byte, hop stack.Hop, r Reason) {
	return frame, e.o.Route(frame), Pass
}

// Input runs PREROUTING on a frame from the wire, and if the destination is
// then a device's, INPUT.
func (e *Engine) Input(frame []byte) (out []byte, r Reason) { return frame, Pass }

// Restore undoes the translation of a frame that Output returned.
func (e *Engine) Restore(frame []byte) bool { return false }

// Conn is one tracked connection.
type Conn struct {
	Proto uint8
	// Src and Dst are of the first packet; ReplySrc and ReplyDst those of an
	// answer on the other side of the translation. For ping the port of the
	// requester is the identifier, and the other 0.
	Src, Dst, ReplySrc, ReplyDst netip.AddrPort
	Replied                      bool // an answer was seen
	Assured                      bool // TCP: established
	Expires                      time.Duration
	Packets, Bytes               [2]uint64 // as sent, and as answered
}

// Conns lists the tracked connections in no order.
func (e *Engine) Conns() []Conn { return nil }

// Close stops the Engine.
func (e *Engine) Close() error { return nil }
