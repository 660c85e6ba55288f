package appliance

import (
	"context"
	"runtime/debug"
	"sync"

	"github.com/ipvl/ipvl/nsutil"
	"github.com/ipvl/ipvl/stack/fib"
)

// maxChanges is how many single changes wait for the mirror; more than that
// are served by reading everything again.
const maxChanges = 65536

// manyRoutes is from where on a snapshot is so much larger than what stays of
// it that the memory is given back at once.
const manyRoutes = 100_000

// routeFeed keeps the mirror in step: it takes single changes of routes, and
// requests to read everything again. One goroutine (run) serves them in order.
type routeFeed struct {
	wake chan struct{}

	mu sync.Mutex
	// +checklocks:mu
	changes []fib.Change
	// +checklocks:mu
	all bool
}

func newRouteFeed() *routeFeed { return &routeFeed{wake: make(chan struct{}, 1)} }

// tell asks for what a batch of events brought.
func (f *routeFeed) tell(changes []fib.Change, all bool) {
	if len(changes) == 0 && !all {
		return
	}
	f.mu.Lock()
	f.all = f.all || all || len(f.changes)+len(changes) > maxChanges
	if f.all {
		f.changes = nil
	} else {
		f.changes = append(f.changes, changes...)
	}
	f.mu.Unlock()
	select {
	case f.wake <- struct{}{}:
	default:
	}
}

func (f *routeFeed) take() (changes []fib.Change, all bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	changes, all = f.changes, f.all
	f.changes, f.all = nil, false
	return changes, all
}

// run serves until ctx ends. What changes while everything is read comes as a
// change afterwards: made twice, it is what it was.
func (f *routeFeed) run(ctx context.Context, a *Appliance) {
	for {
		select {
		case <-ctx.Done():
			return
		case <-f.wake:
		}
		changes, all := f.take()
		if !all {
			a.mirror.Apply(changes)
			continue
		}
		if err := a.readRoutes(); err != nil {
			a.log.Error("could not read the routes; the last ones stay in force", "error", err)
		}
	}
}

// routeChange is what an event says of one route.
func routeChange(e nsutil.Event) fib.Change {
	c := fib.Change{Op: fib.OpAdd, Route: e.Route.Route}
	switch {
	case e.Deleted:
		c.Op = fib.OpDelete
	case e.Replace:
		c.Op = fib.OpReplace
	}
	return c
}

// readRoutes reads everything into the mirror.
func (a *Appliance) readRoutes() error {
	snapshot, err := nsutil.Load(nsutil.Ref{})
	if err != nil {
		return err
	}
	many := snapshot.Set.Len() > manyRoutes
	changed, err := a.mirror.Set(snapshot)
	if err != nil {
		return err
	}
	if many {
		debug.FreeOSMemory()
	}
	if n := changed.LeftOut.Total(); n > 0 {
		a.log.Warn("entries of the routing tables were left out", "count", n, "first", changed.LeftOut.First)
	}
	return nil
}
