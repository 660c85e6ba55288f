package appliance

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"sync"

	"github.com/ipvl/ipvl/cmd/internal/api"
	"github.com/ipvl/ipvl/link/tap"
	"github.com/ipvl/ipvl/nsutil"
	"github.com/ipvl/ipvl/stack"
	"github.com/ipvl/ipvl/stack/rules"
)

// Options is what an appliance is run with. Only Socket is required.
type Options struct {
	// Socket is the path of the control socket.
	Socket string
	// Ready is called once when commands are served; nil: nothing is.
	Ready func() error
	// State is the file that remembers devices, options and rules for the next
	// run; empty: nothing is remembered.
	State string
	// Backend carries devices: "tap", "veth", or "" and "auto" for a TAP where
	// /dev/net/tun can be opened and a veth pair elsewhere.
	Backend string
	// Log takes what happens; nil discards it.
	Log *slog.Logger
}

// place is where an interface is: a namespace, by the id that the appliance's
// gives it (-1: its own), and an index in it.
type place struct{ nsid, index int }

// Appliance implements api.Backend.
type Appliance struct {
	log     *slog.Logger
	backend string
	self    nsutil.Ref // the appliance's namespace, to be told from inside another
	watcher *nsutil.Watcher
	mirror  *stack.Mirror
	feed    *feed
	routes  *routeFeed
	// ended is where readers report that they are over.
	ended chan ending
	// over is closed when nobody reads ended any more.
	over chan struct{}
	// rings serve all ports under load; nil where io_uring is not permitted.
	rings *tap.Rings
	// buffers are what all ports read to.
	buffers tap.Buffers
	// boot and netns say what the state is about.
	boot  string
	netns savedNetns
	store stateFile

	mu sync.Mutex
	// +checklocks:mu
	masters map[int]*master
	// +checklocks:mu
	devices map[place]*device
	// rules are those of all masters in mode l3s, with what was counted on
	// masters that are gone.
	// +checklocks:mu
	rules rules.Set
}

// ending is the report of a reader: of a device, of a master's host link, or
// of its uplink.
type ending struct {
	dev  *device
	host *hostLink
	m    *master
	err  error
}

var _ api.Backend = (*Appliance)(nil)

// Run serves until ctx ends, then removes all that it made. The error is nil
// for an orderly end.
func Run(ctx context.Context, o Options) error {
	a, err := newAppliance(o)
	if err != nil {
		return err
	}
	defer a.watcher.Close()
	defer a.rings.Close()
	listener, err := api.Listen(o.Socket)
	if err != nil {
		return err
	}
	defer listener.Close()
	a.cleanup()
	if err := a.readRoutes(); err != nil {
		return fmt.Errorf("read the routes of this namespace: %w", err)
	}
	a.restore()
	defer a.shutdown()
	defer close(a.over)

	ctx, cancel := context.WithCancel(ctx)
	var wg sync.WaitGroup
	defer wg.Wait()
	defer cancel()
	wg.Add(3)
	go func() { defer wg.Done(); a.saveLoop(ctx) }()
	go func() { defer wg.Done(); a.routes.run(ctx, a) }()
	go func() {
		defer wg.Done()
		if err := a.eventLoop(ctx); err != nil {
			a.log.Error("events of the kernel ended", "error", err)
			cancel()
		}
	}()
	if o.Ready != nil {
		if err := o.Ready(); err != nil {
			return fmt.Errorf("tell that the appliance is ready: %w", err)
		}
	}
	a.log.Info("serving", "socket", o.Socket)
	if err := api.Serve(ctx, listener, a, api.ServerOptions{Log: a.log}); err != nil && !errors.Is(err, context.Canceled) {
		return err
	}
	return nil
}

func newAppliance(o Options) (*Appliance, error) {
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	switch o.Backend {
	case "", "auto":
		o.Backend = ""
	case nsutil.KindTAP, nsutil.KindVeth:
	default:
		return nil, &api.Error{Op: "serve", Msg: fmt.Sprintf("backend %q: it is auto, tap or veth", o.Backend)}
	}
	self, err := nsutil.Resolve(fmt.Sprintf("/proc/%d/ns/net", os.Getpid()))
	if err != nil {
		return nil, err
	}
	watcher, err := nsutil.NewWatcher(nsutil.WatcherOptions{})
	if err != nil {
		return nil, unprivileged(fmt.Errorf("listen to the kernel's changes: %w", err))
	}
	a := &Appliance{
		boot: bootID(), store: stateFile{path: o.State, unsaved: make(chan struct{}, 1)},
		log: o.Log, backend: o.Backend, self: self, watcher: watcher,
		mirror: stack.NewMirror(), feed: newFeed(),
		routes: newRouteFeed(), ended: make(chan ending), over: make(chan struct{}),
		masters: make(map[int]*master), devices: make(map[place]*device),
	}
	if a.rings, err = tap.NewRings(); err != nil {
		a.log.Info("plain system calls serve the devices", "because", err)
	}
	id := self.ID()
	a.netns = savedNetns{Dev: id.Dev, Ino: id.Ino}
	if a.netns.Cookie, err = self.Cookie(); err != nil {
		return nil, errors.Join(err, watcher.Close())
	}
	return a, nil
}

// unprivileged says what to do where the kernel refuses what serving needs.
func unprivileged(err error) error {
	if !errors.Is(err, os.ErrPermission) {
		return err
	}
	return fmt.Errorf("%w; run it as root, or as root of a user namespace that has the master (unshare -Urnm)", err)
}

// cleanup removes what a killed run left.
func (a *Appliance) cleanup() {
	removed, err := nsutil.CleanupStale()
	for _, what := range removed {
		a.log.Info("removed what an earlier run left", "what", what)
	}
	if err != nil {
		a.log.Warn("could not remove all that an earlier run left", "error", err)
	}
}

// shutdown removes every device, and with them every master. They are
// remembered for the next run.
func (a *Appliance) shutdown() {
	a.save()
	a.mu.Lock()
	var all []*device
	for _, d := range a.devices {
		all = append(all, d)
	}
	for _, d := range all {
		a.remove(d)
	}
	a.mu.Unlock()
}
