package link

// DeviceFlags are what a device has beyond the kernel's behaviour. The zero
// value is the kernel's.
type DeviceFlags struct {
	// Proxy answers ARP requests and neighbour solicitations on the wire for
	// the device's addresses, in l3 and l3s, where nobody else does.
	Proxy bool
	// Guard drops what the device sends under a name that is not its own: see
	// ReasonGuard and the section Guard of the package's documentation.
	Guard bool
	// Host lets the device and the default namespace reach each other, over
	// the port of Master.SetHostLink.
	Host bool
	// Isolate lets nothing pass between the device and any other of the master.
	Isolate bool
}

// flags are DeviceFlags as the data path reads them.
type flags uint32

const (
	flagProxy flags = 1 << iota
	flagGuard
	flagHost
	flagIsolate

	numFlags = iota
)

func (f DeviceFlags) bits() flags {
	var b flags
	for i, on := range [numFlags]bool{f.Proxy, f.Guard, f.Host, f.Isolate} {
		if on {
			b |= 1 << i
		}
	}
	return b
}

// has says whether the device has one of want.
func (d *Device) has(want flags) bool { return flags(d.flags.Load())&want != 0 }

// SetFlags replaces the device's flags. A closed device keeps none.
func (d *Device) SetFlags(f DeviceFlags) {
	m := d.master
	m.mu.Lock()
	defer m.mu.Unlock()
	if !d.closed {
		m.flag(d, f.bits())
	}
}

// Flags returns the device's flags.
func (d *Device) Flags() DeviceFlags {
	return DeviceFlags{Proxy: d.has(flagProxy), Guard: d.has(flagGuard), Host: d.has(flagHost), Isolate: d.has(flagIsolate)}
}

// flag gives d its flags and tells the view which of them any device has: a
// master whose devices have none pays one comparison a frame.
//
// +checklocks:m.mu
func (m *Master) flag(d *Device, f flags) {
	old := flags(d.flags.Swap(uint32(f)))
	var some flags
	for i := range m.flagged {
		bit := flags(1) << i
		m.flagged[i] += int(f&bit>>i) - int(old&bit>>i)
		if m.flagged[i] > 0 {
			some |= bit
		}
	}
	if some != m.view.Load().some {
		m.change(func(v *view) { v.some = some })
	}
}
