package api_test

import (
	"context"
	"errors"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/ipvl/ipvl/cmd/internal/api"
)

// watch runs Monitor and gives what it emits, and its error.
func watch(ctx context.Context, c api.Client, r api.Monitor) (<-chan api.Event, <-chan error) {
	events, done := make(chan api.Event, 100), make(chan error, 1)
	go func() {
		done <- c.Monitor(ctx, r, func(e api.Event) error { events <- e; return nil })
		close(events)
	}()
	return events, done
}

func TestMonitorStreamsUntilTheClientGoes(t *testing.T) {
	b := &fake{events: make(chan api.Event)}
	c, _ := serve(t, b, api.ServerOptions{})
	ctx, cancel := context.WithCancel(context.Background())
	events, done := watch(ctx, c, api.Monitor{})
	if e := <-events; e != (api.Event{}) {
		t.Fatalf("first comes %+v, want the zero event", e)
	}
	b.events <- api.Event{Link: &api.Link{Name: "v0"}}
	b.events <- api.Event{Deleted: true, Neigh: &api.Neigh{Dst: netip.MustParseAddr("10.0.0.1")}}
	if e := <-events; e.Link == nil || e.Link.Name != "v0" {
		t.Errorf("%+v", e)
	}
	if e := <-events; e.Neigh == nil || !e.Deleted {
		t.Errorf("%+v", e)
	}
	cancel()
	if err := <-done; err != nil {
		t.Errorf("%v", err)
	}
}

func TestMonitorSendsWhatWasAskedFor(t *testing.T) {
	b := &fake{events: make(chan api.Event)}
	c, _ := serve(t, b, api.ServerOptions{})
	events, _ := watch(t.Context(), c, api.Monitor{Scope: api.Scope{Family: 6}, Objects: []string{"addr", "neigh"}, Dev: "v0"})
	<-events
	addr := func(dev, prefix string) api.Event {
		return api.Event{Addr: &api.Link{Name: dev, Addrs: []api.Addr{{Prefix: netip.MustParsePrefix(prefix)}}}}
	}
	for _, e := range []api.Event{
		{Link: &api.Link{Name: "v0"}}, {Route: &api.Route{Dst: "default", Family: 6}},
		addr("v1", "fd00::1/64"), addr("v0", "10.0.0.1/24"),
		{Neigh: &api.Neigh{Dev: "v0", Dst: netip.MustParseAddr("10.0.0.1")}},
		addr("v0", "fd00::1/64"),
	} {
		b.events <- e
	}
	if e := <-events; e.Addr == nil || e.Addr.Name != "v0" || e.Addr.Addrs[0].Prefix.String() != "fd00::1/64" {
		t.Errorf("%+v", e)
	}
}

func TestMonitorTellsWhyItEnded(t *testing.T) {
	for _, c := range []struct {
		name   string
		b      *fake
		before bool // it fails before it has begun
		want   string
	}{
		{"before the first event", &fake{err: &api.Error{Op: "monitor", Msg: "no such namespace"}}, true, "no such namespace"},
		{"after it", &fake{err: errors.New("netlink broke"), events: make(chan api.Event)}, false, "netlink broke"},
		{"without a reason", &fake{events: make(chan api.Event)}, false, "went away"},
	} {
		t.Run(c.name, func(t *testing.T) {
			client, _ := serve(t, c.b, api.ServerOptions{})
			events, done := watch(t.Context(), client, api.Monitor{})
			if !c.before {
				<-events
				close(c.b.events)
			}
			if err := <-done; err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("got %v, want %q", err, c.want)
			}
		})
	}
}

func TestMonitorEndsWithTheServer(t *testing.T) {
	b := &fake{events: make(chan api.Event)}
	// An hour to wait for the monitor: it must go at once.
	c, stop := serve(t, b, api.ServerOptions{Timeout: time.Hour})
	events, done := watch(t.Context(), c, api.Monitor{})
	<-events
	if err := stop(); err != nil {
		t.Errorf("Serve: %v", err)
	}
	if err := <-done; err == nil || !strings.Contains(err.Error(), "went away") {
		t.Errorf("%v", err)
	}
}

func TestMonitorEndsWithItsReader(t *testing.T) {
	b := &fake{events: make(chan api.Event)}
	c, _ := serve(t, b, api.ServerOptions{})
	full := errors.New("no room")
	if err := c.Monitor(t.Context(), api.Monitor{}, func(api.Event) error { return full }); !errors.Is(err, full) {
		t.Errorf("%v", err)
	}
}
