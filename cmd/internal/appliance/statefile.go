package appliance

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"

	"github.com/ipvl/ipvl/nsutil"
	"github.com/ipvl/ipvl/stack/fib"
	"golang.org/x/sys/unix"
)

// maxSavedRoutes bounds the routes that are remembered of one device.
const maxSavedRoutes = 1024

// stateFile is where the state is written to.
type stateFile struct {
	path    string // "": nowhere
	unsaved chan struct{}

	// saving is held while the state is written; it is taken before Appliance.mu.
	saving sync.Mutex
	// +checklocks:saving
	written []byte
}

// bootID tells this run of the system from others.
func bootID() string {
	b, err := os.ReadFile("/proc/sys/kernel/random/boot_id")
	if err != nil {
		return "" // as if the system had never been started anew
	}
	return strings.TrimSpace(string(b))
}

// changed asks for the state to be written. It does not wait.
func (a *Appliance) changed() {
	select {
	case a.store.unsaved <- struct{}{}:
	default: // it is asked for already
	}
}

// touched is changed for what is remembered of one device.
func (a *Appliance) touched(d *device) {
	d.encoded = nil
	a.changed()
}

// saveLoop writes the state whenever it was changed, until ctx ends. Changes
// that come while it writes are written together.
func (a *Appliance) saveLoop(ctx context.Context) {
	for {
		select {
		case <-ctx.Done():
			return
		case <-a.store.unsaved:
			a.save()
		}
	}
}

// save writes the state, if it is another one than what was written last. A
// disk that fails costs the state, not the devices. A command saves before it is
// answered, so that even a killed run has done what it said.
func (a *Appliance) save() {
	if a.store.path == "" {
		return
	}
	a.store.saving.Lock()
	defer a.store.saving.Unlock()
	select {
	case <-a.store.unsaved: // what was asked for until now is done here
	default:
	}
	a.readDeviceRoutes()
	a.mu.Lock()
	b, err := a.capture()
	a.mu.Unlock()
	if err == nil && !bytes.Equal(b, a.store.written) {
		err = replaceFile(a.store.path, b)
	}
	if err != nil {
		a.log.Error("the state is not saved: devices and options will not survive a restart", "file", a.store.path, "error", err)
		return
	}
	a.store.written = b
}

// replaceFile puts b where path is, as a whole or not at all.
func replaceFile(path string, b []byte) error {
	f, err := os.CreateTemp(filepath.Dir(path), filepath.Base(path)+".*")
	if err != nil {
		return err
	}
	defer os.Remove(f.Name()) // once it has its name, this one is free
	_, err = f.Write(b)
	if err = errors.Join(err, f.Sync(), f.Close()); err != nil {
		return err
	}
	return os.Rename(f.Name(), path)
}

// loadState reads the state file; nil where there is none. One that cannot be
// read is kept aside for its owner.
func loadState(path string) (*state, error) {
	b, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	st, err := parseState(b)
	if err != nil {
		aside := path + ".unreadable"
		return nil, errors.Join(fmt.Errorf("%s (kept as %s): %w", path, aside, err), os.Rename(path, aside))
	}
	return st, nil
}

// parseState reads what save wrote.
func parseState(b []byte) (*state, error) {
	var st state
	if err := json.Unmarshal(b, &st); err != nil {
		return nil, err
	}
	if st.Version != stateVersion {
		return nil, fmt.Errorf("version %d of the state, this program writes %d", st.Version, stateVersion)
	}
	if err := st.Rules.Check(); err != nil {
		return nil, err
	}
	return &st, nil
}

// readDeviceRoutes reads the routes of devices whose namespaces told that
// theirs changed, once for all of a namespace. The kernel keeps none for an
// interface that is gone.
func (a *Appliance) readDeviceRoutes() {
	for _, there := range a.takeRerouted() {
		for i, d := range there {
			var s fib.Snapshot
			var id nsutil.ID
			err := d.iface.Do(func() (err error) {
				id = nsutil.Ref{}.ID()
				s, err = nsutil.Snapshot(nsutil.Ref{})
				return err
			})
			if err != nil { // the next one leads there too
				a.attempt(d, "read its routes", err)
				continue
			}
			a.noteRoutes(there[i:], id, s.Routes)
			break
		}
	}
}

// takeRerouted are the devices whose routes are to be read, by their namespaces.
func (a *Appliance) takeRerouted() map[int][]*device {
	a.mu.Lock()
	defer a.mu.Unlock()
	stale := make(map[int][]*device)
	for at, d := range a.devices {
		if d.rerouted {
			d.rerouted = false
			stale[at.nsid] = append(stale[at.nsid], d)
		}
	}
	return stale
}

// noteRoutes remembers routes of a namespace with the devices that they go
// through. Who is elsewhere, because it or the one that led there has moved, has
// its turn when that move is heard of.
func (a *Appliance) noteRoutes(there []*device, ns nsutil.ID, all []fib.Route) {
	a.mu.Lock()
	defer a.mu.Unlock()
	through := make(map[int]*device, len(there))
	for _, d := range there {
		if d.netns.Dev != ns.Dev || d.netns.Ino != ns.Ino {
			d.rerouted = true
			continue
		}
		d.routes, d.encoded = nil, nil
		through[d.at.index] = d
	}
	for _, r := range all {
		if len(r.NextHops) != 1 {
			continue
		}
		if d := through[r.NextHops[0].Index]; d != nil && d.keeps(r) && len(d.routes) < maxSavedRoutes {
			d.routes = append(d.routes, r)
		}
	}
}

// keeps says whether a route was set by somebody, through the device alone.
func (d *device) keeps(r fib.Route) bool {
	learned := []uint8{unix.RTPROT_KERNEL, unix.RTPROT_REDIRECT, unix.RTPROT_RA}
	return r.Type == fib.Unicast && len(r.NextHops) == 1 && r.NextHops[0].Index == d.at.index && !slices.Contains(learned, r.Protocol)
}
