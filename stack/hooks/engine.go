package hooks

import (
	"sync"
	"sync/atomic"

	"gvisor.dev/gvisor/pkg/tcpip"

	"github.com/ipvl/ipvl/stack/rules"
)

// Engine runs the hooks. Any number of goroutines may use it; limits, locks and
// ownership are in the package's documentation.
type Engine struct {
	o     Options
	clock tcpip.Clock
	rules atomic.Pointer[ruleset]
	track atomic.Pointer[tracker] // nil until there are rules
	flows flowTable
	whole reassembly
	later fragVerdicts
	count counters

	// openMu has one connection opened at a time, so that two do not choose
	// the same port. No function of Options is called with it held.
	openMu sync.Mutex

	// mu serialises Apply and Close.
	mu sync.Mutex
	// +checklocks:mu
	closed bool
	// +checklocks:mu
	sweeper tcpip.Timer // nil before the first connection
	// watching says that sweeper runs. It is written with mu held.
	watching atomic.Bool
}

// New makes an Engine without rules. The error is an *Error.
func New(o Options) (*Engine, error) {
	switch {
	case o.Owned == nil:
		return nil, &Error{Op: "new engine", Err: ErrNoOwned}
	case o.Route == nil:
		return nil, &Error{Op: "new engine", Err: ErrNoRoute}
	}
	if o.MaxConns <= 0 {
		o.MaxConns = defaultMaxConns
	}
	e := &Engine{o: o, clock: o.Clock}
	if e.clock == nil {
		e.clock = tcpip.NewStdClock()
	}
	e.rules.Store(newRuleset(&rules.Set{}, nil))
	return e, nil
}

// Apply makes s the rules: all or, with an error (*Error), none of it.
// Connections live on, translated as they are, and so do the counters of rules
// that are the same in the same chain; the others start with the counters that
// s gives. s is not kept.
func (e *Engine) Apply(s *rules.Set) error {
	if err := s.Check(); err != nil {
		return &Error{Op: "apply", Err: err}
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.closed {
		return &Error{Op: "apply", Err: ErrClosed}
	}
	n := newRuleset(s, e.rules.Load())
	if !n.empty && e.track.Load() == nil {
		e.track.Store(newTracker(e.clock))
	}
	e.rules.Store(n)
	return nil
}

// Snapshot is the rules with their counters.
func (e *Engine) Snapshot() rules.Set { return e.rules.Load().snapshot() }

// Close stops the Engine: it frees what it tracks, and from then on passes
// frames as if there were no rules. Close is idempotent.
func (e *Engine) Close() error {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.closed {
		return nil
	}
	e.closed = true
	e.rules.Store(newRuleset(&rules.Set{}, nil))
	if e.sweeper != nil {
		e.sweeper.Stop()
	}
	if t := e.track.Load(); t != nil {
		t.close()
	}
	e.whole.clear()
	return nil
}

// tracking is gVisor's tracking if there is anything to track for: rules, or
// connections that outlive them.
func (e *Engine) tracking(rs *ruleset) *tracker {
	if rs.empty && e.flows.count.Load() == 0 {
		return nil
	}
	return e.track.Load()
}

// watch has what times out removed, from the first connection to the last. It
// is called after each connection that is opened.
func (e *Engine) watch() {
	if e.watching.Load() {
		return
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.closed || e.watching.Load() {
		return
	}
	e.watching.Store(true)
	e.track.Load().gate.setBusy(true)
	if e.sweeper == nil {
		e.sweeper = e.clock.AfterFunc(sweepEvery, e.sweep)
	} else {
		e.sweeper.Reset(sweepEvery)
	}
}

func (e *Engine) sweep() {
	e.flows.sweep(e.clock.NowMonotonic())
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.closed {
		return
	}
	// First say so, then look: who opens a connection now watches.
	e.watching.Store(false)
	if e.flows.count.Load() > 0 {
		e.watching.Store(true)
		e.sweeper.Reset(sweepEvery)
		return
	}
	e.track.Load().gate.setBusy(false)
}
