package nsutil

import (
	"net"
	"net/netip"
)

// LinkLocal returns the IPv6 link-local address that the ipvlan driver gives
// a device (addrconf_ifid_eui48, row L-12): the MAC address is copied as it is, without
// flipping the universal/local bit, around the device's id in bytes 3 and 4 of the
// interface id; id 0, which no device has, gives the modified EUI-64 of RFC 4291, appendix A.
// It returns the zero Addr unless mac has 6 bytes.
func LinkLocal(mac net.HardwareAddr, devID uint16) netip.Addr {
	if len(mac) != 6 {
		return netip.Addr{}
	}
	a := [16]byte{0: 0xfe, 1: 0x80}
	id := a[8:]
	copy(id, mac[:3])
	copy(id[5:], mac[3:])
	if devID == 0 {
		id[0] ^= 2
		id[3], id[4] = 0xff, 0xfe
	} else {
		id[3], id[4] = byte(devID>>8), byte(devID)
	}
	return netip.AddrFrom16(a)
}
