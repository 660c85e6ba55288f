package appliance

import (
	"errors"
	"fmt"
	"io"
	"net/netip"
	"os"
	"slices"

	"github.com/ipvl/ipvl/link"
	"github.com/ipvl/ipvl/nsutil"
	"github.com/ipvl/ipvl/nsutil/rtnl"
	"github.com/ipvl/ipvl/stack/fib"
)

// device is one virtual device. Its fields are guarded by Appliance.mu but for
// those that are set once.
type device struct {
	m     *master
	link  *link.Device
	iface nsutil.Interface
	port  dataPort
	// served is closed when the device's reader has ended.
	served chan struct{}

	at   place
	name string
	up   bool
	// all says that the interface wants every group frame.
	all bool
	// entries are the addresses of the interface, each with what it registers.
	entries map[entry]registration
	// refusals counts addresses that were taken off because a sibling owns
	// them, denials those that "allow" does not name.
	refusals, denials uint64
	opts              options
	// unannounced are addresses to announce once filter and guard follow.
	unannounced []netip.Addr
	// queueless says that the interface has lost its queueing discipline.
	queueless bool
	// What the state file remembers besides.
	netns  savedNetns
	txqlen int
	alias  string
	routes []fib.Route
	// encoded is all that the state file says of the device; nil: it is to be
	// written down anew.
	encoded []byte
	// rerouted says that routes of the device's namespace have changed.
	rerouted bool
	// regroup says that the groups joined have changed, reread that there may
	// be an address that no event has told of.
	regroup, reread bool
}

// entry names an address of an interface as the kernel tells them apart.
type entry struct {
	prefix netip.Prefix
	peer   netip.Addr
}

// dataPort is a byte port with its reader.
type dataPort interface {
	link.BatchPort
	io.Closer
	Serve(handle func(frame []byte)) error
	ServeBatch(handle func(frames [][]byte)) error
}

// latePort is the port of a link.Device that has to exist before its interface
// does, because the interface needs the device's id. Nothing is written to it
// before the device is up, and it is set before that.
type latePort struct{ dataPort }

// newDevice makes a device of m and its interface. Nothing stays if it fails.
// id is the one it had in an earlier run, or 0.
//
// +checklocks:a.mu
func (a *Appliance) newDevice(m *master, id uint16, o nsutil.Options) (*device, error) {
	late := &latePort{}
	ld, err := m.link.NewDevice(link.DeviceOptions{Name: o.Name, Port: late, MTU: uint32(o.MTU), ID: id})
	if err != nil {
		return nil, err
	}
	o.DevID, o.MAC, o.Backend = ld.ID(), m.mac, a.backend
	d := &device{
		m: m, link: ld, name: o.Name, served: make(chan struct{}), entries: make(map[entry]registration),
	}
	if d.iface, err = nsutil.Create(o); err != nil {
		ld.Close()
		return nil, err
	}
	if err := a.connect(d, late); err != nil {
		ld.Close()
		return nil, errors.Join(err, d.iface.Close())
	}
	if d.iface.Reason() != nil {
		a.log.Info("the device is a veth pair", "device", d.name, "because", d.iface.Reason())
	}
	m.devices = append(m.devices, d)
	a.devices[d.at] = d
	a.identify(d)
	a.changed()
	go func() {
		defer close(d.served)
		var batch link.Batch
		a.report(ending{dev: d, err: d.port.ServeBatch(func(frames [][]byte) { ld.TransmitBatch(frames, &batch) })})
	}()
	return d, nil
}

// connect opens the device's port and finds out where its interface is.
func (a *Appliance) connect(d *device, late *latePort) (err error) {
	if d.port, err = a.openPort(d.iface); err != nil {
		return fmt.Errorf("open the device's port: %w", err)
	}
	late.dataPort = d.port
	if !d.m.running {
		if err := d.iface.SetCarrier(false); err != nil {
			return errors.Join(err, d.port.Close())
		}
	}
	if d.at.nsid, d.at.index, err = d.iface.Where(); err != nil {
		return errors.Join(err, d.port.Close())
	}
	return nil
}

// remove ends a device, and its master if it was the last one.
//
// +checklocks:a.mu
func (a *Appliance) remove(d *device) {
	if a.devices[d.at] != d {
		return
	}
	delete(a.devices, d.at)
	a.changed()
	m := d.m
	m.devices = slices.DeleteFunc(m.devices, func(o *device) bool { return o == d })
	d.link.Close()
	// Before the port, whose descriptor the kernel would take long to close.
	if err := d.iface.Delete(); err != nil && !errors.Is(err, nsutil.ErrGone) {
		a.log.Warn("delete a device's interface", "device", d.name, "error", err)
	}
	if err := d.port.Close(); err != nil {
		a.log.Debug("close a device's port", "device", d.name, "error", err)
	}
	// The port has closed the descriptor that a TAP's interface has too.
	if err := d.iface.Close(); err != nil && !errors.Is(err, os.ErrClosed) {
		a.log.Warn("close a device's interface", "device", d.name, "error", err)
	}
	<-d.served
	if len(m.devices) == 0 {
		delete(a.masters, m.index)
		m.stale = false // there is nothing left to bring in step
		a.closeMaster(m, true)
		return
	}
	m.stale = m.stale || d.up // what was down has nothing in filter or guard
	a.closeIdleHostLink(m)
	a.refresh(m)
}

// relocate finds out where a device is after it was moved.
//
// +checklocks:a.mu
func (a *Appliance) relocate(d *device) {
	nsid, index, err := d.iface.Where()
	if err != nil {
		if errors.Is(err, nsutil.ErrGone) {
			a.lost(d, err)
			return
		}
		a.log.Warn("a moved device was lost sight of", "device", d.name, "error", err)
		return
	}
	delete(a.devices, d.at)
	d.queueless = d.queueless && d.at.nsid == nsid
	d.at = place{nsid, index}
	a.devices[d.at] = d
	a.identify(d)
	d.rerouted = true
	a.touched(d)
	a.sync(d)
}

// sync reads all that the data path must know of a device's interface.
//
// +checklocks:a.mu
func (a *Appliance) sync(d *device) {
	d.reread = false
	var links []rtnl.Link
	var addrs []rtnl.Addr
	err := d.iface.Do(func() (err error) {
		if links, err = nsutil.Links(nsutil.Ref{}); err != nil {
			return err
		}
		addrs, err = nsutil.Addrs(nsutil.Ref{})
		return err
	})
	if errors.Is(err, nsutil.ErrGone) {
		a.lost(d, err)
		return
	}
	if err != nil {
		a.log.Warn("a device's interface cannot be read", "device", d.name, "error", err)
		return
	}
	now := make(map[entry]rtnl.Addr)
	for _, ad := range addrs {
		if ad.Index == d.at.index {
			now[entryOf(ad)] = ad
		}
	}
	for e := range d.entries {
		if _, ok := now[e]; !ok {
			a.addressGone(d, e)
		}
	}
	for _, l := range links {
		if l.Index == d.at.index {
			a.linkChanged(d, l)
		}
	}
	for _, ad := range now {
		a.addressCame(d, ad)
	}
	d.regroup = true
	a.settle(d)
}

// settle does what a batch of events left to do for a device once.
func (a *Appliance) settle(d *device) {
	if !d.regroup {
		return
	}
	d.regroup = false
	f := link.Filter{All: d.all || !a.watcher.HasGroups()}
	if !f.All {
		err := d.iface.Do(func() error {
			groups, err := nsutil.Groups(nsutil.Ref{}, d.at.index)
			for _, g := range groups {
				if len(g) == 6 {
					f.Groups = append(f.Groups, link.MAC(g))
				}
			}
			return err
		})
		if err != nil {
			// Rather a group too many than one too few.
			f.All = true
			a.attempt(d, "read groups", err)
		}
	}
	d.link.SetFilter(f)
}
