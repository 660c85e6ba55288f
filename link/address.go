package link

import (
	"net/netip"

	"gvisor.dev/gvisor/pkg/tcpip"
	"gvisor.dev/gvisor/pkg/tcpip/stack"
)

// Register owns a and returns the properties with which the device's stack
// must be given it (stack.Stack.AddProtocolAddress): when the stack drops the
// address, whatever the cause, the device loses it.
func (d *Device) Register(a netip.Addr) (stack.AddressProperties, error) {
	if err := d.AddAddress(a); err != nil {
		return stack.AddressProperties{}, err
	}
	return stack.AddressProperties{Disp: &addressLease{d, a}}, nil
}

// Assign is Register and AddProtocolAddress in one: p goes to NIC nic of s,
// where the device is attached. On failure nothing stays registered.
func (d *Device) Assign(s *stack.Stack, nic tcpip.NICID, p netip.Prefix) error {
	props, err := d.Register(p.Addr())
	if err != nil {
		return err
	}
	proto := tcpip.ProtocolAddress{AddressWithPrefix: tcpip.AddressWithPrefix{
		Address: tcpip.AddrFromSlice(p.Addr().AsSlice()), PrefixLen: p.Bits(),
	}, Protocol: networkProtocol(p.Addr())}
	if terr := s.AddProtocolAddress(nic, proto, props); terr != nil {
		d.RemoveAddress(p.Addr())
		return &Error{Op: "assign address", Name: p.String(), Err: wrapTCPIP(terr)}
	}
	return nil
}

func networkProtocol(a netip.Addr) tcpip.NetworkProtocolNumber {
	if a.Is4() {
		return etherIPv4
	}
	return etherIPv6
}

// LinkLocal returns the IPv6 link-local address that the kernel would give the
// device: its id keeps it apart from those of its siblings, which have the
// same MAC address (addrconf_ifid_eui48).
func (d *Device) LinkLocal() netip.Addr {
	mac := d.master.MAC()
	return netip.AddrFrom16([16]byte{
		0: 0xfe, 1: 0x80,
		8: mac[0], 9: mac[1], 10: mac[2], 11: byte(d.id >> 8), 12: byte(d.id), 13: mac[3], 14: mac[4], 15: mac[5],
	})
}

// addressLease frees an address when the stack that has it drops it.
type addressLease struct {
	d *Device
	a netip.Addr
}

// OnChanged implements stack.AddressDispatcher.
func (*addressLease) OnChanged(stack.AddressLifetimes, stack.AddressAssignmentState) {}

// OnRemoved implements stack.AddressDispatcher.
func (l *addressLease) OnRemoved(stack.AddressRemovalReason) { l.d.RemoveAddress(l.a) }
