package appliance

import (
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"slices"
	"sync/atomic"

	"github.com/ipvl/ipvl/link"
	"github.com/ipvl/ipvl/link/packet"
	"github.com/ipvl/ipvl/nsutil"
	"github.com/ipvl/ipvl/nsutil/rtnl"
	"github.com/ipvl/ipvl/stack"
	"github.com/ipvl/ipvl/stack/hooks"
	"golang.org/x/sys/unix"
)

// master is an interface of the appliance's namespace that has devices. Its
// fields but the data path's are guarded by Appliance.mu.
type master struct {
	index   int
	name    string
	mac     net.HardwareAddr
	mtu     int
	running bool // up, with carrier

	link   *link.Master
	uplink *packet.Port
	// others are the raw sockets to the host and through its other interfaces;
	// there may be none where the system refuses them.
	others []io.Closer
	router *stack.Router
	// lookup is how the router looks routes up.
	lookup stack.Lookup
	// hooks are there in mode l3s and, with rules, l3; host while a device has "host on".
	hooks *hooks.Engine
	// restore is hooks for those that do not hold Appliance.mu.
	restore atomic.Pointer[hooks.Engine]
	host    *hostLink
	guard   nsutil.HostGuard
	// served is closed when the uplink's reader has ended.
	served chan struct{}

	devices []*device
	// stale says that filter and guard do not match the address table.
	stale bool
}

// newMaster opens the uplink on an interface and starts to read it. The filter
// lets nothing through until devices have addresses.
//
// +checklocks:a.mu
func (a *Appliance) newMaster(l rtnl.Link, mode link.Mode, flag link.Flag) (*master, error) {
	m := &master{
		index: l.Index, name: l.Name, mac: l.Address, mtu: l.MTU, running: running(l), served: make(chan struct{}),
	}
	uplink, err := packet.Open(packet.Options{Index: l.Index, AllMulti: true, Filter: packet.Filter{DropAll: true}, Buffers: &a.buffers, Rings: a.rings})
	if err != nil {
		return nil, fmt.Errorf("open the uplink on %s: %w", l.Name, err)
	}
	m.uplink = uplink
	o := link.MasterOptions{Mode: mode, Flag: flag, MAC: link.MAC(l.Address), MTU: uint32(l.MTU)}
	o.Host, o.Elsewhere = a.openOthers(m)
	if m.link, err = link.NewMasterOnPort(uplink, o); err != nil {
		return nil, errors.Join(err, m.closePorts())
	}
	m.router, err = stack.NewRouter(m.link, stack.RouterOptions{
		MasterIndex: l.Index, Mirror: a.mirror,
		Emit:   func(_ stack.Hop, frame []byte) { m.link.Emit(frame) },
		Reject: m.reject,
	})
	if err != nil {
		m.link.Shutdown()
		return nil, errors.Join(err, m.closePorts())
	}
	m.link.SetRouter(routerAdapter{m.router})
	m.link.SetDown(!isUp(l))
	if err := errors.Join(m.guard.SetMode(guardMode(mode)), m.guard.Ensure(l.Name)); err != nil {
		a.closeMaster(m, false)
		return nil, fmt.Errorf("guard %s against the host's stack: %w", l.Name, err)
	}
	if err := a.fitHooks(m, mode, &a.rules); err != nil {
		a.closeMaster(m, false)
		return nil, err
	}
	go func() {
		defer close(m.served)
		var batch link.Batch
		a.report(ending{m: m, err: uplink.ServeBatch(func(frames [][]byte) { m.link.ReceiveBatch(frames, &batch) })})
	}()
	return m, nil
}

// guardMode is what the mode leaves to the host.
func guardMode(mode link.Mode) nsutil.GuardMode {
	switch mode {
	case link.ModeL2:
		return nsutil.GuardL2
	case link.ModeL3S:
		return nsutil.GuardL3S
	}
	return nsutil.GuardL3
}

// report tells the event loop of a reader's end, unless the end was asked for.
func (a *Appliance) report(e ending) {
	if e.err == nil {
		return
	}
	// Not from this goroutine: who ends a device waits for it to return.
	go func() {
		select {
		case a.ended <- e:
		case <-a.over:
		}
	}()
}

// closeMaster ends a master that has no devices.
//
// +checklocks:a.mu
func (a *Appliance) closeMaster(m *master, served bool) {
	a.closeHostLink(m)
	a.closeHooks(m)
	if err := m.guard.Remove(); err != nil {
		a.log.Warn("the host's guard stays", "master", m.name, "error", err)
	}
	if err := m.closePorts(); err != nil {
		a.log.Warn("close the uplink", "master", m.name, "error", err)
	}
	if served {
		<-m.served
	}
	if err := m.router.Close(); err != nil {
		a.log.Warn("close the router", "master", m.name, "error", err)
	}
	m.link.Shutdown()
}

// closePorts closes the descriptors of the data path.
func (m *master) closePorts() error {
	err := m.uplink.Close()
	for _, c := range m.others {
		err = errors.Join(err, c.Close())
	}
	return err
}

// refresh brings the uplink's filter and the host's guard in step with the
// address table: only addresses of devices that are up count.
//
// +checklocks:a.mu
func (a *Appliance) refresh(m *master) {
	if !m.stale {
		return
	}
	m.stale = false
	var addrs []netip.Addr
	up := false
	for _, d := range m.devices {
		if d.up {
			up = true
			addrs = append(addrs, d.link.Addresses()...)
		}
	}
	var own []rtnl.Addr
	if m.host != nil || m.hooks != nil {
		var err error
		if own, err = nsutil.Addrs(nsutil.Ref{}); err != nil {
			a.log.Error("the host's addresses cannot be read", "error", err)
		}
	}
	guarded, passed := a.translated(m, own)
	filter := packet.Filter{Addrs: addrs, Flows: passed, Multicast: m.link.Mode() == link.ModeL2, DropAll: !up}
	if err := m.uplink.SetFilter(filter); err != nil {
		a.log.Error("the uplink's filter does not follow", "master", m.name, "error", err)
	}
	err := errors.Join(m.guard.SetMode(guardMode(m.link.Mode())), m.guard.SetFlows(guarded), m.guard.SetAddrs(addrs))
	if err != nil {
		a.log.Error("the host's guard does not follow", "master", m.name, "error", err)
	}
	a.refreshHost(m, own)
	m.each(func(d *device) {
		for _, addr := range d.unannounced {
			d.link.Announce(addr)
		}
		d.unannounced = nil
	})
}

// masterChanged follows what happened to the interface below: MTU and MAC
// address are pushed to all devices, the carrier follows.
func (a *Appliance) masterChanged(m *master, l rtnl.Link) {
	if l.Name != m.name {
		m.name = l.Name
		a.guardAgain(m)
	}
	if len(l.Address) == 6 && !slices.Equal(l.Address, m.mac) {
		m.mac = slices.Clone(l.Address)
		if err := m.link.SetMAC(link.MAC(m.mac)); err != nil {
			a.log.Error("the master's MAC address cannot be followed", "master", m.name, "error", err)
		}
		m.each(func(d *device) {
			a.attempt(d, "set MAC address", d.iface.SetMAC(m.mac))
			a.announceAll(d)
		})
		a.hostLinkFollows(m, func(i nsutil.Interface) error { return i.SetMAC(m.mac) })
	}
	if l.MTU != 0 && l.MTU != m.mtu {
		m.mtu = l.MTU
		m.link.SetMTU(uint32(l.MTU))
		m.each(func(d *device) { a.attempt(d, "set MTU", d.iface.SetMTU(l.MTU)) })
		a.hostLinkFollows(m, func(i nsutil.Interface) error { return i.SetMTU(l.MTU) })
	}
	m.link.SetDown(!isUp(l))
	if now := running(l); now != m.running {
		m.running = now
		m.each(func(d *device) { a.attempt(d, "set carrier", d.iface.SetCarrier(now)) })
	}
}

// guardAgain moves the guard to the master's new name: nftables binds a chain
// to a name, not to the interface that had it.
func (a *Appliance) guardAgain(m *master) {
	if err := m.guard.Ensure(m.name); err != nil {
		a.log.Error("the host's guard does not follow", "master", m.name, "error", err)
		return
	}
	m.stale = true
}

func (m *master) each(f func(*device)) {
	for _, d := range slices.Clone(m.devices) {
		f(d)
	}
}

// setMode changes mode and flag for all devices of m.
//
// +checklocks:a.mu
func (a *Appliance) setMode(m *master, mode link.Mode, flag link.Flag) error {
	before := m.link.Mode()
	if err := a.fitHooks(m, mode, &a.rules); err != nil {
		return err
	}
	if err := m.link.Set(mode, flag); err != nil {
		return err
	}
	a.changed()
	if mode != before {
		m.stale = true
		m.each(func(d *device) {
			a.attempt(d, "set NOARP", d.iface.SetNoARP(mode != link.ModeL2))
			// The kernel takes no interface id for SLAAC while NOARP is set.
			a.attempt(d, "set link-local address", d.iface.EnsureLinkLocal())
		})
	}
	a.refresh(m)
	return nil
}

func isUp(l rtnl.Link) bool    { return l.Flags&unix.IFF_UP != 0 }
func running(l rtnl.Link) bool { return isUp(l) && l.Flags&unix.IFF_LOWER_UP != 0 }

// attempt logs what could not be done to a device that goes on living.
func (a *Appliance) attempt(d *device, op string, err error) {
	if err != nil && !errors.Is(err, nsutil.ErrGone) {
		a.log.Warn("a device does not follow its master", "device", d.name, "op", op, "error", err)
	}
}
