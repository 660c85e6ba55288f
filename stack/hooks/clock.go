package hooks

import (
	"sync"
	"time"

	"gvisor.dev/gvisor/pkg/tcpip"
)

// gate is the clock that gVisor's reaper runs by. The reaper winds itself up
// again each time, even after Stop; the gate ends that, and has it tick slowly
// where there is nothing to reap.
type gate struct {
	tcpip.Clock

	// mu also orders the start of the reaper before its first run.
	mu sync.Mutex
	// +checklocks:mu
	closed bool
	// +checklocks:mu
	busy bool // connections are tracked
	// +checklocks:mu
	idle int // ticks since they were
}

const (
	// lastRounds is how often the reaper goes on at its own pace when no
	// connection is tracked any more: twice around gVisor's table.
	lastRounds = 2 * 128
	idleTick   = time.Minute
)

// AfterFunc implements tcpip.Clock. f runs under mu.
func (g *gate) AfterFunc(d time.Duration, f func()) tcpip.Timer {
	return &gateTimer{g.Clock.AfterFunc(d, func() {
		g.mu.Lock()
		defer g.mu.Unlock()
		if !g.closed {
			f()
		}
	}), g}
}

func (g *gate) close() {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.closed = true
}

// setBusy says whether connections are tracked. The first one has the reaper
// run at its own pace from its next tick on, within idleTick.
func (g *gate) setBusy(busy bool) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.busy, g.idle = busy, 0
}

type gateTimer struct {
	tcpip.Timer
	g *gate
}

// Reset implements tcpip.Timer. It is called by the reaper, under the gate's
// mu.
//
// +checklocks:t.g.mu
func (t *gateTimer) Reset(d time.Duration) {
	if t.g.closed {
		return
	}
	if t.g.idle++; !t.g.busy && t.g.idle > lastRounds {
		d = idleTick
	}
	t.Timer.Reset(d)
}
