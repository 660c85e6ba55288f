package link

import (
	"net/netip"
	"slices"
	"sync/atomic"
)

// DeviceOptions is what a Device is made with. The zero value is a device for
// a netstack, which attaches to it.
type DeviceOptions struct {
	// Name is for messages only.
	Name string
	// Port makes a device in byte form: what is for the device is written to
	// it, and the port's reader calls Transmit. Such a device starts down.
	Port Port
	// MTU is in L3 bytes; 0 is the master's.
	MTU uint32
	// Flags are the device's beyond the kernel's behaviour.
	Flags DeviceFlags
	// ID is the number that the device had before, taken again if it is free
	// (its link-local address holds it); 0 is the next one.
	ID uint16
}

// Device is one virtual device: its master's MAC address, its own L3
// addresses. It is a stack.LinkEndpoint for stack.Stack.CreateNIC, or it
// carries bytes for a Port. All methods may be called at any time from any
// goroutine.
type Device struct {
	master *Master
	id     uint16
	name   string
	port   Port
	stack  face
	filter atomic.Pointer[filter]
	mtu    atomic.Uint32
	flags  atomic.Uint32 // flags
	errors bucket        // of ICMP errors that the device is given
	c      counters
	onEnd  closeAction

	// up and addrs are guarded by the mutex of the master, which checklocks
	// cannot follow through a pointer.
	up     bool
	closed bool
	addrs  map[netip.Addr]struct{}
}

// maxID is the last id that the kernel hands out.
const maxID = 0xfffd

// NewDevice adds a device. It fails with ErrNoID, or with ErrClosed after
// Shutdown.
func (m *Master) NewDevice(o DeviceOptions) (*Device, error) {
	d := &Device{master: m, name: o.Name, port: o.Port, addrs: make(map[netip.Addr]struct{})}
	d.mtu.Store(o.MTU)
	d.stack.noARP = true
	if o.Port == nil {
		// A netstack drops the groups that it did not join by itself.
		d.filter.Store(&filter{all: true})
	}
	closed, ok := m.admit(d, o.ID, o.Flags.bits())
	switch {
	case closed:
		return nil, &Error{Op: "new device", Name: o.Name, Err: ErrClosed}
	case !ok:
		return nil, &Error{Op: "new device", Name: o.Name, Err: ErrNoID}
	}
	return d, nil
}

// admit gives d its id, which is id if that is free, its flags and, unless it
// has one, the master's MTU.
func (m *Master) admit(d *Device, id uint16, f flags) (closed, ok bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.closed {
		return true, false
	}
	if _, taken := m.devices[id]; id != 0 && id <= maxID && !taken {
		d.id, m.lastID = id, max(m.lastID, id)
	} else if d.id, ok = m.nextID(); !ok {
		return false, false
	}
	if d.mtu.Load() == 0 {
		d.mtu.Store(m.view.Load().mtu)
	}
	m.devices[d.id] = d
	m.flag(d, f)
	return false, true
}

// nextID finds the next free id from 1, not using a freed one again before
// the count has wrapped.
//
// +checklocks:m.mu
func (m *Master) nextID() (uint16, bool) {
	for range maxID {
		m.lastID++
		if m.lastID > maxID {
			m.lastID = 1
		}
		if _, taken := m.devices[m.lastID]; !taken {
			return m.lastID, true
		}
	}
	return 0, false
}

// ID is the device's number on its master, from 1 (the kernel's dev_id).
func (d *Device) ID() uint16 { return d.id }

// Name is what the device was made with.
func (d *Device) Name() string { return d.name }

// Master returns the device below.
func (d *Device) Master() *Master { return d.master }

// Stats counts what the device received and sent, and what was dropped on it.
func (d *Device) Stats() Stats { return d.c.snapshot() }

// SetFilter says which group frames the device wants. A device for a netstack
// starts with all, one with a Port with none but broadcast.
func (d *Device) SetFilter(f Filter) { d.filter.Store(newFilter(f)) }

// SetUp says whether the device is up. A device that is down keeps its
// addresses from others but gets no frame (ipvlan_open, ipvlan_stop). A device
// for a netstack is up while a stack is attached; it needs no call.
func (d *Device) SetUp(up bool) {
	m := d.master
	m.mu.Lock()
	defer m.mu.Unlock()
	if d.up == up || d.closed {
		return
	}
	d.up = up
	m.change(func(v *view) {
		if up {
			v.devices = append(slices.Clone(v.devices), d)
		} else {
			v.devices = slices.DeleteFunc(slices.Clone(v.devices), func(o *Device) bool { return o == d })
		}
		for a := range d.addrs {
			if up {
				v.with(a, d)
			} else {
				v.without(a)
			}
		}
	})
}

// AddAddress registers a for the device: from now on it gets what is sent to
// a. It fails with ErrAddressInUse where another device of the master owns it
// (ipvlan_addr4_validator_event, EADDRINUSE); the device's own is no error.
func (d *Device) AddAddress(a netip.Addr) error {
	a = a.Unmap().WithZone("")
	if !a.IsValid() {
		return &Error{Op: "add address", Err: ErrInvalid}
	}
	switch owner := d.claim(a); owner {
	case d:
		return nil
	case nil:
		return &Error{Op: "add address", Name: a.String(), Err: ErrClosed}
	}
	return &Error{Op: "add address", Name: a.String(), Err: ErrAddressInUse}
}

// claim makes d the owner of a unless a has one, and returns the owner; nil
// where d is closed.
func (d *Device) claim(a netip.Addr) *Device {
	m := d.master
	m.mu.Lock()
	defer m.mu.Unlock()
	if d.closed {
		return nil
	}
	if owner := m.owners[a]; owner != nil {
		return owner
	}
	m.owners[a] = d
	d.addrs[a] = struct{}{}
	if d.up {
		m.change(func(v *view) { v.with(a, d) })
	}
	return d
}

// RemoveAddress takes a from the device; what is sent to a is the master's
// again. It reports whether the device owned it.
func (d *Device) RemoveAddress(a netip.Addr) bool {
	a = a.Unmap().WithZone("")
	m := d.master
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.owners[a] != d {
		return false
	}
	delete(m.owners, a)
	delete(d.addrs, a)
	if d.up {
		m.change(func(v *view) { v.without(a) })
	}
	return true
}

// Addresses returns what the device owns, sorted.
func (d *Device) Addresses() []netip.Addr {
	d.master.mu.Lock()
	defer d.master.mu.Unlock()
	all := make([]netip.Addr, 0, len(d.addrs))
	for a := range d.addrs {
		all = append(all, a)
	}
	slices.SortFunc(all, netip.Addr.Compare)
	return all
}

// remove takes the device off its master; its addresses are free at once.
func (d *Device) remove() bool {
	d.SetUp(false)
	m := d.master
	m.mu.Lock()
	defer m.mu.Unlock()
	if d.closed {
		return false
	}
	d.closed = true
	m.flag(d, 0)
	for a := range d.addrs {
		delete(m.owners, a)
	}
	clear(d.addrs)
	delete(m.devices, d.id)
	return true
}
