package conformance

import (
	"fmt"
	"net"
	"net/netip"
	"strings"
)

// macs are the Ethernet addresses of the topology by their role: the master,
// the wire peer, a gateway behind it, a stranger, everybody.
var macs = map[string]string{
	"MM": "02:aa:bb:cc:dd:01",
	"NM": "02:aa:bb:cc:dd:02", // what MM is changed to
	"PM": "02:00:00:00:00:64",
	"GM": "02:00:00:00:00:fe",
	"OM": "02:00:00:00:00:05", // the host's other interface
	"XM": "02:00:00:00:00:77",
	"FF": "ff:ff:ff:ff:ff:ff",
	"00": "00:00:00:00:00:00",
}

// addrs are the L3 addresses by their role: devices a, b and c, the host, the
// wire peer, the gateway, and one that is nobody's.
var addrs = map[string]string{
	"A4": "10.0.0.11", "B4": "10.0.0.12", "C4": "10.0.0.13", "H4": "10.0.0.1", "P4": "10.0.0.100", "G4": "10.0.0.254", "U4": "10.0.0.77",
	"A6": "fd00::11", "B6": "fd00::12", "C6": "fd00::13", "H6": "fd00::1", "P6": "fd00::100", "G6": "fd00::fe", "U6": "fd00::77",
	"AL": "fe80::2aa:bb00:1cc:dd01", "BL": "fe80::2aa:bb00:2cc:dd01", "CL": "fe80::2aa:bb00:3cc:dd01",
	"HL": "fe80::aa:bbff:fecc:dd01", "PL": "fe80::100",
	"O4": "10.5.0.1", "O6": "fd05::1", // the host's, on another interface
}

// mac reads a role, an address, MC:group (the Ethernet address of an IP group)
// or SN:address (that of its solicited-node group).
func mac(s string) (net.HardwareAddr, error) {
	if v, ok := macs[s]; ok {
		s = v
	}
	kind, group, ok := strings.Cut(s, ":")
	if ok && (kind == "MC" || kind == "SN") {
		a, err := addr(group)
		if err != nil {
			return nil, err
		}
		b := a.AsSlice()
		switch n := len(b); {
		case kind == "SN":
			return net.HardwareAddr{0x33, 0x33, 0xff, b[n-3], b[n-2], b[n-1]}, nil
		case n == 4:
			return net.HardwareAddr{1, 0, 0x5e, b[1] & 0x7f, b[2], b[3]}, nil
		default:
			return net.HardwareAddr{0x33, 0x33, b[n-4], b[n-3], b[n-2], b[n-1]}, nil
		}
	}
	return net.ParseMAC(s)
}

// addr reads a role, an address, or SN:address (its solicited-node group).
func addr(s string) (netip.Addr, error) {
	if of, ok := strings.CutPrefix(s, "SN:"); ok {
		a, err := addr(of)
		if err != nil || !a.Is6() {
			return a, fmt.Errorf("%s has no solicited-node group: %w", of, err)
		}
		b, group := a.As16(), netip.MustParseAddr("ff02::1:ff00:0").As16()
		copy(group[13:], b[13:])
		return netip.AddrFrom16(group), nil
	}
	if v, ok := addrs[s]; ok {
		s = v
	}
	return netip.ParseAddr(s)
}

// macName is the role of an Ethernet address, or the address.
func macName(b []byte) string {
	s := net.HardwareAddr(b).String()
	for name, v := range macs {
		if v == s {
			return name
		}
	}
	return s
}

// addrName is the role of an L3 address, or the address.
func addrName(b []byte) string {
	a, _ := netip.AddrFromSlice(b)
	s := a.String()
	for name, v := range addrs {
		if v == s {
			return name
		}
	}
	return s
}
