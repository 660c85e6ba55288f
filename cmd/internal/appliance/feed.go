package appliance

import (
	"context"
	"fmt"
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
	v := &view{scope: s}
	a.look(v)
	if err := emit(api.Event{}); err != nil {
		return err
	}
	for {
		select {
		case <-ctx.Done():
			return nil
		case batch := <-batches:
			for _, e := range a.events(v, batch) {
				if err := emit(e); err != nil {
					return err
				}
			}
		}
	}
}

// view is what one who monitors a namespace has seen of its interfaces, as
// ip(8) remembers them (ll_remember_index): what is told of a device that is
// gone by now, or has another name, was still the old one's.
type view struct {
	scope scope
	links map[int]api.Link
}

// look fills a view with what there is.
func (a *Appliance) look(v *view) {
	v.links = make(map[int]api.Link)
	links, err := a.links("monitor", v.scope)
	if err != nil {
		return // what does not change again is told by its number
	}
	for _, l := range links {
		v.links[l.Index] = l
	}
}

// name is an interface's name; one that was never seen goes by its number.
func (v *view) name(index int) string {
	if l, ok := v.links[index]; ok || index == 0 {
		return l.Name
	}
	return fmt.Sprintf("if%d", index)
}

// events converts those of one namespace.
func (a *Appliance) events(v *view, batch []nsutil.Event) []api.Event {
	var out []api.Event
	for _, e := range batch {
		if e.Kind == nsutil.EventOverrun {
			a.look(v)
			continue
		}
		if e.NSID != v.scope.nsid {
			continue
		}
		ev := api.Event{Deleted: e.Deleted}
		switch e.Kind {
		case nsutil.EventLink:
			ev.Link = a.linkSeen(v, e)
		case nsutil.EventAddr:
			ev.Addr = &api.Link{Index: e.Addr.Index, Name: v.name(e.Addr.Index), Addrs: []api.Addr{convertAddr(*e.Addr)}}
		case nsutil.EventRoute:
			if e.Route == nil {
				continue
			}
			r := convertRoute(a.mirror.FIB(), e.Route.Route)
			for i, h := range e.Route.NextHops {
				r.NextHops[i].Dev = v.name(h.Index)
			}
			ev.Route = &r
		case nsutil.EventNeigh:
			n := convertNeigh(*e.Neigh, map[int]string{e.Neigh.Index: v.name(e.Neigh.Index)})
			ev.Neigh = &n
		default:
			continue
		}
		out = append(out, ev)
	}
	return out
}

// linkSeen converts an event of an interface, and has the view remember it. A
// device that has ended, or moved away, is told as what it was: the appliance
// has forgotten it before the events that lead to that are told.
func (a *Appliance) linkSeen(v *view, e nsutil.Event) *api.Link {
	names := make(map[int]string)
	for _, index := range []int{e.Link.UpperIndex, e.Link.ParentIndex} {
		names[index] = v.links[index].Name
	}
	l, was := convertLink(*e.Link, names), v.links[e.Link.Index]
	if ours := a.describeAt(&l, v.scope); !ours && was.Backend != "" {
		l.Kind, l.Mode, l.Flag, l.DevID, l.Backend, l.IO = was.Kind, was.Mode, was.Flag, was.DevID, was.Backend, was.IO
		l.MinMTU, l.MaxMTU, l.AddrGenMode, l.Options, l.Drops = was.MinMTU, was.MaxMTU, was.AddrGenMode, was.Options, was.Drops
		l.Parent, l.ParentIndex, l.ParentNetns, l.ParentNetnsID = was.Parent, was.ParentIndex, was.ParentNetns, was.ParentNetnsID
	}
	v.links[l.Index] = l
	if e.Deleted {
		delete(v.links, l.Index)
	}
	return &l
}

// describeAt adds what is known of a device, and says whether it is one.
func (a *Appliance) describeAt(l *api.Link, s scope) bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	d := a.devices[place{s.nsid, l.Index}]
	if d != nil {
		a.describe(l, d, s)
	}
	return d != nil
}
