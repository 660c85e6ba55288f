package appliance

import (
	"errors"
	"fmt"
	"net/netip"
	"os"
	"slices"

	"github.com/ipvl/ipvl/link/packet"
	"github.com/ipvl/ipvl/link/tap"
	"github.com/ipvl/ipvl/nsutil"
	"github.com/ipvl/ipvl/nsutil/rtnl"
)

// hostLink is an interface of the default namespace through which it and the
// devices with "host on" reach each other: the kernel keeps a master and its
// devices apart, because what the host sends leaves on the wire. It has the
// master's MAC address, no ARP, and a route to each address of such a device.
type hostLink struct {
	iface  nsutil.Interface
	port   dataPort
	index  int
	routes nsutil.HostRoutes
	// served is closed when its reader has ended.
	served chan struct{}
}

// openHostLink makes m's, if there is none yet.
//
// +checklocks:a.mu
func (a *Appliance) openHostLink(m *master) error {
	if m.host != nil {
		return nil
	}
	iface, err := nsutil.Create(nsutil.Options{
		Name: fmt.Sprintf("ipvlh%d", m.index), MAC: m.mac, MTU: m.mtu, NoARP: true, Backend: a.backend,
	})
	if err != nil {
		return fmt.Errorf("make the link between the host and the devices of %s: %w", m.name, err)
	}
	h := &hostLink{iface: iface, served: make(chan struct{})}
	if h.port, err = a.openPort(iface); err == nil {
		h.index, err = iface.Index()
	}
	if err == nil {
		err = iface.Up()
	}
	if err != nil {
		if h.port != nil {
			err = errors.Join(err, h.port.Close())
		}
		return errors.Join(err, closeInterface(iface))
	}
	m.host = h
	m.stale = true
	go func() {
		defer close(h.served)
		a.report(ending{m: m, host: h, err: h.port.Serve(m.link.FromHost)})
	}()
	a.log.Info("the host and devices reach each other", "master", m.name, "through", fmt.Sprintf("ipvlh%d", m.index))
	return nil
}

// openPort opens the data path's side of an interface.
func (a *Appliance) openPort(i nsutil.Interface) (dataPort, error) {
	if f := i.File(); f != nil {
		return tap.New(f, tap.Options{Rings: a.rings, Buffers: &a.buffers})
	}
	return packet.Open(packet.Options{Index: i.PortIndex(), Filter: packet.Filter{All: true}, Buffers: &a.buffers, Rings: a.rings})
}

// closeInterface ends an interface; the port may have closed its descriptor.
func closeInterface(i nsutil.Interface) error {
	if err := i.Close(); !errors.Is(err, os.ErrClosed) {
		return err
	}
	return nil
}

// closeIdleHostLink ends m's when no device has "host on" any more.
//
// +checklocks:a.mu
func (a *Appliance) closeIdleHostLink(m *master) {
	if m.host == nil || slices.ContainsFunc(m.devices, func(d *device) bool { return d.opts.Host }) {
		return
	}
	a.closeHostLink(m)
}

// +checklocks:a.mu
func (a *Appliance) closeHostLink(m *master) {
	h := m.host
	if h == nil {
		return
	}
	m.host = nil
	m.link.SetHostLink(nil, nil)
	if err := errors.Join(h.port.Close(), closeInterface(h.iface)); err != nil {
		a.log.Warn("close the link between host and devices", "master", m.name, "error", err)
	}
	<-h.served
}

// hostLinkEnded is called where somebody took the interface away: it is made
// again, since devices are promised to reach the host.
//
// +checklocks:a.mu
func (a *Appliance) hostLinkEnded(m *master, h *hostLink, cause error) {
	if m.host != h {
		return
	}
	a.log.Warn("the link between the host and the devices is gone; it is made again", "master", m.name, "cause", cause)
	a.closeHostLink(m)
	if err := a.openHostLink(m); err != nil {
		a.log.Error("the host and the devices do not reach each other", "master", m.name, "error", err)
	}
	a.refresh(m)
}

// hostLinkFollows makes the host link follow the master.
func (a *Appliance) hostLinkFollows(m *master, f func(nsutil.Interface) error) {
	if m.host == nil {
		return
	}
	if err := f(m.host.iface); err != nil {
		a.log.Warn("the link between host and devices does not follow", "master", m.name, "error", err)
	}
}

// refreshHost brings the host's routes and addresses in step.
//
// +checklocks:a.mu
func (a *Appliance) refreshHost(m *master, own []rtnl.Addr) {
	h := m.host
	if h == nil {
		return
	}
	local := make([]netip.Addr, 0, len(own))
	for _, ad := range own {
		if addr := ad.Prefix.Addr(); ad.Index != h.index && !addr.IsLoopback() {
			local = append(local, addr)
		}
	}
	m.link.SetHostLink(h.port, local)
	var routes []nsutil.HostRoute
	for _, d := range m.devices {
		if !d.up || !d.opts.Host {
			continue
		}
		for _, addr := range d.link.Addresses() {
			if addr.IsLinkLocalUnicast() || addr.IsMulticast() || addr.IsLoopback() || slices.Contains(local, addr) {
				continue
			}
			routes = append(routes, nsutil.HostRoute{Dst: addr, Src: sourceTowards(own, m.index, addr)})
		}
	}
	if err := h.routes.Set(h.index, routes); err != nil {
		a.log.Warn("the host has no route to a device", "master", m.name, "error", err)
	}
}

// sourceTowards is the master's address that the host speaks to dst with: of a
// subnet that holds dst, else the first that is not link-local; the zero Addr
// where there is none.
func sourceTowards(own []rtnl.Addr, master int, dst netip.Addr) (first netip.Addr) {
	for _, ad := range own {
		addr := ad.Prefix.Addr()
		if ad.Index != master || addr.Is4() != dst.Is4() || addr.IsLinkLocalUnicast() || unusable(ad) {
			continue
		}
		if ad.Prefix.Contains(dst) {
			return addr
		}
		if !first.IsValid() {
			first = addr
		}
	}
	return first
}
