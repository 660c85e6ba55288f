package appliance

import (
	"context"
	"sync"

	"github.com/ipvl/ipvl/cmd/internal/api"
	"github.com/ipvl/ipvl/nsutil"
)

// feed hands batches of events to those who monitor. One that does not keep up
// loses batches: it must not hold up the event loop.
type feed struct {
	mu sync.Mutex
	// +checklocks:mu
	subscribers map[chan []nsutil.Event]struct{}
}

// feedDepth is how many batches wait for one subscriber.
const feedDepth = 256

func newFeed() *feed { return &feed{subscribers: make(map[chan []nsutil.Event]struct{})} }

func (f *feed) subscribe() chan []nsutil.Event {
	c := make(chan []nsutil.Event, feedDepth)
	f.mu.Lock()
	defer f.mu.Unlock()
	f.subscribers[c] = struct{}{}
	return c
}

func (f *feed) unsubscribe(c chan []nsutil.Event) {
	f.mu.Lock()
	defer f.mu.Unlock()
	delete(f.subscribers, c)
}

func (f *feed) publish(batch []nsutil.Event) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for c := range f.subscribers {
		select {
		case c <- batch:
		default:
		}
	}
}

// Monitor implements api.Backend.
func (a *Appliance) Monitor(ctx context.Context, c api.Caller, r api.Monitor, emit func(api.Event) error) error {
	s, err := a.resolve("monitor", c, r.Netns)
	if err != nil {
		return err
	}
	batches := a.feed.subscribe()
	defer a.feed.unsubscribe(batches)
	if err := emit(api.Event{}); err != nil {
		return err
	}
	for {
		select {
		case <-ctx.Done():
			return nil
		case batch := <-batches:
			for _, e := range a.events(s, batch) {
				if err := emit(e); err != nil {
					return err
				}
			}
		}
	}
}

// events converts those of one namespace.
func (a *Appliance) events(s scope, batch []nsutil.Event) []api.Event {
	var names map[int]string
	name := func(index int) string {
		if names == nil {
			names = linkNames(s)
		}
		return names[index]
	}
	var out []api.Event
	for _, e := range batch {
		if e.NSID != s.nsid {
			continue
		}
		ev := api.Event{Deleted: e.Deleted}
		switch e.Kind {
		case nsutil.EventLink:
			l := convertLink(*e.Link, map[int]string{e.Link.UpperIndex: name(e.Link.UpperIndex), e.Link.ParentIndex: name(e.Link.ParentIndex)})
			a.describeAt(&l, s)
			ev.Link = &l
		case nsutil.EventAddr:
			ev.Addr = &api.Link{Index: e.Addr.Index, Name: name(e.Addr.Index), Addrs: []api.Addr{convertAddr(*e.Addr)}}
		case nsutil.EventRoute:
			if e.Route == nil {
				continue
			}
			r := convertRoute(a.mirror.FIB(), e.Route.Route)
			ev.Route = &r
		case nsutil.EventNeigh:
			n := convertNeigh(*e.Neigh, map[int]string{e.Neigh.Index: name(e.Neigh.Index)})
			ev.Neigh = &n
		default:
			continue
		}
		out = append(out, ev)
	}
	return out
}

func (a *Appliance) describeAt(l *api.Link, s scope) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if d := a.devices[place{s.nsid, l.Index}]; d != nil {
		a.describe(l, d, s)
	}
}

func linkNames(s scope) map[int]string {
	names := make(map[int]string)
	links, err := nsutil.Links(s.ns)
	if err != nil {
		return names // events show without names
	}
	for _, l := range links {
		names[l.Index] = l.Name
	}
	return names
}
