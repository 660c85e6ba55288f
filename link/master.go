package link

import (
	"net/netip"
	"slices"
	"sync"
	"sync/atomic"

	"gvisor.dev/gvisor/pkg/tcpip"
	"gvisor.dev/gvisor/pkg/tcpip/stack"
)

// MasterOptions is what a Master is made with. The zero value is the kernel's
// default: mode l3, flag bridge, MAC address and MTU of what is below.
type MasterOptions struct {
	Mode Mode
	Flag Flag
	// MAC is the master's Ethernet address, where the lower endpoint has none
	// or a Port is below.
	MAC MAC
	// MTU is in L3 bytes; 0 is the lower endpoint's, or 1500 over a Port.
	MTU uint32
	// Router serves the packets of L3 devices that are for no device.
	Router Router
	// Host takes, in byte form, what devices send to the master's host. Where
	// it is nil, a stack that attaches to the Master takes that too.
	Host Port
	// Elsewhere takes, in byte form, what L3 devices send and the Router sends
	// through another interface than the master. Where it is nil that is dropped.
	Elsewhere Port
	// Clock limits the rate of ICMP errors; nil is the system's.
	Clock tcpip.Clock
}

// Master is the device below: it owns the uplink and decides, frame by frame,
// who gets what. It is also a stack.LinkEndpoint: a stack attached to it is
// the master's host. All methods may be called at any time from any goroutine.
type Master struct {
	uplink    uplink
	host      face // the stack attached to the master
	elsewhere Port
	hostPort  Port // where what devices send to the host goes, or nil
	floods    *floodQueue
	finisher  finisher
	scratch   sync.Pool // *vnet.Vec
	onEnd     closeAction
	c         counters
	view      atomic.Pointer[view]
	router    atomic.Pointer[Router]
	hooks     atomic.Pointer[Hooks]
	clock     tcpip.Clock

	mu sync.Mutex
	// +checklocks:mu
	owners map[netip.Addr]*Device
	// +checklocks:mu
	devices map[uint16]*Device
	// lastID is where the search for a free id goes on: freed ids are not
	// used again before the count has wrapped, as in the kernel.
	// +checklocks:mu
	lastID uint16
	// flagged counts the devices that have each flag.
	// +checklocks:mu
	flagged [numFlags]int
	// +checklocks:mu
	closed bool
}

var _ stack.LinkEndpoint = (*Master)(nil)

// NewMaster makes a Master over lower, which carries Ethernet frames (it gives
// packets with a link header), or raw bytes that the Master reads as such (it
// has no header of its own: MaxHeaderLength is 0). It attaches itself to lower.
func NewMaster(lower stack.LinkEndpoint, o MasterOptions) (*Master, error) {
	if lower == nil {
		return nil, &Error{Op: "new master", Err: ErrInvalid}
	}
	if o.MAC == (MAC{}) && len(lower.LinkAddress()) == len(o.MAC) {
		o.MAC = MAC([]byte(lower.LinkAddress()))
	}
	raw := lower.MaxHeaderLength() == 0
	if o.MTU == 0 {
		o.MTU = lower.MTU()
		if raw && o.MTU > ethLen {
			o.MTU -= ethLen
		}
	}
	m, err := newMaster(o)
	if err != nil {
		return nil, err
	}
	m.uplink = newEndpointUplink(lower)
	lower.Attach(&wire{m: m, raw: raw, trusted: lower.Capabilities()&stack.CapabilityRXChecksumOffload != 0})
	return m, nil
}

// NewMasterOnPort makes a Master whose uplink is p. Its reader calls Receive.
func NewMasterOnPort(p Port, o MasterOptions) (*Master, error) {
	if p == nil {
		return nil, &Error{Op: "new master", Err: ErrInvalid}
	}
	if o.MTU == 0 {
		o.MTU = 1500
	}
	m, err := newMaster(o)
	if err != nil {
		return nil, err
	}
	m.uplink = uplink{port: p}
	return m, nil
}

func newMaster(o MasterOptions) (*Master, error) {
	if o.MAC == (MAC{}) || o.MAC.group() {
		return nil, &Error{Op: "new master", Name: "MAC address", Err: ErrInvalid}
	}
	if err := checkModeFlag(o.Mode, o.Flag); err != nil {
		return nil, err
	}
	m := &Master{
		hostPort:  o.Host,
		clock:     o.Clock,
		elsewhere: o.Elsewhere,
		owners:    make(map[netip.Addr]*Device),
		devices:   make(map[uint16]*Device),
	}
	if m.clock == nil {
		m.clock = tcpip.NewStdClock()
	}
	m.floods = newFloodQueue(m)
	m.SetRouter(o.Router)
	m.view.Store(&view{mode: o.Mode, flag: o.Flag, mac: o.MAC, mtu: o.MTU})
	return m, nil
}

func checkModeFlag(mode Mode, flag Flag) error {
	switch {
	case mode > ModeL3S:
		return &Error{Op: "set mode", Name: mode.String(), Err: ErrInvalid}
	case flag > FlagVEPA:
		return &Error{Op: "set flag", Name: flag.String(), Err: ErrInvalid}
	}
	return nil
}

// change publishes a changed copy of the view.
//
// +checklocks:m.mu
func (m *Master) change(f func(v *view)) {
	v := *m.view.Load()
	f(&v)
	m.view.Store(&v)
}

// Set changes mode and flag for all devices at once, up or down.
func (m *Master) Set(mode Mode, flag Flag) error {
	if err := checkModeFlag(mode, flag); err != nil {
		return err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	m.change(func(v *view) { v.mode, v.flag = mode, flag })
	return nil
}

// Mode returns the mode that all devices share.
func (m *Master) Mode() Mode { return m.view.Load().mode }

// Flag returns the flag that all devices share.
func (m *Master) Flag() Flag { return m.view.Load().flag }

// SetRouter replaces the Router; nil leaves L3 devices without one.
func (m *Master) SetRouter(r Router) {
	if r == nil {
		m.router.Store(nil)
		return
	}
	m.router.Store(&r)
}

// SetMAC changes the Ethernet address of the master and so of all its devices
// (ipvlan_device_event, NETDEV_CHANGEADDR).
func (m *Master) SetMAC(mac MAC) error {
	if mac == (MAC{}) || mac.group() {
		return &Error{Op: "set MAC address", Err: ErrInvalid}
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	m.change(func(v *view) { v.mac = mac })
	return nil
}

// MAC returns the Ethernet address of the master and all its devices.
func (m *Master) MAC() MAC { return m.view.Load().mac }

// SetMTU changes the MTU and, as the kernel does, that of every device.
func (m *Master) SetMTU(mtu uint32) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.change(func(v *view) { v.mtu = mtu })
	for _, d := range m.devices {
		d.mtu.Store(mtu)
	}
}

// SetDown stops (or starts again) all traffic over the uplink. Devices go on
// among themselves (kernel-verified: siblings talk while the master is down).
func (m *Master) SetDown(down bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.change(func(v *view) { v.down = down })
}

// Stats counts what passed the uplink; drops are those that no device caused.
func (m *Master) Stats() Stats { return m.c.snapshot() }

// Devices returns all devices in the order of their ids.
func (m *Master) Devices() []*Device {
	m.mu.Lock()
	defer m.mu.Unlock()
	all := make([]*Device, 0, len(m.devices))
	for _, d := range m.devices {
		all = append(all, d)
	}
	slices.SortFunc(all, func(a, b *Device) int { return int(a.id) - int(b.id) })
	return all
}

// Owner returns the device that owns a, or nil. A device that is down still
// owns its addresses.
func (m *Master) Owner(a netip.Addr) *Device {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.owners[a.Unmap()]
}

// Owns reports whether a is an address of a device that is up. It takes no lock.
func (m *Master) Owns(a netip.Addr) bool { return m.view.Load().holder(a) != nil }

// Shutdown removes all devices and lets go of the uplink. It is idempotent.
func (m *Master) Shutdown() {
	m.mu.Lock()
	if m.closed {
		m.mu.Unlock()
		return
	}
	m.closed = true
	m.mu.Unlock()
	for _, d := range m.Devices() {
		d.Close()
	}
	m.floods.close()
	if m.uplink.lower != nil {
		m.uplink.lower.Attach(nil)
	}
}

// linkAddress is mac as gVisor writes it.
func linkAddress(mac MAC) tcpip.LinkAddress { return tcpip.LinkAddress(mac[:]) }
