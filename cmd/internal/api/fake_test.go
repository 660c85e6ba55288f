package api_test

import (
	"context"
	"net"
	"path/filepath"
	"sync"
	"testing"

	"github.com/ipvl/ipvl/cmd/internal/api"
)

// fake is a Backend that does what its fields say.
type fake struct {
	err error
	mu  sync.Mutex
	// +checklocks:mu
	calls []any
	// +checklocks:mu
	from api.Caller

	links  []api.Link
	routes []api.Route
	neighs []api.Neigh
	chains []api.RuleChain
	block  chan struct{} // LinkAdd waits for it
	events chan api.Event
	panics bool
}

func (f *fake) note(c api.Caller, r any) error {
	f.mu.Lock()
	f.calls, f.from = append(f.calls, r), c
	f.mu.Unlock()
	if f.panics {
		panic("a fault of the backend")
	}
	return f.err
}

func (f *fake) seen() []any {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.calls
}

func (f *fake) caller() api.Caller {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.from
}

func (f *fake) LinkAdd(ctx context.Context, c api.Caller, r api.LinkAdd) error {
	if f.block != nil {
		select {
		case <-f.block:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	return f.note(c, r)
}
func (f *fake) LinkSet(_ context.Context, c api.Caller, r api.LinkSet) error { return f.note(c, r) }
func (f *fake) LinkDel(_ context.Context, c api.Caller, r api.LinkDel) error { return f.note(c, r) }
func (f *fake) LinkShow(_ context.Context, c api.Caller, r api.LinkShow) ([]api.Link, error) {
	return f.links, f.note(c, r)
}
func (f *fake) AddrShow(_ context.Context, c api.Caller, r api.AddrShow) ([]api.Link, error) {
	return f.links, f.note(c, r)
}
func (f *fake) RouteShow(_ context.Context, c api.Caller, r api.RouteShow) ([]api.Route, error) {
	return f.routes, f.note(c, r)
}
func (f *fake) RouteGet(_ context.Context, c api.Caller, r api.RouteGet) (api.Route, error) {
	return api.Route{Dst: r.Dst.String()}, f.note(c, r)
}
func (f *fake) NeighShow(_ context.Context, c api.Caller, r api.NeighShow) ([]api.Neigh, error) {
	return f.neighs, f.note(c, r)
}
func (f *fake) RuleShow(_ context.Context, c api.Caller, r api.RuleShow) ([]api.RuleChain, error) {
	return f.chains, f.note(c, r)
}
func (f *fake) RuleChange(_ context.Context, c api.Caller, r api.RuleChange) error {
	return f.note(c, r)
}

// Monitor passes on what comes by events; a closed channel ends it with err.
func (f *fake) Monitor(ctx context.Context, c api.Caller, r api.Monitor, emit func(api.Event) error) error {
	if err := f.note(c, r); err != nil && f.events == nil {
		return err
	}
	if err := emit(api.Event{}); err != nil {
		return err
	}
	for {
		select {
		case e, ok := <-f.events:
			if !ok {
				return f.err
			}
			if err := emit(e); err != nil {
				return err
			}
		case <-ctx.Done():
			return nil
		}
	}
}

// serve runs a server for the test and gives a client for it, and a function
// that stops the server and gives Serve's error.
func serve(t *testing.T, b api.Backend, o api.ServerOptions) (api.Client, func() error) {
	t.Helper()
	path := socketPath(t)
	ln, err := api.Listen(path)
	if err != nil {
		t.Fatal(err)
	}
	return serveOn(t, ln, path, b, o)
}

func serveOn(t *testing.T, ln net.Listener, path string, b api.Backend, o api.ServerOptions) (api.Client, func() error) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	result := make(chan error, 1)
	go func() { result <- api.Serve(ctx, ln, b, o) }()
	stop := sync.OnceValue(func() error {
		cancel()
		return <-result
	})
	t.Cleanup(func() {
		if err := stop(); err != nil {
			t.Errorf("Serve: %v", err)
		}
	})
	return api.Client{Socket: path}, stop
}

// socketPath is short enough for a socket, whatever the test's name.
func socketPath(t *testing.T) string {
	t.Helper()
	return filepath.Join(t.TempDir(), "s")
}
